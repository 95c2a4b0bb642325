package imap

import (
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emersion/go-imap/v2/imapclient"

	"github.com/go-serversync/serversync/imap/internal/syntax"
	"github.com/go-serversync/serversync/internal/wire"
)

// A loan is the connection as go-imap sees it. go-imap reads in a goroutine of its
// own all the time; here it reads only while it is lent the connection for one
// command, and then only what it needs: requests to go on, and the tagged answer
// without its words and codes. So nothing that a server sends can kill it, make it
// hold much, or make it ask on its own.
type loan struct {
	*wire.Conn // whose deadlines do nothing

	s      *session
	client *imapclient.Client
	turn   chan struct{} // gives the connection for one command
	idle   atomic.Bool   // the command has been answered, the connection is back
	status status        // that answer
	told   string        // capabilities that go-imap is to act upon

	patience patience

	holding bool   // go-imap's goroutine has the turn
	out     []byte // what it has not read yet
	err     error  // why it could read no more

	close  sync.Once
	closed chan struct{}
}

// lend gives go-imap the connection for one command, which f gives and waits for.
// The status is the server's answer; an error means that the connection is lost.
// caps are what go-imap is to believe that the server can do.
func (s *session) lend(caps map[string]bool, f func(*imapclient.Client) error) (status, error) {
	if s.broken != nil {
		return status{}, errBroken
	}
	if err := s.settle(); err != nil {
		return status{}, err
	}
	l := s.borrow(caps)
	l.idle.Store(false)
	l.patience = patience{limit: s.limits.Command, since: time.Now()}
	l.turn <- struct{}{}
	err := f(l.client)
	if l.idle.Load() {
		return l.status, nil
	}
	// There was no answer: nobody knows where in the stream we are.
	s.conn.Close()
	s.callIn()
	if l.err != nil {
		err = l.err
	}
	if err == nil {
		err = syntax.Malformed("no answer to a command")
	}
	return status{}, s.fail(err)
}

// borrow returns the loan. go-imap closes its side when a server refuses a
// message's literal; the connection itself is in order then, and a new loan takes
// over.
func (s *session) borrow(caps map[string]bool) *loan {
	if l := s.loan; l != nil {
		select {
		case <-l.closed:
			s.callIn()
		default:
			return l
		}
	}
	l := &loan{Conn: s.conn, s: s, turn: make(chan struct{}, 1), closed: make(chan struct{})}
	l.told = "[CAPABILITY IMAP4rev1"
	for _, c := range []string{"SASL-IR", "LITERAL+", "LITERAL-", "MOVE", "UIDPLUS", "IDLE"} {
		if caps[c] {
			l.told += " " + c
		}
	}
	l.told += "]"
	l.out = []byte("* PREAUTH " + l.told + " ready\r\n")
	if !s.signedIn {
		l.out = []byte("* OK " + l.told + " ready\r\n")
	}
	l.client = imapclient.New(l, nil)
	l.client.WaitGreeting() // which is ours, and tells it the capabilities
	s.loan = l
	return l
}

// callIn ends the loan, and with it go-imap's goroutine, which must not be
// reading from a connection that is still open.
func (s *session) callIn() {
	if s.loan != nil {
		s.loan.client.Close()
		s.loan = nil
	}
}

// Read gives go-imap what it may see.
func (l *loan) Read(p []byte) (int, error) {
	for len(l.out) == 0 {
		if !l.holding {
			select {
			case <-l.turn:
				l.holding = true
			case <-l.closed:
				return 0, io.EOF
			}
		}
		if l.err = l.next(); l.err != nil {
			return 0, l.err
		}
	}
	n := copy(p, l.out)
	l.out = l.out[n:]
	return n, nil
}

// next reads one response and puts what go-imap may see of it into l.out.
func (l *loan) next() error {
	in := l.s.in
	if err := in.Next(); err != nil {
		return err
	}
	switch in.Peek() {
	case '+':
		l.out = append(append(l.out[:0], in.Rest()...), "\r\n"...)
		return nil
	case '*':
		in.Accept('*')
		return l.s.untagged(&l.patience, l.s.heard)
	}
	tag := string(in.Word())
	if !strings.HasPrefix(tag, "T") {
		return syntax.Malformed("an answer to nothing that was asked")
	}
	st, err := l.s.status()
	if err != nil {
		return err
	}
	l.status = st
	l.out = []byte(tag + " " + string(st.kind) + " " + l.told + " done\r\n")
	l.holding = false
	l.idle.Store(true)
	return nil
}

// Write sends for go-imap.
func (l *loan) Write(p []byte) (int, error) {
	select {
	case <-l.closed:
		return 0, net.ErrClosed
	default:
		return l.Conn.Write(p)
	}
}

// Close ends go-imap's side. The connection is the session's.
func (l *loan) Close() error {
	l.close.Do(func() { close(l.closed) })
	return nil
}
