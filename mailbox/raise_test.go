package mailbox_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	. "github.com/go-serversync/serversync/mailbox"

	"github.com/go-serversync/serversync/profile"
)

// Repeated alerts are folded into one that counts; what is over is resolved.
func TestM5AlertsFoldAndResolve(t *testing.T) {
	var s State
	var told []Alert
	for n := range 5 {
		now := start.Add(time.Duration(n) * time.Hour)
		var a Alert
		s, a = s.Raise(Alert{Code: "suspended", Side: Incoming}, strconv.Itoa(n), now)
		told = append(told, a)
	}
	last := told[4]
	require.Equal(t, "0", last.ID, "it keeps the id of the first")
	require.Equal(t, start, last.At)
	require.Equal(t, start.Add(4*time.Hour), last.Last)
	require.Equal(t, 5, last.Count)
	require.Equal(t, []Alert{last}, s.Open)

	s, other := s.Raise(Alert{Code: "suspended", Side: Outgoing}, "9", start)
	require.Equal(t, "9", other.ID, "the other side's is another alert")

	over := start.Add(6 * time.Hour)
	s, alerts := s.Apply(Event{Kind: EventCycle, Side: Incoming, Outcome: Outcome{Class: Succeeded}}, over, retry, 0)
	require.Equal(t, []Alert{other}, s.Open)
	require.Len(t, alerts, 1)
	last.Resolved, last.Last = over, over
	require.Equal(t, last, alerts[0])

	before := s
	s, info := s.Raise(Alert{Level: profile.Info, Code: "resumed"}, "10", over)
	require.Equal(t, before, s, "what asks for nothing is not open")
	require.Equal(t, over, info.Resolved)

	s, alerts = s.Apply(Event{Kind: EventChange}, over, retry, 0)
	require.Empty(t, s.Open)
	require.Len(t, alerts, 1)
	require.Equal(t, over, alerts[0].Resolved)
}
