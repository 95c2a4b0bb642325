package serversync_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	. "github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/provider/providertest"
)

// stride is how many crash points are passed over for each one that is tried.
func stride() int {
	switch {
	case raceEnabled:
		return 23
	case testing.Short():
		return 11
	}
	return 1
}

// I1, I2, O3, O4: whatever call a process dies at, and whichever call fails, before
// its effect or after it, in the end everything is as if nothing had happened, and
// then nothing is written any more.
func TestI1CrashPoints(t *testing.T) {
	var points atomic.Int64
	t.Run("points", func(t *testing.T) {
		for _, s := range scenarios {
			for _, temperament := range temperaments {
				if len(s.only) > 0 && !slices.Contains(s.only, temperament) {
					continue
				}
				t.Run(s.name+"/"+string(temperament), func(t *testing.T) {
					t.Parallel()
					points.Add(int64(crashPoints(t, s, temperament)))
				})
			}
		}
	})
	t.Logf("%d crash points", points.Load())
}

// crashPoints tries all crash points of a scenario and returns how many there were.
func crashPoints(t *testing.T, s scenario, temperament providertest.Temperament) (points int) {
	want, calls := playOnce(t, s, temperament)
	random := rand.New(rand.NewPCG(1, uint64(len(s.name))))
	for i, call := range calls {
		for m, mode := range modes {
			if (i*len(modes)+m)%stride() != 0 {
				continue
			}
			points++
			if !try(t, s, temperament, want, injection{call: call, life: 1, mode: mode}) {
				return points
			}
		}
		if i%stride() == 0 { // a crash, and something in the recovery
			points++
			try(t, s, temperament, want,
				injection{call: call, life: 1, mode: modes[random.IntN(2)]},
				injection{life: 2, at: 1 + random.IntN(20), mode: modes[random.IntN(4)]})
		}
	}
	return points
}

// playOnce plays a scenario without interruption.
func playOnce(t *testing.T, s scenario, temperament providertest.Temperament) (outcome string, calls []Call) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, temperament)
		s.play(w)
		outcome, calls = w.outcome(), w.calls
		if open, _ := w.server.Sessions(); open != 0 || w.server.Held() != 0 {
			t.Errorf("%d sessions are open and %d bodies held at the end", open, w.server.Held())
		}
	})
	return outcome, calls
}

// try plays a scenario with injections and holds it to the outcome that is wanted.
func try(t *testing.T, s scenario, temperament providertest.Temperament, want string, injects ...injection) (ok bool) {
	var name strings.Builder
	for _, inject := range injects {
		fmt.Fprintf(&name, "%s %s#%d life %d at %d; ", inject.mode, inject.call.Name, inject.call.Number, inject.life, inject.at)
	}
	synctest.Test(t, func(t *testing.T) {
		defer func() {
			if t.Failed() {
				t.Logf("at %s", name.String())
			}
		}()
		w := newWorld(t, temperament)
		w.injects = slices.Clone(injects)
		s.play(w)
		if differs := difference(want, w.outcome()); differs != "" {
			t.Errorf("the outcome is another:\n%s", differs)
		}
		alive := w.life == 1
		if open, _ := w.server.Sessions(); alive && (open != 0 || w.server.Held() != 0) {
			t.Errorf("%d sessions are open and %d bodies held at the end", open, w.server.Held())
		}
	})
	return !t.Failed()
}
