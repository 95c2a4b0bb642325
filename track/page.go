package track

import (
	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
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

// A Page is messages of one folder that are judged together.
type Page struct {
	rules    *Rules
	reading  Reading
	messages []Message
}

// Page returns a page of messages that were read from one folder.
func (r *Rules) Page(reading Reading, messages []Message) *Page {
	return &Page{rules: r, reading: reading, messages: messages}
}

// Addresses returns every address that the page's verdicts ask about, each once, the
// mailbox's own among them.
func (p *Page) Addresses() []string { return nil }

// Query returns what the page's messages may be matched by. Empty if by nothing.
func (p *Page) Query() Query { return Query{} }

// Judge returns a verdict on each message, in their order. Parties and emails are the
// answers to Addresses and Query.
func (p *Page) Judge(parties map[string][]Party, emails []Email) []Verdict {
	return make([]Verdict, len(p.messages))
}
