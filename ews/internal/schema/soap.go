package schema

// faultParts are the children of SOAP's Fault in their order. The first two have to be there.
var faultParts = [...]string{"faultcode", "faultstring", "faultactor", "detail"}

// anyText is the type of a Fault's parts.
var anyText = &simple{name: Name{xsdNamespace, "string"}, builtin: "string"}

// soapAttributes refuses attributes that SOAP does not provide for: those without a namespace.
func soapAttributes(attrs []Attr) string {
	for _, a := range attrs {
		if a.Name.Space == "" {
			return "The '" + quote(a.Name.Local) + "' attribute is not declared."
		}
	}
	return ""
}

// openSOAP opens a child of the Envelope: a Header, which may be missing, and a Body.
func openSOAP(top *frame, f frame, attrs []Attr) (frame, string) {
	switch {
	case f.name == Name{SOAP, "Header"} && top.state == 0:
		f.manner, top.state = headers, 1
	case f.name == Name{SOAP, "Body"} && top.state < 2:
		f.manner, top.state = body, 2
	default:
		why := "The " + named(top.name) + " has invalid child " + named(f.name) + "."
		return f, why + [...]string{expecting(SOAP, "Header, Body"), expecting(SOAP, "Body"), ""}[top.state]
	}
	return f, soapAttributes(attrs)
}

// openHeader opens an entry of the Header. What is not of Exchange is somebody else's.
func (c *Checker) openHeader(f frame, attrs []Attr) (frame, string) {
	switch f.name.Space {
	case Types, Messages:
		if e := tables(c.Edition).elements[f.name]; e != nil && e.role == header {
			return c.declared(e, f, attrs)
		}
		return f, undeclared(f.name)
	case SOAP, "":
		return f, undeclared(f.name)
	}
	f.manner = skip
	return f, ""
}

// openBody opens the one child of the Body: a request, a response or a Fault.
func (c *Checker) openBody(top *frame, f frame, attrs []Attr) (frame, string) {
	e := tables(c.Edition).elements[f.name]
	switch {
	case top.state > 0:
		return f, "The " + named(top.name) + " has invalid child " + named(f.name) + "."
	case f.name == Name{SOAP, "Fault"}:
		top.state = 1
		f.manner = fault
		return f, soapAttributes(attrs)
	case e == nil || e.role != request && e.role != response:
		return f, undeclared(f.name)
	}
	top.state = 1
	return c.declared(e, f, attrs)
}

// openFault opens a part of a Fault. Their names have no namespace.
func openFault(top *frame, f frame) (frame, string) {
	for i := top.state; i < len(faultParts); i++ {
		if f.name == (Name{"", faultParts[i]}) {
			top.state = i + 1
			if f.name.Local == "detail" {
				f.manner = lax
				return f, ""
			}
			f.manner, f.simple = textual, anyText
			return f, ""
		}
		if i < 2 {
			break
		}
	}
	why := "The " + named(top.name) + " has invalid child " + named(f.name) + "."
	if top.state < len(faultParts) {
		why += expecting("", faultParts[top.state])
	}
	return f, why
}

// endSOAP says what is missing of one of SOAP's elements.
func endSOAP(top *frame) string {
	missing := ""
	switch {
	case top.manner == envelope && top.state < 2:
		missing = expecting(SOAP, "Body")
	case top.manner == fault && top.state < 2:
		missing = expecting("", faultParts[top.state])
	case top.manner == body && top.state == 0:
		missing = " " // anything that is known
	}
	if missing == "" {
		return ""
	}
	if missing == " " {
		missing = ""
	}
	return "The " + named(top.name) + " has incomplete content." + missing
}
