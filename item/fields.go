package item

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"unicode/utf8"

	"github.com/go-serversync/serversync/internal/mime"
)

// Header implements mime.Handler.
func (c *collector) Header(fields []mime.Field) {
	c.copyFields(fields)
	var seen uint32
	for i := range c.message.Fields {
		f := &c.message.Fields[i]
		known := fieldIndex(f.Name)
		if known >= 0 {
			if bit := uint32(1) << known; seen&bit != 0 {
				c.repeated(known)
			} else {
				seen |= bit
				c.take(known, f.Value)
			}
		}
		if len(f.Value) > c.limits.Field {
			f.Value = cut(f.Value, c.limits.Field)
		}
	}
	if seen&(1<<fieldDate) == 0 {
		c.flags |= mime.BadDate
	}
	if c.message.MessageID == "" {
		c.warn(WarnMessageID)
	}
}

// copyFields copies the fields, as UTF-8, behind one another into one string.
func (c *collector) copyFields(fields []mime.Field) {
	b := c.header[:0]
	for _, f := range fields {
		b = append(b, f.Name...)
		if utf8.Valid(f.Value) && bytes.IndexByte(f.Value, 0) < 0 {
			b = append(b, f.Value...)
			continue
		}
		if bytes.IndexByte(f.Value, 0) >= 0 {
			c.flags |= mime.NUL
		}
		if !utf8.Valid(f.Value) {
			c.flags |= mime.BadCharset
		}
		b = append(b, mime.Text(f.Value)...)
	}
	c.header = b
	rest := string(b)
	if len(fields) > 0 {
		c.message.Fields = make([]Field, len(fields))
	}
	for i, f := range fields {
		n := len(f.Value)
		if !utf8.Valid(f.Value) || bytes.IndexByte(f.Value, 0) >= 0 {
			n = len(mime.Text(f.Value))
		}
		c.message.Fields[i].Name, rest = rest[:len(f.Name)], rest[len(f.Name):]
		c.message.Fields[i].Value, rest = rest[:n], rest[n:]
	}
}

// The fields that mean something to us.
const (
	fieldMessageID = iota
	fieldInReplyTo
	fieldReferences
	fieldDate
	fieldSubject
	fieldFrom
	fieldSender
	fieldReplyTo
	fieldTo
	fieldCc
	fieldBcc
)

var fieldNames = [...]string{
	fieldMessageID: "Message-ID", fieldInReplyTo: "In-Reply-To", fieldReferences: "References",
	fieldDate: "Date", fieldSubject: "Subject", fieldFrom: "From", fieldSender: "Sender",
	fieldReplyTo: "Reply-To", fieldTo: "To", fieldCc: "Cc", fieldBcc: "Bcc",
}

// fieldIndex returns the index of name in fieldNames, or -1.
func fieldIndex(name string) int {
	for i, known := range fieldNames {
		if len(name) == len(known) && strings.EqualFold(name, known) {
			return i
		}
	}
	return -1
}

func (c *collector) repeated(known int) {
	c.flags |= mime.Duplicate
	if known == fieldFrom {
		c.warn(WarnFromAmbiguous)
	}
}

// take reads the first field of a kind.
func (c *collector) take(known int, value string) {
	m := c.message
	switch known {
	case fieldMessageID:
		m.MessageID = c.id(mime.MessageID(value))
	case fieldInReplyTo:
		m.InReplyTo = c.ids(value)
	case fieldReferences:
		m.References = c.ids(value)
	case fieldDate:
		var flags mime.Flags
		m.Date, flags = mime.Date(value)
		c.flags |= flags
	case fieldSubject:
		var flags mime.Flags
		m.Subject, flags = mime.Words(value)
		c.flags |= flags
	case fieldFrom:
		m.From = c.from(value)
	case fieldSender:
		m.Sender, _ = c.addresses(value)
	case fieldReplyTo:
		m.ReplyTo, _ = c.addresses(value)
	case fieldTo:
		m.To, _ = c.addresses(value)
	case fieldCc:
		m.Cc, _ = c.addresses(value)
	case fieldBcc:
		m.Bcc, _ = c.addresses(value)
	}
}

func (c *collector) addresses(value string) ([]Address, mime.Flags) {
	var list []Address
	flags := mime.Addresses(value, c.limits.Addresses, func(name, addr string) {
		list = append(list, Address{name, addr})
	})
	c.flags |= flags
	return list, flags
}

// from reads From, and warns if it could be taken for somebody else than whom we
// take it for.
func (c *collector) from(value string) []Address {
	list, flags := c.addresses(value)
	doubt := len(list) != 1 || flags&(mime.Group|mime.BadAddress) != 0
	for _, a := range list {
		doubt = doubt || strings.Count(a.Addr, "@") != 1 || strings.ContainsAny(a.Addr, "\" \uFFFD") ||
			strings.Contains(a.Name, "@") && !strings.EqualFold(a.Name, a.Addr)
	}
	// A comment with an address is another name.
	if open := strings.IndexByte(value, '('); open >= 0 && !doubt {
		doubt = strings.Contains(value[open:], "@") && strings.LastIndexByte(value, '@') > open
	}
	if doubt {
		c.warn(WarnFromAmbiguous)
	}
	return list
}

func (c *collector) ids(value string) []string {
	ids := mime.MessageIDs(value, c.limits.References)
	for i := range ids {
		ids[i] = shortID(ids[i])
	}
	return ids
}

func (c *collector) id(s string) string {
	short := shortID(s)
	if len(short) != len(s) {
		c.warn(WarnMessageID)
	}
	return short
}

// longID is the longest Message-ID kept: the longest address with its angle
// brackets, which databases index.
const longID = 320

// shortID returns id, or if it is too long its start, "~" and the base64url of its
// SHA-256.
func shortID(id string) string {
	if len(id) <= longID {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return cut(id, 256) + "~" + base64.RawURLEncoding.EncodeToString(sum[:])
}

// cut returns the first n bytes of s, less if a rune would be cut in two.
func cut(s string, n int) string {
	for n > 0 && n < len(s) && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:min(n, len(s))]
}
