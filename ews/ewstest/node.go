package ewstest

import (
	"github.com/go-serversync/serversync/ews/internal/soap"
)

// A node is an element, whole: of a request, or of what an item has.
type node struct {
	name     soap.Name
	attrs    []soap.Attr
	text     string
	children []*node
}

// child returns the first child of that local name, nil if there is none. A nil node has
// none.
func (n *node) child(local string) *node {
	if n == nil {
		return nil
	}
	for _, c := range n.children {
		if c.name.Local == local {
			return c
		}
	}
	return nil
}

// at returns the descendant at the end of a path of local names, nil if it is not there.
func (n *node) at(path ...string) *node {
	for _, local := range path {
		n = n.child(local)
	}
	return n
}

// value returns the text, "" for a nil node.
func (n *node) value() string {
	if n == nil {
		return ""
	}
	return n.text
}

// attr returns an attribute's value, "" if there is none.
func (n *node) attr(local string) string {
	if n == nil {
		return ""
	}
	for _, a := range n.attrs {
		if a.Name.Local == local && a.Name.Space == "" {
			return a.Value
		}
	}
	return ""
}

// write writes n as it is.
func (n *node) write(w *soap.Writer) {
	name := prefixOf(n.name.Space) + n.name.Local
	attrs := make([]string, 0, 2*len(n.attrs))
	for _, a := range n.attrs {
		attrs = append(attrs, a.Name.Local, a.Value)
	}
	switch {
	case len(n.children) > 0:
		w.Start(name, attrs...)
		for _, c := range n.children {
			c.write(w)
		}
		w.End()
	case n.text != "":
		w.Elem(name, n.text, attrs...)
	default:
		w.Empty(name, attrs...)
	}
}

func prefixOf(space string) string {
	switch space {
	case soap.Messages:
		return "m:"
	case soap.Types:
		return "t:"
	case soap.Errors:
		return "e:"
	case soap.Envelope:
		return "s:"
	}
	return ""
}
