package memory

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
)

// verdict is what was decided about an id, and why.
type verdict struct {
	serversync.StoredVerdict
	messageID string
	document  []byte // JSON of the verdict
}

// explain keeps the record's verdict, if it has one.
func (x *box) explain(key mailbox.Key, at provider.Place, r *serversync.Record, document []byte) {
	if r.Verdict == nil {
		return
	}
	if x.verdicts == nil {
		x.verdicts = map[provider.Place]verdict{}
	}
	x.verdicts[at] = verdict{
		StoredVerdict: serversync.StoredVerdict{Mailbox: key, Place: at, Kind: r.Kind, Reason: r.Reason, At: r.Decided},
		messageID:     r.MessageID,
		document:      document,
	}
}

// Verdicts returns what was decided about messages with this Message-ID, the one
// decided last first.
func (s *Store) Verdicts(ctx context.Context, organization, messageID string, limit int) ([]serversync.StoredVerdict, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var found []verdict
	s.each(organization, func(_ mailbox.Key, x *box) {
		for _, v := range x.verdicts {
			if v.messageID == messageID {
				found = append(found, v)
			}
		}
	})
	slices.SortFunc(found, func(a, b verdict) int {
		return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.Mailbox.Mailbox, b.Mailbox.Mailbox), comparePlaces(a.Place, b.Place))
	})
	var all []serversync.StoredVerdict
	for _, v := range found[:max(0, min(len(found), limit))] {
		if err := json.Unmarshal(v.document, &v.Verdict); err != nil {
			return nil, fmt.Errorf("memory: verdict on %q: %w", v.ID, err)
		}
		all = append(all, v.StoredVerdict)
	}
	return all, nil
}

// PruneVerdicts forgets the organization's verdicts from before a time.
func (s *Store) PruneVerdicts(ctx context.Context, organization string, before time.Time) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	n := 0
	s.each(organization, func(_ mailbox.Key, x *box) {
		was := len(x.verdicts)
		maps.DeleteFunc(x.verdicts, func(_ provider.Place, v verdict) bool { return v.At.Before(before) })
		n += was - len(x.verdicts)
	})
	return n, nil
}

// NextNumber returns 1, 2, 3 … for a mailbox.
func (s *Store) NextNumber(ctx context.Context, key mailbox.Key) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	x := s.open(key)
	x.mu.Lock()
	defer x.mu.Unlock()
	x.number++
	s.writes.Add(1)
	return x.number, nil
}
