package oauth

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"time"

	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// newTransport returns a transport that dials under the policy and nothing else: no
// proxy of the environment, no plaintext, no compression that could swell. Redirects are
// the business of an http.Client, which there is none of.
func newTransport(config *tls.Config, policy profile.Policy, timeout time.Duration) *http.Transport {
	return &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			return nil, fail("dial", provider.ErrUnsafe, "", "give the issuer's URLs with https", errURL)
		},
		DialTLSContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			conn, err := wire.Dial(ctx, wire.DialOptions{
				Op: "oauth", Address: address, TLS: profile.ImplicitTLS, TLSConfig: config, Policy: policy,
				Limits: provider.Limits{Dial: timeout, TLS: timeout},
			})
			if err != nil {
				return nil, err // and not a nil *wire.Conn
			}
			return conn, nil
		},
		DisableCompression:     true,
		MaxIdleConnsPerHost:    2,
		MaxConnsPerHost:        8,
		IdleConnTimeout:        30 * time.Second,
		ResponseHeaderTimeout:  timeout,
		MaxResponseHeaderBytes: 64 << 10,
	}
}
