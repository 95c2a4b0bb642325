package pop3

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/provider"
)

// window is how many commands are under way at once. What they take on the wire fits
// into any socket's buffers, so that the server is never kept from answering because
// we are still asking.
const window = 64

// pipeline asks count commands and has read read the answer to each, in order: where
// the server takes it (RFC 2449, section 6.6) many at a time, else one by one. If read
// fails while other answers are under way, the connection is given up.
func (s *session) pipeline(count int, command func(k int) string, read func(k int) error) error {
	return s.pipelineFrom(0, count, command, read)
}

// pipelineFrom is pipeline for commands of which the first have been sent.
func (s *session) pipelineFrom(sent, count int, command func(k int) string, read func(k int) error) error {
	most := 1
	if s.caps.pipelining {
		most = window
	}
	if count > 0 && sent == 0 {
		if err := s.quiet(); err != nil {
			return err
		}
	}
	for k := 0; k < count; k++ {
		if left := sent - k; left <= most/2 && sent < count {
			var b strings.Builder
			for ; sent < count && sent < k+most; sent++ {
				b.WriteString(command(sent) + "\r\n")
			}
			if err := s.send(b.String()); err != nil {
				return err
			}
		}
		if err := read(k); err != nil {
			if sent > k+1 {
				s.fail(err)
			}
			return err
		}
		if sent == k+1 && s.missing == 0 && s.rd.Buffered() > 0 {
			return s.fail(malformed("more than it was asked for"))
		}
	}
	return nil
}

// A part is what came of a message.
type part struct {
	header  []byte
	raw     *item.Blob
	refused bool  // the server does not give it; err says why
	err     error // why this message cannot be had; the session goes on
}

var (
	errTooLong  = errors.New("the message is larger than allowed")
	errLongHead = errors.New("the header is larger than allowed")
)

// begin reads the first line of an answer that goes on if it is +OK. A refusal is that
// message's failure, also if it is said to be one for now: some servers say so of a
// message that they can never read, which must not hold up all others. That we ask too
// much, or may not ask, is the session's.
func (s *session) begin() (p part, goesOn bool, err error) {
	a, err := s.answer()
	if err != nil || a.ok {
		return p, a.ok, err
	}
	refused := s.refusal(a, reading)
	switch refused.Kind {
	case provider.ErrBadItem, provider.ErrUnsupported:
		refused.Kind, refused.Op = provider.ErrBadItem, "pop3: RETR"
		return part{refused: true, err: refused}, false, nil
	case provider.ErrUnavailable:
		refused.Op = "pop3: RETR"
		return part{refused: true, err: refused}, false, nil
	}
	return p, false, s.fail(refused)
}

// readHeader reads the answer to TOP with no lines of the body (RFC 1939, section 7),
// of which some servers give some all the same. Of a header that is too large the
// beginning is kept.
func (s *session) readHeader() (part, error) {
	p, goesOn, err := s.begin()
	if err != nil || !goesOn {
		return p, err
	}
	s.conn.Body(true)
	defer s.conn.Body(false)
	b := &body{rd: s.rd, lf: s.lf}
	most := int64(s.limits.Item.Header)
	head, err := io.ReadAll(io.LimitReader(b, most+1))
	if err == nil {
		_, err = io.Copy(io.Discard, b)
	}
	if err != nil {
		return part{}, s.fail(err)
	}
	p.header = headerOf(head)
	if int64(len(p.header)) > most {
		p.header = p.header[:most]
		p.err = &provider.Error{Op: "pop3: TOP", Kind: provider.ErrTooLarge, Err: errLongHead}
	}
	return p, nil
}

// headerOf returns a message's header with the empty line behind it.
func headerOf(raw []byte) []byte {
	for at := 0; at < len(raw); {
		i := bytes.IndexByte(raw[at:], '\n')
		if i < 0 {
			return raw
		}
		if len(bytes.TrimRight(raw[at:at+i], "\r")) == 0 {
			return raw[:at+i+1]
		}
		at += i + 1
	}
	return raw
}

// readMessage reads the answer to RETR. Without keep it is read and thrown away. about is
// what LIST said of its size.
func (s *session) readMessage(keep bool, about int64) (part, error) {
	p, goesOn, err := s.begin()
	if err != nil || !goesOn {
		return p, err
	}
	s.conn.Body(true)
	defer s.conn.Body(false)
	b := &body{rd: s.rd, lf: s.lf}
	if keep {
		p.raw, err = s.spool.ReadAbout(b, about)
		if provider.KindOf(err) == provider.ErrTooLarge {
			p.err, err = &provider.Error{Op: "pop3: RETR", Kind: provider.ErrTooLarge, Err: errTooLong, Remedy: "raise Limits.Message if such messages are wanted"}, nil
		}
	}
	if err == nil {
		_, err = io.Copy(io.Discard, b)
	}
	if err != nil {
		p.raw.Release()
		return part{}, s.fail(err)
	}
	return p, nil
}

var errDot = errors.New("the server sent a line with a dot within the message, which ends it")

// passOver reads what is left of a message that ended before it should have, up to the
// next answer, and reports whether there was something. Without it one message of a
// server that does not double its dots would end every session that comes to it. Only
// what no answer begins with is passed over, and no more than LIST promised.
func (s *session) passOver() (passed bool, err error) {
	defer func() { s.missing = 0 }()
	for left := s.missing; left > 0; passed = true {
		next, err := s.rd.Peek(len("-ERR"))
		if err != nil {
			return passed, s.fail(io.ErrUnexpectedEOF)
		}
		if bytes.HasPrefix(next, []byte("+OK")) || bytes.HasPrefix(next, []byte("-ERR")) {
			return passed, nil
		}
		b := &body{rd: s.rd, lf: s.lf}
		n, err := io.Copy(io.Discard, io.LimitReader(b, left+left/10+1024))
		if err == nil && b.state != atEnd {
			err = malformed("more of a message than it has")
		}
		if err != nil {
			return passed, s.fail(err)
		}
		left = max(left-n, 1)
	}
	return passed, nil
}

// checkOf returns the command that tells whether index i is the message that it was
// when the mailbox was listed, and check reads its answer. A server that moves numbers
// under our feet would have us take one message for another.
func (l *listing) checkOf(i int) string {
	if l.good(i) {
		return "UIDL " + strconv.Itoa(i+1)
	}
	return topOf(i)
}

var errShifted = errors.New("the server gave a message's number to another one")

func (s *session) check(i int) error {
	l := s.list
	if !l.good(i) {
		p, err := s.readHeader()
		if err == nil && p.digest() != l.digests[i] {
			err = s.fail(&provider.Error{Kind: provider.ErrProtocol, Err: errShifted})
		}
		return err
	}
	a, err := s.answer()
	if err != nil {
		return err
	}
	if !a.ok && a.code != "" {
		return s.fail(s.refusal(a, signedIn))
	}
	number, uid, _ := strings.Cut(a.text, " ")
	if n, ok := decimal([]byte(number)); !a.ok || !ok || n != int64(i+1) || strings.Trim(uid, " \t") != string(l.uid(i)) {
		return s.fail(&provider.Error{Kind: provider.ErrProtocol, Err: errShifted})
	}
	return nil
}
