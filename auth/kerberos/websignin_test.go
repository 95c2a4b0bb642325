package kerberos_test

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/go-serversync/serversync/auth/kerberos"
	"github.com/go-serversync/serversync/internal/websignin"
	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

var _ provider.HTTPMechanism = (*kerberos.Client)(nil)

// Web servers are signed in to with a ticket: a user's, or the process's own.
func TestWebSigninWithApache(t *testing.T) {
	k, a := newWeb(t)
	policy := selfHosted
	policy.AllowNetworks = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	options := wire.HTTPOptions{Op: "test", TLSConfig: &tls.Config{RootCAs: a.CA.CertPool()}, Policy: policy}
	for _, tt := range []struct {
		client      *kerberos.Client
		password    string
		credentials profile.Credentials
		by          profile.Authentication
		user        string
		kind        provider.Kind
	}{
		{&kerberos.Client{Config: k.Conf()}, password, profile.FromMailbox, profile.AutoDetect, "anna@EXAMPLE.TEST", ""},
		{&kerberos.Client{Config: k.Conf()}, password, profile.FromMailbox, profile.Negotiate, "anna@EXAMPLE.TEST", ""},
		{&kerberos.Client{Config: k.Conf(), Keytab: keytab(t, k, "crm")}, "", profile.IntegratedWindows, profile.AutoDetect, "crm@EXAMPLE.TEST", ""},
		{&kerberos.Client{Config: k.Conf()}, "wrong", profile.FromMailbox, profile.Negotiate, "", provider.ErrAuth},
		{&kerberos.Client{ConfigText: "[libdefaults]\n"}, password, profile.FromMailbox, profile.Negotiate, "", provider.ErrUnsupported},
	} {
		c, err := websignin.New("test", options, provider.Account{
			Mailbox:  mailbox.Mailbox{Username: "anna", Password: secret.New(tt.password)},
			Endpoint: profile.Endpoint{URL: url(a), Credentials: tt.credentials, Authentication: tt.by}, Policy: policy,
			Mechanisms: []provider.Mechanism{tt.client},
		})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			req, err := http.NewRequestWithContext(t.Context(), "POST", url(a), strings.NewReader("a body"))
			if err != nil {
				t.Fatal(err)
			}
			resp, err := c.Do(req)
			if tt.kind != "" {
				is(t, err, tt.kind)
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if resp.StatusCode != 404 || resp.Header.Get("X-User") != tt.user || resp.Header.Get("X-Length") != "6" || c.Method() != "Negotiate" {
				t.Errorf("%s, user %q, by %q", resp.Status, resp.Header.Get("X-User"), c.Method())
			}
		}
		c.Close()
	}
}
