package item

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Draft is a message to be sent. Compose makes the bytes of it.
type Draft struct {
	From    Address // required
	Sender  Address // who sends on From's behalf, if it is somebody else
	ReplyTo []Address

	To, Cc []Address
	Bcc    []Address // in the Envelope, never in the message

	Subject string
	Text    string // the plain body; any line ends
	HTML    string // the same as HTML, if any

	Attachments []DraftAttachment

	// MessageID, without angle brackets, and Date are required: what is sent again
	// after a crash must be the same message, so nothing here is made up on the way.
	// Date keeps its zone.
	MessageID string
	Date      time.Time

	InReplyTo  []string // ids without angle brackets
	References []string // oldest first
	Fields     []Field  // further header fields, such as Auto-Submitted
}

// DraftAttachment is a file to be sent.
type DraftAttachment struct {
	Name      string // shown to the recipient; cleaned as names of attachments are
	Type      string // media type, with parameters if any. Default: application/octet-stream
	ContentID string // without angle brackets, if the HTML refers to it by "cid:"
	Inline    bool   // shown within the HTML: needs a ContentID
	Content   *Blob  // required
}

// Envelope is what SMTP is told about a message (RFC 5321, section 2.3.1).
type Envelope struct {
	From      string   // the address that bounces go to
	To        []string // recipients, each once
	MessageID string
}

// Envelope returns d's envelope: From Sender, else From; to To, Cc and Bcc. The
// error names each address that cannot be sent to.
func (d *Draft) Envelope() (Envelope, error) {
	return envelope(d.MessageID, [][]Address{{d.Sender}, {d.From}}, d.To, d.Cc, d.Bcc)
}

// Envelope returns the envelope to send m by, for a message that was made
// elsewhere. Send [WithoutBcc] of its Raw.
func (m *Message) Envelope() (Envelope, error) {
	return envelope(m.MessageID, [][]Address{m.Sender, m.From}, m.To, m.Cc, m.Bcc)
}

func envelope(id string, from [][]Address, to ...[]Address) (Envelope, error) {
	e := Envelope{MessageID: id}
	var errs []error
	for _, list := range from {
		if e.From == "" && len(list) > 0 && list[0].Addr != "" {
			e.From = list[0].Addr
			errs = append(errs, checkAddress("From", e.From))
		}
	}
	if e.From == "" {
		errs = append(errs, errors.New("item: no sender"))
	}
	seen := map[string]bool{}
	for _, list := range to {
		for _, a := range list {
			errs = append(errs, checkAddress("recipient", a.Addr))
			if key := canonicalAddress(a.Addr); !seen[key] {
				seen[key] = true
				e.To = append(e.To, a.Addr)
			}
		}
	}
	if len(e.To) == 0 {
		errs = append(errs, errors.New("item: no recipient"))
	}
	return e, errors.Join(errs...)
}

// canonicalAddress is equal for the spellings of one address. Servers may tell
// upper from lower case in the local part; those that do and give both to
// different people are none that we know of.
func canonicalAddress(addr string) string {
	return strings.TrimSuffix(strings.ToLower(addr), ".")
}

// validate reports everything that is wrong with d.
func (d *Draft) validate() error {
	var errs []error
	add := func(err error) { errs = append(errs, err) }
	if d.From.Addr == "" {
		add(errors.New("item: Draft.From is required"))
	}
	if d.MessageID == "" {
		add(errors.New("item: Draft.MessageID is required: it has to be stored before the message is sent"))
	}
	if d.Date.IsZero() {
		add(errors.New("item: Draft.Date is required: it has to be the same each time the message is sent"))
	} else if y := d.Date.Year(); y < 1970 || y > 9999 {
		add(fmt.Errorf("item: Draft.Date is in the year %d", y))
	}
	for name, list := range d.addressFields() {
		for _, a := range list {
			add(checkAddress("Draft."+name, a.Addr))
			add(checkValue("Draft."+name, a.Name))
		}
	}
	add(checkValue("Draft.Subject", d.Subject))
	add(checkID("Draft.MessageID", d.MessageID))
	for _, id := range d.InReplyTo {
		add(checkID("Draft.InReplyTo", id))
	}
	for _, id := range d.References {
		add(checkID("Draft.References", id))
	}
	for _, f := range d.Fields {
		add(f.validate())
	}
	for i := range d.Attachments {
		add(d.Attachments[i].validate())
	}
	return errors.Join(errs...)
}

// addressFields yields each address field that is set, in the header's order.
func (d *Draft) addressFields() func(yield func(string, []Address) bool) {
	one := func(a Address) []Address {
		if a == (Address{}) {
			return nil
		}
		return []Address{a}
	}
	return func(yield func(string, []Address) bool) {
		_ = yield("From", one(d.From)) && yield("Sender", one(d.Sender)) &&
			yield("ReplyTo", d.ReplyTo) && yield("To", d.To) && yield("Cc", d.Cc) &&
			yield("Bcc", d.Bcc)
	}
}

// validate reports whether f may be written beside the fields Compose writes.
func (f Field) validate() error {
	if !isFieldName(f.Name) {
		return fmt.Errorf("item: Draft.Fields has the name %q, which is no field name", f.Name)
	}
	lower := strings.ToLower(f.Name)
	switch lower {
	case "from", "sender", "reply-to", "to", "cc", "bcc", "subject", "date", "message-id",
		"in-reply-to", "references", "mime-version", "return-path", "received":
		return fmt.Errorf("item: Draft.Fields has %s, which is not for it to set", f.Name)
	}
	if strings.HasPrefix(lower, "content-") || strings.HasPrefix(lower, "resent-") {
		return fmt.Errorf("item: Draft.Fields has %s, which is not for it to set", f.Name)
	}
	return checkValue("Draft.Fields, "+f.Name, f.Value)
}

func (a *DraftAttachment) validate() error {
	errs := []error{
		checkValue("DraftAttachment.Name", a.Name),
		checkID("DraftAttachment.ContentID", a.ContentID),
	}
	if _, err := a.mediaType(); err != nil {
		errs = append(errs, err)
	}
	if a.Content == nil {
		errs = append(errs, errors.New("item: DraftAttachment.Content is nil"))
	}
	if a.Inline && a.ContentID == "" {
		errs = append(errs, errors.New("item: DraftAttachment is Inline without a ContentID"))
	}
	return errors.Join(errs...)
}
