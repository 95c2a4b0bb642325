package soap

import "strings"

// tag reads what follows a '<', and reports whether that began an element. A section of CDATA
// is only begun.
func (r *Reader) tag() (Element, bool) {
	switch r.peek() {
	case '/':
		r.get()
		name := r.name(r.get())
		for r.err == nil && isSpace(r.peek()) {
			r.get()
		}
		if r.get() != '>' || len(r.open) == 0 || r.open[len(r.open)-1] != name {
			r.syntax("the end of an element that is not open")
			return Element{}, false
		}
		r.close()
	case '!':
		r.get()
		r.declaration()
	case '?':
		r.passOver("?>")
	case 0:
		if r.err == nil {
			r.syntax("a NUL in a tag")
		}
	default:
		return r.start()
	}
	return Element{}, false
}

// declaration reads what follows "<!".
func (r *Reader) declaration() {
	switch r.get() {
	case '-':
		if r.get() == '-' {
			r.passOver("-->")
			return
		}
	case '[':
		for _, c := range []byte("CDATA[") {
			if r.get() != c {
				r.syntax("a section that is not CDATA")
				return
			}
		}
		if len(r.open) == 0 {
			r.syntax("text outside of any element")
		}
		r.cdata = true
		return
	case 'D', 'd':
		r.Fail(ErrDoctype)
	}
	r.syntax("a declaration")
}

// passOver reads up to the end of something that nobody wants.
func (r *Reader) passOver(end string) {
	for matched := 0; matched < len(end) && r.err == nil; {
		switch c := r.get(); {
		case c == end[matched]:
			matched++
		case matched == 2 && c == end[1]: // one more of what may come any number of times
		case c == end[0]:
			matched = 1
		default:
			matched = 0
		}
	}
}

// start reads the tag that begins an element.
func (r *Reader) start() (e Element, ok bool) {
	qualified := r.name(r.get())
	e.depth = len(r.open)
	if e.depth == r.limits.Depth {
		r.tooLarge("elements within elements")
	}
	for r.err == nil {
		c := r.get()
		for isSpace(c) {
			c = r.get()
		}
		switch c {
		case '/':
			if r.get() != '>' {
				r.syntax("a slash in a tag")
				return e, false
			}
			r.empty = true
		case '>':
		default:
			r.attribute(c, &e)
			continue
		}
		r.open = append(r.open, qualified)
		if e.Name = r.resolve(qualified, true); e.Is(xop, "Include") {
			r.Fail(ErrInclude)
		}
		for i := range e.Attrs {
			e.Attrs[i].Name = r.resolve(e.Attrs[i].Name.Local, false)
		}
		return e, r.err == nil
	}
	return e, false
}

// attribute reads an attribute that begins with c. One that declares a namespace is kept
// for the element and is none of its attributes.
func (r *Reader) attribute(c byte, e *Element) {
	name := r.name(c)
	c = r.get()
	for isSpace(c) {
		c = r.get()
	}
	if c != '=' {
		r.syntax("an attribute without a value")
		return
	}
	c = r.get()
	for isSpace(c) {
		c = r.get()
	}
	if c != '"' && c != '\'' {
		r.syntax("an attribute without quotes")
		return
	}
	value := r.value(c)
	switch {
	case name == "xmlns":
		r.spaces = append(r.spaces, binding{"", value, e.depth})
	case strings.HasPrefix(name, "xmlns:"):
		r.spaces = append(r.spaces, binding{name[len("xmlns:"):], value, e.depth})
	default:
		if len(e.Attrs) == r.limits.Attributes {
			r.tooLarge("attributes")
			return
		}
		for _, a := range e.Attrs {
			if a.Name.Local == name {
				r.syntax("an attribute that is given twice")
			}
		}
		e.Attrs = append(e.Attrs, Attr{Name{"", name}, value})
		return
	}
	if len(r.spaces) > maxSpaces {
		r.tooLarge("declarations of namespaces")
	}
}

// maxSpaces is how many namespaces may be declared at once.
const maxSpaces = 256

// value reads an attribute's value up to its quote.
func (r *Reader) value(quote byte) string {
	r.word = r.word[:0]
	for r.err == nil {
		switch c := r.get(); {
		case c == quote:
			return r.intern(clean(r.word))
		case c == '&':
			r.word = append(r.word, r.entity()...)
		case c == '<':
			r.syntax("a tag in an attribute")
		case isSpace(c): // as XML normalizes it
			r.word = append(r.word, ' ')
		default:
			r.word = append(r.word, c)
		}
		if len(r.word) > r.limits.Value {
			r.tooLarge("an attribute")
		}
	}
	return ""
}

// name reads a name that begins with c. What follows it is not read.
func (r *Reader) name(c byte) string {
	r.word = r.word[:0]
	for isName(c) && r.err == nil {
		if r.word = append(r.word, c); len(r.word) > r.limits.Name {
			r.tooLarge("a name")
		}
		if c = r.peek(); !isName(c) {
			return r.intern(r.word)
		}
		r.get()
	}
	if r.err == nil {
		r.syntax("a tag without a name")
	}
	return ""
}

// maxNames is how many strings are kept to be used again.
const maxNames = 1024

// intern returns b as a string, which is made once for those that come often.
func (r *Reader) intern(b []byte) string {
	if s, ok := r.names[string(b)]; ok {
		return s
	}
	s := string(b)
	if len(s) <= 80 && len(r.names) < maxNames {
		r.names[s] = s
	}
	return s
}

// resolve returns the name that a qualified name stands for. A prefix that nobody has
// declared is no namespace of ours.
func (r *Reader) resolve(qualified string, element bool) Name {
	prefix, local, found := strings.Cut(qualified, ":")
	if !found {
		prefix, local = "", qualified
		if !element {
			return Name{"", local} // (Namespaces in XML 1.0, section 6.2)
		}
	}
	for i := len(r.spaces) - 1; i >= 0; i-- {
		if r.spaces[i].prefix == prefix {
			return Name{r.spaces[i].space, local}
		}
	}
	if prefix == "" {
		return Name{"", local}
	}
	return Name{"undeclared:" + prefix, local}
}

// close ends the innermost element.
func (r *Reader) close() {
	r.empty = false
	r.open = r.open[:len(r.open)-1]
	for n := len(r.spaces); n > 0 && r.spaces[n-1].depth >= len(r.open); n-- {
		r.spaces = r.spaces[:n-1]
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

// isName reports whether c may be in a name. Those of other scripts are taken as they are.
func isName(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == ':' || c == '_' || c == '-' || c == '.' || c >= 0x80
}
