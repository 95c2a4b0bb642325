package item

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"strings"
	"unicode/utf8"

	"github.com/go-serversync/serversync/internal/mime"
)

// A collector makes a Message of what the parser finds. It is a mime.Handler.
type collector struct {
	parser   mime.Parser
	message  *Message
	raw      *Blob
	limits   Limits
	flags    mime.Flags
	warnings []Warning

	role    role
	charset mime.Charset
	lines   lineEnds
	decoded []byte // of the charset
	fresh   bool   // nothing of the part has come yet

	text, html kept
	before     kept // text without the preamble
	hasHTML    bool // a part was taken for it
	alternate  int  // Index of the text in the alternative at alternateDepth
	altDepth   int

	words   mime.WordWriter
	preface mime.WordWriter // of a preamble, which may be dropped
	markup  mime.HTMLWriter
	sums    [4]hash.Hash // text, preamble, HTML, links

	size   int64
	sum    hash.Hash  // of an attachment
	plain  normalizer // the same with line ends made equal, for text
	isText bool
	files  [][sha256.Size]byte // what the digest knows of attachments
	header []byte
}

// kept is a body as far as it is kept.
type kept struct {
	b   []byte
	cut bool
}

// add appends b, which is UTF-8, and reports whether it was within the limit.
// Nothing follows what was cut.
func (k *kept) add(b []byte, limit int) bool {
	if k.cut {
		return false
	}
	n := len(b)
	if room := limit - len(k.b); n > room {
		k.cut = true
		for n = room; n > 0 && !utf8.RuneStart(b[n]); n-- {
		}
	}
	k.b = append(k.b, b[:n]...)
	return !k.cut
}

// newLine ends the line, so that another part can follow.
func (c *collector) newLine() {
	if n := len(c.text.b); n > 0 && c.text.b[n-1] != '\n' {
		c.keep(&c.text, []byte{'\n'})
	}
}

var noWords = sha256.Sum256(nil)

// A role is what a part is to the message.
type role byte

const (
	roleFile role = iota
	roleText
	roleHTML
	rolePreamble
)

func (c *collector) reset(raw *Blob, limits Limits) {
	if c.sum == nil {
		c.sum = sha256.New()
		c.plain.sum = sha256.New()
		for i := range c.sums {
			c.sums[i] = sha256.New()
		}
	}
	for _, h := range c.sums {
		h.Reset()
	}
	const keep = 1 << 20 // of a buffer, from one message to the next
	if cap(c.text.b)+cap(c.html.b)+cap(c.header) > keep {
		c.text, c.html, c.header = kept{}, kept{}, nil
	}
	c.raw, c.limits, c.message = raw, limits, &Message{Raw: raw}
	c.flags, c.warnings = 0, c.warnings[:0]
	c.text, c.html, c.files = kept{b: c.text.b[:0]}, kept{b: c.html.b[:0]}, c.files[:0]
	c.hasHTML, c.altDepth = false, -1
	c.words.W, c.preface.W = c.sums[0], c.sums[1]
	c.words.Reset()
	c.markup.Reset(c.sums[2], c.sums[3])
}

// Begin implements mime.Handler.
func (c *collector) Begin(part *mime.Part) {
	c.role = c.roleOf(part)
	c.fresh = true
	switch c.role {
	case roleFile:
		c.beginFile(part)
		return
	case roleText:
		c.newLine()
		c.words.Quotes = true
		c.words.DelSp = strings.EqualFold(mime.Get(part.Params, "delsp"), "yes") &&
			strings.EqualFold(mime.Get(part.Params, "format"), "flowed")
	case rolePreamble:
		c.before = c.text
		c.newLine()
		c.sums[1].Reset()
		c.preface.Reset()
		c.preface.Quotes = true
	}
	c.lines = lineEnds{out: c.lines.out, replaceNUL: true}
	c.charset.Reset(mime.Get(part.Params, "charset"))
}

// roleOf applies the rule that ParseMessage states.
func (c *collector) roleOf(part *mime.Part) role {
	switch {
	case part.Preamble:
		return rolePreamble
	case part.Opaque, part.Disposition == "attachment", part.Depth > 0 && fileName(part) != "",
		part.Parent == "multipart/related" && part.Index > 0:
		return roleFile
	case part.Type == "text/html" && !c.hasHTML:
		c.hasHTML = true
		return roleHTML
	case part.Type == "text/plain":
		if part.Parent == "multipart/alternative" {
			if c.altDepth == part.Depth && c.alternate < part.Index {
				return roleFile
			}
			c.altDepth, c.alternate = part.Depth, part.Index
		}
		return roleText
	}
	return roleFile
}

// Body implements mime.Handler.
func (c *collector) Body(_ *mime.Part, b []byte) {
	if c.role == roleFile {
		c.size += int64(len(b))
		c.sum.Write(b)
		if c.isText {
			c.plain.write(b)
		}
		return
	}
	c.decoded = c.charset.Decode(c.decoded[:0], b)
	c.body(c.lines.convert(c.decoded))
}

// body takes text in UTF-8 with \n line ends.
func (c *collector) body(b []byte) {
	if c.fresh && len(b) > 0 {
		c.fresh = false
		b = bytes.TrimPrefix(b, []byte("\uFEFF"))
	}
	switch c.role {
	case roleText:
		c.keep(&c.text, b)
		c.words.Text(b)
	case rolePreamble:
		c.keep(&c.text, b)
		c.preface.Text(b)
	case roleHTML:
		c.keep(&c.html, b)
		c.markup.Text(b)
	}
}

// keep appends b to a body as far as the limit allows.
func (c *collector) keep(to *kept, b []byte) {
	if !to.add(b, c.limits.Text) {
		c.warn(WarnTextCut)
	}
}

// warn adds a warning of ours, once.
func (c *collector) warn(w Warning) {
	for _, have := range c.warnings {
		if have == w {
			return
		}
	}
	c.warnings = append(c.warnings, w)
}

// End implements mime.Handler.
func (c *collector) End(part *mime.Part) {
	if c.role == roleFile {
		c.endFile(part)
		return
	}
	c.decoded = c.charset.Close(c.decoded[:0])
	c.body(c.lines.convert(c.decoded))
	c.body(c.lines.close())
	switch c.role {
	case roleText:
		c.words.Break()
	case rolePreamble:
		c.preface.Close()
		if part.Dropped {
			c.text.b, c.text.cut = c.text.b[:len(c.before.b)], c.before.cut
			return
		}
		if sum := c.sums[1].Sum(nil); !bytes.Equal(sum, noWords[:]) {
			c.words.Text([]byte(hex.EncodeToString(sum)))
			c.words.Break()
		}
	}
	if c.charset.Bad() {
		c.flags |= mime.BadCharset
	}
	if c.lines.hadNUL {
		c.flags |= mime.NUL
	}
}

// finish makes the message of what was collected.
func (c *collector) finish(flags mime.Flags) *Message {
	m := c.message
	m.Text, m.HTML = string(c.text.b), string(c.html.b)
	m.Digest = c.digest()
	if m.MessageID == "" {
		m.MessageID = missingID(m.Digest)
	}
	m.addWarnings(flags | c.flags)
	m.Warnings = append(m.Warnings, c.warnings...)
	return m
}
