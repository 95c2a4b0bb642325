package oauth

import (
	"cmp"
	"net/url"

	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// serverOf returns the host that a's driver shows a token to: for Exchange that of the URL, whatever stands in
// Host, and for any other server Host, whatever stands in URL. It is "" where it is not known, as
// before autodiscover has found it.
func serverOf(a provider.Account) string {
	if !a.Profile.Kind.IsExchange() {
		return a.Endpoint.Host
	}
	return webOf(a).Hostname()
}

// bare reports whether a token would cross the network without TLS.
func bare(a provider.Account) bool {
	return a.Endpoint.TLS == profile.Plaintext || a.Profile.Kind.IsExchange() && webOf(a).Scheme == "http"
}

// webOf returns where a's web services are. Those of Exchange Online have one address for all.
func webOf(a provider.Account) *url.URL {
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
