package item

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/go-serversync/serversync/internal/mime"
)

// ParseMessage reads the message in raw, which it keeps as the message's Raw. No
// content is refused: what is wrong is repaired or left out, and Warnings say so.
// The error is that raw could not be read to its end.
//
// Text is the parts of type text/plain that are no attachments, joined by line
// ends; HTML is the first such part of type text/html. A part is an attachment if
// its Content-Disposition says so, if it has a file name, if it is the second of
// its type in a multipart/alternative or not the first in a multipart/related, and
// if it is of any other type. A message within the message is an attachment.
//
// Of a field that may stand only once, the first counts.
func ParseMessage(raw *Blob, limits Limits) (*Message, error) {
	c := idleCollector()
	m, err, failed := c.parse(raw, limits.WithDefaults())
	if failed {
		// c is left to the garbage collector, as nobody knows its state.
		return unparsed(raw, limits.WithDefaults())
	}
	c.message, c.raw = nil, nil
	collectors.Put(c)
	return m, err
}

// collectors saves the buffers of one message for the next.
var collectors sync.Pool

func idleCollector() *collector {
	if c, ok := collectors.Get().(*collector); ok {
		return c
	}
	return new(collector)
}

// ParseHeader reads a header block by itself, for a listing. The result has no
// Raw, Text, Attachments and Digest, and no MessageID if the sender gave none.
func ParseHeader(header []byte, limits Limits) (m *Message) {
	limits = limits.WithDefaults()
	defer func() {
		if recover() != nil {
			m = &Message{Warnings: []Warning{WarnParser}}
		}
	}()
	c := idleCollector()
	c.limits, c.message, c.flags, c.warnings = limits, new(Message), 0, c.warnings[:0]
	fields, flags := c.parser.ParseHeader(header, limits.mime())
	c.Header(fields)
	m = c.message
	m.addWarnings(flags | c.flags)
	m.Warnings = append(m.Warnings, c.warnings...)
	c.message = nil
	collectors.Put(c)
	return m
}

func (l Limits) mime() mime.Limits {
	return mime.Limits{
		Header: l.Header, Fields: l.Fields, Field: l.Field,
		Parts: l.Parts, Depth: l.Depth, Parameters: l.Parameters,
	}
}

// parse reads raw. failed says that it panicked: a bug of ours, which must not
// cost more than the one message.
func (c *collector) parse(raw *Blob, limits Limits) (m *Message, err error, failed bool) {
	defer func() {
		if recover() != nil {
			m, err, failed = nil, nil, true
		}
	}()
	c.reset(raw, limits)
	var flags mime.Flags
	if b, ok := raw.Bytes(); ok {
		flags = c.parser.ParseBytes(b, limits.mime(), c)
	} else {
		r := &counter{r: raw.Open()}
		if flags, err = c.parser.Parse(r, limits.mime(), c); err == nil && r.n != raw.Size() {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return nil, fmt.Errorf("item: reading a message: %w", err), false
		}
	}
	return c.finish(flags), nil, false
}

// A counter counts what is read, as short is not whole.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += int64(n)
	return n, err
}

// unparsed returns a message whose text is raw's body as it stands.
func unparsed(raw *Blob, limits Limits) (*Message, error) {
	b := make([]byte, min(raw.Size(), int64(limits.Text)))
	if _, err := io.ReadFull(raw.Open(), b); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("item: reading a message: %w", err)
	}
	for _, blank := range []string{"\r\n\r\n", "\n\n"} {
		if _, body, ok := bytes.Cut(b, []byte(blank)); ok {
			b = body
			break
		}
	}
	m := &Message{Text: mime.Text(b), Warnings: []Warning{WarnParser}, Raw: raw}
	sum := raw.Sum()
	m.Digest = digestOf(func(put putter) { put("unparsed", string(sum[:])) })
	m.MessageID = missingID(m.Digest)
	return m, nil
}
