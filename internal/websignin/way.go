package websignin

import (
	"crypto/fips140"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// The schemes (RFC 9110, section 11.1).
const (
	basic     = "Basic"
	bearer    = "Bearer"
	negotiate = "Negotiate"
	ntlm      = "NTLM"
)

// schemes are those that are spoken of, Negotiate before NTLM. Any other word of a server's is its own, and could
// be the password.
var schemes = []string{negotiate, ntlm, basic, bearer, "Digest", "Kerberos"}

// A way is one to sign in.
type way struct {
	name      string
	mechanism provider.HTTPMechanism // of the host's; nil for our own
	transport *wire.Transport        // of the mechanism's, once it was wanted
}

// offeredBy reports whether a server that offers these schemes takes w. What NTLM has to
// say is taken with Negotiate too (MS-NTHT).
func (w *way) offeredBy(offered []string) bool {
	return slices.Contains(offered, w.name) || w.name == ntlm && slices.Contains(offered, negotiate)
}

// ways returns the ways that profile and policy allow, the strongest first.
func (c *Client) ways() (all []*way) {
	authentication := c.account.Endpoint.Authentication
	switch {
	case c.method == provider.WithToken:
		return []*way{{name: bearer}}
	case authentication == profile.SCRAM, authentication == profile.CRAMMD5:
		return nil // which web servers do not speak
	}
	if authentication != profile.Basic {
		for _, m := range c.account.Mechanisms {
			if m, ok := m.(provider.HTTPMechanism); ok && c.allows(m.Scheme()) {
				all = append(all, &way{name: m.Scheme(), mechanism: m})
			}
		}
		slices.SortStableFunc(all, func(x, y *way) int { return slices.Index(schemes, x.name) - slices.Index(schemes, y.name) })
	}
	if c.method == provider.WithPassword {
		all = append(all, &way{name: basic})
	}
	return all
}

// allows reports whether profile and policy allow a scheme of the host's mechanisms.
func (c *Client) allows(scheme string) bool {
	e, policy := c.account.Endpoint, c.account.Policy
	switch scheme {
	case negotiate:
		return e.Authentication != profile.NTLM && policy.ADAuthenticationAllowed()
	case ntlm:
		return e.Credentials != profile.IntegratedWindows && policy.NTLMAllowed() && !policy.FIPS && !fips140.Enabled()
	}
	return false
}

// permit refuses to send what proves us over a connection that the profile does not allow
// it on.
func (c *Client) permit(u *url.URL) error {
	if u.Scheme == "http" && c.account.Endpoint.TLS != profile.Plaintext {
		return c.fail(provider.ErrUnsafe, "use an address that begins with https", errBare)
	}
	return nil
}

// ready returns an error where there is nothing to sign in with.
func (c *Client) ready() error {
	e := c.account.Endpoint
	username, password := c.account.Credentials()
	const remedy = "enter user name and password again"
	switch {
	case c.method == provider.WithToken, e.Credentials == profile.IntegratedWindows:
		return nil
	case username == "" || password.IsZero():
		return c.fail(provider.ErrAuth, remedy, errMissing)
	case strings.ContainsAny(username+password.Reveal(), "\x00\r\n"):
		return c.fail(provider.ErrAuth, remedy, errControls)
	case e.Authentication == profile.Basic && strings.Contains(username, ":"):
		return c.fail(provider.ErrAuth, "enter the user name as user@domain or DOMAIN\\user", errColon)
	}
	return nil
}

// peer is the server as the host's mechanisms see it.
func (c *Client) peer(host string) provider.Peer {
	username, password := c.account.Credentials()
	policy := c.account.Policy
	policy.FIPS = policy.FIPS || fips140.Enabled()
	return provider.Peer{Service: "HTTP", Host: host, Username: username, Password: password, Policy: policy}
}

// offeredIn returns the schemes that an answer offers, as they are known.
func offeredIn(h http.Header) (offered []string) {
	const most = 64 // header fields, and challenges in one
	for _, field := range h.Values("WWW-Authenticate")[:min(len(h.Values("WWW-Authenticate")), most)] {
		for _, challenge := range strings.SplitN(field, ",", most) {
			word, _, _ := strings.Cut(strings.TrimSpace(challenge), " ")
			i := slices.IndexFunc(schemes, func(s string) bool { return strings.EqualFold(s, word) })
			if i >= 0 && !slices.Contains(offered, schemes[i]) {
				offered = append(offered, schemes[i])
			}
		}
	}
	return offered
}
