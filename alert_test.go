package serversync_test

import (
	"crypto/tls"
	"encoding/json"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	. "github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/imap"
	"github.com/go-serversync/serversync/imap/imaptest"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
	"github.com/go-serversync/serversync/store/memory"
)

// STLS-15: what a server wants its users to be alerted of, such as where to pay, is
// shown to no user: neither by a test nor by what is kept of cycles.
func TestSTLS15NoUserIsShownAnAlert(t *testing.T) {
	const lure = "pay.example.net"
	for name, answer := range map[string]string{
		"refused":  "%tag NO [ALERT] go to https://" + lure + " to unlock your account",
		"told":     "* OK [ALERT] https://" + lure + "\r\n%tag NO [AUTHENTICATIONFAILED] see https://" + lure,
		"parsed":   "%tag NO [PARSE] https://" + lure,
		"charsets": "%tag NO [BADCHARSET (https://" + lure + ")] no",
		"referral": "%tag NO [REFERRAL imaps://" + lure + "/] not here",
	} {
		t.Run(name, func(t *testing.T) {
			server := imaptest.NewServer(imaptest.Options{Fail: func(line string) string {
				if strings.Contains(line, "AUTHENTICATE") {
					return answer
				}
				return ""
			}})
			defer server.Close()
			p := profile.Profile{ID: "p", Kind: profile.IMAPSMTP, Incoming: server.Endpoint()}
			box := annBox
			box.Username, box.Password, box.Methods.Outgoing = "user", secret.New("secret"), mailbox.None
			store := memory.New()
			s := newSyncer(t, Config{Store: store, Mailboxes: Static(p, box),
				Drivers: map[profile.Protocol]provider.Driver{profile.IMAP: &imap.Driver{TLSConfig: &tls.Config{RootCAs: server.CertPool()}, Limits: patient}},
				Policy:  profile.Policy{OrganizationsEnterHosts: true, AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}})
			report, err := s.SyncMailbox(t.Context(), ann)
			require.Error(t, err)
			require.ErrorContains(t, err, "the server said NO", "the operator sees what there is")
			state, err := s.State(t.Context(), ann)
			require.NoError(t, err)
			walls := alertsOf(store, ann)
			shown, err := json.Marshal([]any{report.Incoming.Fault, report.Closed, state, walls})
			require.NoError(t, err)
			require.NotContains(t, string(shown), lure)
			require.NotEmpty(t, state.Incoming.Fault.Remedy)
			require.EqualValues(t, 1, server.Counts().Connections, "no referral is followed")
		})
	}
}
