package serversync_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	. "github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/imap"
	"github.com/go-serversync/serversync/imap/imaptest"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
	"github.com/go-serversync/serversync/store/memory"
)

// Over a real connection, which a dry run and cycles share: what it says is what the
// next cycle does, on each class of server, and it sends no command that changes
// anything or reads a body.
func TestDryRunOverIMAP(t *testing.T) {
	for name, without := range map[string][]string{
		"QRESYNC": nil, "CONDSTORE": {"QRESYNC"}, "neither": {"QRESYNC", "CONDSTORE"},
	} {
		for _, filtered := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, filtered %t", name, filtered), func(t *testing.T) {
				var mu sync.Mutex
				watched := false
				server := imaptest.NewServer(imaptest.Options{Without: without, Fail: func(line string) string {
					mu.Lock()
					defer mu.Unlock()
					_, command, _ := strings.Cut(line, " ")
					for _, writes := range []string{"UID STORE", "UID MOVE", "UID COPY", "APPEND", "EXPUNGE", "BODY.PEEK[]", "BODY["} {
						if watched && strings.Contains(command, writes) {
							t.Errorf("a dry run sends %s", line)
						}
					}
					return ""
				}})
				defer server.Close()
				deliver := func(from, to int) {
					for n := from; n < to; n++ {
						server.AddAt("user", "INBOX", dryBound.AddDate(0, 0, n*7%20-10).Add(time.Hour), letter(n))
					}
				}
				endpoint := server.Endpoint()
				endpoint.Credentials = profile.FromMailbox
				p := profile.Profile{ID: "p", Kind: profile.IMAPSMTP, Incoming: endpoint, Outgoing: endpoint}
				box := annBox
				box.Username, box.Password, box.ProcessAfter = "user", secret.New("secret"), dryBound
				cfg := Config{Store: memory.New(), BatchItems: 4, Mailboxes: Static(p, box),
					Drivers: map[profile.Protocol]provider.Driver{profile.IMAP: &imap.Driver{TLSConfig: &tls.Config{RootCAs: server.CertPool()}, Limits: patient}},
					Policy:  profile.Policy{AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}}
				if filtered {
					cfg.Filter = dryFilter(true)
				}
				s := newSyncer(t, cfg)
				check := func() (said DryRunReport) {
					t.Helper()
					mu.Lock()
					watched = true
					mu.Unlock()
					said, err := s.DryRun(context.Background(), ann, DryRun{Sample: 3})
					require.NoError(t, err)
					mu.Lock()
					watched = false
					mu.Unlock()
					agree(t, said, syncOnce(t, s, ann))
					return said
				}
				deliver(0, 30)
				check()
				deliver(30, 41)
				server.Remove("user", "INBOX", 3, 4)
				server.SetFlags("user", "INBOX", 5, `\Seen`)
				check()
				server.SetUIDValidity("user", "INBOX", 7)
				deliver(41, 50)
				check()
				check()
				require.EqualValues(t, 1, server.Counts().Connections, "the session is shared")

				box.ProcessAfter = dryBound.AddDate(0, 0, -5)
				cfg.Mailboxes = Static(p, box)
				s = newSyncer(t, cfg)
				said := check()
				require.NotZero(t, said.Tracked)
				require.Zero(t, said.Behind)
			})
		}
	}
}
