package mailgen

import (
	"strings"
	"time"
)

// epoch is the date of message 0 of every family. Later messages are minutes
// apart, so that a mailbox of 20,000 spans about half a year.
var epoch = time.Date(2026, time.January, 5, 8, 0, 0, 0, time.UTC)

var zones = []*time.Location{
	time.UTC,
	time.FixedZone("", 2*3600),
	time.FixedZone("", -7*3600),
	time.FixedZone("", 5*3600+1800),
}

// Date returns the date of message number i of every family, as its Date field
// says in one zone or another.
func Date(i int) time.Time { return epoch.Add(time.Duration(i) * 13 * time.Minute) }

func (m *message) date(after time.Duration) {
	m.buf = Date(m.i).Add(after).In(pick(&m.rng, zones)).AppendFormat(m.buf, time.RFC1123Z)
}

// identity writes the fields that every mail has, and those of a reply.
func (m *message) identity() {
	m.text("Date: ")
	m.date(0)
	m.text("\r\nFrom: ")
	m.mailbox()
	m.text("\r\nTo: ")
	m.mailbox()
	if m.size >= small && m.below(3) == 0 {
		m.text(",\r\n ")
		m.mailbox()
		m.text("\r\nCc: ")
		m.mailbox()
	}
	subject := pick(&m.rng, subjects)
	m.text("\r\nSubject: ", subject, "\r\nMessage-ID: ")
	m.buf = appendID(m.buf, m.seed, m.i)
	if strings.HasPrefix(subject, "Re: ") && m.i > 0 {
		m.text("\r\nIn-Reply-To: ")
		m.buf = appendID(m.buf, m.seed, m.i-1)
		m.text("\r\nReferences: ")
		m.buf = appendID(m.buf, m.seed, m.i/2)
		m.text("\r\n ")
		m.buf = appendID(m.buf, m.seed, m.i-1)
	}
	m.text("\r\n")
}

func (m *message) mailbox() {
	p := pick(&m.rng, people)
	if p.header == "" {
		m.text(p.address)
		return
	}
	m.text(p.header, " <", p.address, ">")
}

// trace writes what the servers on the way add.
func (m *message) trace() {
	m.text("Return-Path: <", pick(&m.rng, people).address, ">\r\n")
	for hop := 1 + m.below(4); hop > 0; hop-- {
		m.text("Received: from mx")
		m.num(hop)
		m.text(".example.net (mx.example.net [192.0.2.")
		m.num(hop)
		m.text("])\r\n\tby mail.example.com (Postfix) with ESMTPS id ")
		m.token(12)
		m.text("\r\n\tfor <anna.berger@example.com>; ")
		m.date(time.Duration(hop) * time.Second)
		m.text("\r\n")
	}
	if m.below(2) == 0 {
		m.text("DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=s1;\r\n\th=from:to:subject:date:message-id;\r\n\tbh=")
		m.token(43)
		m.text("=;\r\n\tb=")
		m.token(70)
		m.text("\r\n\t ")
		m.token(70)
		m.text("==\r\n")
	}
}

// token writes n letters and digits.
func (m *message) token(n int) {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz+/"
	for bits, have := uint64(0), 0; n > 0; n-- {
		if have == 0 {
			bits, have = m.next(), 10
		}
		m.buf = append(m.buf, digits[bits&63])
		bits, have = bits>>6, have-1
	}
}
