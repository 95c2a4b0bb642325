package provider

import (
	"context"
	"crypto/tls"
	"time"

	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/secret"
)

// A Token is an OAuth 2.0 access token (RFC 6749, section 1.4).
type Token struct {
	Value   secret.Text
	Expires time.Time // zero if nobody said
}

// A TokenSource gives access tokens: package oauth's those that people consented to,
// package s2s's those of an application. Many goroutines use it at once.
type TokenSource interface {
	// Token returns a token with which to sign in to a's endpoint. refused, if not
	// zero, is one that the server did not take although it had not expired: another
	// one is wanted. It ends with ctx, also while others are waited for.
	//
	// The error is an *Error, or ctx's own: ErrAuth where consent is gone or was
	// never given, ErrThrottled or ErrUnavailable where the issuer cannot say now,
	// ErrUnsafe where the endpoint's server is none that such tokens are for,
	// ErrUnsupported where the source has no issuer for the profile.
	Token(ctx context.Context, a Account, refused secret.Text) (Token, error)
}

// A Mechanism is a way to sign in that a host adds to those that drivers have by
// themselves: a SASL mechanism (RFC 4422), such as GSSAPI of package auth/kerberos.
// Many goroutines use it at once.
type Mechanism interface {
	// Name is the mechanism's registered name, in capitals.
	Name() string

	// Begin begins to sign in to a server. It may ask others, such as a Kerberos
	// KDC, and ends with ctx. The error is an *Error, or ctx's own: ErrUnsupported
	// where the mechanism cannot be used here, so that the next one may be.
	Begin(ctx context.Context, p Peer) (Exchange, error)
}

// A Peer is the server to sign in to, and as whom.
type Peer struct {
	Service  string      // the protocol's name for GSSAPI: "imap", "pop" or "smtp"
	Host     string      // the server's name, as the profile has it
	Username string      // without a Password: on whose behalf; "" for nobody's but one's own
	Password secret.Text // zero for the identity that the process runs under

	TLS    *tls.ConnectionState // nil without TLS
	Policy profile.Policy
}

// An Exchange is one run of a Mechanism, for one goroutine. It has the methods of
// go-sasl's Client.
//
// One that has the server prove itself too has a method Verified() error, which is
// asked when the server says that all is well: an error there says that it is not
// the server that it claims to be.
type Exchange interface {
	// Start returns the mechanism's name and the initial response, which is nil if
	// the server speaks first.
	Start() (mechanism string, first []byte, err error)

	// Next returns the response to a challenge. An error cancels the exchange.
	Next(challenge []byte) (response []byte, err error)
}
