package ewstest

import (
	"strings"
	"time"

	"github.com/go-serversync/serversync/ews/internal/soap"
	"github.com/go-serversync/serversync/item"
)

// elem returns an element of the types with text.
func elem(name, text string) *node {
	return &node{name: soap.Name{Space: soap.Types, Local: name}, text: text}
}

// group returns an element of the types with children, without those that are nil.
func group(name string, children ...*node) *node {
	n := elem(name, "")
	for _, c := range children {
		if c != nil {
			n.children = append(n.children, c)
		}
	}
	return n
}

// with adds attributes, given as names and values in turn.
func (n *node) with(attrs ...string) *node {
	for i := 0; i+1 < len(attrs); i += 2 {
		n.attrs = append(n.attrs, soap.Attr{Name: soap.Name{Local: attrs[i]}, Value: attrs[i+1]})
	}
	return n
}

// maybe returns an element with text, nil without text.
func maybe(name, text string) *node {
	if text == "" {
		return nil
	}
	return elem(name, text)
}

func boolean(b bool) string {
	if b {
		return "true"
	}
	return "false"
}

func isTrue(s string) bool { s = strings.TrimSpace(s); return s == "true" || s == "1" }

// stamp writes a time as Exchange does: to the second.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// readTime reads a time of a request. One without a zone is in UTC.
func readTime(s string) (time.Time, bool) {
	s = strings.TrimSpace(s)
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02Z07:00", "2006-01-02"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

// address returns the Mailbox element of an address: that of a mailbox that lives here has its
// kind, and its name in X.500 if the server gives those.
func (m *model) address(a item.Address) *node {
	name, kind, routing, addr := a.Name, "OneOff", "SMTP", a.Addr
	if b := m.mailbox(a.Addr); b != nil {
		kind = "Mailbox"
		if name == "" {
			name = b.name
		}
		if m.LegacyNames {
			routing, addr = "EX", b.legacyName()
		}
	}
	if name == "" {
		name = addr
	}
	return group("Mailbox", elem("Name", name), maybe("EmailAddress", addr), elem("RoutingType", routing), elem("MailboxType", kind))
}

// addresses returns an element with addresses, nil without any.
func (m *model) addresses(name string, list []item.Address) *node {
	if len(list) == 0 {
		return nil
	}
	n := group(name)
	for _, a := range list {
		n.children = append(n.children, m.address(a))
	}
	return n
}

// readAddress reads a Mailbox element. A name in X.500 becomes the address of its mailbox.
func (m *model) readAddress(n *node) item.Address {
	a := item.Address{Name: n.child("Name").value(), Addr: strings.TrimSpace(n.child("EmailAddress").value())}
	if b := m.mailbox(a.Addr); b != nil && strings.HasPrefix(a.Addr, "/") {
		a.Addr = b.address
	}
	if a.Name == a.Addr {
		a.Name = ""
	}
	return a
}

// readAddresses reads what stands in a list of Mailbox elements, or around one.
func (m *model) readAddresses(n *node) (list []item.Address) {
	if n == nil {
		return nil
	}
	for _, c := range n.children {
		if c.name.Local == "Mailbox" {
			list = append(list, m.readAddress(c))
		}
	}
	return list
}
