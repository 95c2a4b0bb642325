package schema

import "strings"

// A Violation says where a message leaves the schema, in the words of .NET's validator, which
// are Exchange's. It repeats up to 100 bytes of a value that is wrong.
type Violation struct {
	Path string // of the element, such as "/Envelope/Body/GetItem/ItemShape"
	Text string

	// Line and Position are where in the document, both from 1; 0 when it was not Check that
	// found it.
	Line, Position int
}

// Error returns the text.
func (v *Violation) Error() string { return v.Text }

// named is how .NET speaks of an element.
func named(n Name) string {
	if n.Space == "" {
		return "element '" + quote(n.Local) + "'"
	}
	return "element '" + quote(n.Local) + "' in namespace '" + quote(n.Space) + "'"
}

func undeclared(n Name) string { return "The '" + quote(n.String()) + "' element is not declared." }

func inText(parent, n Name) string {
	return "The " + named(parent) + " cannot contain child " + named(n) + " because the parent element's content model is text only."
}

func inEmpty(parent, n Name) string {
	return "The " + named(parent) + " cannot contain child " + named(n) + " because the parent element's content model is empty."
}

// notOf says that a value is not of its type, and why.
func notOf(text string, s *simple, reason string) string {
	name := s.name
	if strings.Contains(name.Local, ".") { // it has no name of its own
		name = Name{xsdNamespace, s.builtin}
	}
	return "The value '" + quote(text) + "' is invalid according to its datatype '" + name.String() + "' - " + reason
}

func expecting(space, locals string) string {
	list := " List of possible elements expected: '" + locals + "'"
	if space != "" {
		list += " in namespace '" + space + "'"
	}
	return list + "."
}

// expected lists what may stand after a position, namespace by namespace.
func (m *machine) expected(at int) string {
	var groups []string
	var names []string
	space := ""
	flush := func() {
		if len(names) > 0 {
			groups = append(groups, "'"+strings.Join(names, ", ")+"' in namespace '"+space+"'")
			names = nil
		}
	}
	last := Name{}
	m.follow[at].each(func(i int) {
		for _, e := range m.spots[i].els {
			if e.name == last {
				continue // what may come a hundred times is named once
			}
			last = e.name
			if e.name.Space != space {
				flush()
				space = e.name.Space
			}
			names = append(names, e.name.Local)
		}
		if m.spots[i].wild != nil {
			flush()
			groups = append(groups, "any element")
		}
	})
	flush()
	if groups == nil {
		return ""
	}
	return " List of possible elements expected: " + strings.Join(groups, " as well as ") + "."
}
