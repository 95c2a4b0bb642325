package pop3

import (
	"crypto/sha256"
	"slices"
)

// A server may give every message a new UIDL in each session, so that each poll would
// bring the whole mailbox anew. A cursor therefore holds samples. If none of them is
// there any more, but most of their sizes are, the messages are the same, and their
// headers name them from then on.

// fewSamples is below how many samples nothing is concluded: a small mailbox is
// emptied and filled again easily.
const fewSamples = 8

// recognise has a mailbox named by its headers, if its UIDLs are all new and its
// messages are not.
func (s *session) recognise(p *place) error {
	l := s.list
	if p.names == byHeader || len(p.samples) < fewSamples || l.n == 0 {
		return nil
	}
	old := make(map[[6]byte]bool)
	for _, one := range p.samples {
		old[one.hash] = true
	}
	for i := range l.n {
		if old[l.sampleHash(i)] {
			return nil
		}
	}
	if _, err := s.look(lookAtSizes); err != nil {
		return err
	}
	sizes := slices.Sorted(slices.Values(l.sizes))
	found := 0
	for _, one := range p.samples {
		if _, ok := slices.BinarySearch(sizes, one.size); ok {
			found++
		}
	}
	if 5*found < 4*len(p.samples) || !s.hasTop() {
		return nil
	}
	s.log.Warn("pop3: every UIDL is new and the messages are not; they are named by their headers from now on", "messages", l.n)
	p.names, p.samples = byHeader, nil
	return nil
}

func (l *listing) sampleHash(i int) (h [6]byte) {
	var b [maxUID + 2]byte
	sum := sha256.Sum256(l.appendToken(b[:0], i))
	copy(h[:], sum[:])
	return h
}

// takeSamples adds samples of what a round has told, or takes others where the mailbox
// was told whole. A mailbox whose messages are named by their headers needs none.
func (s *session) takeSamples(p *place) error {
	l := s.list
	if p.names == byHeader {
		p.samples = nil
		return nil
	}
	low := p.low
	if p.full {
		low, p.samples = 0, nil
	}
	var chosen []int
	most := min(maxSamples-len(p.samples), p.n-low)
	for k := range most {
		chosen = append(chosen, low+k*(p.n-low)/most)
	}
	if err := s.sizes(chosen); err != nil {
		return err
	}
	for _, i := range chosen {
		p.samples = append(p.samples, sample{l.sampleHash(i), l.size(i)})
	}
	return nil
}
