package mailbox

import (
	"slices"
	"time"

	"github.com/go-serversync/serversync/profile"
)

// Raise returns the state after a was told at now, and the alert as it stands on
// the wall. One of the same code and side that is open is the same alert told once
// more: it keeps its ID and its beginning, and counts. A new one gets id. An alert
// for information asks for nothing and is resolved at once.
func (s State) Raise(a Alert, id string, now time.Time) (State, Alert) {
	a.ID, a.At, a.Last, a.Count = id, now, now, 1
	if a.Level == "" {
		a.Level = profile.Error
	}
	if a.Level == profile.Info {
		a.Resolved = now
		return s, a
	}
	s.Open = slices.Clone(s.Open)
	i := slices.IndexFunc(s.Open, func(o Alert) bool { return o.Code == a.Code && o.Side == a.Side })
	if i < 0 {
		s.Open = append(s.Open, a)
		return s, a
	}
	a.ID, a.At, a.Count = s.Open[i].ID, s.Open[i].At, s.Open[i].Count+1
	s.Open[i] = a
	return s, a
}

// Resolve returns the state after what the open alerts of the given codes and side
// tell of was over at now, and these alerts as they stand on the wall. No codes
// mean all of the side's.
func (s State) Resolve(side Side, now time.Time, codes ...string) (State, []Alert) {
	var still, resolved []Alert
	for _, a := range s.Open {
		if a.Side != side || len(codes) > 0 && !slices.Contains(codes, a.Code) {
			still = append(still, a)
			continue
		}
		a.Resolved, a.Last = now, now
		resolved = append(resolved, a)
	}
	if resolved != nil {
		s.Open = still
	}
	return s, resolved
}
