package ewstest

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/go-serversync/serversync/item"
)

// A SentMessage is one that was sent through the server.
type SentMessage struct {
	From       string   // the address that it came from: the mailbox's, or of whom it was sent for
	Recipients []string // all, those in Bcc too, each once
	Raw        []byte   // as the recipients get it
}

// recipients returns to whom a message is sent: to those of its properties, and for the kinds
// of them that were not given, to those of its MIME.
func (it *stored) recipients() (all []string) {
	for _, name := range []string{"ToRecipients", "CcRecipients", "BccRecipients"} {
		for _, a := range it.people(name) {
			if a.Addr != "" && !slices.ContainsFunc(all, func(b string) bool { return strings.EqualFold(a.Addr, b) }) {
				all = append(all, a.Addr)
			}
		}
	}
	return all
}

// send sends a message, which may be stored already, and keeps it in a folder, or nowhere if
// that is nil.
func (q *request) send(it *stored, keep *folder) error {
	m := q.model()
	box, err := q.box()
	if err != nil {
		return err
	}
	home := it.home
	if home != nil && home.box != box { // a delegate's draft in somebody else's mailbox
		if g := home.box.grantOf(q.acting); g != nil && (g.full || g.sendAs) {
			box = home.box
		}
	}
	if home == nil {
		it.home = box.known["drafts"] // that it may know whose it is
	}
	from, recipients, err := q.ready(box, it)
	if err != nil {
		it.home = home
		return err
	}
	raw, bcc := it.outgoing(box), it.people("BccRecipients")
	it.home = home
	it.keepSent(box, keep, raw, bcc)
	out := hideBcc(raw)
	m.sent = append(m.sent, SentMessage{From: from.Addr, Recipients: recipients, Raw: out})
	var unknown []string
	for _, a := range recipients {
		if b := m.mailbox(a); b != nil {
			b.deliver(out)
		} else if m.isHere(a) {
			unknown = append(unknown, a)
		}
	}
	if len(unknown) > 0 {
		box.deliver(undelivered(from.Addr, unknown, out))
	}
	return nil
}

// ready returns who a message is from and to whom, or why it cannot be sent.
func (q *request) ready(box *mailbox, it *stored) (from item.Address, to []string, err error) {
	m := q.model()
	if from, err = q.mayBe(box, it); err != nil {
		return from, nil, err
	}
	to = it.recipients()
	bad := func(a string) bool {
		return m.mailbox(a) == nil && (!isAddress(a) || m.RefuseUnknown && m.isHere(a))
	}
	switch {
	case len(to) == 0:
		return from, nil, fail("ErrorMissingRecipients", "At least one recipient is required.")
	case slices.ContainsFunc(to, bad):
		return from, nil, fail("ErrorInvalidRecipients", "At least one recipient is not valid.")
	}
	return from, to, nil
}

func isAddress(a string) bool {
	local, domain, ok := strings.Cut(a, "@")
	return ok && local != "" && domain != "" && !strings.ContainsAny(a, " \t<>\"\r\n")
}

// mayBe returns who a message is from, and whether the one who sends it may say so.
func (q *request) mayBe(box *mailbox, it *stored) (from item.Address, err error) {
	m := q.model()
	from = item.Address{Name: box.name, Addr: box.address}
	given := it.sender()
	if given.Addr == "" {
		it.set["From"] = group("From", m.address(from))
		it.edited = it.raw != nil
		return from, nil
	}
	if box.is(given.Addr) {
		return from, nil
	}
	other := m.mailbox(given.Addr)
	if other != nil {
		switch g := other.grantOf(q.acting); {
		case g != nil && (g.sendAs || g.full):
			return given, nil
		case g != nil && g.onBehalf:
			it.set["Sender"] = group("Sender", m.address(from))
			it.edited = it.raw != nil
			return given, nil
		}
	}
	return from, fail("ErrorSendAsDenied", "The user account which was used to submit this request does not have the right to send mail on behalf of the specified sending account.")
}

// outgoing returns the MIME that is sent. What every message must have is put into it.
func (it *stored) outgoing(box *mailbox) []byte {
	m := box.model
	if m.NewMessageID || it.property(nil, "InternetMessageId") == nil {
		_, domain, _ := strings.Cut(box.address, "@")
		id := fmt.Sprintf("<%016X%016X@%s>", hash(domain), m.next(), strings.ToUpper(domain[:1])+domain[1:])
		it.set["InternetMessageId"] = elem("InternetMessageId", id)
		it.edited = it.raw != nil
	}
	if it.head().Date.IsZero() {
		it.set["DateTimeSent"] = elem("DateTimeSent", stamp(m.now()))
		it.edited = it.raw != nil
	}
	if raw := it.bytes(); raw != nil && !it.edited && len(it.files) == 0 {
		return raw
	}
	return it.render()
}

// keepSent puts what was sent where it is kept. A draft goes there; it is a draft no longer.
func (it *stored) keepSent(box *mailbox, keep *folder, raw []byte, bcc []item.Address) {
	old, id := it.home, it.id
	if old != nil {
		it.take()
	}
	it.draft, it.read = false, true
	it.raw, it.make, it.seen, it.edited, it.files, it.cutIn, it.withFiles = item.NewBlob(raw), nil, nil, false, nil, nil, 0
	for name := range inMIME {
		delete(it.set, name)
	}
	delete(it.set, "ToRecipients")
	delete(it.set, "CcRecipients")
	if len(bcc) > 0 {
		it.set["BccRecipients"] = box.model.addresses("BccRecipients", bcc)
	}
	it.received, it.modified = box.model.now(), box.model.now()
	if keep == nil {
		if old != nil {
			old.box.tell(event{kind: "DeletedEvent", folder: old, id: id})
		}
		return
	}
	it.put(keep)
	if old != nil && old.box == keep.box {
		keep.box.tell(event{kind: "MovedEvent", folder: keep, id: it.id, old: old, oldID: id})
		return
	}
	keep.box.tell(event{kind: "CreatedEvent", folder: keep, id: it.id})
}

// hideBcc returns a message without its Bcc fields; one that has none as it is.
func hideBcc(raw []byte) []byte {
	head := header(raw)
	fields := fieldsOf(head)
	kept := slices.DeleteFunc(slices.Clone(fields), func(f string) bool {
		name, _, _ := strings.Cut(f, ":")
		return strings.EqualFold(strings.TrimSpace(name), "Bcc")
	})
	if len(kept) == len(fields) {
		return raw
	}
	return append([]byte(strings.Join(kept, "")), raw[len(head):]...)
}

// deliver puts a message into the inbox.
func (b *mailbox) deliver(raw []byte) *stored {
	it := newMail(b.model, raw, b.model.now())
	it.add(b.known["inbox"], true)
	return it
}

// undelivered returns the report that a message did not reach somebody.
func undelivered(to string, unknown []string, raw []byte) []byte {
	_, domain, _ := strings.Cut(to, "@")
	boundary := fmt.Sprintf("_ndr_%016x_", hash(string(raw)))
	var b bytes.Buffer
	line := func(s string, a ...any) { fmt.Fprintf(&b, s+"\r\n", a...) }
	subject := cmp.Or(field(item.ParseHeader(header(raw), item.Limits{}), "Subject"), "(no subject)")
	line("From: <postmaster@%s>", domain)
	line("To: <%s>", to)
	var p printer
	p.text("Subject", "Undeliverable: "+subject)
	b.WriteString(p.String())
	line("Message-ID: <%016x.%016x@%s>", hash(boundary), hash(string(raw)+to), domain)
	line("Auto-Submitted: auto-replied")
	line("MIME-Version: 1.0")
	line("Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"%s\"\r\n", boundary)
	line("--%s\r\nContent-Type: text/plain; charset=us-ascii\r\n", boundary)
	line("Delivery has failed to these recipients or groups:\r\n")
	for _, a := range unknown {
		line("%s\r\nThe email address you entered couldn't be found.\r\n", a)
	}
	line("--%s\r\nContent-Type: message/delivery-status\r\n", boundary)
	line("Reporting-MTA: dns;mail.%s", domain)
	for _, a := range unknown {
		line("\r\nFinal-Recipient: rfc822;%s\r\nAction: failed\r\nStatus: 5.1.10\r\nDiagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup", a)
	}
	line("\r\n--%s\r\nContent-Type: message/rfc822\r\n", boundary)
	_, _ = io.Copy(&b, bytes.NewReader(raw))
	line("\r\n--%s--", boundary)
	return b.Bytes()
}
