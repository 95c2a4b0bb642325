// Package mailgen writes mail that looks like real mail, the same mail for the
// same seed. Tests and benchmarks fill mailboxes with it.
//
// The mail varies the way a mailbox does: plain text in 7bit, 8bit and
// quoted-printable, HTML with its text alternative, attachments in base64, replies
// with quoted text, meeting requests, encoded words, folded headers and chains of
// Received fields. It is all well formed: lines end in CRLF, no line is longer
// than 998 bytes, and every part decodes. Odd and broken mail is another job.
package mailgen

import "strconv"

// Domain is the domain of every generated Message-ID.
const Domain = "mailgen.example"

// small is the size below which a message is a short plain one without trace
// fields, for those alone take a kilobyte.
const small = 2000

// Message returns message number i of the family that seed names. It is about
// size bytes long: at most 700 more, and from 3000 bytes on at most 700 less.
// The shortest messages are about 300 bytes, whatever size says.
func Message(seed uint64, i, size int) []byte {
	return Append(make([]byte, 0, max(size, 0)+1024), seed, i, size)
}

// Append appends [Message] to dst and returns it, so that a caller can use one
// buffer for many messages.
func Append(dst []byte, seed uint64, i, size int) []byte {
	m := message{buf: dst, start: len(dst), size: size, seed: seed, i: i, rng: newRNG(seed, i)}
	if size < small {
		m.short()
	} else {
		m.long()
	}
	return m.buf
}

// Tiny returns message number i of the family that seed names, at about 300
// bytes: for a mailbox where the number of messages matters and their size does
// not.
func Tiny(seed uint64, i int) []byte { return Message(seed, i, 0) }

// ID returns the Message-ID of message number i, with its angle brackets.
func ID(seed uint64, i int) string { return string(appendID(nil, seed, i)) }

func appendID(dst []byte, seed uint64, i int) []byte {
	dst = append(dst, '<')
	dst = strconv.AppendInt(dst, int64(i), 10)
	dst = append(dst, '.')
	dst = strconv.AppendUint(dst, seed, 36)
	dst = append(dst, '@')
	dst = append(dst, Domain...)
	return append(dst, '>')
}

// message is a message being written.
type message struct {
	rng
	buf   []byte
	start int // where in buf the message starts
	size  int // what the caller asked for
	seed  uint64
	i     int
}

// short writes a plain message with the fields that every mail has.
func (m *message) short() {
	m.identity()
	m.text("\r\n")
	m.opening()
	m.fill(&pools().ascii, m.left())
}

// long writes a message as it looks after a few hops.
func (m *message) long() {
	m.trace()
	m.identity()
	m.text("MIME-Version: 1.0\r\n")
	m.text(pick(&m.rng, mailers))
	m.body()
}

// left returns how many bytes are still to be written.
func (m *message) left() int { return m.size - (len(m.buf) - m.start) }

func (m *message) text(s ...string) {
	for _, s := range s {
		m.buf = append(m.buf, s...)
	}
}

func (m *message) num(n int) { m.buf = strconv.AppendInt(m.buf, int64(n), 10) }

// opening writes the first line of a text. It names the message, so that no two
// messages have the same text.
func (m *message) opening() {
	m.text("Hello ", pick(&m.rng, people).given, ", this is about case ")
	m.num(m.i)
	m.text(" of series ")
	m.buf = strconv.AppendUint(m.buf, m.seed, 10)
	m.text(".\r\n\r\n")
}

// fill writes whole units of p, about n bytes together.
func (m *message) fill(p *pool, n int) {
	for n > 0 {
		part := p.slice(m.next(), n)
		if len(part) == 0 {
			return
		}
		m.buf = append(m.buf, part...)
		n -= len(part)
	}
}
