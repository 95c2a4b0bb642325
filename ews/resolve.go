package ews

import (
	"context"
	"fmt"
	"strings"

	"github.com/go-serversync/serversync/ews/internal/soap"
	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/provider"
)

// maxNames is how many names of the directory a session remembers and asks about.
const maxNames = 1000

// A person is whom Exchange names in a message: by an address, or for those of its own
// organization perhaps by a name of the directory (RoutingType EX).
type person struct{ name, addr, routing string }

// readPeople reads Mailbox elements, as far as a message may have addresses.
func readPeople(r *soap.Reader, e soap.Element, most int) (list []person) {
	for one := range r.Children(e) {
		if !one.Is(soap.Types, "Mailbox") || len(list) >= most {
			continue
		}
		list = append(list, readPerson(r, one))
	}
	return list
}

func readPerson(r *soap.Reader, e soap.Element) (p person) {
	for field := range r.Children(e) {
		switch {
		case field.Is(soap.Types, "Name"):
			p.name = r.Text(field, maxText)
		case field.Is(soap.Types, "EmailAddress"):
			p.addr = strings.TrimSpace(r.Text(field, maxText))
		case field.Is(soap.Types, "RoutingType"):
			p.routing = r.Text(field, maxText)
		}
	}
	return p
}

// internal reports whether p is named by the directory.
func (p person) internal() bool {
	return strings.EqualFold(p.routing, "EX") || len(p.addr) > 3 && strings.EqualFold(p.addr[:3], "/o=")
}

// address returns p's address. hint is what a property of the message says that it is, "" if
// none does. Of whom the directory does not know the address is made of the name, as Exchange does it
// itself. The error is not the message's.
func (s *session) address(ctx context.Context, p person, hint string) (item.Address, error) {
	a := item.Address{Name: oneLine(p.name), Addr: p.addr}
	if !p.internal() {
		return a, nil
	}
	if strings.Contains(hint, "@") {
		a.Addr = strings.TrimSpace(hint)
		return a, nil
	}
	found, err := s.resolve(ctx, p.addr)
	if err != nil {
		return a, err
	}
	if a.Addr = found; found == "" {
		_, domain, _ := strings.Cut(s.client.account.Mailbox.Address, "@")
		a.Addr = encapsulated(p.addr, domain)
	}
	return a, nil
}

// resolve asks the directory for the address of a name, "" if it has none.
func (s *session) resolve(ctx context.Context, name string) (string, error) {
	key := strings.ToLower(name)
	if addr, ok := s.smtp[key]; ok || len(s.smtp) >= maxNames {
		return addr, nil
	}
	var found []person
	err := s.client.do(ctx, call{
		op: "ResolveNames",
		write: func(w *soap.Writer) {
			w.Start("m:ResolveNames", "ReturnFullContactData", "false", "SearchScope", "ActiveDirectory")
			w.Elem("m:UnresolvedEntry", name)
			w.End()
		},
		read: func(r *soap.Reader, e soap.Element) error {
			found = nil
			return eachMessage(r, e, 1, func(_ int, e soap.Element) {
				for one := range r.Children(e) {
					if one.Is(soap.Types, "Resolution") && len(found) < 2 {
						found = append(found, readPeople(r, one, 1)...)
					}
				}
			}, func(_ int, m message) error {
				switch m.code {
				case "ErrorNameResolutionNoResults", "ErrorNameResolutionMultipleResults", "ErrorNameResolutionNoMailbox":
					return nil
				}
				return m.err
			})
		},
	})
	switch kind := provider.KindOf(err); {
	case err != nil && (kind == "" || kind == provider.ErrThrottled || kind == provider.ErrUnavailable || kind == provider.ErrAuth):
		return "", err
	case err != nil:
		found = nil
	}
	addr := ""
	if len(found) == 1 && !found[0].internal() && strings.Contains(found[0].addr, "@") {
		addr = found[0].addr
	}
	if s.smtp == nil {
		s.smtp = make(map[string]string)
	}
	s.smtp[key] = addr
	return addr, nil
}

// encapsulated returns a name of the directory as an address ([MS-OXOAB] calls the form
// IMCEA): "/" is "_", and what is neither a letter, a digit, "=" nor "-" is its code.
func encapsulated(name, domain string) string {
	var b strings.Builder
	b.WriteString("IMCEAEX-")
	for i := range len(name) {
		switch c := name[i]; {
		case c == '/':
			b.WriteByte('_')
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '=' || c == '-':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "+%02X", c)
		}
	}
	if domain == "" {
		domain = "invalid"
	}
	return b.String() + "@" + domain
}
