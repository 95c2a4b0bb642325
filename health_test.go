package serversync

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var healthStart = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

// polls has each of n mailboxes worked on every five minutes, bad of them failing,
// and returns the verdicts.
func polls(h *profileHealth, from time.Time, d time.Duration, n, bad int) (verdicts []verdict) {
	for at := from; at.Before(from.Add(d)); at = at.Add(5 * time.Minute) {
		for i := range n {
			if v := h.note(fmt.Sprint(i), i < bad, at); v != unchanged {
				verdicts = append(verdicts, v)
			}
		}
	}
	return verdicts
}

func TestProfileHealth(t *testing.T) {
	var h profileHealth
	at := healthStart
	require.Equal(t, []verdict{isWell}, polls(&h, at, time.Hour, 10, 5), "half is not more than half")
	at = at.Add(time.Hour)
	require.Equal(t, []verdict{isFailing}, polls(&h, at, time.Hour, 10, 6))
	at = at.Add(time.Hour)
	require.Empty(t, polls(&h, at, time.Hour, 10, 5), "half is not under half")
	at = at.Add(time.Hour)
	require.Equal(t, []verdict{isWell}, polls(&h, at, time.Hour, 10, 4))
	at = at.Add(2 * time.Hour)
	require.Equal(t, []verdict{isFailing}, polls(&h, at, time.Hour, 3, 3), "the others were not worked on any more")
	require.Len(t, h.seen, 3)

	var one profileHealth
	require.Equal(t, []verdict{isWell}, polls(&one, healthStart, 3*time.Hour, 1, 1), "one mailbox is its own affair")
	var all profileHealth
	require.Equal(t, []verdict{isFailing}, polls(&all, healthStart, 3*time.Hour, 2, 2))
	var first profileHealth
	require.Empty(t, polls(&first, healthStart, healthWarmUp, 5, 5), "the first few say nothing")
}

// However mailboxes come, fail and go, the counts are those of a count from scratch.
func TestProfileHealthCounts(t *testing.T) {
	var h profileHealth
	at := healthStart
	for range 20_000 {
		at = at.Add(time.Duration(rand.IntN(60)) * time.Second)
		h.note(fmt.Sprint(rand.IntN(200)), rand.IntN(3) == 0, at)
		bad := 0
		for _, seen := range h.seen {
			if seen.failed {
				bad++
			}
		}
		require.Equal(t, bad, h.bad)
	}
	require.LessOrEqual(t, len(h.seen), 200)
}
