package serversync_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// seeds returns the seeds to be run: those that SERVERSYNC_SEEDS names, as "7" or
// "1000-2000", or by default a few hundred.
func seeds(t *testing.T) (from, to int) {
	if text := os.Getenv("SERVERSYNC_SEEDS"); text != "" {
		if n, _ := fmt.Sscanf(text, "%d-%d", &from, &to); n == 2 {
			return from, to + 1
		}
		n, err := strconv.Atoi(text)
		require.NoError(t, err)
		return n, n + 1
	}
	switch {
	case raceEnabled:
		return 0, 24
	case testing.Short():
		return 0, 40
	}
	return 0, 300
}

// I1, I4, I6, O3, O4, OUT-6, M2: two Syncers over one Store and a hostile server, for days;
// once all is healed the ledger is whole, nobody got a message twice, after it was
// canceled or before its time, nothing is stuck, and silence follows. Every hundredth seed is run twice and must give the
// same trace.
func TestSimulation(t *testing.T) {
	from, to := seeds(t)
	var calls atomic.Int64
	t.Run("seeds", func(t *testing.T) {
		const lanes = 4
		for lane := range lanes {
			t.Run(fmt.Sprint("lane", lane), func(t *testing.T) {
				t.Parallel()
				for seed := from + lane; seed < to && !t.Failed(); seed += lanes {
					first := simulate(t, seed, sound)
					calls.Add(int64(first.calls))
					for _, fault := range first.faults {
						t.Errorf("seed %d: %s", seed, fault)
					}
					if seed%100 < 2 {
						again := simulate(t, seed, sound)
						require.Equal(t, first.trace, again.trace, "seed %d gave two histories", seed)
					}
				}
			})
		}
	})
	t.Logf("%d seeds, %d calls", to-from, calls.Load())
}

// A harness that finds no planted bug proves nothing.
func TestSimulationFindsPlantedBugs(t *testing.T) {
	for _, bug := range []plant{cursorFirst, errorIgnored, noFence, blindResend, shortIsWhole, epochIgnored, deafWorker, soonest, draftStays} {
		t.Run(string(bug), func(t *testing.T) {
			t.Parallel()
			for seed := range 100 {
				if r := simulate(t, seed, bug); len(r.faults) > 0 {
					t.Logf("found with seed %d: %s", seed, r.faults[0])
					return
				}
			}
			t.Errorf("100 seeds did not find it")
		})
	}
}

// A history is what a simulation came to.
type history struct {
	trace  uint64
	calls  int
	faults []string
}

func simulate(t *testing.T, seed int, bug plant) (h history) {
	synctest.Test(t, func(t *testing.T) {
		s := newSimulation(uint64(seed), bug)
		s.run(context.Background())
		h = history{s.trace, s.calls, s.faults}
	})
	return h
}
