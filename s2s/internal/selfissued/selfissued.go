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
	"errors"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/s2s/certificate"
	"github.com/go-serversync/serversync/s2s/internal/jwt"
)

// Exchange is the security principal that Exchange Server is (MS-XOAUTH, section 4.6).
const Exchange = "00000002-0000-0ff1-ce00-000000000000"

const (
	// Life is for how long an actor token is good. The document's own are good for eight hours (section
	// 4.2). An hour is what Entra ID gives, too: a token that was stolen, or whose partner application
	// was removed, serves nobody for longer, and a signature an hour costs nothing.
	Life = time.Hour

	// early is how much a token is backdated, for servers whose clocks are behind.
	early = 5 * time.Minute

	// actorClaim is where the outer token has the actor token (section 2.2). SharePoint has another name for it.
	actorClaim = "actort"
)

// An Issuer is a host that an Exchange Server trusts. It does not change, and many goroutines use it at once.
type Issuer struct {
	Certificate *certificate.Certificate // RSA
	ClientID    string                   // the partner application's ApplicationIdentifier, a GUID
	Realm       string                   // of the trust: a tenant's GUID or a domain
}

// Actor returns the actor token for a server, by the name that its endpoint has, such as mail.example.com.
// It is a secret, and serves for all mailboxes until it expires. The error is an *provider.Error:
// ErrUnsupported where the issuer, or this process, cannot make such tokens, ErrUnavailable where the key
// does not sign, and what [certificate.Certificate.Check] says of a certificate that is not good now.
func (i Issuer) Actor(server string, now time.Time) (token string, expires time.Time, err error) {
	party, err := i.party()
	if err != nil {
		return "", time.Time{}, err
	}
	x5t, err := thumbprint(i.Certificate)
	if err != nil {
		return "", time.Time{}, err
	}
	if err := i.Certificate.Check(now); err != nil {
		return "", time.Time{}, err
	}
	host, err := name(server, "the server's name", "enter the server's name in its URL as certificates have it, such as mail.example.com")
	if err != nil {
		return "", time.Time{}, err
	}
	expires = now.Add(Life)
	if last := i.Certificate.NotAfter(); last.Before(expires) {
		expires = last
	}
	expires = expires.Truncate(time.Second)
	claims := inner(shared(Exchange+"/"+strings.ToLower(host)+"@"+i.Realm, party, now.Add(-early), expires))
	token, err = jwt.Sign(jwt.RS256, map[string]any{"typ": "JWT", "x5t": x5t}, claims, i.Certificate.Signer())
	if err != nil {
		return "", time.Time{}, fail(provider.ErrUnavailable, "see whether what keeps the certificate's key is reachable, and lets this host use it", errors.New(wire.Quote(err.Error())))
	}
	return token, expires, nil
}

// A User is whose mailbox is meant.
type User struct {
	// Address is the mailbox's email address.
	Address string

	// Principal is the user's principal name (UPN). It is left out where it is not known: the server
	// looks for a user by all that a token says, refuses it where that is more than one, and an address
	// may be the principal name of somebody else.
	Principal string
}

// For returns the token for a mailbox, which is good for the server that the actor token is for, and as
// long as that. It is a secret as well, and costs no signature. The error is an *provider.Error of kind
// ErrUnsupported.
func For(actor string, u User) (string, error) {
	switch {
	case !isAddress(u.Address):
		return "", fail(provider.ErrUnsupported, "correct the mailbox's address", errAddress)
	case u.Principal != "" && !isAddress(u.Principal):
		return "", fail(provider.ErrUnsupported, "correct the user's principal name, or leave it out", errPrincipal)
	}
	_, signed, err := jwt.Claims(actor)
	both := make(map[string]any)
	for _, claim := range []string{"aud", "iss", "nbf", "exp"} {
		if text, ok := signed[claim].(string); ok {
			both[claim] = text
		}
	}
	if err != nil || len(both) != 4 {
		return "", fail(provider.ErrUnsupported, "have an actor token issued first", errActor)
	}
	token, err := jwt.Sign(jwt.None, map[string]any{"typ": "JWT"}, outer(both, actor, u), nil)
	if err != nil {
		return "", fail(provider.ErrUnsupported, "", err)
	}
	return token, nil
}

// ActorOf returns the actor token in one that For has made, "" if it is none.
func ActorOf(token string) string {
	_, claims, err := jwt.Claims(token)
	if err != nil {
		return ""
	}
	actor, _ := claims[actorClaim].(string)
	return actor
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
	claims[actorClaim] = actor
	if u.Principal != "" {
		claims["nameid"] = u.Principal
	}
	return claims
}

// thumbprint returns what the server finds the certificate by.
func thumbprint(c *certificate.Certificate) (string, error) {
	print, ok := c.SHA1()
	if !ok {
		return "", fail(provider.ErrUnsupported, "let this process compute SHA-1 (GODEBUG=fips140=on instead of only), or have tokens issued by Entra ID", errSHA1)
	}
	return base64.RawURLEncoding.EncodeToString(print[:]), nil
}
