// Package selfissued makes the tokens that a host issues itself, for an Exchange Server that trusts the
// host's certificate through a partner application ([MS-XOAUTH]: OAuth 2.0 Authorization Protocol
// Extensions).
//
// There are two of them, one in the other: the actor token, which is signed, says which application it is,
// and serves for all mailboxes of a server; the outer one, which is not signed and costs nothing, adds
// whose mailbox is meant. Nothing is asked of anybody, and no clock is read.
package selfissued

import (
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/s2s/certificate"
	"github.com/go-serversync/serversync/s2s/internal/jwt"
	"github.com/go-serversync/serversync/secret"
)

// Exchange is the security principal that Exchange Server is (MS-XOAUTH, section 4.1).
const Exchange = "00000002-0000-0ff1-ce00-000000000000"

const (
	// Life is for how long an actor token is good. The document's own are good for eight hours (section
	// 4.2). An hour is what Entra ID gives, too: a token that was stolen, or whose partner application
	// was removed, serves nobody for longer, and a signature an hour costs nothing.
	Life = time.Hour

	// early is how much a token is backdated, for servers whose clocks are behind.
	early = 5 * time.Minute
)

// An Issuer is a host that an Exchange Server trusts. It does not change, and many goroutines use it at once.
type Issuer struct {
	Certificate *certificate.Certificate // RSA
	ClientID    string                   // the partner application's ApplicationIdentifier, a GUID
	Realm       string                   // of the trust: a tenant's GUID or a domain
}

// An Actor is what an application proves itself with to one server, whatever the mailbox. It does not
// change, many goroutines use it at once, and printed it shows no token.
type Actor struct {
	// Expires is when its tokens end.
	Expires time.Time

	signed  secret.Text
	claims  map[string]any // those that the outer token shares
	subject string         // who it is, for people
}

// Actor returns the actor of a server, by the name that its endpoint has, such as mail.example.com. The
// error is an *provider.Error: ErrUnsupported where the issuer, or this process, cannot make such tokens,
// and what [certificate.Certificate.Check] says of a certificate that is not good now.
func (i Issuer) Actor(server string, now time.Time) (*Actor, error) {
	party, err := i.party()
	if err != nil {
		return nil, err
	}
	x5t, err := thumbprint(i.Certificate)
	if err != nil {
		return nil, err
	}
	if err := i.Certificate.Check(now); err != nil {
		return nil, err
	}
	host, err := name(server, "the server's name", "enter the server's name in its URL as certificates have it, such as mail.example.com")
	if err != nil {
		return nil, err
	}
	ends := now.Add(Life)
	if last := i.Certificate.NotAfter(); last.Before(ends) {
		ends = last
	}
	ends = ends.Truncate(time.Second)
	a := &Actor{Expires: ends, subject: party}
	a.claims = shared(Exchange+"/"+strings.ToLower(host)+"@"+i.Realm, party, now.Add(-early), ends)
	token, err := jwt.Sign(jwt.RS256, map[string]any{"typ": "JWT", "x5t": x5t}, inner(a.claims), i.Certificate.Signer())
	if err != nil {
		return nil, fail(provider.ErrUnavailable, "see whether what keeps the certificate's key is reachable, and lets this host use it", err)
	}
	a.signed = secret.New(token)
	return a, nil
}

// shared returns the claims that both tokens have. All values are text (section 2.2), times are seconds
// since 1970 (section 4.2).
func shared(audience, party string, from, until time.Time) map[string]any {
	moment := func(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }
	return map[string]any{"aud": audience, "iss": party, "nbf": moment(from), "exp": moment(until)}
}

// inner returns the claims of an actor token, whose subject is its issuer.
func inner(shared map[string]any) map[string]any {
	claims := maps.Clone(shared)
	claims["nameid"] = shared["iss"]
	claims["trustedfordelegation"] = "true"
	return claims
}

// outer returns the claims of the token around it.
func outer(shared map[string]any, actor string, u User) map[string]any {
	claims := maps.Clone(shared)
	claims["smtp"] = strings.ToLower(u.Address)
	claims["actort"] = actor
	if u.Principal != "" {
		claims["nameid"] = u.Principal
	}
	return claims
}

// A User is whose mailbox is meant.
type User struct {
	// Address is the mailbox's email address.
	Address string

	// Principal is the user's principal name (UPN). It is left out where it is not known: the server
	// looks for one user whom all that a token says fits, and an address need not be a principal name.
	Principal string
}

// For returns the token for a mailbox. It is cheap. The error is an *provider.Error of kind ErrUnsupported.
func (a *Actor) For(u User) (provider.Token, error) {
	switch {
	case !isAddress(u.Address):
		return provider.Token{}, fail(provider.ErrUnsupported, "correct the mailbox's address", errAddress)
	case u.Principal != "" && !isAddress(u.Principal):
		return provider.Token{}, fail(provider.ErrUnsupported, "correct the user's principal name, or leave it out", errPrincipal)
	}
	token, err := jwt.Sign(jwt.None, map[string]any{"typ": "JWT"}, outer(a.claims, a.signed.Reveal(), u), nil)
	if err != nil {
		return provider.Token{}, fail(provider.ErrUnsupported, "", err)
	}
	return provider.Token{Value: secret.New(token), Expires: a.Expires}, nil
}

// String says who it is, and until when.
func (a *Actor) String() string {
	if a == nil {
		return "no actor"
	}
	return a.subject + ", until " + a.Expires.UTC().Format(time.RFC3339)
}

// Format writes what String returns, whatever the verb.
func (a *Actor) Format(f fmt.State, _ rune) { io.WriteString(f, a.String()) }

// LogValue returns what String returns.
func (a *Actor) LogValue() slog.Value { return slog.StringValue(a.String()) }

// MarshalText returns what String returns.
func (a *Actor) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// thumbprint returns what the server finds the certificate by.
func thumbprint(c *certificate.Certificate) (string, error) {
	print, ok := c.SHA1()
	if !ok {
		return "", fail(provider.ErrUnsupported, "let this process compute SHA-1 (GODEBUG=fips140=on instead of only), or have tokens issued by Entra ID", errSHA1)
	}
	return base64.RawURLEncoding.EncodeToString(print[:]), nil
}
