package profile

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/secret"
)

func TestProxyForms(t *testing.T) {
	long := strings.Repeat("x", 256)
	for _, tt := range []struct {
		proxy   Proxy
		scheme  string
		address string
		want    error
	}{
		{Proxy{URL: "socks5://proxy.example:1080"}, "socks5", "proxy.example:1080", nil},
		{Proxy{URL: "http://10.0.0.1:3128/"}, "http", "10.0.0.1:3128", nil},
		{Proxy{URL: "https://[fd00::1]:443", Username: "u", Password: secret.New("p")}, "https", "[fd00::1]:443", nil},
		{Proxy{Resolves: true}, "", "", errProxyNone},
		{Proxy{URL: "proxy.example:1080"}, "", "", errProxyURL},
		{Proxy{URL: "socks4://proxy.example:1080"}, "", "", errProxyURL},
		{Proxy{URL: "http://proxy.example"}, "", "", errProxyURL},
		{Proxy{URL: "http://proxy.example:0"}, "", "", errProxyURL},
		{Proxy{URL: "http://proxy.example:65536"}, "", "", errProxyURL},
		{Proxy{URL: "http://proxy.example:80/path"}, "", "", errProxyURL},
		{Proxy{URL: "http://proxy.example:80?x=canary"}, "", "", errProxyURL},
		{Proxy{URL: "http://u:canary@proxy.example:80"}, "", "", errProxySecret},
		{Proxy{URL: "http://proxy.example:80", Username: "u:v"}, "", "", errProxyUser},
		{Proxy{URL: "socks5://proxy.example:80", Username: long}, "", "", errProxyLong},
		{Proxy{URL: "socks5://proxy.example:80", Password: secret.New("canary")}, "", "", errProxyNoName},
	} {
		scheme, address, err := tt.proxy.Parse()
		require.Equal(t, tt.want, err, tt.proxy.URL)
		require.Equal(t, tt.want, tt.proxy.Err())
		require.Equal(t, tt.scheme+tt.address, scheme+address)
		require.NotContains(t, fmt.Sprint(err), "canary")
	}
	require.NoError(t, Proxy{}.Err())
	require.NotContains(t, fmt.Sprintf("%+v", Policy{Proxy: Proxy{Password: secret.New("canary")}}), "canary")
}
