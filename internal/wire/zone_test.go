package wire

import (
	"net/http"
	"net/netip"
	"testing"

	"github.com/go-serversync/serversync/internal/proxytest"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// SSRF-06: an address's zone may be any text to netip, also one that ends the line in
// which a proxy is asked.
func TestSSRF06AZoneIsNoWayIntoTheProxysLine(t *testing.T) {
	p, policy := startProxy(t, "http", listen(t, stall), proxytest.Options{})
	policy.AllowNetworks = []netip.Prefix{netip.MustParsePrefix("fe80::/10")}
	for _, resolves := range []bool{false, true} {
		policy.Proxy.Resolves = resolves
		for _, host := range []string{
			"2a00:1450:4001::1%x\r\nX-Injected: y", "2a00:1450:4001::1%x HTTP/1.1", "2a00:1450:4001::1%]:22", "2a00:1450:4001::1%a@b",
			"fe80::1%eth0/\r\n",
		} {
			_, err := dial(t.Context(), DialOptions{Op: "test", Address: "[" + host + "]:143", Policy: policy}, nil)
			wantKind(t, err, provider.ErrUnsafe)
			if profile.CheckHost(host) == nil {
				t.Errorf("profile takes %q", host)
			}
		}
	}
	web, err := NewTransport(HTTPOptions{Op: "test", Policy: policy})
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequest(http.MethodGet, "https://[2a00:1450:4001::1%25x%0D%0AX:y]/", nil)
	if err == nil {
		_, err = web.Do(r)
		wantKind(t, err, provider.ErrUnsafe)
	}
	if got := p.Targets(); len(got) != 0 {
		t.Errorf("the proxy was asked for %q", got)
	}
}
