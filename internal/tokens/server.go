// Package tokens holds what the sources of access tokens share, packages oauth and s2s: which server a token is for, what
// issuers' answers have in common, and Microsoft's clouds.
package tokens

import (
	"cmp"
	"net/url"
	"strings"

	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// Server returns the host that a's driver shows a token to: for Exchange that of the URL, whatever stands in
// Host, and for any other server Host, whatever stands in URL. It is "" where it is not known, as
// before autodiscover has found it.
func Server(a provider.Account) string {
	if !a.Profile.Kind.IsExchange() {
		return a.Endpoint.Host
	}
	return Web(a).Hostname()
}

// Bare reports whether a token would cross the network without TLS.
func Bare(a provider.Account) bool {
	if a.Endpoint.TLS == profile.Plaintext {
		return true
	}
	web := Web(a)
	return a.Profile.Kind.IsExchange() && web.Host != "" && web.Scheme != "https"
}

// Web returns where a's web services are. Those of Exchange Online have one address for all.
func Web(a provider.Account) *url.URL {
	location := a.Endpoint.URL
	if a.Profile.Kind.IsExchangeOnline() {
		location = cmp.Or(location, profile.ExchangeOnlineURL)
	}
	u, err := url.Parse(location)
	if err != nil {
		return new(url.URL)
	}
	return u
}

// For reports whether a token for hosts may be shown to host (TOK-6): each of hosts stands for itself and
// every name in it.
func For(hosts []string, host string) bool {
	host = strings.TrimSuffix(host, ".")
	for _, h := range hosts {
		n := len(host) - len(h)
		if n >= 0 && strings.EqualFold(host[n:], h) && (n == 0 || host[n-1] == '.') {
			return true
		}
	}
	return false
}
