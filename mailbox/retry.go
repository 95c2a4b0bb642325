package mailbox

import (
	"cmp"
	"time"
)

// Retry says how failures are met. The zero value of a field means its default.
type Retry struct {
	// Waits are the pauses after the first, second, … failure in a row; the last
	// one repeats. Each is spread by a fifth either way. Default: 5, 10, 15 minutes.
	Waits []time.Duration

	Tries        int           // failures in a row before a side is suspended, and tests of a side before it is given up. Default: 10
	Probe        time.Duration // how often a suspended side is probed. Default: 30 minutes
	DisableAfter int           // failures in a row before it is stopped for good. Default: 0, never

	Refusals      int           // sign-ins refused within RefusalWindow before it is stopped. Default: 3
	RefusalWindow time.Duration // Default: 15 minutes
}

// WithDefaults returns r with every zero field set to its default.
func (r Retry) WithDefaults() Retry {
	if len(r.Waits) == 0 {
		r.Waits = []time.Duration{5 * time.Minute, 10 * time.Minute, 15 * time.Minute}
	}
	r.Tries = cmp.Or(r.Tries, 10)
	r.Probe = cmp.Or(r.Probe, 30*time.Minute)
	r.Refusals = cmp.Or(r.Refusals, 3)
	r.RefusalWindow = cmp.Or(r.RefusalWindow, 15*time.Minute)
	return r
}

// Wait returns the pause after the given number of failures in a row; spread is a
// random number from 0 up to 1.
func (r Retry) Wait(failures int, spread float64) time.Duration {
	r = r.WithDefaults()
	return spreadBy(r.Waits[min(max(failures, 1), len(r.Waits))-1], spread)
}

// waitAsked returns for how long to leave a server alone that asked for it: as long
// as it said, but not for nothing nor for ever.
func (r Retry) waitAsked(asked time.Duration, spread float64) time.Duration {
	return min(max(cmp.Or(asked, r.Wait(1, spread)), time.Second), time.Hour)
}

func spreadBy(d time.Duration, spread float64) time.Duration {
	return time.Duration(float64(d) * (0.8 + 0.4*spread))
}
