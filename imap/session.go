package imap

import (
	"context"
	"errors"
	"log/slog"

	"github.com/go-serversync/serversync/imap/internal/syntax"
	"github.com/go-serversync/serversync/internal/signin"
	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/provider"
)

// A session is one connection, signed in. It belongs to one goroutine at a time.
type session struct {
	conn   *wire.Conn
	in     *syntax.Reader
	limits provider.Limits
	spool  wire.Spool
	log    *slog.Logger

	login *signin.SignIn // and what no error may repeat

	caps     map[string]bool // in upper case; nil if not known yet
	preauth  bool            // the greeting said that there is no need to sign in
	signedIn bool
	enabled  bool // ENABLE has been sent, if there was need
	tags     int
	loan     *loan             // to go-imap, made at first need
	heard    func(reply) error // gets untagged replies while go-imap has the connection; may be nil
	broken   error             // why the connection is no longer of use
	closed   bool

	folder   folder             // the one that is selected
	live     *round             // what was found in it and not told yet
	backfill *walk              // the same of the Backfill lane
	known    map[uint32]listing // what was listed lately, by UID
	sent     *errand            // what was asked for ahead
}

var errBroken = errors.New("the connection was given up after an earlier error")

// do runs f as one operation of the session, tied to ctx. The error is an
// *provider.Error or ctx's own.
func (s *session) do(ctx context.Context, op string, f func() error) error {
	op = "imap: " + op
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	if s.broken != nil || s.closed {
		return &provider.Error{Op: op, Kind: provider.ErrUnavailable, Err: errBroken}
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
	return s.login.Explain(explain(op, err))
}

// fail gives the connection up and returns why.
func (s *session) fail(err error) error {
	if s.broken == nil {
		s.broken = err
	}
	return s.broken
}

// explain returns err as an *provider.Error.
func explain(op string, err error) error {
	var known *provider.Error
	var wrong *syntax.Error
	switch {
	case errors.As(err, &known):
		if known.Op == "" {
			known.Op = op
		}
		return err
	case errors.As(err, &wrong):
		return &provider.Error{Op: op, Kind: wrong.Kind, Err: errors.New("the server sent " + wrong.What)}
	}
	return wire.Error(op, err)
}

// Check selects the inbox, which fails if the session is dead or the server lacks
// what a sync needs.
func (s *session) Check(ctx context.Context) error {
	return s.do(ctx, "check", func() error { return s.selectFolder("INBOX") })
}

// Traits follow from the server's capabilities.
func (s *session) Traits() provider.Traits {
	return provider.Traits{
		ReportsGone:  s.qresync(),
		ReportsFlags: s.qresync() || s.condstore(),
		HasBackfill:  true,
	}
}

func (s *session) qresync() bool   { return s.caps["QRESYNC"] && s.caps["ENABLE"] }
func (s *session) condstore() bool { return s.caps["CONDSTORE"] || s.qresync() }

// Close says goodbye if nothing is under way, and does not wait for the answer:
// LOGOUT behind an answer that is still coming cuts that answer short.
func (s *session) Close() error {
	if s.closed {
		return nil
	}
	s.closed = true
	if s.sent != nil {
		s.sent.rd.release()
	}
	if s.broken == nil && s.caps != nil && (s.sent == nil || s.sent.done) {
		s.conn.Write([]byte(s.tag() + " LOGOUT\r\n"))
	}
	err := s.conn.Close()
	s.callIn()
	if s.broken != nil {
		return nil // told already
	}
	return err
}
