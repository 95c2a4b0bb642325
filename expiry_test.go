package serversync_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	. "github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/provider/providertest"
	"github.com/go-serversync/serversync/store/memory"
)

// A certified source rests on a certificate.
type certified struct {
	*tokens
	mu     sync.Mutex
	end    time.Time
	looked int
}

func (k *certified) until(end time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.end = end
}

func (k *certified) Certificate(provider.Account) (provider.Evidence, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.looked++
	e := provider.Evidence{NotAfter: k.end, Thumbprints: []string{"SHA-256 00FF"}}
	if time.Now().After(k.end) {
		return e, &provider.Error{Op: "certificate", Kind: provider.ErrAuth, Code: "invalid_client", Remedy: "make another", Err: errors.New("the certificate has expired")}
	}
	return e, nil
}

func (k *certified) Permission(provider.Account, provider.Token) (provider.Evidence, error) {
	return provider.Evidence{Text: "roles full_access_as_app"}, nil
}

// newCertified returns a certified source and a configuration in which two mailboxes of a profile use it.
func newCertified() (*certified, Config, []mailbox.Key) {
	k := &certified{tokens: &tokens{Server: providertest.NewServer(providertest.IMAPLike)}}
	p := tokenProfile(profile.ServerToServer)
	p.Incoming.Host, p.Outgoing.Host, p.TenantID = "outlook.office365.com", "smtp.office365.com", "11111111-2222-3333-4444-555555555555"
	bob := annBox
	bob.Key.Mailbox, bob.Address = "bob", "bob@example.test"
	cfg := newConfig(k.Server, memory.New())
	cfg.Mailboxes = Static(p, annBox, bob)
	cfg.Drivers = map[profile.Protocol]provider.Driver{profile.IMAP: k.tokens, profile.SMTP: k.tokens}
	cfg.Tokens = map[profile.Credentials]provider.TokenSource{profile.ServerToServer: k}
	return k, cfg, []mailbox.Key{annBox.Key, bob.Key}
}

// From 30 days before a certificate ends its profile has one alert, told once a day however many
// mailboxes there are, which becomes an error on the day and is over when another certificate takes
// over. The gauge is told once an hour.
func TestCertificateExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, cfg, keys := newCertified()
		var alerts []ProfileAlert
		var gauges []CertificateExpiry
		cfg.Hooks.ProfileAlert = func(a ProfileAlert) { alerts = append(alerts, a) }
		cfg.Hooks.Certificate = func(c CertificateExpiry) { gauges = append(gauges, c) }
		s := newSyncer(t, cfg)
		began := time.Now()
		k.until(began.Add(32 * 24 * time.Hour))
		day := func() (told []ProfileAlert) {
			alerts = nil
			for range 24 * 4 {
				for _, key := range keys {
					_, _ = s.SyncMailbox(t.Context(), key)
				}
				time.Sleep(15 * time.Minute)
			}
			return alerts
		}
		require.Empty(t, day())
		require.Len(t, gauges, 24)
		require.Equal(t, 24, k.looked)
		require.Equal(t, CertificateExpiry{Organization: "acme", Profile: "p", NotAfter: k.end, Left: 32 * 24 * time.Hour, Thumbprints: []string{"SHA-256 00FF"}}, gauges[0])
		require.Empty(t, day())
		for n := range 30 {
			told := day()
			require.Len(t, told, 1, "day %d", n)
			require.Equal(t, "certificate-expires", told[0].Alert.Code)
			require.Equal(t, profile.Warning, told[0].Alert.Level)
			require.Equal(t, n+1, told[0].Alert.Count)
			require.Contains(t, told[0].Alert.Message, "is good for")
			require.True(t, told[0].Alert.Resolved.IsZero())
		}
		told := day()
		require.Len(t, told, 1)
		require.Equal(t, profile.Error, told[0].Alert.Level)
		require.Equal(t, "invalid_client", told[0].Alert.Cause)
		require.Equal(t, "make another", told[0].Alert.Remedy)
		require.Error(t, gauges[len(gauges)-1].Err)
		require.Negative(t, gauges[len(gauges)-1].Left)

		k.until(time.Now().Add(365 * 24 * time.Hour))
		told = day()
		require.Len(t, told, 1)
		require.False(t, told[0].Alert.Resolved.IsZero())
		require.Empty(t, day())
	})
}

// A process that was started anew resolves what another one has told of.
func TestCertificateExpiryOfAnotherProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, cfg, keys := newCertified()
		k.until(time.Now().Add(24 * time.Hour))
		store := cfg.Store.(*memory.Store)
		_, err := newSyncer(t, cfg).SyncMailbox(t.Context(), keys[0])
		require.NoError(t, err)
		wall := mailbox.Wall{Organization: "acme", Profile: "p"}
		open, err := store.Alerts(t.Context(), wall, true, 10)
		require.NoError(t, err)
		require.Len(t, open, 1)
		require.Contains(t, open[0].Message, "is good for 1 day only")
		require.Contains(t, open[0].Message, "SHA-256 ")
		k.until(time.Now().Add(365 * 24 * time.Hour))
		_, err = newSyncer(t, cfg).SyncMailbox(t.Context(), keys[0])
		require.NoError(t, err)
		open, err = store.Alerts(t.Context(), wall, true, 10)
		require.NoError(t, err)
		require.Empty(t, open)
	})
}

// A source that panics is an error, and the cycle goes on.
func TestCertificateExpiryPanics(t *testing.T) {
	k, cfg, keys := newCertified()
	cfg.Tokens[profile.ServerToServer] = hasty{k}
	var got CertificateExpiry
	cfg.Hooks.Certificate = func(c CertificateExpiry) { got = c }
	_, err := newSyncer(t, cfg).SyncMailbox(t.Context(), keys[0])
	require.NoError(t, err)
	require.ErrorContains(t, got.Err, "panicked")
}

type hasty struct{ *certified }

func (hasty) Certificate(provider.Account) (provider.Evidence, error) { panic("no") }

// Certificate, token and permission are stages of a test, in this order; what is near its end is a
// warning, and what has ended fails the first of them.
func TestCertificateStages(t *testing.T) {
	k, cfg, keys := newCertified()
	k.until(time.Now().Add(20 * 24 * time.Hour))
	cfg.Drivers = map[profile.Protocol]provider.Driver{profile.IMAP: stager{k.tokens}, profile.SMTP: stager{k.tokens}}
	s := newSyncer(t, cfg)
	r, err := s.TestMailbox(t.Context(), keys[0], TestOptions{NoMessage: true})
	require.NoError(t, err)
	require.True(t, r.Passed, "%v", r.Fault)
	var stages []provider.Stage
	for _, st := range r.Stages {
		if st.Side == mailbox.Incoming && (st.Stage == provider.StageCertificate || st.Stage == provider.StageToken || st.Stage == provider.StagePermission) {
			stages = append(stages, st.Stage)
		}
	}
	require.Equal(t, []provider.Stage{provider.StageCertificate, provider.StageToken, provider.StagePermission}, stages)
	require.Contains(t, fmt.Sprint(r.Warnings), "proves this host is good for 19 days only")
	require.Contains(t, r.String(), "SHA-256 00FF")

	k.until(time.Now().Add(-time.Hour))
	asked, _ := k.counts()
	r, err = s.TestMailbox(t.Context(), keys[0], TestOptions{NoMessage: true})
	require.NoError(t, err)
	require.Equal(t, provider.StageCertificate, failedStage(r).Stage)
	require.Equal(t, "invalid_client", r.Fault.Code)
	now, _ := k.counts()
	require.Equal(t, asked, now, "no token is asked for")
}

// A stager is a driver that looks at tokens as those of ours do.
type stager struct{ *tokens }

func (d stager) Open(ctx context.Context, a provider.Account) (provider.Provider, error) {
	inspector := a.Tokens.(provider.TokenInspector)
	e, err := inspector.Certificate(a)
	provider.BeginStage(ctx, provider.StageCertificate)(e, err)
	if err != nil {
		return nil, err
	}
	p, err := d.tokens.Open(ctx, a)
	if err == nil {
		e, err = inspector.Permission(a, provider.Token{})
		provider.BeginStage(ctx, provider.StagePermission)(e, err)
	}
	return p, err
}

// M1: what is to be mended outside the profile, such as a certificate that nobody renewed in time, is tried
// again for however long it lasts, seldom, and all goes on by itself once it is mended.
func TestM1ApplicationsHeal(t *testing.T) {
	for code, kind := range map[string]provider.Kind{
		"certificate-expired": provider.ErrAuth, "AADSTS700027": provider.ErrAuth, "token_permission": provider.ErrAuth, "token_signature": provider.ErrAuth,
		"token_time": provider.ErrAuth, "token_claims": provider.ErrAuth, "token_user": provider.ErrAuth, "token_refused": provider.ErrAuth,
		"mailbox_permission": provider.ErrUnsupported, "ews_blocked": provider.ErrUnsupported,
	} {
		synctest.Test(t, func(t *testing.T) {
			k, cfg, keys := newCertified()
			k.until(time.Now().Add(365 * 24 * time.Hour))
			s := newSyncer(t, cfg)
			k.Add(keys[0], "INBOX", letter(1))
			k.fails(&provider.Error{Op: "token", Kind: kind, Code: code, Remedy: "mend it", Err: errors.New("no")})
			var report Report
			for range 24 * 60 {
				report, _ = s.SyncMailbox(t.Context(), keys[0])
				time.Sleep(time.Minute)
			}
			require.Equal(t, code, report.Incoming.Fault.Code)
			require.Equal(t, mailbox.Suspended, report.Incoming.Phase, "it is tried each half hour, and its alert is open")
			asked, _ := k.counts()
			require.Less(t, asked, 2*80)
			k.fails(nil)
			tracked := 0
			for range 40 { // half an hour, and what chance adds
				report, _ = s.SyncMailbox(t.Context(), keys[0])
				tracked += report.Tracked
				time.Sleep(time.Minute)
			}
			require.Equal(t, 1, tracked)
			require.Equal(t, mailbox.Healthy, report.Incoming.Phase)
		})
	}
}
