package track

import (
	"slices"

	"github.com/go-serversync/serversync/mailbox"
)

// own is the mailbox that a message is for: the one that is read or, where a forward
// mailbox is read, the forwarder's.
type own struct {
	addresses []string
	party     Party          // the user or queue that it belongs to; its Ref is zero if nobody knows them
	accept    mailbox.Accept // where the directory says nothing
}

// ownAddresses returns the addresses of a mailbox as they are looked up.
func ownAddresses(m *mailbox.Mailbox) []string {
	list := make([]string, 0, 1+len(m.Aliases))
	for i := -1; i < len(m.Aliases); i++ {
		address := m.Address
		if i >= 0 {
			address = m.Aliases[i]
		}
		if key := addressKey(address); key != "" && !slices.Contains(list, key) {
			list = append(list, key)
		}
	}
	return list
}

// ownOf finds the user or queue that a mailbox belongs to: the record of that kind at
// one of its addresses, the one that the mailbox itself names before any other. If
// the directory has none it is what the mailbox names.
func ownOf(m *mailbox.Mailbox, addresses []string, parties map[string][]Party) *own {
	o := &own{addresses: addresses, accept: m.Accept}
	kind := User
	if m.Kind == mailbox.Queue {
		kind = Queue
	}
	o.party.Kind = kind
	if m.Regarding != "" {
		o.party.Ref = Ref{Type: string(kind), ID: m.Regarding}
	}
	found := false
	for _, address := range addresses {
		for _, p := range parties[address] {
			named := m.Regarding != "" && p.Ref.ID == m.Regarding
			if p.Kind == kind && (named || !found) {
				o.party, found = p, true
				if named {
					return o
				}
			}
		}
	}
	return o
}

// is reports whether an address is the mailbox's own, or a subaddress of one.
func (o *own) is(address string) bool {
	if address == "" {
		return false
	}
	if slices.Contains(o.addresses, address) {
		return true
	}
	base := withoutDetail(address)
	return base != "" && slices.Contains(o.addresses, base)
}

// setting returns what a user or queue accepts.
func (r *Rules) setting(p *Party, o *own) mailbox.Accept {
	switch {
	case p.Kind == User && r.settings.ForceAccept != mailbox.AcceptDefault:
		return r.settings.ForceAccept
	case p.Accept == mailbox.AcceptDefault && p.Ref == o.party.Ref:
		return o.accept.WithDefault()
	}
	return p.Accept.WithDefault()
}
