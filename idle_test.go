package serversync

import (
	"math/rand/v2"
	"testing"
	"testing/quick"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/mailbox"
)

// The wait never gets shorter by one more empty poll, lies between base and bound,
// and is the base for the first three.
func TestStretchedIsMonotoneAndBounded(t *testing.T) {
	property := func(b, m uint32, empty uint8) bool {
		base, bound := time.Duration(b)*time.Millisecond, time.Duration(m)*time.Millisecond
		wait := stretched(base, bound, int(empty))
		switch {
		case wait < base || wait > max(base, bound):
			return false
		case empty <= unstretched && wait != base:
			return false
		}
		return stretched(base, bound, int(empty)+1) >= wait
	}
	require.NoError(t, quick.Check(property, &quick.Config{MaxCount: 100_000}))
	require.Equal(t, time.Duration(1<<63-1), stretched(1<<62, 1<<63-1, 100), "nothing overflows")
}

func TestStretchedByDefault(t *testing.T) {
	var waits []time.Duration
	for empty := range 8 {
		waits = append(waits, stretched(5*time.Minute, 15*time.Minute, empty))
	}
	m := time.Minute
	require.Equal(t, []time.Duration{5 * m, 5 * m, 5 * m, 5 * m, 7*m + 30*time.Second, 11*m + 15*time.Second, 15 * m, 15 * m}, waits)
	require.Equal(t, 5*m, stretched(5*m, m, 50), "a bound below the base")
	require.Equal(t, 5*m, stretched(5*m, 0, 50))
}

// Whatever happened before, activity begins anew; a cycle that could not look
// changes nothing.
func TestIdlesBeginAnewWithActivity(t *testing.T) {
	var i idles
	i.init()
	key := mailbox.Key{Organization: "acme", Mailbox: "ann"}
	want := 0
	for range 10_000 {
		r := &Report{Mailbox: key}
		switch rand.IntN(40) {
		case 0:
			r.Tracked = 1
			want = 0
			require.Equal(t, want, i.note(r, true))
		case 1:
			i.forget(key)
			want = 0
		case 2:
			require.Equal(t, want, i.note(r, false))
		default:
			want = min(want+1, mostEmpty)
			require.Equal(t, want, i.note(r, true))
		}
	}
	for _, r := range []Report{{Flags: 1}, {Sent: 1}, {Acts: 1}, {Gone: 1}, {Filed: 1}, {More: true}, {Resets: make([]mailbox.Reset, 1)}} {
		require.True(t, r.active())
	}
	require.False(t, (&Report{Commits: 1}).active(), "a first look commits its cursor")
}
