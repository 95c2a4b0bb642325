package ews

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-serversync/serversync/ews/internal/soap"
	"github.com/go-serversync/serversync/item"
)

// parts are the properties of a message of which a header, or the whole, is put together.
type parts struct {
	header    string // as it came over the Internet; "" of a message that did not
	transport []byte // what is left of it
	fields    []item.Field
	subject   string
	sent      time.Time
	received  time.Time

	messageID, inReplyTo, references string
	threadIndex                      string

	from, sender            []person
	to, cc, bcc, replyTo    []person
	senderSMTP, sentForSMTP string

	body, bodyType string
	attachments    []attachment
}

// headerProperties are those of which a header is made.
func headerProperties() []property {
	return append(named(subjectOfItem, receivedOfItem, inReplyToOfItem, headersOfItem, sentOfItem,
		"message:Sender", "message:ToRecipients", "message:CcRecipients", "message:From",
		"message:InternetMessageId", "message:References", "message:ReplyTo"),
		property{tag: tagHeader, kind: "String"}, property{tag: tagThreadIndex, kind: "Binary"},
		property{tag: tagSenderSMTP, kind: "String"}, property{tag: tagSentForSMTP, kind: "String"})
}

// The bounds of what parts hold.
const (
	maxPeople = 10_000
	maxFields = 1000
)

// readField reads a field that parts have, and reports whether it is one.
func (p *parts) readField(r *soap.Reader, e soap.Element) bool {
	if e.Name.Space != soap.Types {
		return false
	}
	switch e.Name.Local {
	case "Subject":
		p.subject = r.Text(e, maxText)
	case "DateTimeSent":
		p.sent = readTime(r.Text(e, maxText))
	case "InReplyTo":
		p.inReplyTo = r.Text(e, maxText)
	case "References":
		p.references = short(r.Text(e, maxHeader))
	case "InternetMessageId":
		p.messageID = r.Text(e, maxText)
	case "InternetMessageHeaders":
		p.fields = readFields(r, e)
	case "From":
		p.from = readPeople(r, e, 1)
	case "Sender":
		p.sender = readPeople(r, e, 1)
	case "ToRecipients":
		p.to = readPeople(r, e, maxPeople)
	case "CcRecipients":
		p.cc = readPeople(r, e, maxPeople)
	case "BccRecipients":
		p.bcc = readPeople(r, e, maxPeople)
	case "ReplyTo":
		p.replyTo = readPeople(r, e, maxPeople)
	case "Body":
		p.bodyType, p.body = e.Attr("BodyType"), r.Text(e, maxHeader)
	case "Attachments":
		p.attachments = readAttachments(r, e)
	case "ExtendedProperty":
		return p.readExtended(readExtended(r, e))
	default:
		return false
	}
	return true
}

func (p *parts) readExtended(tag uint64, value string) bool {
	switch tag {
	case tagHeader:
		p.header = value
	case tagThreadIndex:
		p.threadIndex = strings.TrimSpace(value)
	case tagSenderSMTP:
		p.senderSMTP = value
	case tagSentForSMTP:
		p.sentForSMTP = value
	}
	return true
}

// readFields reads InternetMessageHeaders, whose values are decoded and on one line.
func readFields(r *soap.Reader, e soap.Element) (list []item.Field) {
	for one := range r.Children(e) {
		if one.Is(soap.Types, "InternetMessageHeader") && len(list) < maxFields {
			list = append(list, item.Field{Name: one.Attr("HeaderName"), Value: short(r.Text(one, maxHeader))})
		}
	}
	return list
}

// short returns a text, and of one that is too long nothing.
func short(text string) string {
	if len(text) > maxText {
		return ""
	}
	return text
}

// spare drops what is not needed of parts that have a header, for there are many at once.
func (p *parts) spare(most int) {
	if len(p.header) > most {
		*p = parts{} // the whole is asked for
	} else if p.header != "" {
		p.transport = transportHeader(p.header)
		p.header = ""
	}
	if hasField(p.transport, "From") {
		*p = parts{transport: p.transport}
	}
}

// hasField reports whether a header has a field.
func hasField(header []byte, name string) bool {
	for line := range bytes.Lines(header) {
		if len(line) > len(name) && line[len(name)] == ':' && strings.EqualFold(string(line[:len(name)]), name) {
			return true
		}
	}
	return false
}

// headerOf returns a message's header: as it came over the Internet where Exchange has
// kept that, and else put together. It is nil for a message of which too little is known: then its whole is
// asked for.
func (s *session) headerOf(ctx context.Context, p *parts) ([]byte, error) {
	if hasField(p.transport, "From") || p.messageID == "" || len(p.from)+len(p.sender) == 0 || p.sent.IsZero() {
		return p.transport, nil
	}
	d, err := s.draft(ctx, p)
	if err != nil {
		return nil, err
	}
	blob, err := d.Compose()
	if err != nil {
		return nil, nil
	}
	raw, _ := blob.Bytes()
	head, _, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
	return append(slices.Clone(head), "\r\n\r\n"...), nil
}

// transportHeader returns a header as it was before Exchange took it, nil if that is none.
// What Exchange puts before it is left out, and the headers of the message's parts that it may put
// behind it.
func transportHeader(text string) []byte {
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	if line, rest, _ := strings.Cut(text, "\n"); strings.HasPrefix(line, "Microsoft Mail Internet Headers") {
		text = rest
	}
	text, _, _ = strings.Cut(strings.TrimLeft(text, "\n"), "\n\n")
	text = strings.TrimRight(text, "\n")
	if name, _, found := strings.Cut(text, ":"); !found || name == "" || strings.ContainsAny(name, " \t\n") {
		return nil
	}
	return []byte(strings.ReplaceAll(text, "\n", "\r\n") + "\r\n\r\n")
}

// draft returns a message made of parts, without its attachments. It is the same for the
// same parts.
func (s *session) draft(ctx context.Context, p *parts) (*item.Draft, error) {
	d := &item.Draft{Subject: oneLine(p.subject), Date: p.sent, MessageID: bareID(p.messageID)}
	if d.Date.IsZero() {
		d.Date = p.received
	}
	from, sender := p.from, p.sender
	if len(from) == 0 {
		from, sender = sender, nil
	}
	for _, of := range []struct {
		to   *[]item.Address
		list []person
		hint string
	}{{nil, from, p.sentForSMTP}, {&d.ReplyTo, p.replyTo, ""}, {&d.To, p.to, ""}, {&d.Cc, p.cc, ""}} {
		for _, one := range of.list {
			a, err := s.address(ctx, one, of.hint)
			switch {
			case err != nil:
				return nil, err
			case !canBeSent(a):
			case of.to == nil:
				d.From = a
			default:
				*of.to = append(*of.to, a)
			}
		}
	}
	if len(sender) > 0 {
		a, err := s.address(ctx, sender[0], p.senderSMTP)
		if err != nil {
			return nil, err
		}
		if canBeSent(a) && !strings.EqualFold(a.Addr, d.From.Addr) {
			d.Sender = a
		}
	}
	d.InReplyTo, d.References = ids(p.inReplyTo), ids(p.references)
	d.Fields = p.further()
	s.complete(d, p)
	return d, nil
}

// complete gives a draft what it must have and the message has not: a person who has not
// written to anybody yet, or a message without an id, which then gets one of its content.
func (s *session) complete(d *item.Draft, p *parts) {
	if d.From.Addr == "" {
		d.From = item.Address{Addr: s.client.account.Mailbox.Address}
		if !canBeSent(d.From) {
			d.From.Addr = "unknown@sender.invalid"
		}
	}
	if y := d.Date.Year(); y < 1970 || y > 9999 {
		d.Date = time.Unix(0, 0).UTC()
	}
	if d.MessageID == "" {
		sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %d %q %q", p.threadIndex, p.subject, d.Date.Unix(), d.From.Addr, p.body))
		d.MessageID = hex.EncodeToString(sum[:16]) + "@missing.invalid"
	}
}

// further returns the fields of p that a draft has not by itself.
func (p *parts) further() (list []item.Field) {
	thread := false
	for _, f := range p.fields {
		f.Value = oneLine(f.Value)
		if mayAdd(f) {
			list = append(list, f)
			thread = thread || strings.EqualFold(f.Name, "Thread-Index")
		}
	}
	if !thread && p.threadIndex != "" {
		if f := (item.Field{Name: "Thread-Index", Value: oneLine(p.threadIndex)}); mayAdd(f) {
			list = append(list, f)
		}
	}
	return list
}

// mayAdd reports whether a draft takes a field.
func mayAdd(f item.Field) bool {
	if len(f.Value) > maxText {
		return false
	}
	d := item.Draft{From: item.Address{Addr: "a@b.invalid"}, MessageID: "a@b.invalid", Date: zeroUnix, Fields: []item.Field{f}}
	_, err := d.Compose()
	return err == nil
}

// canBeSent reports whether a is an address that a header may have.
func canBeSent(a item.Address) bool {
	d := item.Draft{From: a, To: []item.Address{a}}
	_, err := d.Envelope()
	return err == nil
}

// ids returns the ids in a field, without what is none.
func ids(text string) (list []string) {
	for _, word := range strings.FieldsFunc(text, func(c rune) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ',' }) {
		if id := bareID(word); id != "" {
			list = append(list, id)
		}
	}
	return list
}

// bareID returns an id without its angle brackets, "" if that is none that a header may have.
func bareID(id string) string {
	id = strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(id), "<"), ">")
	d := item.Draft{From: item.Address{Addr: "a@b.invalid"}, MessageID: id, Date: zeroUnix}
	if _, err := d.Compose(); err != nil {
		return ""
	}
	return id
}

// oneLine returns text without what no field may hold.
func oneLine(text string) string {
	return strings.TrimSpace(strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f {
			return ' '
		}
		return c
	}, text))
}

// zeroUnix is a date that a draft may have.
var zeroUnix = time.Unix(0, 0).UTC()
