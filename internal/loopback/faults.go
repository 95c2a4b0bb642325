package loopback

import (
	"math/rand/v2"
	"slices"
	"sync"
)

// Turns says which of the requests that fit a fault get it: of those the first Skip pass, then every Every-th gets
// it, or each with the probability Chance, until Times of them have.
type Turns struct {
	Skip, Every int
	Chance      float64 // 0: 1
	Times       int     // 0: no end
}

// Faults are those of a server, in their order. Many goroutines use it at once.
type Faults[F any] struct {
	turns func(*F) Turns

	mu   sync.Mutex
	list []*armed[F]
	rng  *rand.Rand
}

// An armed fault counts.
type armed[F any] struct {
	fault     F
	turns     Turns
	fit, done int
}

// NewFaults returns none, of which turns tells when it is their turn. Chance follows from the seed.
func NewFaults[F any](seed uint64, turns func(*F) Turns) *Faults[F] {
	return &Faults[F]{turns: turns, rng: rand.New(rand.NewPCG(seed, 1))}
}

// Set puts a list in place of the one before.
func (f *Faults[F]) Set(list []F) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = nil
	for _, one := range list {
		f.list = append(f.list, &armed[F]{fault: one, turns: f.turns(&one)})
	}
}

// Done returns how many requests each has had.
func (f *Faults[F]) Done() []int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := make([]int, len(f.list))
	for i, a := range f.list {
		n[i] = a.done
	}
	return n
}

// Next returns the first that fits a request and whose turn it is, nil if there is none.
func (f *Faults[F]) Next(fits func(*F) bool) *F {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := slices.IndexFunc(f.list, func(a *armed[F]) bool { return fits(&a.fault) && a.strikes(f.rng) })
	if i < 0 {
		return nil
	}
	return &f.list[i].fault
}

// Source returns a source of chance that follows from the seed and from how often it was called.
func (f *Faults[F]) Source() *rand.Rand {
	f.mu.Lock()
	defer f.mu.Unlock()
	return rand.New(rand.NewPCG(f.rng.Uint64(), 0))
}

func (a *armed[F]) strikes(rng *rand.Rand) bool {
	t := a.turns
	if t.Times > 0 && a.done == t.Times {
		return false
	}
	a.fit++
	n := a.fit - t.Skip
	if n <= 0 || t.Every > 1 && n%t.Every != 0 || t.Chance > 0 && rng.Float64() >= t.Chance {
		return false
	}
	a.done++
	return true
}
