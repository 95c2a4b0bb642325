package ewstest

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"net/textproto"
	"slices"
	"strings"

	"github.com/go-serversync/serversync/item"
)

// A printer writes MIME. It writes what it is given, whatever that is: Exchange does not refuse
// to give a message because of an odd address in it.
type printer struct {
	bytes.Buffer
	boundary string
	count    int
}

// line writes a header field, folded at spaces.
func (p *printer) line(name, value string) {
	if value == "" {
		return
	}
	line := name + ":"
	for _, word := range strings.Fields(value) {
		if len(line)+1+len(word) > 76 && strings.TrimSpace(line) != name+":" {
			p.WriteString(line + "\r\n")
			line = ""
		}
		line += " " + word
	}
	p.WriteString(line + "\r\n")
}

// text writes a header field that is text.
func (p *printer) text(name, value string) { p.line(name, mime.QEncoding.Encode("utf-8", value)) }

func (p *printer) people(name string, list []item.Address) {
	var all []string
	for _, a := range list {
		switch {
		case a.Name == "":
			all = append(all, "<"+a.Addr+">")
		case isPlain(a.Name):
			all = append(all, `"`+strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(a.Name)+`" <`+a.Addr+">")
		default:
			all = append(all, mime.QEncoding.Encode("utf-8", a.Name)+" <"+a.Addr+">")
		}
	}
	p.line(name, strings.Join(all, ", "))
}

func isPlain(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool { return c < 0x20 || c > 0x7e })
}

// own are the header fields that render writes itself, in lower case.
var own = []string{"from", "sender", "to", "cc", "bcc", "reply-to", "subject", "date", "message-id", "in-reply-to", "references", "mime-version", "importance", "sensitivity", "disposition-notification-to", "return-receipt-to"}

// render makes an item's MIME: of its properties, and of what else was in the MIME that it came
// with.
func (it *stored) render() []byte {
	for _, f := range it.files {
		if f.item != nil {
			f.item.home = it.home
		}
	}
	p := &printer{boundary: fmt.Sprintf("_%03d_%016x%s_", len(it.files), hash(it.id), "ewstest")}
	it.renderHeader(p)
	whole := it.mail()
	_, replaced := it.set["Body"]
	_, rewritten := it.set["MimeContent"]
	if whole != noMail && !replaced && !rewritten && len(it.cutIn) == 0 && !it.home.box.model.Rewrite {
		it.renderAround(p)
		return p.Bytes()
	}
	plain, rich := whole.Text, whole.HTML
	if replaced {
		kind, text := it.body("Best")
		plain, rich = text, ""
		if kind == "HTML" {
			plain, rich = visible(text), text
		}
	}
	p.message(plain, rich, it.attached())
	return p.Bytes()
}

// renderHeader writes the header but for what is about content.
func (it *stored) renderHeader(p *printer) {
	h := it.head()
	for _, f := range h.Fields {
		name := strings.ToLower(f.Name)
		if !slices.Contains(own, name) && !strings.HasPrefix(name, "content-") {
			p.WriteString(f.Name + ": " + foldField(f.Value) + "\r\n")
		}
	}
	for _, e := range it.ext {
		if e.set == sets["InternetHeaders"] && len(e.values) > 0 {
			if field(h, e.name) == "" {
				p.text(textproto.CanonicalMIMEHeaderKey(e.name), e.values[0])
			}
		}
	}
	text := func(name string) string { return it.property(nil, name).value() }
	p.people("From", it.people("From"))
	if sender := it.people("Sender"); len(sender) > 0 && !slices.Equal(sender, it.people("From")) {
		p.people("Sender", sender)
	}
	p.people("Reply-To", it.people("ReplyTo"))
	p.people("To", it.people("ToRecipients"))
	p.people("Cc", it.people("CcRecipients"))
	p.text("Subject", it.subject())
	date := h.Date
	if t, ok := readTime(it.set["DateTimeSent"].value()); ok {
		date = t
	}
	if date.IsZero() {
		date = it.created
	}
	p.line("Date", date.Format("Mon, 02 Jan 2006 15:04:05 -0700"))
	p.line("Message-ID", text("InternetMessageId"))
	p.line("In-Reply-To", text("InReplyTo"))
	p.line("References", text("References"))
	for _, name := range []string{"Importance", "Sensitivity"} {
		switch value := text(name); value {
		case "Normal", "":
		case "Confidential":
			p.line(name, "Company-Confidential")
		default:
			p.line(name, value)
		}
	}
	if isTrue(text("IsReadReceiptRequested")) {
		p.people("Disposition-Notification-To", it.people("From"))
	}
	if isTrue(text("IsDeliveryReceiptRequested")) {
		p.people("Return-Receipt-To", it.people("From"))
	}
	p.line("MIME-Version", "1.0")
}

// foldField folds a long value at its spaces.
func foldField(value string) string {
	if len(value) < 900 {
		return value
	}
	var p printer
	p.line("", value)
	return strings.TrimSpace(strings.TrimPrefix(p.String(), ":"))
}

// renderAround writes the body as it came, with what was attached later behind it.
func (it *stored) renderAround(p *printer) {
	raw := it.bytes()
	head := header(raw)
	var content strings.Builder
	for _, line := range fieldsOf(head) {
		if strings.HasPrefix(strings.ToLower(line), "content-") {
			content.WriteString(line)
		}
	}
	body := raw[len(head):]
	body = bytes.TrimPrefix(bytes.TrimPrefix(body, []byte("\r\n")), []byte("\n"))
	if len(it.files) == 0 {
		p.WriteString(content.String() + "\r\n")
		p.Write(body)
		return
	}
	p.multipart("mixed", 1+len(it.files), func(i int) {
		if i == 0 {
			p.WriteString(content.String() + "\r\n")
			p.Write(body)
			return
		}
		p.file(it.files[i-1])
	})
}

// fieldsOf returns the fields of a header as they stand, each with its line ends.
func fieldsOf(head []byte) (fields []string) {
	for line := range strings.Lines(string(head)) {
		if (line[0] == ' ' || line[0] == '\t') && len(fields) > 0 {
			fields[len(fields)-1] += line
		} else if strings.TrimSpace(line) != "" {
			fields = append(fields, line)
		}
	}
	return fields
}

// message writes bodies and files as what is about content in a header, and content.
func (p *printer) message(plain, rich string, files []*file) {
	var inline, mixed []*file
	for _, f := range files {
		if f.inline && rich != "" {
			inline = append(inline, f)
		} else {
			mixed = append(mixed, f)
		}
	}
	related := func() {
		if len(inline) == 0 {
			p.leaf("text/html; charset=utf-8", "", rich)
			return
		}
		p.multipart("related", 1+len(inline), func(i int) {
			if i == 0 {
				p.leaf("text/html; charset=utf-8", "", rich)
			} else {
				p.file(inline[i-1])
			}
		})
	}
	text := func() {
		switch {
		case rich == "":
			p.leaf("text/plain; charset=utf-8", "", plain)
		case plain == "":
			related()
		default:
			p.multipart("alternative", 2, func(i int) {
				if i == 0 {
					p.leaf("text/plain; charset=utf-8", "", plain)
				} else {
					related()
				}
			})
		}
	}
	if len(mixed) == 0 {
		text()
		return
	}
	p.multipart("mixed", 1+len(mixed), func(i int) {
		if i == 0 {
			text()
		} else {
			p.file(mixed[i-1])
		}
	})
}

// multipart writes n parts.
func (p *printer) multipart(subtype string, n int, part func(i int)) {
	p.count++
	boundary := fmt.Sprintf("%s%d_", p.boundary, p.count)
	p.WriteString("Content-Type: multipart/" + subtype + ";\r\n\tboundary=\"" + boundary + "\"\r\n\r\n")
	for i := range n {
		p.WriteString("--" + boundary + "\r\n")
		part(i)
		if !bytes.HasSuffix(p.Bytes(), []byte("\r\n")) {
			p.WriteString("\r\n")
		}
		if i < n-1 || subtype != "" {
			p.WriteString("\r\n")
		}
	}
	p.WriteString("--" + boundary + "--\r\n")
}

// leaf writes a part of text.
func (p *printer) leaf(contentType, more, text string) {
	p.WriteString("Content-Type: " + contentType + "\r\nContent-Transfer-Encoding: quoted-printable\r\n" + more + "\r\n")
	w := quotedprintable.NewWriter(p)
	_, _ = w.Write([]byte(strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\n", "\r\n")))
	_ = w.Close()
	p.WriteString("\r\n")
}

// file writes a part that is an attachment.
func (p *printer) file(f *file) {
	kind, disposition := f.mediaType, "attachment"
	if kind == "" || !strings.Contains(kind, "/") {
		kind = "application/octet-stream"
	}
	if f.inline {
		disposition = "inline"
	}
	content := f.content
	if f.item != nil {
		kind = "message/rfc822"
		if b := f.item.bytes(); b != nil && !f.item.edited {
			content = b
		} else {
			content = f.item.render()
		}
	}
	p.WriteString("Content-Type: " + kind + "\r\n")
	p.WriteString("Content-Disposition: " + mime.FormatMediaType(disposition, map[string]string{"filename": f.name}) + "\r\n")
	if f.contentID != "" {
		p.line("Content-ID", "<"+f.contentID+">")
	}
	if f.item != nil {
		p.WriteString("\r\n")
		p.Write(content)
		return
	}
	p.WriteString("Content-Transfer-Encoding: base64\r\n\r\n")
	text := base64.StdEncoding.EncodeToString(content)
	for len(text) > 76 {
		p.WriteString(text[:76] + "\r\n")
		text = text[76:]
	}
	p.WriteString(text + "\r\n")
}
