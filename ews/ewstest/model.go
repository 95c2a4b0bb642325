package ewstest

import (
	"fmt"
	"strings"
	"time"
)

// A model is all that the server keeps. Server.mu guards it.
type model struct {
	Behavior

	boxes   []*mailbox
	items   map[string]*stored // by id
	folders map[string]*folder // by id
	count   uint64             // of changes, and all else that is numbered
	ids     uint64             // how many were given
	states  uint64             // how often all sync states were forgotten
	sent    []SentMessage
	gone    map[string]bool // ids of drafts that were sent

	subscriptions map[string]*subscription
	waiting       chan struct{} // closed with the next event, if somebody waits
}

// newModel returns a server's mailboxes, of which there are none yet.
func newModel(b Behavior) *model {
	return &model{
		Behavior: b, items: make(map[string]*stored), folders: make(map[string]*folder),
		gone: make(map[string]bool), subscriptions: make(map[string]*subscription),
	}
}

// next returns a number that was never returned before, larger than all that were.
func (m *model) next() uint64 {
	m.count++
	return m.count
}

// now is the server's time.
func (m *model) now() time.Time { return time.Now().UTC() }

// A mailbox is one with an address.
type mailbox struct {
	model     *model
	address   string
	name      string
	aliases   []string
	number    uint64 // of which its ids are made; another one after Migrate
	root      *folder
	known     map[string]*folder // by distinguished name
	grants    map[string]*grant  // by address in lower case
	events    []event
	hierarchy []folderChange
	dropped   uint64 // the events up to this one are forgotten
}

// addMailbox makes a mailbox with the folders that each has.
func (m *model) addMailbox(address, name string, aliases ...string) *mailbox {
	if b := m.mailbox(address); b != nil {
		return b
	}
	if name == "" {
		name, _, _ = strings.Cut(address, "@")
	}
	b := &mailbox{
		model: m, address: address, name: name, aliases: aliases, number: m.next(),
		known: make(map[string]*folder), grants: make(map[string]*grant),
	}
	m.boxes = append(m.boxes, b)
	b.makeFolders()
	return b
}

// mailbox returns the mailbox of an address, which may be an alias; nil if there is none.
func (m *model) mailbox(address string) *mailbox {
	for _, b := range m.boxes {
		if b.is(address) {
			return b
		}
	}
	return nil
}

// is reports whether address is one of b's.
func (b *mailbox) is(address string) bool {
	if strings.EqualFold(b.address, address) || strings.EqualFold(b.legacyName(), address) {
		return true
	}
	for _, a := range b.aliases {
		if strings.EqualFold(a, address) {
			return true
		}
	}
	return false
}

// legacyName is the mailbox's name in X.500.
func (b *mailbox) legacyName() string {
	local, _, _ := strings.Cut(b.address, "@")
	return "/o=Example/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/cn=" +
		fmt.Sprintf("%032x", hash(strings.ToLower(b.address))) + "-" + strings.ToLower(local)
}

// isHere reports whether mail to address's domain is for mailboxes of this server.
func (m *model) isHere(address string) bool {
	_, domain, _ := strings.Cut(address, "@")
	for _, d := range m.Domains {
		if strings.EqualFold(d, domain) {
			return true
		}
	}
	for _, b := range m.boxes {
		if _, d, _ := strings.Cut(b.address, "@"); strings.EqualFold(d, domain) {
			return true
		}
	}
	return false
}
