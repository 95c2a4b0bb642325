package profile_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/profile"
)

// What is allowed depends on switch and deployment together; the zero Policy
// allows nothing.
func TestPolicy(t *testing.T) {
	type answers struct{ plaintext, basic, ad, ntlm, private, port bool }
	for name, row := range map[string]struct {
		policy profile.Policy
		want   answers
	}{
		"zero":                    {profile.Policy{}, answers{}},
		"cloud, all on":           {profile.Policy{AllowPlaintext: true, AllowBasicWithoutTLS: true}, answers{}},
		"cloud, AD and private":   {profile.Policy{ADAuthentication: profile.Allowed, AllowPrivate: true}, answers{ad: true, ntlm: true, private: true}},
		"cloud, a port":           {profile.Policy{AllowPorts: []int{1143}}, answers{port: true}},
		"self-hosted":             {profile.Policy{Deployment: profile.SelfHosted}, answers{ad: true, ntlm: true, private: true, port: true}},
		"self-hosted, no AD":      {profile.Policy{Deployment: profile.SelfHosted, ADAuthentication: profile.Refused}, answers{private: true, port: true}},
		"self-hosted, FIPS":       {profile.Policy{Deployment: profile.SelfHosted, FIPS: true}, answers{ad: true, private: true, port: true}},
		"self-hosted, plaintext":  {profile.Policy{Deployment: profile.SelfHosted, AllowPlaintext: true}, answers{plaintext: true, ad: true, ntlm: true, private: true, port: true}},
		"self-hosted, basic":      {profile.Policy{Deployment: profile.SelfHosted, AllowPlaintext: true, AllowBasicWithoutTLS: true}, answers{true, true, true, true, true, true}},
		"self-hosted, basic only": {profile.Policy{Deployment: profile.SelfHosted, AllowBasicWithoutTLS: true}, answers{ad: true, ntlm: true, private: true, port: true}},
	} {
		t.Run(name, func(t *testing.T) {
			p := row.policy
			require.Equal(t, row.want, answers{
				p.PlaintextAllowed(), p.BasicWithoutTLSAllowed(), p.ADAuthenticationAllowed(), p.NTLMAllowed(), p.PrivateAllowed(), p.PortAllowed(1143),
			})
			for _, port := range []int{25, 110, 143, 443, 465, 587, 993, 995} {
				require.True(t, p.PortAllowed(port), port)
			}
			for _, port := range []int{-1, 0, 65536} {
				require.False(t, p.PortAllowed(port), port)
			}
		})
	}
}

func TestPolicyNetworks(t *testing.T) {
	p := profile.Policy{AllowNetworks: []netip.Prefix{netip.MustParsePrefix("10.1.2.3/8"), netip.MustParsePrefix("fe80::/10")}}
	for addr, want := range map[string]bool{"10.9.9.9": true, "::ffff:10.9.9.9": true, "fe80::1%eth0": true, "11.0.0.1": false, "::1": false} {
		require.Equal(t, want, p.NetworkAllowed(netip.MustParseAddr(addr)), addr)
	}
	require.False(t, profile.Policy{}.NetworkAllowed(netip.MustParseAddr("10.0.0.1")))
}
