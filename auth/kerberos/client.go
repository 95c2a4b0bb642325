package kerberos

import (
	"context"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// A Client gets tickets and signs in with them: it is the provider.Mechanism GSSAPI.
// The zero value takes everything from the environment. Many goroutines use one Client
// at once, which keeps one set of tickets for each identity; its fields are set before
// the first of them does.
//
// A Peer without a password is signed in to as the process: with a keytab, or else a
// credential cache. If it has a user name all the same, the process asks to act for
// that user (SASL's authorization identity), which the server may or may not let it. A
// Peer with both is signed in to as that user: "anna", "anna@EXAMPLE.COM", or
// "EXAMPLE\anna". What stands for a realm there must be one that krb5.conf or Realms
// knows, so that nobody who may enter a user name can have strange KDCs asked.
type Client struct {
	// Config is the path of the krb5.conf. Default: the first of KRB5_CONFIG, else
	// /etc/krb5.conf. It is read once. What it includes is not read.
	Config string

	// ConfigText is the text of a krb5.conf, in place of a file.
	ConfigText string

	// Realm is the realm of names without one. Default: krb5.conf's default_realm.
	Realm string

	// Realms are further names of realms: NetBIOS domains and the suffixes of user
	// principal names, such as {"EXAMPLE": "CORP.EXAMPLE.COM"}. Case does not matter.
	Realms map[string]string

	// Keytab is the path of the file with the process's own keys. Default:
	// KRB5_CLIENT_KTNAME, unless CCache is set. A file that has changed is read anew.
	Keytab string

	// Principal is which of the keytab's principals the process is. Default: the first.
	Principal string

	// CCache is the credential cache with the process's tickets: a path, with or
	// without "FILE:". It is looked at where there is no keytab. Default: KRB5CCNAME,
	// else /tmp/krb5cc_ and the user's id. A file that has changed is read anew.
	CCache string

	// SPN returns the service principal that a server has. Default: service/host with the
	// host's name as the profile has it, in lower case; the DNS is not asked for a
	// canonical name, for whoever answers could name another service. Services are
	// "imap", "pop", "smtp" and "HTTP".
	SPN func(service, host string) string

	// Dial connects to a KDC. Default: a net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	mu         sync.Mutex
	conf       *realms
	identities map[identityKey]*identity
	salt       secret.Text // of fingerprints

	now func() time.Time // nil: time.Now; a test's clock is wrong
}

// Name returns GSSAPI.
func (c *Client) Name() string { return "GSSAPI" }

// Begin gets a ticket for the server, from the KDC if there is none yet. The error is an
// *provider.Error or ctx's own:
//
//   - ErrAuth where the KDC does not take the identity: a wrong password, an old keytab,
//     a credential cache that has expired;
//   - ErrUnavailable where no KDC can be reached, or where the clocks differ too much, for
//     both mend without a change to the profile;
//   - ErrUnsupported where Kerberos cannot be used here at all, so that another mechanism
//     may be: no configuration or no identity, a server that the realm does not know (the
//     remedy names the principal), no encryption that both have, a policy against it.
//
// The exchange has a method Verified() error. It is nil once the server has shown that it
// holds the key of the service that the ticket is for.
func (c *Client) Begin(ctx context.Context, p provider.Peer) (provider.Exchange, error) {
	if !p.Policy.ADAuthenticationAllowed() {
		return nil, unsupported("begin", errPolicy, "allow it in the policy (ADAuthentication), or use other credentials in the profile")
	}
	switch p.Service {
	case "imap", "pop", "smtp":
	default:
		return nil, unsupported("begin", errService, "")
	}
	s, err := c.session(ctx, p)
	if err != nil {
		return nil, err
	}
	if !s.ticket.wraps() {
		return nil, unsupported("begin", errOldKey, "give the service "+s.spn+" a key of AES (ktutil, ktpass /crypto AES256-SHA1)")
	}
	return &exchange{session: s, authzid: s.authzid}, nil
}

// A session is a ticket for one server and who shows it.
type session struct {
	id      *identity
	ticket  *ticket
	spn     string
	authzid string
	fips    bool
}

// session finds out who is to sign in and gets a ticket for the server.
func (c *Client) session(ctx context.Context, p provider.Peer) (s session, err error) {
	if ctx.Err() != nil {
		return s, context.Cause(ctx)
	}
	s.fips = strict(p.Policy)
	conf, err := c.load(s.fips)
	if err != nil {
		return s, err
	}
	if s.id, s.authzid, err = c.identify(conf, p.Username, p.Password, s.fips); err != nil {
		return s, err
	}
	s.spn = c.spn(p.Service, p.Host)
	s.ticket, err = s.id.service(ctx, c.asker(conf), s.spn)
	return s, err
}

// spn returns the principal of a service.
func (c *Client) spn(service, host string) string {
	if c.SPN != nil {
		return c.SPN(service, host)
	}
	return service + "/" + strings.ToLower(strings.TrimSuffix(host, "."))
}

// negotiator returns the session for a web service.
func (c *Client) negotiator(ctx context.Context, host, username string, password secret.Text, policy profile.Policy) (session, error) {
	return c.session(ctx, provider.Peer{Service: "HTTP", Host: host, Username: username, Password: password, Policy: policy})
}
