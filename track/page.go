package track

import (
	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/notice"
)

// A Reading says where a page was read from.
type Reading struct {
	Mailbox   mailbox.Mailbox // whose it is
	Sent      bool            // its folder holds sent mail
	Folder    bool            // its folder is a tracked one, whose mail belongs to Regarding
	Regarding Ref
}

// A Message is one of a page's.
type Message struct {
	*item.Message       // as far as it was read
	Whole         bool  // not the header alone
	Size          int64 // of the whole; 0 if not known
	Category      bool  // a person has given it the category that stands for tracking
}

// A Page is messages of one folder that are judged together. It is for one goroutine.
type Page struct {
	rules     *Rules
	reading   Reading
	addresses []string // of the mailbox
	entries   []entry
}

// Page returns a page of messages that were read from one folder. Whole messages of
// a forward mailbox are unpacked ([Unpack]) and judged as their originals.
func (r *Rules) Page(reading Reading, messages []Message) *Page {
	p := &Page{rules: r, reading: reading, addresses: ownAddresses(&reading.Mailbox), entries: make([]entry, len(messages))}
	for i, m := range messages {
		p.entries[i] = r.read(&p.reading, p.addresses, m)
	}
	return p
}

// Addresses returns every address that the page's verdicts ask about, each once, the
// mailbox's own first, as an [AddressBook] is asked. Of a message it is the sender
// and at most 1,000 recipients. What is no address is left out.
func (p *Page) Addresses() []string {
	list := make([]string, 0, len(p.addresses)+2*len(p.entries))
	seen := make(map[string]bool, cap(list))
	add := func(address string) {
		if address != "" && !seen[address] {
			seen[address] = true
			list = append(list, address)
		}
	}
	for _, address := range p.addresses {
		add(address)
	}
	for i := range p.entries {
		e := &p.entries[i]
		add(e.forwarder)
		add(e.from)
		for _, r := range e.to {
			add(r.address)
			add(withoutDetail(r.address))
		}
	}
	return list
}

// Query returns what the page's messages may be matched by. Empty if by nothing. It
// asks about their own Message-IDs as well, and those that reports are about.
func (p *Page) Query() Query {
	var q Query
	for i := range p.entries {
		e := &p.entries[i]
		if p.reading.Mailbox.Kind == mailbox.Forward && !e.wrapped {
			continue // nothing is known of the original
		}
		e.keys.ask(&q)
		for _, id := range [...]string{e.MessageID, e.sentAs, e.notice.MessageID} {
			if id != "" {
				q.IDs = append(q.IDs, id)
			}
		}
	}
	q.compact()
	return q
}

// Judge returns a verdict on each message, in their order. Parties and emails are the
// answers to Addresses and Query.
func (p *Page) Judge(parties map[string][]Party, emails []Email) []Verdict {
	c := newCourt(p, parties, emails)
	verdicts := make([]Verdict, len(p.entries))
	for i := range p.entries {
		verdicts[i] = c.judge(&p.entries[i])
	}
	return verdicts
}

// reports reports whether a notice tells what became of a message.
func reports(n *notice.Notice) bool { return n.Kind == notice.Delivery || n.Kind == notice.Receipt }
