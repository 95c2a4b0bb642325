package pop3

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/provider"
)

// What a server's answers may be like. RFC 1939, section 3 allows a line 512 bytes, and
// RFC 4422 a challenge 12 KiB.
const (
	maxLine      = 8 << 10
	maxChallenge = 16 << 10
	bufferSize   = 32 << 10
)

// malformed says what the server sent that is no POP3.
func malformed(what string) error {
	return &provider.Error{Kind: provider.ErrProtocol, Err: errors.New("the server sent " + what),
		Remedy: "check host and port; this is no POP3 server that we can work with"}
}

// startReading forgets all that was read so far.
func (s *session) startReading() { s.rd = bufio.NewReaderSize(s.conn, bufferSize) }

// line reads a line of at most Limits.Line and 8 KiB, without its end. It is valid
// until the next read. An error gives the connection up.
func (s *session) line() ([]byte, error) { return s.lineOf(min(s.limits.Line, maxLine)) }

func (s *session) lineOf(most int) ([]byte, error) {
	text, err := s.rd.ReadSlice('\n')
	switch {
	case err == bufio.ErrBufferFull, err == nil && len(text) > most:
		return nil, s.fail(&provider.Error{Kind: provider.ErrTooLarge, Err: fmt.Errorf("the server sent a line of more than %d bytes", most)})
	case err == io.EOF:
		return nil, s.fail(io.ErrUnexpectedEOF)
	case err != nil:
		return nil, s.fail(err)
	}
	text = text[:len(text)-1]
	s.lf = !bytes.HasSuffix(text, []byte("\r"))
	if !s.lf {
		text = text[:len(text)-1]
	}
	return text, nil
}

// An answer is a server's first line to a command.
type answer struct {
	ok   bool
	more bool   // it goes on, in a sign-in
	code string // in brackets behind -ERR, in capitals (RFC 2449, section 8)
	text string // behind +OK or -ERR
}

// answer reads a status line within Limits.Command. One that is neither +OK nor -ERR,
// nor a request to go on where that may be, is the end of the connection: there is no
// telling what the next line would answer.
func (s *session) answer() (answer, error) {
	a, err := s.answerOf(min(s.limits.Line, maxLine))
	if err == nil && a.more {
		err = s.fail(malformed("a request to go on where there is nothing to go on with"))
	}
	return a, err
}

func (s *session) answerOf(most int) (a answer, err error) {
	s.conn.Deadline(s.limits.Command)
	text, err := s.lineOf(most)
	s.conn.Deadline(0)
	if err != nil {
		return a, err
	}
	a, ok := parseAnswer(text)
	if !ok {
		err = s.fail(malformed("an answer that is none"))
	}
	return a, err
}

// parseAnswer reads a status line (RFC 1939, section 3; RFC 5034, section 4).
func parseAnswer(line []byte) (a answer, ok bool) {
	word, rest, _ := strings.Cut(string(line), " ")
	switch word {
	case "+OK":
		a.ok = true
	case "-ERR":
	case "+":
		a.more = true
	default:
		return a, false
	}
	a.text = rest
	if code, behind, found := strings.Cut(rest, "]"); found && strings.HasPrefix(code, "[") && !a.more {
		a.code, a.text = strings.ToUpper(strings.TrimSpace(code[1:])), strings.TrimSpace(behind)
		if a.ok {
			a.code, a.text = "", rest // it means nothing there
		}
	}
	return a, true
}

// quiet returns nil if no answer lies ready before the question: it would be taken for
// the answer, and every later one for that of the command before.
func (s *session) quiet() error {
	if err := s.dropAhead(); err != nil {
		return err
	}
	if s.rd.Buffered() > 0 {
		return s.fail(malformed("more than it was asked for"))
	}
	switch err := s.conn.Silent(); {
	case err == wire.ErrEarly:
		if a, err := s.answer(); err == nil && !a.ok && s.rd.Buffered() == 0 {
			return s.fail(s.refusal(a, unasked)) // why it is about to hang up
		}
		return s.fail(malformed("more than it was asked for"))
	case err == io.EOF:
		return s.fail(io.ErrUnexpectedEOF)
	case err != nil:
		return s.fail(err)
	}
	return nil
}

// send writes a command, or several where the server takes them so.
func (s *session) send(commands string) error {
	if _, err := io.WriteString(s.conn, commands); err != nil {
		return s.fail(err)
	}
	return nil
}

// ask sends one command and reads the first line of its answer.
func (s *session) ask(command string) (a answer, err error) {
	if err := s.quiet(); err != nil {
		return a, err
	}
	if err := s.send(command + "\r\n"); err != nil {
		return a, err
	}
	return s.answer()
}

// lines reads the lines of an answer up to its end and gives them to got, at most as
// many as given. An error of got gives the connection up, for the rest is not read.
func (s *session) lines(most int, got func(line []byte) error) error {
	s.conn.Body(true) // words that trickle are no progress
	defer s.conn.Body(false)
	for n := 0; ; n++ {
		line, err := s.line()
		if err != nil {
			return err
		}
		if len(line) == 1 && line[0] == '.' {
			return nil
		}
		if n == most {
			return s.fail(&provider.Error{Kind: provider.ErrTooLarge, Err: fmt.Errorf("the server sent an answer of more than %d lines", most)})
		}
		if line = bytes.TrimPrefix(line, []byte(".")); got != nil {
			if err := got(line); err != nil {
				return s.fail(err)
			}
		}
	}
}
