package item

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime/quotedprintable"
	"strings"

	"github.com/emersion/go-message/textproto"
)

// Compose returns d as a message that any server takes: lines end with CR LF and
// have at most 998 octets, everything is ASCII, no value can end its header field,
// and Bcc is left out. The same draft gives the same bytes each time. The whole
// message is in memory.
//
// The error names every field that cannot be sent.
func (d *Draft) Compose() (*Blob, error) {
	if err := d.validate(); err != nil {
		return nil, err
	}
	root := d.body()
	var fields headerWriter
	d.writeFields(&fields)
	root.header = append(fields.lines, root.header...)

	var out bytes.Buffer
	out.Grow(root.size() + 4<<10)
	p := printer{boundary: d.boundary()}
	header, boundary := p.headerOf(root)
	if err := textproto.WriteHeader(&out, header); err != nil {
		return nil, fmt.Errorf("item: composing a message: %w", err)
	}
	if err := p.print(&out, root, boundary); err != nil {
		return nil, fmt.Errorf("item: composing a message: %w", err)
	}
	if !bytes.HasSuffix(out.Bytes(), []byte("\r\n")) {
		out.WriteString("\r\n")
	}
	if !isWireForm(out.Bytes()) {
		return nil, errors.New("item: composing a message gave lines that cannot be sent")
	}
	return NewBlob(out.Bytes()), nil
}

// writeFields writes the header but for the fields about content.
func (d *Draft) writeFields(h *headerWriter) {
	h.token("Date", d.Date.Format("Mon, 02 Jan 2006 15:04:05 -0700"))
	h.addresses("From", d.From)
	if d.Sender != (Address{}) {
		h.addresses("Sender", d.Sender)
	}
	h.addresses("Reply-To", d.ReplyTo...)
	h.addresses("To", d.To...)
	h.addresses("Cc", d.Cc...)
	if len(d.To)+len(d.Cc) == 0 && len(d.Bcc) > 0 {
		h.token("To", "undisclosed-recipients:;")
	}
	h.text("Subject", d.Subject)
	h.ids("Message-ID", d.MessageID)
	h.ids("In-Reply-To", d.InReplyTo...)
	h.ids("References", d.References...)
	for _, f := range d.Fields {
		h.text(f.Name, f.Value)
	}
	h.token("MIME-Version", "1.0")
}

// A node is a part to be written.
type node struct {
	header   []string // lines
	multi    string   // the multipart's subtype, "" for a leaf
	encoding string
	content  *Blob
	children []*node
}

func (n *node) size() int {
	size := 1 << 10
	if n.content != nil {
		size += int(n.content.Size()) * 3 / 2
	}
	for _, c := range n.children {
		size += c.size()
	}
	return size
}

// body returns the tree of parts: text and HTML are alternatives, images of the
// HTML are related to it, files are mixed with all that.
func (d *Draft) body() *node {
	var related, mixed []*node
	for i := range d.Attachments {
		a := &d.Attachments[i]
		if a.Inline && d.HTML != "" {
			related = append(related, a.node())
		} else {
			mixed = append(mixed, a.node())
		}
	}
	var body *node
	if d.HTML != "" {
		body = group("related", append([]*node{textNode("html", d.HTML)}, related...))
	}
	if d.Text != "" || body == nil {
		text := textNode("plain", d.Text)
		if body != nil {
			body = group("alternative", []*node{text, body})
		} else {
			body = text
		}
	}
	return group("mixed", append([]*node{body}, mixed...))
}

// group returns a multipart of parts, or the only one of them.
func group(subtype string, parts []*node) *node {
	if len(parts) == 1 {
		return parts[0]
	}
	return &node{multi: subtype, children: parts}
}

// boundary returns what every boundary of d starts with. It is made of the content,
// so that it is the same each time; and as "=_" is in no encoded body, and bodies
// with it are encoded, no content can hold it.
func (d *Draft) boundary() string {
	h := sha256.New()
	fmt.Fprintf(h, "%q %q %q %q", d.MessageID, d.Subject, d.Text, d.HTML)
	for _, a := range d.Attachments {
		sum := a.Content.Sum()
		h.Write(sum[:])
	}
	return boundaryMark + hex.EncodeToString(h.Sum(nil)[:12])
}

const boundaryMark = "=_"

// A printer writes nodes with go-message.
type printer struct {
	boundary string
	count    int
}

// headerOf returns n's header for go-message, which writes its own order from the
// last line added to the first, and the boundary of its parts, if it has any.
func (p *printer) headerOf(n *node) (h textproto.Header, boundary string) {
	lines := n.header
	if n.multi != "" {
		p.count++
		boundary = fmt.Sprintf("%s_%d", p.boundary, p.count)
		lines = append(lines, fmt.Sprintf("Content-Type: multipart/%s;\r\n boundary=\"%s\"\r\n", n.multi, boundary))
	}
	for i := len(lines) - 1; i >= 0; i-- {
		h.AddRaw([]byte(lines[i]))
	}
	return h, boundary
}

// print writes n's content. The tree is three deep. It goes by go-message's textproto,
// for the package above that writes no part whose charset is another than UTF-8.
func (p *printer) print(w io.Writer, n *node, boundary string) error {
	if n.multi == "" {
		return n.encode(w)
	}
	parts := textproto.NewMultipartWriter(w)
	if err := parts.SetBoundary(boundary); err != nil {
		return err
	}
	for _, child := range n.children {
		header, inner := p.headerOf(child)
		cw, err := parts.CreatePart(header)
		if err != nil {
			return err
		}
		if err := p.print(cw, child, inner); err != nil {
			return err
		}
	}
	return parts.Close()
}

// encode writes a leaf's content in its encoding.
func (n *node) encode(w io.Writer) error {
	switch n.encoding {
	case "base64":
		return writeBase64(w, n.content.Open())
	case "quoted-printable":
		q := quotedprintable.NewWriter(w)
		if _, err := io.Copy(q, n.content.Open()); err != nil {
			return err
		}
		return q.Close()
	}
	_, err := io.Copy(w, n.content.Open())
	return err
}

// writeBase64 writes lines of 76 characters (RFC 2045, section 6.8).
func writeBase64(w io.Writer, r io.Reader) error {
	var raw [57]byte
	line := []byte("\r\n")
	for from := 2; ; from = 0 { // the first has no line before it
		n, err := io.ReadFull(r, raw[:])
		if n > 0 {
			line = base64.StdEncoding.AppendEncode(line[:2], raw[:n])
			if _, err := w.Write(line[from:]); err != nil {
				return err
			}
		}
		switch err {
		case nil:
		case io.EOF, io.ErrUnexpectedEOF:
			return nil
		default:
			return err
		}
	}
}

// textNode returns the part for a body.
func textNode(subtype, text string) *node {
	text = toCRLF(strings.ToValidUTF8(text, "\uFFFD"))
	n := &node{content: NewBlob([]byte(text)), encoding: textEncoding(text)}
	var h headerWriter
	h.token("Content-Type", "text/"+subtype+"; charset=utf-8")
	h.token("Content-Transfer-Encoding", n.encoding)
	n.header = h.lines
	return n
}

// toCRLF returns s with each line end made CR LF.
func toCRLF(s string) string {
	var l lineEnds
	b := append(bytes.Clone(l.convert([]byte(s))), l.close()...)
	return string(bytes.ReplaceAll(b, []byte{'\n'}, []byte("\r\n")))
}

// textEncoding returns the encoding that keeps text readable on the wire.
func textEncoding(text string) string {
	if isWireForm([]byte(text)) && !strings.Contains(text, boundaryMark) {
		return "7bit"
	}
	high := 0
	for i := range len(text) {
		if text[i] >= 0x80 {
			high++
		}
	}
	if high > len(text)/3 {
		return "base64"
	}
	return "quoted-printable"
}

// node returns the part for the file.
func (a *DraftAttachment) node() *node {
	kind, _ := a.mediaType() // validated
	n := &node{content: a.Content, encoding: "base64"}
	if strings.HasPrefix(kind, "message/") {
		// RFC 2046, section 5.2.1 allows no base64 here.
		if b, ok := a.Content.Bytes(); ok && isWireForm(b) && !bytes.Contains(b, []byte(boundaryMark)) {
			n.encoding = "7bit"
		} else {
			kind = "application/octet-stream"
		}
	}
	var h headerWriter
	h.token("Content-Type", kind)
	h.token("Content-Transfer-Encoding", n.encoding)
	if a.ContentID != "" {
		h.ids("Content-ID", a.ContentID)
	}
	disposition := "attachment"
	if a.Inline {
		disposition = "inline"
	}
	h.disposition(disposition, cleanName(a.Name))
	n.header = h.lines
	return n
}

// longLine is the most octets in a line but for its end (RFC 5322, section 2.1.1).
const longLine = 998

// isWireForm reports whether b may go over any server as it stands: ASCII without
// NUL, lines of at most 998 octets that end with CR LF.
func isWireForm(b []byte) bool {
	start := 0
	for i, c := range b {
		switch {
		case c == '\n':
			if i == 0 || b[i-1] != '\r' || i-1-start > longLine {
				return false
			}
			start = i + 1
		case c == '\r' && (i+1 == len(b) || b[i+1] != '\n'), c == 0, c >= 0x80:
			return false
		}
	}
	return len(b)-start <= longLine
}
