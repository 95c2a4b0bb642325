package schema

import "strings"

// deepest is how deep a message may go. Restrictions nest, and no request needs a tenth of it.
const deepest = 512

// A Checker follows one SOAP message, element by element, and says where it leaves the schema.
// The zero Checker is ready. After an error it returns that error for ever. It holds one frame
// an open element, and of values no more than 4 KiB, whatever comes. It is for one goroutine.
type Checker struct {
	// Edition says what the message is held against.
	Edition Edition

	frames []frame
	value  value
	ended  bool
	failed *Violation
}

// A manner is how the content of an open element is looked at.
type manner int

const (
	typed    manner = iota // by its type
	textual                // text of a simple type
	envelope               // SOAP's own elements
	headers
	body
	fault
	lax  // what is known is checked
	skip // nothing is
)

// A frame is an element that is open.
type frame struct {
	name   Name
	manner manner
	typ    *typ    // of typed
	simple *simple // of textual, and of typed with text
	state  int     // where in its content
}

// Start begins an element. attrs are without declarations of namespaces.
func (c *Checker) Start(n Name, attrs []Attr) error {
	if c.failed != nil {
		return c.failed
	}
	f, why := c.open(n, attrs)
	c.frames = append(c.frames, f)
	if why == "" && len(c.frames) > deepest {
		why = "The message is nested too deeply."
	}
	if why != "" {
		return c.fail(why)
	}
	if f.simple != nil {
		c.value.reset(f.simple)
	}
	return nil
}

// open says how the new element n is to be looked at, and what is wrong with it.
func (c *Checker) open(n Name, attrs []Attr) (f frame, why string) {
	f = frame{name: n}
	if len(c.frames) == 0 {
		f.manner = envelope
		switch {
		case c.ended:
			return f, "There are multiple root elements."
		case n != Name{SOAP, "Envelope"}:
			return f, undeclared(n)
		}
		return f, soapAttributes(attrs)
	}
	top := &c.frames[len(c.frames)-1]
	switch top.manner {
	case skip:
		f.manner = skip
		return f, ""
	case lax:
		return c.free(f, attrs)
	case textual:
		return f, inText(top.name, n)
	case typed:
		return c.child(top, f, attrs)
	case envelope:
		return openSOAP(top, f, attrs)
	case headers:
		return c.openHeader(f, attrs)
	case body:
		return c.openBody(top, f, attrs)
	default:
		return openFault(top, f)
	}
}

// free opens an element of a wildcard that checks what is known.
func (c *Checker) free(f frame, attrs []Attr) (frame, string) {
	if e := tables(c.Edition).elements[f.name]; e != nil {
		return c.declared(e, f, attrs)
	}
	f.manner = lax
	return f, ""
}

// child opens an element within one whose type is known.
func (c *Checker) child(top *frame, f frame, attrs []Attr) (frame, string) {
	switch {
	case top.simple != nil:
		return f, inText(top.name, f.name)
	case top.typ.content == nil:
		return f, inEmpty(top.name, f.name)
	}
	m := top.typ.machine()
	to, e, wild := m.step(top.state, f.name, top.typ.name.Space)
	switch {
	case e != nil:
		top.state = to
		return c.declared(e, f, attrs)
	case wild == nil:
		return f, "The " + named(top.name) + " has invalid child " + named(f.name) + "." + m.expected(top.state)
	case wild.lax:
		top.state = to
		return c.free(f, attrs)
	}
	top.state = to
	f.manner = skip
	return f, ""
}

// declared opens an element by its declaration.
func (c *Checker) declared(e *element, f frame, attrs []Attr) (frame, string) {
	t, s := e.typ, e.simple
	for _, a := range attrs {
		if a.Name.Space != xsiNamespace {
			continue
		}
		switch a.Name.Local {
		case "type":
			var why string
			if t, s, why = c.derived(e, a.Value); why != "" {
				return f, why
			}
		case "nil":
			return f, "If the 'nillable' attribute is false in the schema, the 'http://www.w3.org/2001/XMLSchema-instance:nil' attribute must not be present in the instance."
		}
	}
	if e.abstract || t != nil && t.abstract {
		return f, "The element '" + f.name.String() + "' is abstract or its type is abstract."
	}
	if t == nil {
		f.manner, f.simple = textual, s
		return f, c.attributes(nil, e.role == header, attrs)
	}
	f.typ, f.simple = t, t.simple
	return f, c.attributes(t, e.role == header, attrs)
}

// derived returns the type that an xsi:type names, which has to come from the declared one. The
// prefix of its value is not known here, and the local name tells enough.
func (c *Checker) derived(e *element, value string) (*typ, *simple, string) {
	local := strings.TrimSpace(value)
	if i := strings.IndexByte(local, ':'); i >= 0 {
		local = local[i+1:]
	}
	if e.simple != nil {
		if e.typeName.Local == local {
			return nil, e.simple, ""
		}
	} else {
		for _, space := range []string{Types, Messages} {
			t := tables(c.Edition).types[Name{space, local}]
			if t == e.typ {
				return t, nil, ""
			}
			for i := 0; t != nil && i < len(t.bases); i++ {
				if t.bases[i] == e.typ {
					return t, nil, ""
				}
			}
		}
	}
	return nil, nil, "This is an invalid xsi:type '" + quote(value) + "'."
}

// Text takes text, whole or in pieces. White space between elements is fine.
func (c *Checker) Text(s string) error {
	if c.failed != nil {
		return c.failed
	}
	if s == "" {
		return nil
	}
	if len(c.frames) == 0 {
		if !blank(s) {
			return c.fail("Data at the root level is invalid.")
		}
		return nil
	}
	top := &c.frames[len(c.frames)-1]
	switch {
	case top.manner == skip || top.manner == lax:
	case top.simple != nil:
		if !c.value.add(s) {
			return c.fail(c.invalid(top, "It is too long."))
		}
	case top.manner == typed && top.typ.content == nil:
		if blank(s) {
			return c.fail("The element cannot contain whitespace. Content model is empty.")
		}
		return c.fail("The element cannot contain text. Content model is empty.")
	case !blank(s):
		why := "The " + named(top.name) + " cannot contain text."
		if top.manner == typed {
			why += top.typ.machine().expected(top.state)
		}
		return c.fail(why)
	}
	return nil
}

// End ends the element that is open.
func (c *Checker) End() error {
	if c.failed != nil {
		return c.failed
	}
	if len(c.frames) == 0 {
		return c.fail("Nothing is open.")
	}
	top := &c.frames[len(c.frames)-1]
	why := ""
	switch {
	case top.simple != nil:
		if reason := c.value.fails(); reason != "" {
			why = c.invalid(top, reason)
		}
	case top.manner == typed:
		if m := top.typ.machine(); !m.final.has(top.state) {
			why = "The " + named(top.name) + " has incomplete content." + m.expected(top.state)
		}
	default:
		why = endSOAP(top)
	}
	if why != "" {
		return c.fail(why)
	}
	c.frames = c.frames[:len(c.frames)-1]
	c.ended = len(c.frames) == 0
	return nil
}

// invalid says that the value of an element is not of its type.
func (c *Checker) invalid(f *frame, reason string) string {
	return "The '" + f.name.String() + "' element is invalid - " + notOf(string(c.value.text), f.simple, reason)
}

func (c *Checker) fail(why string) error {
	var path strings.Builder
	for _, f := range c.frames {
		path.WriteByte('/')
		path.WriteString(quote(f.name.Local))
	}
	c.failed = &Violation{Path: path.String(), Text: why}
	c.frames = nil
	return c.failed
}

func blank(s string) bool {
	for i := range len(s) {
		if !space(s[i]) {
			return false
		}
	}
	return true
}
