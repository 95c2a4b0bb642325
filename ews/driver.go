// Package ews is the driver for Exchange Web Services (MS-OXWSCORE and its kin): Exchange Server
// 2010 to Subscription Edition, Exchange Online for as long as a tenant allows it, and servers
// that speak like them. It brings mail in, acts on it, sends, finds and files it, and says
// when there is news. docs/ews.md tells what each costs.
package ews

import (
	"cmp"
	"context"
	"crypto/tls"
	"log/slog"

	"github.com/go-serversync/serversync/ews/autodiscover"
	"github.com/go-serversync/serversync/internal/websignin"
	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/provider"
)

// A Driver opens mailboxes of Exchange. The zero Driver is ready for use. It is a
// [provider.Driver], a [provider.Prober] and a [provider.Notifier]; what it opens is a
// [provider.Source], [provider.Actor], [provider.Sender], [provider.Finder] and
// [provider.Filer]. It must not be copied once it is used.
type Driver struct {
	// TLSConfig gives roots. Default: the system's. The server's name and the least version,
	// TLS 1.2, are set whatever it says.
	TLSConfig *tls.Config

	// Limits bounds what a server may make us hold, and how long it may take.
	Limits provider.Limits

	// SpoolDir is where messages of more than Limits.Memory lie while they are
	// handled. Default: the system's directory for temporary files.
	SpoolDir string

	// UserAgent is what we call ourselves. Administrators allow and block programs by
	// it, so it should not change. Default: "serversync".
	UserAgent string

	// Logger gets what is worth an operator's attention. Default: none.
	Logger *slog.Logger

	// Autodiscover finds the web services of mailboxes whose profile names no location. Default:
	// one with the Driver's own TLSConfig, Limits, UserAgent and Logger. Drivers may have one in common.
	Autodiscover *autodiscover.Finder

	locator locator
	pool    websignin.Pool // of connections, by who signs in
	known   known
}

var (
	_ provider.Driver = (*Driver)(nil)
	_ provider.Prober = (*Driver)(nil)
)

// Open signs in and looks at the mailbox's folders, in one request; where ctx has a Trace the
// server is first asked, without credentials, what it offers. Sessions of one identity at
// one server share their connections, so that a poll of one of many mailboxes costs no
// handshake; those of different identities never do. A Trace has Open make its own.
//
// The error is an *provider.Error of one of these kinds, or ctx's own:
//
//   - ErrAuth: the server, a KDC or the issuer of tokens refuses what proves us
//   - ErrThrottled: it asks for a wait, which is in the error
//   - ErrUnavailable: it cannot be reached or cannot serve now, or what answers is not
//     Exchange's web services
//   - ErrUnsupported: it may not serve us, or not this mailbox, or offers no way to sign in that
//     profile and policy allow
//   - ErrUnsafe: the address, the certificate or a redirect is refused by us
//   - ErrProtocol, ErrTooLarge: it does not answer as it should
func (d *Driver) Open(ctx context.Context, a provider.Account) (provider.Provider, error) {
	c, err := d.connect(ctx, a)
	if err != nil {
		return nil, err
	}
	s := &session{
		client: c, limits: d.Limits.WithDefaults(),
		log: cmp.Or(d.Logger, slog.New(slog.DiscardHandler)).With("mailbox", a.Mailbox.Key.String()),
	}
	s.spool = wire.Spool{Dir: d.SpoolDir, Memory: s.limits.Memory, Max: s.limits.Message}
	if err := c.signIn(ctx, s.look); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}
