package smtp

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/provider"
)

// Limits of a reply. RFC 5321, section 4.5.3.1.5 allows 512 bytes a line, and RFC 4954,
// section 4 challenges of 12,288.
const (
	maxReplyLine  = 12<<10 + len("334 \r\n")
	maxReplyLines = 100
	maxReplyBytes = 64 << 10
)

var errGarbled = errors.New("the server's answer is no SMTP reply")

// A link stands between go-smtp and the connection. It reads one whole, well-formed
// reply at a time and gives go-smtp nothing else, for go-smtp itself would read
// lines for ever, and take the end of the connection for the end of a line. Our
// own commands go past go-smtp through command and reply: since neither side ever
// holds half a reply, the two do not get in each other's way.
type link struct {
	*wire.Conn // whose deadlines do nothing
	limits     provider.Limits
	in         *bufio.Reader
	ready      strings.Reader // a reply for go-smtp
	last       reply          // the last one that was read
	hello      bool           // the command under way is EHLO
}

func newLink(conn *wire.Conn, limits provider.Limits) *link {
	return &link{Conn: conn, limits: limits, in: bufio.NewReaderSize(conn, maxReplyLine)}
}

// Write sends a command of go-smtp's.
func (l *link) Write(p []byte) (int, error) {
	if err := l.quiet(); err != nil {
		return 0, err
	}
	l.hello = len(p) > 5 && strings.EqualFold(string(p[:5]), "EHLO ")
	l.Deadline(l.limits.Command)
	return l.Conn.Write(p)
}

// Read gives go-smtp the reply to its command.
func (l *link) Read(p []byte) (int, error) {
	if l.ready.Len() == 0 {
		r, err := l.reply()
		if err != nil {
			return 0, err
		}
		l.replay(r)
	}
	return l.ready.Read(p)
}

// replay gives r to go-smtp.
func (l *link) replay(r reply) { l.ready.Reset(r.wire(l.hello)) }

// command sends a command of our own and reads its reply, within Limits.Command.
func (l *link) command(line string) (reply, error) {
	if err := l.quiet(); err != nil {
		return reply{}, err
	}
	l.Deadline(l.limits.Command)
	if _, err := io.WriteString(l.Conn, line+"\r\n"); err != nil {
		return reply{}, err
	}
	return l.reply()
}

// leftover returns how many bytes were read behind the last reply.
func (l *link) leftover() int { return l.in.Buffered() }

// quiet returns nil if no answer lies ready before the question. A server may say
// 421 at any time (RFC 5321, section 3.8), which is then the error; it does so when
// we left it idle for long.
func (l *link) quiet() error {
	err := error(nil)
	if l.leftover() == 0 {
		err = l.Silent()
	}
	if err == nil && l.leftover() == 0 {
		return nil
	}
	if err != nil && err != wire.ErrEarly {
		return err
	}
	l.Deadline(l.limits.Command)
	if r, err := l.reply(); err == nil && (r.class() == 4 || r.class() == 5) {
		return &unasked{r}
	}
	return wire.ErrEarly
}

// unasked is a refusal that came without a question.
type unasked struct{ reply reply }

func (u *unasked) Error() string { return fmt.Sprintf("the server said %d unasked", u.reply.code) }

// reply reads one reply. The error is the connection's, errGarbled, or an
// *provider.Error of the kind ErrTooLarge.
func (l *link) reply() (reply, error) {
	var r reply
	size := 0
	for {
		line, err := l.in.ReadSlice('\n')
		switch {
		case err == bufio.ErrBufferFull:
			return reply{}, tooLong("a line of its answer has more than 12 KiB")
		case err == io.EOF && len(line) > 0:
			return reply{}, io.ErrUnexpectedEOF // a line without its end may be the half of one
		case err != nil:
			return reply{}, err
		}
		if size += len(line); size > maxReplyBytes || len(r.lines) == maxReplyLines {
			return reply{}, tooLong("its answer has no end")
		}
		more, err := r.add(strings.TrimRight(string(line), "\r\n"))
		if err != nil {
			return reply{}, err
		}
		if !more {
			l.last = r
			return r, nil
		}
	}
}

func tooLong(words string) error {
	return fail("reply", provider.ErrTooLarge, "this is no mail server that we can work with; check host and port", errors.New(words))
}

var _ net.Conn = (*link)(nil)
