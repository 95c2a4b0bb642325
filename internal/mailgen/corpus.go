package mailgen

import (
	"iter"
	"math"
)

// A Corpus is a mailbox's worth of messages, whose sizes are spread as they are in
// real mailboxes: half of them below a third of the mean, and a few of them a
// hundred times the mean. It may be used by many goroutines.
type Corpus struct {
	seed  uint64
	n     int
	step  int     // makes small and large messages alternate
	scale float64 // size of the middle message
}

// spread is the standard deviation of the logarithm of the size.
const spread = 1.5

// least is what the shortest message takes.
const least = 300

// NewCorpus returns the corpus of n messages that seed names, total bytes together.
// A total of less than about 400 bytes a message cannot be kept to, as a message
// needs its header.
func NewCorpus(seed uint64, n int, total int64) *Corpus {
	c := &Corpus{seed: seed, n: n, step: coprime(n)}
	shape := shapes(n)
	mean := float64(total) / float64(max(n, 1)) * float64(len(shape))
	// Size raises small sizes to what a message needs, so the scale that gives the
	// total can only be found by trying.
	low, high := 0.0, float64(total)
	for range 50 {
		c.scale = (low + high) / 2
		sum := 0.0
		for _, s := range shape {
			sum += max(least, c.scale*s)
		}
		if sum > mean {
			high = c.scale
		} else {
			low = c.scale
		}
	}
	return c
}

// Len returns the number of messages.
func (c *Corpus) Len() int { return c.n }

// Size returns the approximate size of message i, 0 to n-1.
func (c *Corpus) Size(i int) int {
	rank := int(uint64(i) * uint64(c.step) % uint64(c.n))
	return int(max(least, c.scale*shape(rank, c.n)))
}

// Message returns message i, 0 to n-1.
func (c *Corpus) Message(i int) []byte { return Message(c.seed, i, c.Size(i)) }

// All yields every message with its number.
func (c *Corpus) All() iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		for i := range c.n {
			if !yield(i, c.Message(i)) {
				return
			}
		}
	}
}

// shape returns the size of the message of that rank among n, the smallest being
// 0, as a multiple of the size of the middle one.
func shape(rank, n int) float64 {
	u := (float64(rank) + 0.5) / float64(n)
	return math.Exp(spread * math.Sqrt2 * math.Erfinv(2*u-1))
}

// shapes returns the shape of every rank, or of some as good as all.
func shapes(n int) []float64 {
	s := make([]float64, min(max(n, 0), 1<<17))
	for rank := range s {
		s[rank] = shape(rank, len(s))
	}
	return s
}

// coprime returns a number near the golden section of n that shares no factor
// with it. Steps of that width visit each rank once, far from the last.
func coprime(n int) int {
	for step := max(1, int(float64(n)*0.618)); ; step++ {
		a, b := n, step
		for b != 0 {
			a, b = b, a%b
		}
		if a <= 1 {
			return step
		}
	}
}
