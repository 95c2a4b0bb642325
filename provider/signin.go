package provider

import (
	"context"
	"crypto/tls"
	"net/http"
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

// A TokenInspector is a TokenSource that tells what its tokens rest upon and what they permit, before a
// server is asked. A driver asks both whenever it opens a session, and tells a Trace of
// [StageCertificate] and [StagePermission]. Many goroutines use it at once.
type TokenInspector interface {
	TokenSource

	// Certificate looks at what proves the host to whoever issues tokens for a. Where no
	// certificate does, the Evidence is zero, and there is no such stage. It asks nobody and
	// costs next to nothing. The error is an *Error: ErrAuth where no certificate is good now.
	// A certificate whose end is near is no error: the Evidence has it.
	Certificate(a Account) (Evidence, error)

	// Permission reads what t, which Token gave for a, permits, and holds it against what
	// a's endpoint needs. Where it cannot be read the Evidence is zero, and there is no
	// such stage. The error is an *Error: ErrAuth where a server is sure to refuse t. What a
	// token need not say, since it can be permitted elsewhere, is told in the Evidence.
	Permission(a Account, t Token) (Evidence, error)
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

// An HTTPMechanism is a Mechanism that signs in to web servers as well, as a driver
// needs it that speaks HTTP.
type HTTPMechanism interface {
	Mechanism

	// Scheme is the authentication scheme by which a server offers it in
	// WWW-Authenticate: "Negotiate" (RFC 4559) or "NTLM" (MS-NTHT).
	Scheme() string

	// Transport returns what makes requests as p, whose Service is "HTTP" and whose TLS is nil. Base
	// dials, under the policy, and bounds time and headers; it is the transport's
	// alone and must not be given other bounds, but may be cloned where each connection
	// is somebody's. What is returned serves one identity. It refuses requests
	// without TLS unless the policy allows them, follows no redirect, and takes a
	// refusal as the answer that it is. If it has a method CloseIdleConnections, that is
	// called before base's.
	//
	// The error, and those of requests, are an *Error, or the context's own:
	// ErrUnsupported where the mechanism cannot be used here, so that the next one
	// may be, as long as nothing was proven to the server.
	Transport(p Peer, base *http.Transport) (http.RoundTripper, error)
}

// A Peer is the server to sign in to, and as whom.
type Peer struct {
	Service  string      // the protocol's name for GSSAPI: "imap", "pop", "smtp" or "HTTP"
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
