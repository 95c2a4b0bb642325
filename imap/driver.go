// Package imap is the driver for IMAP (RFC 3501, RFC 9051). It brings mail in,
// acts on it, finds and files it, and says when there is news.
//
// A folder's changes are told by QRESYNC (RFC 7162) where the server has it, else
// flags by CONDSTORE, else new mail by its UIDs, with a Full listing now and then
// for the rest. docs/imap.md tells what each costs.
//
// [github.com/emersion/go-imap/v2] stores, copies, moves, appends and
// idles. Between it and the network stands a reader of our own (session, loan),
// which bounds what a server can make us hold, ties every operation to its
// context, and reads listings and messages itself.
package imap

import (
	"cmp"
	"context"
	"crypto/tls"
	"log/slog"

	"github.com/go-serversync/serversync/imap/internal/syntax"
	"github.com/go-serversync/serversync/internal/signin"
	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// A Driver opens IMAP mailboxes. The zero Driver is ready for use. It is a
// [provider.Driver] and a [provider.Notifier]; what it opens is a
// [provider.Source], [provider.Actor], [provider.Finder] and [provider.Filer].
type Driver struct {
	// TLSConfig gives roots, and certificates to sign in with. Default: the
	// system's roots. The server's name and the least version, TLS 1.2, are set
	// whatever it says.
	TLSConfig *tls.Config

	// Limits bounds what a server may make us hold, and how long it may take.
	Limits provider.Limits

	// SpoolDir is where messages of more than Limits.Memory lie while they are
	// handled. Default: the system's directory for temporary files.
	SpoolDir string

	// Logger gets what is worth an operator's attention. Default: none.
	Logger *slog.Logger
}

var (
	_ provider.Driver   = (*Driver)(nil)
	_ provider.Prober   = (*Driver)(nil)
	_ provider.Notifier = (*Driver)(nil)
)

// Open connects and signs in, in four round trips: one for TCP, one for TLS 1.3,
// one for the greeting and one for a password or token; SCRAM takes two more, and so
// does STARTTLS. docs/signin.md has the ways to sign in. An endpoint that asks for
// none of them is ErrUnsupported.
func (d *Driver) Open(ctx context.Context, a provider.Account) (provider.Provider, error) {
	s, err := d.open(ctx, a)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Probe goes as far as Open without signing in, and says goodbye. It needs no token.
func (d *Driver) Probe(ctx context.Context, a provider.Account) error {
	login, err := signin.New(signInOp, a)
	if err != nil {
		return provider.FailStage(ctx, provider.StageSignIn, err)
	}
	ctx = login.Discreet(ctx)
	if err := login.PrepareProbe(ctx); err != nil {
		return err
	}
	s, err := d.connect(ctx, a, login)
	if err != nil {
		return err
	}
	s.Close() // what it has to tell is no longer of interest
	return nil
}

func (d *Driver) open(ctx context.Context, a provider.Account) (*session, error) {
	login, err := signin.New(signInOp, a)
	if err != nil {
		return nil, provider.FailStage(ctx, provider.StageSignIn, err)
	}
	ctx = login.Discreet(ctx)
	if err := login.Prepare(ctx); err != nil {
		return nil, err
	}
	s, err := d.connect(ctx, a, login)
	if err != nil {
		return nil, err
	}
	if err := s.signIn(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// connect brings a connection to where one can sign in.
func (d *Driver) connect(ctx context.Context, a provider.Account, login *signin.SignIn) (*session, error) {
	limits := d.Limits.WithDefaults()
	conn, err := wire.Dial(ctx, wire.DialOptions{
		Op: "imap", Address: a.Endpoint.Address(profile.IMAP), TLS: a.Endpoint.TLS,
		TLSConfig: d.TLSConfig, Policy: a.Policy, Limits: limits,
	})
	if err != nil {
		return nil, err
	}
	s := &session{
		conn:   conn,
		limits: limits,
		spool:  wire.Spool{Dir: d.SpoolDir, Memory: limits.Memory, Max: limits.Message},
		log:    cmp.Or(d.Logger, slog.New(slog.DiscardHandler)).With("mailbox", a.Mailbox.Key.String()),
		known:  map[uint32]listing{},
		login:  login,
	}
	s.startReading()
	if err := s.greet(ctx, a); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// startReading forgets all that was read so far.
func (s *session) startReading() {
	s.in = syntax.NewReader(s.conn, syntax.Limits{
		Line: s.limits.Line, Literal: s.limits.Literal, Response: s.limits.Response, Nesting: s.limits.Nesting,
	})
}
