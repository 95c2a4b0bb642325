package mailgen

// rng is the splitmix64 generator: a few instructions a number, and the same
// numbers on every machine and in every version of Go.
type rng struct{ state uint64 }

// newRNG returns the generator of one message, so that each can be made without
// those before it.
func newRNG(seed uint64, i int) rng {
	r := rng{seed}
	r.state = r.next() ^ uint64(i)*0x9e3779b97f4a7c15
	return r
}

func (r *rng) next() uint64 {
	r.state += 0x9e3779b97f4a7c15
	z := r.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// below returns a number from 0 to n-1.
func (r *rng) below(n int) int { return int(r.next() % uint64(n)) }

func pick[T any](r *rng, from []T) T { return from[r.below(len(from))] }
