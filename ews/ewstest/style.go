package ewstest

import (
	"encoding/xml"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/go-serversync/serversync/ews/internal/soap"
)

// A Style is how a server writes its answers, which mean the same.
type Style int

// The styles that there are.
const (
	Usual             Style = iota // of Exchange 2013 and later: the prefixes s, m, t, h and e
	Old                            // of Exchange 2007: soap, and soap11 in faults
	DefaultNamespaces              // no prefixes: an element says its namespace where that changes

	// Odd is a server that is not Exchange. It has prefixes of its own, white space and comments
	// between elements, the fields of a record in any order, and elements that nobody knows; and it
	// leaves out what is optional: ServerVersionInfo, MessageText and DescriptiveLinkKey.
	Odd
)

const (
	otherSpace = "urn:example:other"
	xmlSpace   = "http://www.w3.org/XML/1998/namespace"
)

// A restyler writes a message anew.
type restyler struct {
	style Style
	rng   *rand.Rand
	out   strings.Builder
	fault bool
}

// restyle writes a message in the server's style.
func (s *Server) restyle(root *node) string {
	r := &restyler{style: s.options.Style, rng: s.faults.Source(), fault: root.at("Body", "Fault") != nil}
	switch r.style {
	case Odd:
		r.disturb(root)
	case Old:
		age(root)
	}
	r.write(root, map[string]string{"xml": xmlSpace})
	return r.out.String()
}

// prefix returns what a namespace is called: "" for the default one.
func (r *restyler) prefix(space string) string {
	i := int(r.style)
	switch space {
	case soap.Envelope:
		if r.style == Old && r.fault {
			return "soap11"
		}
		return [...]string{"s", "soap", "", "SOAP-ENV"}[i]
	case soap.Messages:
		return [...]string{"m", "m", "", "ns1"}[i]
	case soap.Types:
		return [...]string{"t", "t", "", "ns2"}[i]
	case soap.Errors:
		return [...]string{"e", "e", "", "q"}[i]
	case soap.Instance:
		return "xsi"
	case xmlSpace:
		return "xml"
	case "":
		return ""
	}
	return "x"
}

// write writes n where the prefixes of scope are declared.
func (r *restyler) write(n *node, scope map[string]string) {
	declared := maps.Clone(scope)
	var declarations strings.Builder
	name := func(name soap.Name, attribute bool) string {
		prefix := r.prefix(name.Space)
		if attribute && name.Space == "" {
			return name.Local
		}
		if attribute && prefix == "" { // an attribute takes no default
			prefix = "a"
		}
		if declared[prefix] != name.Space {
			declared[prefix] = name.Space
			key := " xmlns:" + prefix
			if prefix == "" {
				key = " xmlns"
			}
			declarations.WriteString(key + `="` + escapeXML(name.Space) + `"`)
		}
		if prefix == "" {
			return name.Local
		}
		return prefix + ":" + name.Local
	}
	tag, text := name(n.name, false), n.text
	if n.name == (soap.Name{Local: "faultcode"}) {
		text = r.faultcode(text, func() string { return name(soap.Name{Space: soap.Types, Local: "a"}, true) })
	}
	var attrs strings.Builder
	for _, a := range n.attrs {
		attrs.WriteString(" " + name(a.Name, true) + `="` + escapeXML(a.Value) + `"`)
	}
	r.out.WriteString("<" + tag + declarations.String() + attrs.String())
	if len(n.children) == 0 && text == "" {
		r.out.WriteString("/>")
		return
	}
	r.out.WriteString(">")
	if len(n.children) == 0 {
		r.out.WriteString(escapeXML(text))
	}
	for _, c := range n.children {
		if r.style == Odd {
			r.out.WriteString("\r\n  <!-- odd -->\t")
		}
		r.write(c, declared)
	}
	r.out.WriteString("</" + tag + ">")
}

// faultcode returns the name that a fault's code is, whose prefix means something.
func (r *restyler) faultcode(was string, types func() string) string {
	if r.style == Old {
		return "soap11:Client"
	}
	prefix, _, _ := strings.Cut(types(), ":")
	_, code, _ := strings.Cut(was, ":")
	return prefix + ":" + code
}

func escapeXML(s string) string {
	if !strings.ContainsAny(s, "&<>\"'\r\n\t") && soap.Clean(s) == s {
		return s
	}
	var b strings.Builder
	xml.EscapeText(&b, []byte(s))
	return b.String()
}

// ordered are the lists whose order says something though their elements have different
// names.
var ordered = []string{"Envelope", "Fault", "Changes", "ResponseMessages", "Items", "Folders", "Notification", "Attachments", "Fault"}

// optional are what a server may leave out.
var optional = []string{"ServerVersionInfo", "MessageText", "DescriptiveLinkKey"}

// disturb makes n odd, with all that is in it.
func (r *restyler) disturb(n *node) {
	n.children = slices.DeleteFunc(n.children, func(c *node) bool { return slices.Contains(optional, c.name.Local) })
	for _, c := range n.children {
		r.disturb(c)
		switch { // where Exchange and its schema are not of one mind
		case n.name.Local == "Notifications":
			c.name.Space = soap.Types
		case n.name.Local == "ErrorSubscriptionIds":
			c.name.Space = soap.Messages
		}
	}
	if !n.isRecord() {
		return
	}
	n.children = append(n.children, &node{name: soap.Name{Space: otherSpace, Local: "Extra"}, text: "nobody knows this"})
	r.rng.Shuffle(len(n.children), func(i, j int) { n.children[i], n.children[j] = n.children[j], n.children[i] })
}

// isRecord reports whether n has fields, each with a name of its own.
func (n *node) isRecord() bool {
	if len(n.children) < 2 || slices.Contains(ordered, n.name.Local) {
		return false
	}
	seen := make(map[string]bool)
	for _, c := range n.children {
		if seen[c.name.Local] {
			return false
		}
		seen[c.name.Local] = true
	}
	return true
}

// age makes a fault what it was in Exchange 2007, which had no MessageXml for what leaves the
// schema.
func age(root *node) {
	detail := root.at("Body", "Fault", "detail")
	values := detail.child("MessageXml")
	if values.child("LineNumber") == nil {
		return
	}
	values.name = soap.Name{Space: soap.Errors, Local: "Line"}
	detail.children = append(detail.children, &node{name: soap.Name{Space: soap.Errors, Local: "Position"}, text: values.child("LinePosition").text})
	values.text, values.children = values.child("LineNumber").text, nil
}
