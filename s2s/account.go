package s2s

import (
	"strings"

	"github.com/go-serversync/serversync/internal/tokens"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// A want is which token an account needs. Accounts whose wants have one key share the token.
type want struct {
	tenant   string // a GUID in small letters, of Entra ID
	client   string
	audience string
	secret   secret.Text // of the profile's own application

	// Of tokens that the host issues itself.
	realm  string
	server string
	by     thumbprint // of the certificate that signs, in the want of a part
}

// A cellKey tells wants apart. It holds no secret, but what a secret makes of a salt of this process.
type cellKey struct {
	tenant, client, audience, realm, server string
	secret                                  [32]byte
}

func (s *Source) keyOf(w *want) cellKey {
	return cellKey{w.tenant, w.client, w.audience, w.realm, w.server, s.salted(w.secret)}
}

// mostClient is how long an application's id may be, which is a GUID in Microsoft's clouds.
const mostClient = 1 << 10

// wantOf returns which token a needs. It asks nobody. The error is ErrUnsafe where the token would be shown
// to somebody that it is not for.
func (s *Source) wantOf(a provider.Account) (*want, error) {
	app, server := a.Profile.Application, tokens.Server(a)
	switch {
	case tokens.Bare(a):
		return nil, fail(opToken, provider.ErrUnsafe, "", remedyTLS, errPlaintext)
	case app.ClientID == "":
		return nil, fail(opToken, provider.ErrUnsupported, "", "enter the application (client) ID in the profile", errClient)
	case len(app.ClientID) > mostClient:
		return nil, fail(opToken, provider.ErrUnsupported, "", "enter the application (client) ID as Entra ID shows it, a GUID", errLongClient)
	case server == "":
		return nil, fail(opToken, provider.ErrUnsupported, "", "enter the server in the profile, or use autodiscover", errUnknown)
	case profile.CheckHost(server) != nil:
		return nil, fail(opToken, provider.ErrUnsafe, "", "enter the server's host name", errHost)
	}
	if a.Profile.IssuesTokens(a.Endpoint.Credentials) {
		return &want{client: app.ClientID, realm: app.Realm, server: strings.ToLower(strings.TrimSuffix(server, "."))}, nil
	}
	w := &want{tenant: strings.ToLower(a.Profile.Tenant(a.Policy)), client: app.ClientID, secret: app.Secret}
	if !tokens.IsGUID(w.tenant) {
		return nil, fail(opToken, provider.ErrUnsupported, "", "enter the directory (tenant) ID of the mailboxes, a GUID, or have the operator set Policy.TenantID", errTenant)
	}
	err := w.aim(a, s.in.cloud, server)
	return w, err
}

// aim finds out what the token is to be for, and holds server against that (TOK-6).
func (w *want) aim(a provider.Account, cloud Cloud, server string) error {
	resource := strings.TrimRight(a.Profile.Application.Resource, "/")
	onPremises := a.Profile.Kind.IsExchangeServer()
	var may bool
	switch host := hostOf(resource); {
	case resource == "" && onPremises:
		w.audience = "https://" + authorityOf(server)
		may = hostOf(w.audience) != "" // an IPv6 zone is this machine's alone
	case resource == "":
		w.audience, may = cloud.Resource, tokens.For(cloud.Hosts, server)
	case strings.EqualFold(resource, exchangeOnline):
		w.audience, may = exchangeOnline, tokens.For(cloud.Hosts, server)
	case host == "":
		return fail(opToken, provider.ErrUnsupported, "", "leave the application's resource empty, or enter one such as "+cloud.Resource, errResource)
	case tokens.For(cloud.Hosts, host):
		w.audience, may = strings.ToLower(resource), tokens.For(cloud.Hosts, server)
	default:
		w.audience, may = strings.ToLower(resource), same(host, server)
	}
	if may {
		return nil
	}
	return fail(opToken, provider.ErrUnsafe, "", "enter a server that tokens for "+w.audience+" may be shown to, such as "+cloud.Hosts[0]+" for Exchange Online, or have the operator set the source's Cloud", errHost)
}

// authorityOf returns a host as it stands in a URL.
func authorityOf(host string) string {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if strings.Contains(host, ":") { // an IPv6 address
		return "[" + host + "]"
	}
	return host
}

func same(host, other string) bool {
	return strings.EqualFold(strings.TrimSuffix(host, "."), strings.TrimSuffix(other, "."))
}
