package schema

// attributes checks the attributes of an element of a type; t is nil for one of text alone.
func (c *Checker) attributes(t *typ, header bool, attrs []Attr) string {
	var declared []attribute
	if t != nil {
		declared = t.attrs
		header = header || t.soap
	}
	var seen uint64 // by place among the declared
	for _, a := range attrs {
		if a.Name.Space == SOAP && header || isHint(a.Name) {
			continue
		}
		i := find(declared, a.Name)
		if i < 0 {
			return "The '" + quote(a.Name.String()) + "' attribute is not declared."
		}
		if seen&(1<<i) != 0 {
			return "'" + a.Name.Local + "' is a duplicate attribute name."
		}
		seen |= 1 << i
		if why := declared[i].simple.fails(a.Value); why != "" {
			return "The '" + a.Name.String() + "' attribute is invalid - " + notOf(a.Value, declared[i].simple, why)
		}
	}
	for i, a := range declared {
		if a.required && seen&(1<<i) == 0 {
			return "The required attribute '" + a.name.String() + "' is missing."
		}
	}
	return ""
}

// isHint reports whether an attribute speaks to validators and may stand anywhere.
func isHint(n Name) bool {
	if n.Space != xsiNamespace {
		return false
	}
	return n.Local == "type" || n.Local == "schemaLocation" || n.Local == "noNamespaceSchemaLocation"
}

func find(declared []attribute, n Name) int {
	if n.Space == "xml" {
		n.Space = xmlNamespace
	}
	for i := range declared {
		if declared[i].name == n {
			return i
		}
	}
	return -1
}
