package schema

import (
	"fmt"
	"slices"
	"sync"
)

// resolve replaces names by what they mean.
func (t *table) resolve() error {
	for _, line := range t.lines {
		var err error
		switch l := line.(type) {
		case *simple:
			_, err = t.simple(l.name, nil)
		case *typ:
			_, err = t.complexType(l.name, nil)
		case *element:
			err = t.element(l)
			if head := t.elements[l.head]; err == nil && l.head != (Name{}) && head == nil {
				err = fmt.Errorf("%v is for %v, which is not there", l.name, l.head)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *table) element(e *element) (err error) {
	if c := t.types[e.typeName]; c != nil {
		e.typ = c
		return nil
	}
	e.simple, err = t.simple(e.typeName, nil)
	return err
}

// simple returns the type of text of a name. Those on the way to it are in above.
func (t *table) simple(n Name, above []Name) (*simple, error) {
	s := t.simples[n]
	if s == nil && n.Space == xsdNamespace && builtin(n.Local) {
		s = &simple{name: n, builtin: n.Local}
		t.simples[n] = s
	}
	if s == nil || slices.Contains(above, n) {
		return nil, fmt.Errorf("%v is no type of text", n)
	}
	if s.builtin != "" || s.item != nil || s.members != nil {
		return s, nil
	}
	above = append(above, n)
	var err error
	if s.list != (Name{}) {
		s.item, err = t.simple(s.list, above)
		return s, err
	}
	for _, m := range s.union {
		member, err := t.simple(m, above)
		if err != nil {
			return nil, err
		}
		s.members = append(s.members, member)
	}
	if s.members != nil {
		return s, nil
	}
	base, err := t.simple(s.base, above)
	if err != nil {
		return nil, err
	}
	if base.builtin == "" {
		return nil, fmt.Errorf("%v restricts a list or a union", n)
	}
	s.builtin = base.builtin
	s.all = append(slices.Clone(base.all), s.facets...)
	s.values = enumerated(s.facets)
	if s.values == nil {
		s.values = base.values
	}
	return s, nil
}

// enumerated returns the values that facets allow, nil when they allow all.
func enumerated(facets []facet) (values map[string]bool) {
	for _, f := range facets {
		if f.kind != enumeration {
			continue
		}
		if values == nil {
			values = map[string]bool{}
		}
		values[f.text] = true
	}
	return values
}

// complexType resolves a type and, before it, its bases.
func (t *table) complexType(n Name, above []Name) (*typ, error) {
	c := t.types[n]
	if c == nil || slices.Contains(above, n) {
		return nil, fmt.Errorf("%v is no type of elements", n)
	}
	if c.resolved {
		return c, nil
	}
	c.resolved = true
	var base *typ
	if c.base != (Name{}) {
		b, err := t.complexType(c.base, append(above, n))
		if err != nil {
			return nil, err
		}
		base = b
		c.bases = append([]*typ{b}, b.bases...)
	}
	if c.textType != (Name{}) {
		s, err := t.simple(c.textType, nil)
		if err != nil {
			return nil, err
		}
		c.simple = s
	}
	if err := t.attributes(c, base); err != nil {
		return nil, err
	}
	if err := t.particle(c.own); err != nil {
		return nil, fmt.Errorf("%v: %w", n, err)
	}
	c.content = c.own
	if base != nil {
		c.simple = base.simple
		if !c.restricts && base.content != nil {
			c.content = base.content
			if c.own != nil {
				c.content = &particle{kind: sequence, kids: []*particle{base.content, c.own}, lo: 1, hi: 1}
			}
		}
	}
	c.rank = map[string]int{}
	t.children(c, c.content)
	c.machine = sync.OnceValue(func() *machine { return t.compile(c.content) })
	return c, nil
}

func (t *table) attributes(c, base *typ) error {
	if base != nil {
		c.attrs, c.soap = slices.Clone(base.attrs), base.soap
	}
	for i, a := range c.ownAttrs {
		c.attrs = slices.DeleteFunc(c.attrs, func(old attribute) bool { return old.name == a.name })
		switch {
		case a.soap:
			c.soap = true
		case !a.prohibited:
			s, err := t.simple(a.typeName, nil)
			if err != nil {
				return err
			}
			a.simple = s
			c.ownAttrs[i] = a
			c.attrs = append(c.attrs, a)
		}
	}
	return nil
}

func (t *table) particle(p *particle) error {
	if p == nil {
		return nil
	}
	switch p.kind {
	case ref:
		if p.el = t.elements[p.name]; p.el == nil {
			return fmt.Errorf("%v is no element", p.name)
		}
	case one:
		return t.element(p.el)
	}
	for _, kid := range p.kids {
		if err := t.particle(kid); err != nil {
			return err
		}
	}
	return nil
}

// children collects the elements of a type in their order.
func (t *table) children(c *typ, p *particle) {
	if p == nil {
		return
	}
	add := func(local string) {
		if _, ok := c.rank[local]; !ok {
			c.rank[local] = len(c.order)
			c.order = append(c.order, local)
		}
	}
	switch p.kind {
	case one:
		add(p.el.name.Local)
	case ref:
		for _, e := range t.choices(p.el) {
			add(e.name.Local)
		}
	}
	for _, kid := range p.kids {
		t.children(c, kid)
	}
}

// choices returns what may stand where e is named: itself, unless it is abstract, and those
// that may take its place.
func (t *table) choices(e *element) (all []*element) {
	if !e.abstract {
		all = append(all, e)
	}
	for _, m := range t.members[e.name] {
		all = append(all, t.choices(m)...)
	}
	return all
}
