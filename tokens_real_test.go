package serversync_test

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/netip"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	. "github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/imap"
	"github.com/go-serversync/serversync/internal/testserver"
	"github.com/go-serversync/serversync/internal/testserver/servertest"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/oauth"
	"github.com/go-serversync/serversync/oauth/oauthtest"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
	"github.com/go-serversync/serversync/smtp"
	"github.com/go-serversync/serversync/store/memory"
)

// giveConsent has the owner of a mailbox consent in a browser.
func giveConsent(t *testing.T, s *oauth.Source, i *oauthtest.Issuer, a provider.Account) {
	t.Helper()
	begun, err := s.Begin(t.Context(), a, "https://crm.example/back")
	require.NoError(t, err)
	client := &http.Client{Transport: i, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.PostForm(begun.URL, url.Values{"user": {a.Mailbox.Address}, "answer": {"allow"}})
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	back, err := res.Location()
	require.NoError(t, err)
	require.NoError(t, s.Finish(t.Context(), a, begun.Session, back.Query()))
}

// Consent all the way on Dovecot and Postfix, which ask the issuer whose each token is:
// mail comes in and goes out, tokens expire behind our back and are rotated, consent is
// taken back and given again. The issuer's time is moved, so that nobody waits.
func TestTokensOnRealServers(t *testing.T) {
	servertest.Need(t)
	introspection, err := testserver.NewIssuer()
	require.NoError(t, err)
	t.Cleanup(func() { introspection.Close() })
	d := servertest.Dovecot(t, testserver.DovecotOptions{Users: map[string]string{"ann": realPassword}, Mechanisms: "plain oauthbearer xoauth2", Issuer: introspection})
	post := servertest.Postfix(t, testserver.PostfixOptions{Dovecot: d})
	var passed atomic.Int64
	issuer := oauthtest.NewInMemory(oauthtest.Options{Now: func() time.Time { return time.Now().Add(time.Duration(passed.Load())) }})
	introspection.Ask(issuer.User)

	address := "ann@" + testserver.Domain
	p := profile.Profile{ID: "p", Kind: profile.IMAPSMTP, Application: issuer.Application(),
		Incoming: endpoint(t, d.IMAPSAddr, profile.ImplicitTLS), Outgoing: endpoint(t, post.SMTPSAddr, profile.ImplicitTLS)}
	p.Incoming.Credentials, p.Outgoing.Credentials = profile.OAuth, profile.OAuth
	box := mailbox.Mailbox{Key: ann, Address: address, Profile: p.ID}
	store, directory := memory.New(), Static(p, box)
	keyring, err := secret.NewKeyring("k", map[string][]byte{"k": []byte("a test's key, which has 32 bytes")})
	require.NoError(t, err)
	source := &oauth.Source{Grants: store, Keyring: keyring, Issuers: []oauth.Issuer{issuer.Issuer()}, Transport: issuer, RefusedAfter: 1}
	s := newSyncer(t, Config{
		Store: store, Mailboxes: directory, IdleSessions: -1,
		Drivers: map[profile.Protocol]provider.Driver{
			profile.IMAP: &imap.Driver{TLSConfig: &tls.Config{RootCAs: d.CA.CertPool()}, Limits: patient},
			profile.SMTP: smtp.Driver{TLSConfig: &tls.Config{RootCAs: d.CA.CertPool()}, Limits: patient},
		},
		Tokens: map[profile.Credentials]provider.TokenSource{profile.OAuth: source},
		Policy: profile.Policy{AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}},
	})
	account := provider.Account{Mailbox: box, Profile: p, Endpoint: p.Incoming}
	brings := func(n int) {
		t.Helper()
		require.NoError(t, d.Deliver(t.Context(), "ann", "", letter(n)))
		report, err := s.SyncMailbox(t.Context(), ann)
		require.NoError(t, err)
		require.Equal(t, 1, report.Tracked)
	}
	consented := func() {
		t.Helper()
		giveConsent(t, source, issuer, account)
		require.NoError(t, directory.Edit(t.Context(), ann, func(*mailbox.Mailbox) {}))
	}
	consented()
	brings(1)
	require.Zero(t, issuer.Calls("refresh_token"))

	for n := range 3 { // the token is good for nothing, and only the servers know
		passed.Add(int64(2 * time.Hour))
		brings(2 + n)
		require.Equal(t, 1+n, issuer.Calls("refresh_token"), "one for each, rotated")
	}
	require.Zero(t, issuer.Reuses())

	passed.Add(int64(2 * time.Hour))
	r, err := s.TestMailbox(context.Background(), ann, TestOptions{}) // with a message through Postfix and back
	require.NoError(t, err)
	require.True(t, r.Passed, r.String())
	require.Equal(t, provider.StageToken, r.Stages[1].Stage)

	issuer.RevokeUser(address)
	before := introspection.Asked()
	report, err := s.SyncMailbox(t.Context(), ann)
	require.ErrorIs(t, err, provider.ErrAuth)
	require.Equal(t, oauth.CodeConsent, report.Incoming.Fault.Code, "%+v", report.Incoming.Fault)
	require.Contains(t, report.Incoming.Fault.Remedy, "consent again")
	require.Positive(t, introspection.Asked()-before, "the servers were shown the token that was good until then")
	consented()
	brings(9)
	require.NoError(t, source.Close())
}
