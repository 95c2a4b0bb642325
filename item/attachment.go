package item

import (
	"crypto/sha256"
	"io"
	"strings"

	"github.com/go-serversync/serversync/internal/mime"
)

// Open returns a reader of the attachment's decoded content, Size bytes whose
// SHA-256 is Sum. It reads from the message's Raw as it goes and fails once that is
// released. Each call gives its own.
func (a *Attachment) Open() io.Reader {
	if a.raw == nil {
		return strings.NewReader("")
	}
	c := &content{from: io.NewSectionReader(a.raw.at, a.from, a.to-a.from), decodes: a.encoding != ""}
	c.transfer.Reset(a.encoding)
	return c
}

// Blob returns the attachment's content without reading or copying it, as a part of
// the message's Raw: it fails once that is released. It is nil if the content is
// encoded, as that of a message within a message never should be (RFC 2046, section
// 5.2.1). Releasing it does nothing.
func (a *Attachment) Blob() *Blob {
	if a.raw == nil || a.encoding != "" || a.to-a.from != a.Size {
		return nil
	}
	b := &Blob{size: a.Size, sum: a.Sum, at: io.NewSectionReader(a.raw.at, a.from, a.Size)}
	if a.raw.bytes != nil {
		b.bytes = a.raw.bytes[a.from:a.to:a.to]
	}
	return b
}

// content decodes a part's body.
type content struct {
	from     io.Reader
	transfer mime.Transfer
	decodes  bool
	in, out  []byte
	rest     []byte // of out
	err      error
}

// Read implements io.Reader.
func (c *content) Read(b []byte) (int, error) {
	if c.in == nil {
		c.in = make([]byte, 16<<10)
	}
	for len(c.rest) == 0 && c.err == nil && len(b) > 0 {
		n, err := c.from.Read(c.in)
		c.rest = c.transfer.Decode(c.out[:0], c.in[:n])
		if err == io.EOF {
			c.rest = c.transfer.Close(c.rest)
		}
		if c.decodes {
			c.out = c.rest // it may have grown. Without an encoding it is c.in
		}
		c.err = err
	}
	n := copy(b, c.rest)
	c.rest = c.rest[n:]
	if n > 0 || len(b) == 0 {
		return n, nil
	}
	return 0, c.err
}

func (c *collector) beginFile(part *mime.Part) {
	c.size = 0
	c.sum.Reset()
	if c.isText = strings.HasPrefix(part.Type, "text/"); c.isText {
		c.plain.reset()
	}
}

// endFile lists the attachment.
func (c *collector) endFile(part *mime.Part) {
	var sum, known [sha256.Size]byte
	c.sum.Sum(sum[:0])
	known = sum
	if c.isText {
		c.plain.hash(c.plain.lines.close())
		c.plain.sum.Sum(known[:0])
	}
	c.files = append(c.files, known)
	m := c.message
	if len(m.Attachments) >= c.limits.Attachments {
		c.warn(WarnAttachments)
		return
	}
	m.Attachments = append(m.Attachments, Attachment{
		Name:      fileName(part),
		Type:      part.Type,
		ContentID: part.ContentID,
		Inline:    part.Disposition == "inline",
		Size:      c.size,
		Sum:       sum,
		raw:       c.raw,
		from:      part.From,
		to:        part.To,
		encoding:  part.Encoding,
	})
}

// fileName returns the part's cleaned file name. Content-Disposition's counts
// before Content-Type's.
func fileName(part *mime.Part) string {
	if name := cleanName(mime.Get(part.FileParams, "filename")); name != "" {
		return name
	}
	return cleanName(mime.Get(part.Params, "name"))
}
