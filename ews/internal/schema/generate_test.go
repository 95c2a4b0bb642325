package schema

import (
	"encoding/xml"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// A branch is an element of a message that is made up.
type branch struct {
	name  Name
	attrs []Attr
	text  string
	kids  []*branch
}

func (b *branch) write(w *strings.Builder) {
	start := tag(prefixed(b.name), nil)
	w.WriteString(start)
	for _, a := range b.attrs {
		w.WriteString(" " + prefixed(a.Name) + `="`)
		xml.EscapeText(w, []byte(a.Value))
		w.WriteByte('"')
	}
	w.WriteByte('>')
	xml.EscapeText(w, []byte(b.text))
	for _, k := range b.kids {
		k.write(w)
	}
	w.WriteString("</" + prefixed(b.name) + ">")
}

func prefixed(n Name) string {
	switch n.Space {
	case "":
		return n.Local
	case SOAP:
		return "s:" + n.Local
	case xmlNamespace:
		return "xml:" + n.Local
	case xsiNamespace:
		return "xsi:" + n.Local
	case "urn:x":
		return "x:" + n.Local
	}
	return prefixes[n.Space] + ":" + n.Local
}

func (b *branch) String() string {
	var w strings.Builder
	b.write(&w)
	return strings.Replace(w.String(), "<s:Envelope", `<s:Envelope xmlns:s="`+SOAP+`" xmlns:m="`+Messages+`" xmlns:t="`+Types+`" xmlns:xsi="`+xsiNamespace+`" xmlns:x="urn:x"`, 1)
}

// all returns b and everything under it.
func (b *branch) all() []*branch {
	list := []*branch{b}
	for _, k := range b.kids {
		list = append(list, k.all()...)
	}
	return list
}

// A generator makes messages up from the table.
type generator struct {
	*rand.Rand
	table  *table
	height map[*typ]int // how deep the smallest element of a type is
}

func newGenerator(e Edition, seed uint64) *generator {
	g := &generator{rand.New(rand.NewPCG(seed, 0)), tables(e), map[*typ]int{}}
	for changed := true; changed; {
		changed = false
		for _, c := range g.table.types {
			if h, ok := g.lowest(c.content); ok && !c.abstract {
				if old, known := g.height[c]; !known || h+1 < old {
					g.height[c] = h + 1
					changed = true
				}
			}
		}
	}
	return g
}

// lowest is how deep the least of a content goes; false when that is not known yet.
func (g *generator) lowest(p *particle) (int, bool) {
	if p == nil || p.lo == 0 {
		return 0, true
	}
	if p.kind == one || p.kind == ref {
		return g.lowestOf(p)
	}
	deepest, least, any := 0, 1000, false
	for _, k := range p.kids {
		h, ok := g.lowest(k)
		if !ok && p.kind == sequence {
			return 0, false
		}
		if ok {
			any = true
			deepest, least = max(deepest, h), min(least, h)
		}
	}
	if p.kind == choice {
		return least, any
	}
	return deepest, true
}

func (g *generator) lowestOf(p *particle) (int, bool) {
	least, any := 1000, false
	for _, e := range g.may(p) {
		h, ok := g.height[e.typ]
		if e.typ == nil {
			h, ok = 0, true
		}
		if ok {
			least, any = min(least, h), true
		}
	}
	return least, any
}

// may returns the elements that a particle stands for and that can be written.
func (g *generator) may(p *particle) (all []*element) {
	els := []*element{p.el}
	if p.kind == ref {
		els = g.table.choices(p.el)
	}
	for _, e := range els {
		if e.typ == nil || !e.typ.abstract {
			all = append(all, e)
		}
	}
	return all
}

func (g *generator) element(e *element, room int) *branch {
	if e.typ == nil {
		return &branch{name: e.name, text: g.value(e.simple)}
	}
	if g.IntN(50) == 0 && room > 0 {
		return g.abstract(e, room)
	}
	return g.typed(e, e.typ, room)
}

// abstract makes up an element of one of the types that extend its declared one, if there are any.
func (g *generator) abstract(e *element, room int) *branch {
	var may []*typ
	for _, line := range g.table.lines {
		if c, ok := line.(*typ); ok && !c.abstract && slices.Contains(c.bases, e.typ) {
			may = append(may, c)
		}
	}
	if len(may) == 0 {
		return g.typed(e, e.typ, room)
	}
	c := may[g.IntN(len(may))]
	b := g.typed(e, c, room)
	b.attrs = append(b.attrs, Attr{Name{xsiNamespace, "type"}, qualified(c.name)})
	return b
}

func (g *generator) typed(e *element, c *typ, room int) *branch {
	b := &branch{name: e.name}
	if c.simple != nil {
		b.text = g.value(c.simple)
	}
	for _, a := range c.attrs {
		if a.required || g.IntN(3) == 0 {
			b.attrs = append(b.attrs, Attr{a.name, g.value(a.simple)})
		}
	}
	if c.content != nil {
		b.kids = g.content(c.content, room-1)
	}
	return b
}

// content makes up the children of a content. Where room is short it takes the least.
func (g *generator) content(p *particle, room int) (kids []*branch) {
	n := p.lo
	if room > 0 && (p.hi == many || p.hi > p.lo) && g.IntN(100) < 30 {
		n++
		if p.hi == many || p.hi > n {
			n += g.IntN(2)
		}
	}
	for range n {
		kids = append(kids, g.once(p, room)...)
	}
	return kids
}

func (g *generator) once(p *particle, room int) (kids []*branch) {
	switch p.kind {
	case sequence:
		for _, k := range p.kids {
			kids = append(kids, g.content(k, room)...)
		}
	case choice:
		options := slices.Clone(p.kids)
		slices.SortStableFunc(options, func(a, b *particle) int { return g.rank(a) - g.rank(b) })
		if room > 0 {
			return g.content(options[g.IntN(len(options))], room)
		}
		return g.content(options[0], room)
	case wildcard:
		if p.lax && g.IntN(2) == 0 {
			return []*branch{g.element(g.table.elements[Name{Types, "FieldURI"}], room)}
		}
		return []*branch{{name: Name{"urn:x", "Any"}, text: "x", kids: []*branch{{name: Name{"", "b"}}}}}
	default:
		els := g.may(p)
		if len(els) == 0 {
			return []*branch{g.abstract(p.el, room)}
		}
		slices.SortStableFunc(els, func(a, b *element) int { return g.height[a.typ] - g.height[b.typ] })
		if room > 0 {
			return []*branch{g.element(els[g.IntN(len(els))], room)}
		}
		return []*branch{g.element(els[0], room)}
	}
	return kids
}

func (g *generator) rank(p *particle) int {
	h, ok := g.lowest(p)
	if !ok {
		return 1000
	}
	return h
}

// message makes up a whole message whose version is the only one that a schema of Exchange 2013
// knows.
func (g *generator) message() *branch {
	var heads, bodies []*element
	for _, line := range g.table.lines {
		if e, ok := line.(*element); ok && e.role == header {
			heads = append(heads, e)
		} else if ok && (e.role == request || e.role == response) {
			bodies = append(bodies, e)
		}
	}
	envelope := &branch{name: Name{SOAP, "Envelope"}}
	if g.IntN(3) > 0 {
		h := &branch{name: Name{SOAP, "Header"}}
		for range g.IntN(3) {
			h.kids = append(h.kids, g.element(heads[g.IntN(len(heads))], 5))
		}
		envelope.kids = append(envelope.kids, h)
	}
	b := &branch{name: Name{SOAP, "Body"}, kids: []*branch{g.element(bodies[g.IntN(len(bodies))], 3+g.IntN(9))}}
	envelope.kids = append(envelope.kids, b)
	for _, x := range envelope.all() {
		if x.name == (Name{Types, "RequestServerVersion"}) {
			x.attrs = []Attr{{Name{"", "Version"}, "Exchange2013_SP1"}}
		}
	}
	return envelope
}

// spoil changes something inside the operation or a header, and says what.
func (g *generator) spoil(m *branch) string {
	var inner []*branch
	for _, part := range m.kids {
		for _, k := range part.kids {
			inner = append(inner, k.all()...)
		}
	}
	if len(inner) == 0 {
		return "nothing"
	}
	b := inner[g.IntN(len(inner))]
	other := inner[g.IntN(len(inner))]
	how := g.IntN(11)
	for range 20 { // look for one that the change is possible with
		if how > 3 || len(b.kids) > 1 || how > 0 && len(b.kids) > 0 {
			break
		}
		b = inner[g.IntN(len(inner))]
	}
	n := max(1, len(b.kids))
	i, j := g.IntN(n), g.IntN(n)
	switch {
	case how == 0 && len(b.kids) > 1:
		b.kids[i], b.kids[j] = b.kids[j], b.kids[i]
		return "swap"
	case how == 1 && len(b.kids) > 0:
		b.kids = slices.Delete(slices.Clone(b.kids), i, i+1)
		return "drop"
	case how == 2 && len(b.kids) > 0:
		b.kids = slices.Insert(slices.Clone(b.kids), j, b.kids[i])
		return "repeat"
	case how == 3 && len(b.kids) > 0:
		k := *b.kids[i]
		k.name.Local = other.name.Local
		b.kids = slices.Clone(b.kids)
		b.kids[i] = &k
		return "rename"
	case how == 4 && len(b.kids) > 0:
		k := *b.kids[i]
		k.name.Space = []string{Types, Messages, "", "urn:x"}[g.IntN(4)]
		b.kids = slices.Clone(b.kids)
		b.kids[i] = &k
		return "namespace"
	case how == 5 && len(b.attrs) > 0:
		b.attrs = b.attrs[1:]
		return "drop attribute"
	case how == 6:
		b.attrs = append(slices.Clip(b.attrs), Attr{Name{[]string{"", "urn:x", xsiNamespace}[g.IntN(3)], []string{"Id", "nil", "Zzz"}[g.IntN(3)]}, "false"})
		slices.SortStableFunc(b.attrs, func(a, c Attr) int { return strings.Compare(a.Name.String(), c.Name.String()) })
		b.attrs = slices.CompactFunc(b.attrs, func(a, c Attr) bool { return a.Name == c.Name })
		return "add attribute"
	case how == 7 && b.text == "":
		b.text += []string{"x", " ", "\n\t"}[g.IntN(3)]
		return "text"
	case len(b.attrs) > 0 && g.IntN(2) == 0:
		k := g.IntN(len(b.attrs))
		b.attrs = slices.Clone(b.attrs)
		b.attrs[k].Value = g.sample()
		return "value of an attribute"
	case len(b.kids) == 0:
		b.text = g.sample()
		return fmt.Sprintf("value of %s", b.name.Local)
	}
	return "nothing"
}
