package schema

import "math/bits"

// A machine knows which children may follow one another in a type: the positions of its content
// by Glushkov's construction. Position 0 is the beginning. Contents of a schema are unambiguous,
// so what has been read is told by one position.
type machine struct {
	at     map[Name][]step // the positions of an element
	wild   []int           // those of wildcards
	spots  []spot          // by position
	follow []set           // by position
	final  set
}

// A step is a position that an element of a name may have, and its declaration.
type step struct {
	to int
	el *element
}

// A spot is what stands at a position.
type spot struct {
	els  []*element // any of these
	wild *particle
}

type set []uint64

func (s set) has(i int) bool { return s[i/64]&(1<<(i%64)) != 0 }

func (s *set) add(i int) {
	for len(*s) <= i/64 {
		*s = append(*s, 0)
	}
	(*s)[i/64] |= 1 << (i % 64)
}

func (s *set) join(o set) {
	for len(*s) < len(o) {
		*s = append(*s, 0)
	}
	for i, w := range o {
		(*s)[i] |= w
	}
}

func (s set) each(f func(int)) {
	for i, w := range s {
		for ; w != 0; w &= w - 1 {
			f(i*64 + bits.TrailingZeros64(w))
		}
	}
}

// A part is what Glushkov's construction knows of a part of the content.
type part struct {
	first, last set
	empty       bool // it may be left out
}

// compile makes the machine of a content; of no content, the one that allows nothing.
func (t *table) compile(p *particle) *machine {
	m := &machine{at: map[Name][]step{}, spots: make([]spot, 1), follow: make([]set, 1)}
	whole := part{empty: true}
	if p != nil {
		whole = t.part(m, p)
	}
	m.follow[0] = whole.first
	m.final = whole.last
	if whole.empty {
		m.final.add(0)
	}
	for i := range m.follow {
		m.follow[i].join(make(set, len(m.spots)/64+1))
	}
	m.final.join(make(set, len(m.spots)/64+1))
	return m
}

// part adds a particle to the machine, as often as it may come.
func (t *table) part(m *machine, p *particle) part {
	if p.hi == many {
		one := t.single(m, p)
		one.last.each(func(i int) { m.follow[i].join(one.first) })
		one.empty = one.empty || p.lo == 0
		return one // lo is 0 or 1 where there is no bound: checked by a test
	}
	whole := part{empty: true}
	for i := range p.hi {
		one := t.single(m, p)
		one.empty = one.empty || i >= p.lo
		whole = m.then(whole, one)
	}
	return whole
}

func (t *table) single(m *machine, p *particle) part {
	switch p.kind {
	case sequence:
		whole := part{empty: true}
		for _, kid := range p.kids {
			whole = m.then(whole, t.part(m, kid))
		}
		return whole
	case choice:
		whole := part{empty: len(p.kids) == 0}
		for _, kid := range p.kids {
			one := t.part(m, kid)
			whole.first.join(one.first)
			whole.last.join(one.last)
			whole.empty = whole.empty || one.empty
		}
		return whole
	}
	at := len(m.spots)
	var here spot
	switch p.kind {
	case wildcard:
		here.wild = p
		m.wild = append(m.wild, at)
	case one:
		here.els = []*element{p.el}
	case ref:
		here.els = t.choices(p.el)
		if p.el.abstract {
			m.at[p.name] = append(m.at[p.name], step{at, p.el}) // to be refused as abstract
		}
	}
	for _, e := range here.els {
		m.at[e.name] = append(m.at[e.name], step{at, e})
	}
	m.spots = append(m.spots, here)
	m.follow = append(m.follow, nil)
	var s set
	s.add(at)
	var s2 set
	s2.add(at)
	return part{first: s, last: s2}
}

// then says what two parts are, one after the other.
func (m *machine) then(a, b part) part {
	a.last.each(func(i int) { m.follow[i].join(b.first) })
	whole := part{first: append(set(nil), a.first...), last: append(set(nil), b.last...), empty: a.empty && b.empty}
	if a.empty {
		whole.first.join(b.first)
	}
	if b.empty {
		whole.last.join(a.last)
	}
	return whole
}

// step returns where an element leads from a position, and its declaration; or the wildcard that
// lets it pass. Without either it may not stand there.
func (m *machine) step(from int, n Name, space string) (to int, el *element, wild *particle) {
	follow := m.follow[from]
	for _, s := range m.at[n] {
		if follow.has(s.to) {
			return s.to, s.el, nil
		}
	}
	for _, w := range m.wild {
		p := m.spots[w].wild
		if follow.has(w) && (!p.foreign || n.Space != "" && n.Space != space) {
			return w, nil, p
		}
	}
	return -1, nil, nil
}
