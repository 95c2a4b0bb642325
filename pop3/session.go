package pop3

import (
	"bufio"
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/go-serversync/serversync/internal/signin"
	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/provider"
)

// A session is one connection, signed in. It belongs to one goroutine at a time.
type session struct {
	driver  *Driver
	account provider.Account
	in      *signin.SignIn

	conn   *wire.Conn
	rd     *bufio.Reader
	lf     bool // the last line ended in LF alone
	limits provider.Limits
	spool  wire.Spool
	log    *slog.Logger

	caps     capabilities
	signedIn bool
	noTop    bool  // TOP was refused as a command
	topWorks bool  // it was not
	missing  int64 // bytes by which the last message was shorter than LIST says
	broken   error // why the connection is no longer of use
	over     bool  // QUIT was sent
	closed   bool

	list   *listing     // of the mailbox, once it was asked for
	told   []int        // by the last page, by ids alone
	next   []int        // what the page behind it will tell
	ahead  *retrieval   // that was sent and not read; nil for none
	marked map[int]bool // for deletion, by number
}

var (
	_ provider.Source    = (*session)(nil)
	_ provider.Actor     = (*session)(nil)
	_ provider.Confirmer = (*session)(nil)
	_ provider.Adviser   = (*session)(nil)
)

// inbox is the one folder that there is.
const inbox provider.FolderID = "INBOX"

// goodbye is how long Close waits for the answer to QUIT. A server gives a mailbox free
// with it, and some let only one session in.
const goodbye = 500 * time.Millisecond

var (
	errBroken = errors.New("the connection was given up after an earlier error")
	errOver   = errors.New("the session has ended with QUIT")
	errFolder = errors.New("POP3 has the folder INBOX and no other")
)

// do runs f as one operation of the session, tied to ctx. The error is an
// *provider.Error or ctx's own.
func (s *session) do(ctx context.Context, op string, f func() error) error {
	op = "pop3: " + op
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if s.over || s.broken != nil || s.closed {
		err := errBroken
		if s.over {
			err = errOver
		}
		return &provider.Error{Op: op, Kind: provider.ErrUnavailable, Err: err}
	}
	end := s.conn.During(ctx)
	err := end(f())
	if err == nil {
		return nil
	}
	if ctx.Err() != nil && err == context.Cause(ctx) {
		s.fail(err)
		return err
	}
	return s.explain(op, err)
}

// fail gives the connection up and returns err.
func (s *session) fail(err error) error {
	if s.broken == nil {
		s.broken = err
	}
	return err
}

// explain returns err as an *provider.Error. An error that got returned is not ours to
// explain.
func (s *session) explain(op string, err error) error {
	var known *provider.Error
	var of *callerError
	switch {
	case errors.As(err, &of):
		return of.err
	case errors.As(err, &known):
		if known.Op == "" {
			known.Op = op
		}
		return err
	}
	return wire.Error(op, err)
}

// A callerError came from a function that the caller gave.
type callerError struct{ err error }

func (e *callerError) Error() string { return e.err.Error() }

// Check asks how many messages there are, and fails if the session is dead or the
// server lacks what messages can be named by.
func (s *session) Check(ctx context.Context) error {
	return s.do(ctx, "check", func() error {
		a, err := s.ask("STAT")
		if err != nil {
			return err
		}
		if !a.ok {
			return s.refusal(a, signedIn)
		}
		if err := s.readStat(a.text); err != nil || s.caps.uidl || s.caps.top {
			return err
		}
		if _, err = s.look(lookAtIDs); err != nil {
			return err
		}
		return s.digest(byUIDL)
	})
}

// Traits say that every look needs a session of its own and that nothing but new mail
// is told.
func (s *session) Traits() provider.Traits { return provider.Traits{Snapshot: true} }

// Folders returns INBOX. It asks for the ids of the messages, which whoever reads it
// needs next.
func (s *session) Folders(ctx context.Context) ([]provider.Folder, error) {
	err := s.do(ctx, "folders", func() error {
		if s.list != nil {
			_, err := s.ask("NOOP")
			return err
		}
		_, err := s.look(lookAtIDs)
		return err
	})
	if err != nil {
		return nil, err
	}
	return []provider.Folder{{ID: inbox, Name: string(inbox), Kind: provider.Mail, Role: provider.Inbox}}, nil
}

// Close ends the session, and deletes nothing that was not confirmed: where something
// is marked for deletion it takes the marks back and hangs up without QUIT, which would
// make them good.
func (s *session) Close() error {
	if s.closed {
		return nil
	}
	s.closed = true
	if s.broken == nil && !s.over && s.ahead == nil { // else the answer to QUIT is far away
		s.part()
	}
	err := s.conn.Close()
	if s.broken != nil || s.over {
		return nil // told already
	}
	return err
}

// part says goodbye. Its answer is waited for, but not for long.
func (s *session) part() {
	end := s.conn.During(context.Background())
	s.conn.Deadline(goodbye)
	word := "QUIT\r\n"
	if len(s.marked) > 0 {
		word = "RSET\r\n"
	}
	_, err := s.conn.Write([]byte(word))
	if err == nil {
		_, err = s.line()
	}
	end(nil)
	if err != nil {
		s.fail(err)
	}
}
