package notice

import (
	"bytes"
	"cmp"
	"io"
	"strings"

	"github.com/go-serversync/serversync/item"
)

// An about is what a notice shows of the message that it is about.
type about struct {
	id        string
	recipient string // in lower case; "" unless there is exactly one
}

// original reads the header of the message that came back, whole or not (RFC 6522,
// section 3; RFC 6533, section 4).
func original(m *item.Message) about {
	a := part(m, "message/rfc822", "text/rfc822-headers", "message/rfc822-headers", "message/global",
		"message/global-headers", "message/partial")
	if a == nil {
		return about{}
	}
	b, err := io.ReadAll(io.LimitReader(a.Open(), maxOriginal))
	if err != nil {
		return about{} // the message was released
	}
	return aboutHeader(bytes.TrimLeft(b, "\r\n"))
}

// aboutHeader reads a header; what follows a blank line is not looked at.
func aboutHeader(b []byte) about {
	m := item.ParseHeader(b, item.Limits{Header: maxOriginal, Fields: 500, Addresses: 100})
	first := about{id: clean(cmp.Or(m.SentAs(), m.MessageID), maxAddress)}
	if len(m.To)+len(m.Cc) == 1 {
		for _, to := range append(m.To, m.Cc...) {
			first.recipient = plainAddress(to.Addr)
		}
	}
	return first
}

// messageID returns the id in a field's value, without angle brackets.
func messageID(value string) string {
	if open := strings.IndexByte(value, '<'); open >= 0 {
		value, _, _ = strings.Cut(value[open+1:], ">")
	}
	value = strings.TrimSpace(value)
	if len(value) > maxAddress || strings.ContainsAny(value, " \t") {
		return ""
	}
	return clean(value, maxAddress)
}
