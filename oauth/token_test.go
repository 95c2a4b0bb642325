package oauth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/oauth"
	"github.com/go-serversync/serversync/oauth/oauthtest"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
	"github.com/go-serversync/serversync/store/memory"
)

// TOK-1: many callers cause one refresh, and so do several processes. An issuer that
// detects reuse sees none. The time is a bubble's: on a clock that whoever waits moves on,
// a claim lapses before the one who holds it has had its turn on the processor.
func TestTOK1OneRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := oauthtest.NewInMemory(oauthtest.Options{})
		store := memory.New()
		var sources []*oauth.Source
		for range 3 {
			sources = append(sources, &oauth.Source{Grants: store, Keyring: keyring(t), Issuers: []oauth.Issuer{i.Issuer()}, Transport: transport(func(req *http.Request) (*http.Response, error) {
				time.Sleep(200 * time.Millisecond) // so that others come meanwhile
				return i.RoundTrip(req)
			})})
		}
		ann := account(i, "ann")
		old, refresh := i.Grant(ann.Mailbox.Address)
		oauth.Plant(t, sources[0], ann, old, refresh, time.Hour)
		time.Sleep(time.Hour)
		var all sync.WaitGroup
		for n := range 60 {
			all.Go(func() {
				got, err := sources[n%3].Token(t.Context(), ann, secret.Text{})
				if err != nil || got.Value.Reveal() == old {
					t.Errorf("Token = %v", err)
				}
			})
		}
		all.Wait()
		require.Equal(t, 1, i.Calls("refresh_token"))
		require.Zero(t, i.Reuses())
	})
}

// A caller whose context ends goes away; the refresh goes on and is saved.
func TestTOK1WaitingEnds(t *testing.T) {
	w := newWorld(t, oauthtest.Options{})
	w.consent(w.source, w.ann())
	w.clock.pass(time.Hour)
	asked, answer := make(chan struct{}), make(chan struct{})
	s := w.another(func(s *oauth.Source) {
		s.Transport = transport(func(req *http.Request) (*http.Response, error) {
			close(asked)
			<-answer
			return w.issuer.RoundTrip(req)
		})
	})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() {
		_, err := s.Token(ctx, w.ann(), secret.Text{})
		ended <- err
	}()
	<-asked
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	close(answer)
	require.NoError(t, s.Close())
	require.NotEmpty(t, w.token(w.source, ""))
	require.Equal(t, 1, w.issuer.Calls("refresh_token"))
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// TOK-2: over 30 days a token is asked for once a life, less what it is early; it is
// never handed out with less than a minute left.
func TestTOK2Ahead(t *testing.T) {
	for _, life := range []time.Duration{5 * time.Minute, time.Hour, 24 * time.Hour} {
		w := newWorld(t, oauthtest.Options{Life: life})
		w.consent(w.source, w.ann())
		start := w.clock.Now()
		for w.clock.Now().Sub(start) < 30*24*time.Hour {
			got, err := w.source.Token(context.Background(), w.ann(), secret.Text{})
			require.NoError(t, err)
			require.GreaterOrEqual(t, got.Expires.Sub(w.clock.Now()), time.Minute)
			w.clock.pass(15 * time.Second)
		}
		ahead := min(max(5*time.Minute, life/10), life/2)
		least, most := float64(life)-1.1*float64(ahead), float64(life)-0.9*float64(ahead)+float64(15*time.Second)
		n := float64(30 * 24 * time.Hour)
		require.InDelta(t, n/least/2+n/most/2, w.issuer.Calls("refresh_token"), (n/least-n/most)/2+1, "%s", life)
	}
}

// A token that still serves is handed out although it cannot be refreshed.
func TestTOK2AheadOfAnOutage(t *testing.T) {
	w := newWorld(t, oauthtest.Options{})
	w.consent(w.source, w.ann())
	token := w.token(w.source, "")
	w.issuer.SetFault(oauthtest.Fault{Status: 503})
	w.clock.pass(57 * time.Minute)
	require.Equal(t, token, w.token(w.source, ""))
	require.Equal(t, 1, w.issuer.Calls("refresh_token"))
	require.Equal(t, token, w.token(w.source, ""), "and the issuer is left alone for a while")
	require.Equal(t, 1, w.issuer.Calls("refresh_token"))
	w.clock.pass(3 * time.Minute)
	w.refused(provider.ErrUnavailable)
	w.issuer.SetFault(oauthtest.Fault{})
	w.clock.pass(2 * time.Minute)
	require.NotEqual(t, token, w.token(w.source, ""))
}

// TOK-3: a token that a server refuses is replaced once, and then not within a minute.
func TestTOK3Refused(t *testing.T) {
	w := newWorld(t, oauthtest.Options{})
	w.consent(w.source, w.ann())
	first := w.token(w.source, "")
	w.clock.pass(2 * time.Minute)
	second := w.token(w.source, first)
	require.NotEqual(t, first, second)
	require.Equal(t, second, w.token(w.source, first), "there is another one already")
	require.Equal(t, second, w.token(w.another(), first))
	for range 50 {
		_, err := w.source.Token(context.Background(), w.ann(), secret.New(second))
		require.Equal(t, oauth.CodeRefused, isError(t, err, provider.ErrAuth).Code)
	}
	require.Equal(t, 1, w.issuer.Calls("refresh_token"))
	w.clock.pass(2 * time.Minute)
	require.NotEqual(t, second, w.token(w.source, second))
}

// TOK-4: where clocks differ, ours from the issuer's and from another process's, all
// agree on the issuer's once they have heard of it.
func TestTOK4Clock(t *testing.T) {
	for _, off := range []time.Duration{-2 * time.Hour, 2 * time.Hour} {
		w := newWorld(t, oauthtest.Options{})
		w.issuer.SetFault(oauthtest.Fault{Clock: off})
		w.consent(w.source, w.ann())
		token := w.token(w.source, "")
		w.clock.pass(50 * time.Minute)
		require.Equal(t, token, w.token(w.source, ""))
		right := w.another(func(s *oauth.Source) { s.Clock = &clock{now: w.clock.Now().Add(off)} })
		require.Equal(t, token, w.token(right, ""))
		w.clock.pass(10 * time.Minute)
		require.NotEqual(t, token, w.token(w.source, ""))
		require.Equal(t, 1, w.issuer.Calls("refresh_token"))
	}
}

// A brokenStore fails or ends the process, as it were, at its nth call.
type brokenStore struct {
	serversync.Grants
	calls, at int
	after     bool // it does what was asked for first
	crash     bool // and everything after fails too
}

var errBroken = errors.New("the disk is full of s3cr3t")

func (b *brokenStore) fails(do func() error) error {
	b.calls++
	if b.calls == b.at || b.crash && b.calls > b.at && b.at > 0 {
		if b.after && b.calls == b.at {
			_ = do()
		}
		return errBroken
	}
	return do()
}

func (b *brokenStore) Grant(ctx context.Context, key mailbox.Key) (g serversync.Grant, err error) {
	err = b.fails(func() error { g, err = b.Grants.Grant(ctx, key); return err })
	return g, err
}

func (b *brokenStore) ReplaceGrant(ctx context.Context, key mailbox.Key, g serversync.Grant) error {
	return b.fails(func() error { return b.Grants.ReplaceGrant(ctx, key, g) })
}

// TOK-5: whichever call of the Store fails, once or for good from then on, no token is
// handed out whose refresh token is not saved. If the process lives on, nothing is lost
// with the strictest issuer; if it died, nothing with one that allows for a lost answer.
func TestTOK5EveryCallOfTheStore(t *testing.T) {
	tried := 0
	for _, crash := range []bool{false, true} {
		for _, after := range []bool{false, true} {
			for at := 1; ; at++ {
				w := newWorld(t, oauthtest.Options{Grace: crash})
				w.consent(w.source, w.ann())
				old := w.token(w.source, "")
				w.clock.pass(time.Hour)
				broken := &brokenStore{Grants: w.store, at: at, after: after, crash: crash}
				s := w.another(func(s *oauth.Source) { s.Grants = broken })
				got, err := s.Token(context.Background(), w.ann(), secret.Text{})
				if broken.calls < at {
					require.NoError(t, err)
					break
				}
				tried++
				if err == nil {
					require.Equal(t, got.Value.Reveal(), w.token(w.another(), ""), "it is saved")
				} else {
					require.NotContains(t, isError(t, err, provider.ErrUnavailable).Error(), "s3cr3t")
					require.ErrorIs(t, err, errBroken)
				}
				next := s
				if crash {
					next = w.another()
				}
				token := w.token(next, "")
				require.NotEqual(t, old, token)
				require.Equal(t, "ann@example.com", w.issuer.User(token))
				require.Equal(t, token, w.token(w.another(), ""))
				require.Zero(t, w.issuer.Reuses())
			}
		}
	}
	require.Equal(t, 12, tried, "a refresh is three calls: load, claim, save")
}

// What an issuer gave is saved when the Source is closed, if it could not be before.
func TestTOK5Close(t *testing.T) {
	w := newWorld(t, oauthtest.Options{})
	w.consent(w.source, w.ann())
	w.clock.pass(time.Hour)
	broken := &brokenStore{Grants: w.store, at: 3, crash: true} // it stays so
	s := w.another(func(s *oauth.Source) { s.Grants = broken })
	_, err := s.Token(context.Background(), w.ann(), secret.Text{})
	isError(t, err, provider.ErrUnavailable)
	broken.at = 0
	require.NoError(t, s.Close())
	w.token(w.another(), "")
	require.Equal(t, 1, w.issuer.Calls("refresh_token"))
}

// TOK-5: an answer that was lost on the way is asked for again. An issuer that allows for
// it gives another; with one that does not, the owner is told how it came.
func TestTOK5LostAnswer(t *testing.T) {
	for _, grace := range []bool{true, false} {
		i := oauthtest.New(oauthtest.Options{Grace: grace, Life: 2 * time.Minute})
		defer i.Close()
		c := &clock{now: time.Now()}
		s := overTLS(t, i, loopback())
		s.Clock = c
		w := &world{t: t, clock: c, issuer: i, source: s}
		begun, err := s.Begin(context.Background(), w.ann(), redirect)
		require.NoError(t, err)
		require.NoError(t, s.Finish(context.Background(), w.ann(), begun.Session, w.browse(begun.URL, "ann@example.com", "allow")))
		c.pass(2 * time.Minute)
		i.SetFault(oauthtest.Fault{Times: 1, Lose: true})
		w.refused(provider.ErrUnavailable)
		c.pass(2 * time.Minute)
		if grace {
			w.token(s, "")
			continue
		}
		e := w.refused(provider.ErrAuth)
		require.Equal(t, oauth.CodeConsent, e.Code)
		require.Contains(t, e.Remedy, "was interrupted")
		require.NoError(t, s.Close())
	}
}

// A consent that is given while a refresh is under way stands.
func TestConsentDuringRefresh(t *testing.T) {
	w := newWorld(t, oauthtest.Options{})
	w.consent(w.source, w.ann())
	w.clock.pass(time.Hour)
	s := w.another(func(s *oauth.Source) {
		s.Transport = transport(func(req *http.Request) (*http.Response, error) {
			res, err := w.issuer.RoundTrip(req)
			w.consent(w.source, w.ann())
			return res, err
		})
	})
	require.Equal(t, w.token(s, ""), w.token(w.source, ""))
}

// Consent that was taken back is told in words, by every process, and asked about once
// a minute at most. Nothing is deleted, and a new consent mends it.
func TestTOKConsentGone(t *testing.T) {
	w := newWorld(t, oauthtest.Options{})
	w.consent(w.source, w.ann())
	w.clock.pass(time.Hour)
	w.issuer.RevokeUser("ann@example.com")
	for range 10 {
		e := w.refused(provider.ErrAuth)
		require.Equal(t, oauth.CodeConsent, e.Code)
		require.Contains(t, e.Remedy, "the owner must consent again")
		_, err := w.another().Token(context.Background(), w.ann(), secret.Text{})
		require.Equal(t, oauth.CodeConsent, isError(t, err, provider.ErrAuth).Code)
	}
	require.Equal(t, 1, w.issuer.Calls("refresh_token"))
	w.clock.pass(2 * time.Minute)
	w.refused(provider.ErrAuth)
	require.Equal(t, 2, w.issuer.Calls("refresh_token"))
	w.consent(w.another(), w.ann())
	w.token(w.source, "")
}

// A grant is of no use to another application, and none is asked with it.
func TestAnotherApplication(t *testing.T) {
	w := newWorld(t, oauthtest.Options{})
	w.consent(w.source, w.ann())
	a := w.ann()
	a.Profile.Application.ClientID = "another"
	_, err := w.source.Token(context.Background(), a, secret.Text{})
	require.Equal(t, oauth.CodeConsent, isError(t, err, provider.ErrAuth).Code)
	require.Zero(t, w.issuer.Calls("refresh_token"))
}

// A wrong application secret is the application's fault, not the owner's.
func TestApplicationSecret(t *testing.T) {
	w := newWorld(t, oauthtest.Options{})
	w.consent(w.source, w.ann())
	w.clock.pass(time.Hour)
	a := w.ann()
	a.Profile.Application.Secret = secret.New("expired")
	_, err := w.source.Token(context.Background(), a, secret.Text{})
	e := isError(t, err, provider.ErrAuth)
	require.Equal(t, oauth.CodeApplication, e.Code)
	require.Contains(t, e.Remedy, "secret")
	w.clock.pass(time.Minute)
	w.token(w.source, "")
}

// A Store that holds something else, or what was sealed for another mailbox, is told.
func TestSealedForOneMailbox(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, oauthtest.Options{})
	w.consent(w.source, w.ann())
	stored, err := w.store.Grant(ctx, w.ann().Mailbox.Key)
	require.NoError(t, err)
	require.NotContains(t, string(stored.Sealed), `"Refresh"`)
	for _, key := range []mailbox.Key{{Organization: "acme", Mailbox: "bob"}, {Organization: "evil", Mailbox: "ann"}} {
		require.NoError(t, w.store.ReplaceGrant(ctx, key, serversync.Grant{Sealed: stored.Sealed}))
		a := w.ann()
		a.Mailbox.Key = key
		_, err := w.source.Token(ctx, a, secret.Text{})
		require.ErrorIs(t, err, secret.ErrSealed)
		isError(t, err, provider.ErrAuth)
		w.consent(w.source, a) // what cannot be read is replaced
	}
}

// All that is wrong with what an operator gives is told at once.
func TestCheck(t *testing.T) {
	s := &oauth.Source{Issuers: []oauth.Issuer{{Name: "a"}, {Name: "a", TokenURL: "http://x/", AuthURL: "https://{tenant}.example/a", Hosts: []string{"*"}, SecretIn: "x"}}, Timeout: time.Minute, Claim: time.Second}
	err := s.Check()
	isError(t, err, provider.ErrUnsupported)
	for _, part := range []string{"Grants", "Keyring", "two issuers", "AuthURL is no", "AuthURL has {tenant}", "TokenURL", `"*" is no host`, "no mail servers", "place for a secret", "Claim"} {
		require.ErrorContains(t, err, part)
	}
	_, err = s.Token(context.Background(), provider.Account{}, secret.Text{})
	isError(t, err, provider.ErrUnsupported)
	for _, i := range []oauth.Issuer{oauth.Google(), oauth.Yahoo(), oauth.Microsoft(""), oauth.USGovernment().Issuer(""), oauth.USDefense().Issuer("x"), oauth.China().Issuer("")} {
		require.NoError(t, i.Check())
	}
	for _, bad := range []string{"https://u@h/", "https://h/?a", "https://h/#a", "https:///x", "ftp://h/", "https://h.{tenant}/", "x", ""} {
		i := oauth.Google()
		i.TokenURL = bad
		require.Error(t, i.Check(), bad)
	}
}

// TOK-C: a profile's tenant is a part of a path and nothing else.
func TestTOK_CTenant(t *testing.T) {
	w := newWorld(t, oauthtest.Options{}, func(s *oauth.Source) { s.Issuers = []oauth.Issuer{oauth.Microsoft("")} })
	a := w.ann()
	a.Endpoint.Host, a.Profile.Incoming.Host, a.Profile.Outgoing.Host = "outlook.office365.com", "outlook.office365.com", "smtp.office365.com"
	for tenant, want := range map[string]string{
		"": "common", "contoso.onmicrosoft.com": "contoso.onmicrosoft.com", "11111111-2222-3333-4444-555555555555": "11111111-2222-3333-4444-555555555555",
		"..": "common", "a/b": "common", "@evil.example": "common", ".evil.example/": "common", "a?b": "common", "a%2fb": "common", "a..b": "common",
	} {
		a.Profile.TenantID = tenant
		begun, err := w.source.Begin(context.Background(), a, redirect)
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(begun.URL, fmt.Sprintf("https://login.microsoftonline.com/%s/oauth2/v2.0/authorize?", want)), begun.URL)
		require.Equal(t, "https://outlook.office.com/IMAP.AccessAsUser.All https://outlook.office.com/SMTP.Send offline_access", query(t, begun.URL).Get("scope"))
	}
}
