package pop3

import (
	"cmp"
	"context"
	"crypto/tls"
	"log/slog"

	"github.com/go-serversync/serversync/internal/signin"
	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// A Driver opens POP3 mailboxes. The zero Driver is ready for use. It is a
// [provider.Driver] and a [provider.Prober]; what it opens is a [provider.Source],
// [provider.Actor] (of deletions alone), [provider.Confirmer] and [provider.Adviser].
type Driver struct {
	// TLSConfig gives roots, and certificates to sign in with. Default: the
	// system's roots. The server's name and the least version, TLS 1.2, are set
	// whatever it says.
	TLSConfig *tls.Config

	// Limits bounds what a server may make us hold, and how long it may take. Lines
	// of an answer are bounded by 8 KiB besides, and a mailbox by Limits.Responses
	// messages.
	Limits provider.Limits

	// SpoolDir is where messages of more than Limits.Memory lie while they are
	// handled. Default: the system's directory for temporary files.
	SpoolDir string

	// Logger gets what is worth an operator's attention. Default: none.
	Logger *slog.Logger
}

var (
	_ provider.Driver = (*Driver)(nil)
	_ provider.Prober = (*Driver)(nil)
)

// Open connects and signs in, in five round trips: one for TCP, one for TLS 1.3, one
// for the greeting, one for the capabilities and one for the sign-in by AUTH with an
// initial response. USER and PASS take one more, STLS two.
//
// The error is an *provider.Error, or ctx's own: ErrAuth for refused credentials,
// ErrThrottled where the server wants a pause between sign-ins ([LOGIN-DELAY] of RFC
// 2449, with RetryAfter), ErrUnavailable where somebody else holds the mailbox
// ([IN-USE]) or nothing can be had now, ErrUnsafe, ErrUnsupported and ErrProtocol.
func (d *Driver) Open(ctx context.Context, a provider.Account) (provider.Provider, error) {
	s, err := d.open(ctx, a)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Probe goes as far as Open without signing in, and says goodbye. It needs no mailbox,
// and so no token either.
func (d *Driver) Probe(ctx context.Context, a provider.Account) error {
	in, err := signin.New(signInOp, a)
	if err != nil {
		return provider.FailStage(ctx, provider.StageSignIn, err)
	}
	ctx = in.Discreet(ctx)
	if err := in.PrepareProbe(ctx); err != nil {
		return err
	}
	s, err := d.connect(ctx, a, in)
	if err != nil {
		return err
	}
	s.Close() // what it has to tell is no longer of interest
	return nil
}

func (d *Driver) open(ctx context.Context, a provider.Account) (*session, error) {
	in, err := signin.New(signInOp, a)
	if err != nil {
		return nil, provider.FailStage(ctx, provider.StageSignIn, err)
	}
	ctx = in.Discreet(ctx)
	if err := in.Prepare(ctx); err != nil {
		return nil, err
	}
	s, err := d.connect(ctx, a, in)
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
func (d *Driver) connect(ctx context.Context, a provider.Account, in *signin.SignIn) (*session, error) {
	limits := d.Limits.WithDefaults()
	conn, err := wire.Dial(ctx, wire.DialOptions{
		Op: "pop3", Address: a.Endpoint.Address(profile.POP3), TLS: a.Endpoint.TLS,
		TLSConfig: d.TLSConfig, Policy: a.Policy, Limits: limits,
	})
	if err != nil {
		return nil, err
	}
	s := &session{
		driver:  d,
		account: a,
		in:      in,
		conn:    conn,
		limits:  limits,
		spool:   wire.Spool{Dir: d.SpoolDir, Memory: limits.Memory, Max: limits.Message},
		log:     cmp.Or(d.Logger, slog.New(slog.DiscardHandler)).With("mailbox", a.Mailbox.Key.String()),
		marked:  map[int]bool{},
	}
	s.startReading()
	if err := s.greet(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}
