// Package notice recognizes what a program wrote: reports of delivery, answers sent by
// themselves, mail of lists, receipts, and mail that goes round in circles.
//
// It is pure: [Header] looks at a header, [Message] at a whole message, and neither
// believes anything that a header does not say in so many words. What a notice says
// is a claim of its sender; who acts on it compares it with what was really sent.
package notice

import "github.com/go-serversync/serversync/item"

// A Kind says what a message is.
type Kind string

// The kinds.
const (
	Personal  Kind = ""           // nothing says that a program wrote it
	Delivery  Kind = "delivery"   // what became of a message (RFC 3464, and older forms)
	Receipt   Kind = "receipt"    // that it was displayed or deleted (RFC 8098)
	AutoReply Kind = "auto-reply" // an answer that a program sent by itself (RFC 3834), such as an absence
	Automatic Kind = "automatic"  // sent by a program, but not as an answer
	List      Kind = "list"       // by way of a mailing list (RFC 2919, RFC 2369)
	Bulk      Kind = "bulk"       // to many at once
)

// RFC3464 is the Format of delivery status notifications as the standard has them.
const RFC3464 = "rfc3464"

// An Action is what became of a message for one recipient (RFC 3464, section 2.3.3).
type Action string

// The actions.
const (
	Failed    Action = "failed"  // for good
	Delayed   Action = "delayed" // it is still tried
	Delivered Action = "delivered"
	Relayed   Action = "relayed"   // to a system that reports nothing
	Expanded  Action = "expanded"  // to many more
	Displayed Action = "displayed" // of receipts
	Deleted   Action = "deleted"   // of receipts: without having been displayed
)

// A Notice is what is recognized of a message.
type Notice struct {
	Kind     Kind   `json:"kind,omitempty"`
	Evidence string `json:"evidence,omitempty"` // the field or form that says so, such as "Auto-Submitted: auto-replied"
	Format   string `json:"format,omitempty"`   // of Delivery: RFC3464 or the name of an older form, such as "qmail"

	// NoAnswer says that nothing may be sent in answer by a program (RFC 3834,
	// section 2).
	NoAnswer bool `json:"noAnswer,omitempty"`

	// NeedsBody says, of what Header returns, that Message could tell more: what a
	// report says, or whether it is one at all, stands in the body.
	NeedsBody bool `json:"-"`

	// Of Delivery and Receipt:
	MessageID  string   `json:"messageID,omitempty"`  // of the message that it is about, without angle brackets
	EnvelopeID string   `json:"envelopeID,omitempty"` // of its envelope (RFC 3461), which is the outbox entry's ID
	Reports    []Report `json:"reports,omitempty"`    // at most 1,000
}

// A Report is what a notice says of one recipient.
type Report struct {
	Recipient string `json:"recipient"`       // as the message was sent to, in lower case; "" if it does not say
	Final     string `json:"final,omitempty"` // where it ended, if elsewhere
	Action    Action `json:"action"`
	Status    string `json:"status,omitempty"`    // RFC 3463, such as "5.1.1"
	Diagnosis string `json:"diagnosis,omitempty"` // what a server said, at most 256 bytes, without control characters
}

// Header says what a message is by its header alone. The message may be one of
// [item.ParseHeader]. It costs a few microseconds, for it is asked of every message.
func Header(m *item.Message) Notice {
	h := readHeader(m)
	return h.notice()
}

// Message says what a whole message is, one of [item.ParseMessage], and what it
// reports. It reads from the message's Raw, which must not be released yet.
func Message(m *item.Message) Notice {
	h := readHeader(m)
	n := h.notice()
	n.NeedsBody = false
	switch {
	case h.statusPart(m) != nil:
		h.delivery(&n)
	case h.receiptPart(m) != nil:
		h.receipt(&n)
	case n.Kind == Delivery || h.daemon || h.postmaster || h.null:
		h.olderForm(&n)
	}
	return n
}
