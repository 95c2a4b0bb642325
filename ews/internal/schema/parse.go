package schema

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// mustParse reads the embedded text, which a test has read before.
func mustParse(text string, e Edition) *table {
	t, err := parse(text, e)
	if err != nil {
		panic("schema: " + err.Error())
	}
	return t
}

func parse(text string, e Edition) (*table, error) {
	t := &table{elements: map[Name]*element{}, types: map[Name]*typ{}, simples: map[Name]*simple{}, members: map[Name][]*element{}}
	for i, row := range strings.Split(text, "\n") {
		words := strings.Fields(row)
		if len(words) == 0 || words[0][0] == '#' {
			continue
		}
		late := strings.HasPrefix(words[0], "^")
		if late && e == Exchange2013SP1 {
			continue
		}
		l := &line{words: words[1:], edition: e}
		l.read(t, strings.TrimPrefix(words[0], "^"))
		if l.err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, l.err)
		}
	}
	return t, t.resolve()
}

// A line is what is left of a line while it is read. The first mistake stays in err.
type line struct {
	words   []string
	edition Edition
	space   string
	err     error
}

func (l *line) fail(format string, args ...any) {
	if l.err == nil {
		l.err = fmt.Errorf(format, args...)
	}
	l.words = nil
}

func (l *line) next() string {
	if len(l.words) == 0 {
		l.fail("it ends early")
		return ""
	}
	w := l.words[0]
	l.words = l.words[1:]
	return w
}

// take takes the next word if it is w.
func (l *line) take(w string) bool {
	if len(l.words) == 0 || l.words[0] != w {
		return false
	}
	l.words = l.words[1:]
	return true
}

// name reads a name, which is of the line's namespace, or of XML Schema's when it begins with a
// small letter, unless it says otherwise.
func (l *line) name(w string) Name {
	switch {
	case strings.HasPrefix(w, "t:"):
		return Name{Types, w[2:]}
	case strings.HasPrefix(w, "m:"):
		return Name{Messages, w[2:]}
	case w == "" || strings.ContainsAny(w, ":^&()=?*+!"):
		l.fail("%q is no name", w)
	case unicode.IsLower(rune(w[0])):
		return Name{xsdNamespace, w}
	}
	return Name{l.space, w}
}

func (l *line) read(t *table, keyword string) {
	name := l.name(l.next())
	l.space = name.Space
	switch keyword {
	case "element":
		e := l.element(name)
		t.elements[name] = e
		if e.head != (Name{}) {
			t.members[e.head] = append(t.members[e.head], e)
		}
		t.lines = append(t.lines, e)
	case "type":
		c := l.complexType(name)
		t.types[name] = c
		t.lines = append(t.lines, c)
	case "simple":
		s := l.simpleType(name)
		t.simples[name] = s
		t.lines = append(t.lines, s)
	default:
		l.fail("%q is no keyword", keyword)
	}
}

func (l *line) element(name Name) *element {
	e := &element{name: name, typeName: l.name(l.next())}
	for len(l.words) > 0 {
		switch w := l.next(); w {
		case "abstract":
			e.abstract = true
		case "for":
			e.head = l.name(l.next())
		case string(request), string(response), string(header):
			e.role = role(w)
		default:
			l.fail("%q says nothing about an element", w)
		}
	}
	return e
}

func (l *line) complexType(name Name) *typ {
	c := &typ{name: name}
	for len(l.words) > 0 && !l.take(":") {
		switch w := l.next(); w {
		case "abstract":
			c.abstract = true
		case "extends", "restricts":
			c.base, c.restricts = l.name(l.next()), w == "restricts"
		case "text":
			c.textType = l.name(l.next())
		default:
			l.fail("%q says nothing about a type", w)
		}
	}
	var kids []*particle
	for len(l.words) > 0 {
		if w := l.words[0]; strings.HasPrefix(strings.TrimLeft(w, "^~"), "@") {
			if w = l.next(); l.wanted(&w) {
				c.ownAttrs = append(c.ownAttrs, l.attribute(w[1:]))
			}
		} else if p := l.term(); p != nil {
			kids = append(kids, p)
		}
	}
	if len(kids) > 0 {
		c.own = &particle{kind: sequence, kids: kids, lo: 1, hi: 1}
	}
	return c
}

// wanted takes the mark from a word, and reports whether the word is of this edition.
func (l *line) wanted(w *string) bool {
	rest, late := strings.CutPrefix(*w, "^")
	rest, gone := strings.CutPrefix(rest, "~")
	*w = rest
	return (!late || l.edition == Newest) && (!gone || l.edition == Exchange2013SP1)
}

func (l *line) attribute(w string) (a attribute) {
	if w == "soap:*" {
		return attribute{soap: true}
	}
	w, a.required = strings.CutSuffix(w, "!")
	w, a.prohibited = strings.CutSuffix(w, "-")
	name, typeName, ok := strings.Cut(w, "=")
	if local, xml := strings.CutPrefix(name, "xml:"); xml {
		a.name = Name{xmlNamespace, local}
	} else {
		a.name = Name{"", name}
	}
	if ok != !a.prohibited {
		l.fail("%q is no attribute", w)
	} else if ok {
		a.typeName = l.name(typeName)
	}
	return a
}

// term reads one term, or a group with all that is in it. It returns nil for what is not of this
// edition, and when the line is wrong.
func (l *line) term() *particle {
	w := l.next()
	wanted := l.wanted(&w)
	p := &particle{lo: 1, hi: 1}
	if w == "(" {
		w = l.group(p)
	} else {
		w = l.count(p, w)
		l.leaf(p, w)
	}
	if l.err != nil || !wanted {
		return nil
	}
	return p
}

// group reads to the parenthesis that ends a group.
func (l *line) group(p *particle) string {
	p.kind = sequence
	for l.err == nil {
		if len(l.words) > 0 && l.words[0][0] == ')' {
			return l.count(p, l.next())
		}
		if l.take("|") {
			p.kind = choice
		} else if kid := l.term(); kid != nil {
			p.kids = append(p.kids, kid)
		}
	}
	return ""
}

func (l *line) leaf(p *particle, w string) {
	switch name, typeName, ok := strings.Cut(w, "="); {
	case w == "any:lax":
		p.kind, p.lax = wildcard, true
	case w == "other:skip":
		p.kind, p.foreign = wildcard, true
	case strings.HasPrefix(w, "&"):
		p.kind, p.name = ref, l.name(w[1:])
	case ok:
		p.kind, p.el = one, &element{name: Name{l.space, name}, typeName: l.name(typeName)}
	default:
		l.fail("%q is no term", w)
	}
}

var counted = regexp.MustCompile(`^(.*)\{(\d{1,3}),(\d{1,3})\}$`)

// count takes from a word how often it may come.
func (l *line) count(p *particle, w string) string {
	if m := counted.FindStringSubmatch(w); m != nil {
		p.lo, _ = strconv.Atoi(m[2])
		p.hi, _ = strconv.Atoi(m[3])
		return m[1]
	}
	switch {
	case strings.HasSuffix(w, "?"):
		p.lo = 0
	case strings.HasSuffix(w, "*"):
		p.lo, p.hi = 0, many
	case strings.HasSuffix(w, "+"):
		p.hi = many
	default:
		return w
	}
	return w[:len(w)-1]
}

func (l *line) simpleType(name Name) *simple {
	s := &simple{name: name}
	if l.take("list") {
		s.list = l.name(l.next())
		return s
	}
	if l.take("union") {
		for len(l.words) > 0 {
			s.union = append(s.union, l.name(l.next()))
		}
		return s
	}
	s.base = l.name(l.next())
	for len(l.words) > 0 {
		w := l.next()
		if wanted := l.wanted(&w); !wanted {
			continue
		}
		f, err := parseFacet(w)
		if err != nil {
			l.fail("%w", err)
		}
		s.facets = append(s.facets, f)
	}
	return s
}
