package ntlm_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net/netip"
	"sync"
	"testing"

	"github.com/go-serversync/serversync/auth/ntlm"
	"github.com/go-serversync/serversync/ews"
	"github.com/go-serversync/serversync/ews/ewstest"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// Connections that are signed in by NTLM serve who signed them in and nobody else, however
// many sessions of however many people one driver has.
func TestNTLMConnectionsServeTheirOwner(t *testing.T) {
	users := map[string]string{"alice@example.com": "canary-a-Yw7k3", "bob@example.com": "canary-b-Yw7k3"}
	server := ewstest.NewServer(ewstest.Options{Users: users, Schemes: []string{"NTLM"}})
	t.Cleanup(server.Close)
	d := &ews.Driver{TLSConfig: &tls.Config{RootCAs: server.CertPool()}, SpoolDir: t.TempDir()}
	p := profile.Profile{ID: "exchange", Kind: profile.ExchangeServer, Incoming: profile.Endpoint{URL: server.URL()}}
	for who := range users {
		server.Add(who, "inbox", fmt.Appendf(nil, "Subject: only for %s\r\n\r\nhush\r\n", who))
	}
	var all sync.WaitGroup
	for range 8 {
		for who, word := range users {
			account := provider.Account{
				Mailbox: mailbox.Mailbox{Key: mailbox.Key{Organization: "org", Mailbox: who}, Address: who, Username: who, Password: secret.New(word)},
				Profile: p, Endpoint: p.Incoming, Policy: profile.Policy{Deployment: profile.SelfHosted, AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, Mechanisms: []provider.Mechanism{ntlm.Mechanism{}},
			}
			all.Go(func() {
				for range 6 {
					if err := looks(t, d, account); err != nil {
						t.Errorf("%s: %v", who, err)
					}
				}
			})
		}
	}
	all.Wait()
	if got := server.Counts(); got.Refused > 0 || got.SignIns >= got.All {
		t.Errorf("%d sign-ins and %d refusals for %d requests, want connections to be used again", got.SignIns, got.Refused, got.All)
	}
}

// looks opens a session and reads its one message three times, which must be its owner's.
func looks(t *testing.T, d *ews.Driver, account provider.Account) error {
	opened, err := d.Open(t.Context(), account)
	if err != nil {
		return err
	}
	defer opened.Close()
	for range 3 {
		page, err := opened.(provider.Source).Changes(t.Context(), provider.Request{Folder: "inbox", Lane: provider.Live, Want: provider.WantBodies})
		if err != nil {
			return err
		}
		if len(page.Changes) != 1 || page.Changes[0].Err != nil {
			return fmt.Errorf("the inbox has %+v", page.Changes)
		}
		raw, _ := page.Changes[0].Raw.Bytes()
		if !bytes.Contains(raw, []byte("only for "+account.Mailbox.Address)) {
			return fmt.Errorf("it got %q", raw)
		}
		page.Changes[0].Raw.Release()
	}
	return nil
}
