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
	"github.com/go-serversync/serversync/secret"
	"github.com/go-serversync/serversync/store/memory"
)

// A tokens is a source and the server that takes its tokens: its driver gets a token
// before it dials, as those of ours do. It notes when it was asked and dialled.
type tokens struct {
	*providertest.Server
	mu     sync.Mutex
	err    error
	asked  []time.Time
	dialed int
}

func (k *tokens) Token(_ context.Context, a provider.Account, _ secret.Text) (provider.Token, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asked = append(k.asked, time.Now())
	return provider.Token{Value: secret.New("token of " + a.Mailbox.Address), Expires: time.Now().Add(time.Hour)}, k.err
}

func (k *tokens) Open(ctx context.Context, a provider.Account) (provider.Provider, error) {
	end := provider.BeginStage(ctx, provider.StageToken)
	token, err := a.Tokens.Token(ctx, a, secret.Text{})
	end(provider.Evidence{Text: "a token good until " + token.Expires.UTC().Format(time.RFC3339)}, err)
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	k.dialed++
	k.mu.Unlock()
	return k.Server.Open(ctx, a)
}

// fails has the source return an error from now on, nil for none.
func (k *tokens) fails(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.err = err
}

// counts returns how often a token was asked for, and the server dialled.
func (k *tokens) counts() (asked, dialed int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.asked), k.dialed
}

func tokenProfile(c profile.Credentials) profile.Profile {
	p := testProfile
	p.Incoming.Credentials, p.Outgoing.Credentials = c, c
	p.Application = profile.Application{ClientID: "66666666-2222-3333-4444-555555555555", Secret: secret.New("an application's secret")}
	return p
}

// newTokens returns a source, a Syncer whose one mailbox it serves, and the Directory
// in which a host would change that.
func newTokens(t *testing.T) (*tokens, *Syncer, *Directory) {
	k := &tokens{Server: providertest.NewServer(providertest.IMAPLike)}
	cfg := newConfig(k.Server, memory.New())
	d := Static(tokenProfile(profile.OAuth), annBox)
	cfg.Mailboxes = d
	cfg.Drivers = map[profile.Protocol]provider.Driver{profile.IMAP: k, profile.SMTP: k}
	cfg.Tokens = map[profile.Credentials]provider.TokenSource{profile.OAuth: k}
	cfg.IdleSessions = -1
	return k, newSyncer(t, cfg), d
}

var consentGone = &provider.Error{Op: "oauth: refresh", Kind: provider.ErrAuth, Code: "invalid_grant", Remedy: "the owner must consent again", Err: errors.New("the issuer says invalid_grant")}

// M1: consent that is gone is a refused sign-in. The issuer is asked at most three times
// in fifteen minutes and the mail server not at all, until the mailbox has another
// Revision.
func TestM1ConsentIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, s, d := newTokens(t)
		k.Add(ann, "INBOX", letter(1))
		require.Equal(t, 1, syncOnce(t, s, ann).Tracked)
		k.fails(consentGone)
		asked, dialed := k.counts()
		for range 24 * 60 {
			report, err := s.SyncMailbox(context.Background(), ann)
			if err != nil {
				require.ErrorIs(t, err, provider.ErrAuth)
			}
			require.Equal(t, "invalid_grant", report.Incoming.Fault.Code)
			require.Equal(t, consentGone.Remedy, report.Incoming.Fault.Remedy)
			require.Equal(t, mailbox.ScopeMailbox, report.Incoming.Fault.Scope)
			time.Sleep(time.Minute)
		}
		tried := k.asked[asked:]
		require.NotEmpty(t, tried)
		for i := range tried[min(3, len(tried)):] {
			require.GreaterOrEqual(t, tried[i+3].Sub(tried[i]), 15*time.Minute)
		}
		_, now := k.counts()
		require.Equal(t, dialed, now, "no mail server is dialled while no token is had")

		k.fails(nil)
		k.Add(ann, "INBOX", letter(2))
		require.NoError(t, d.Edit(t.Context(), ann, func(*mailbox.Mailbox) {}))
		report := syncOnce(t, s, ann)
		require.Equal(t, 1, report.Tracked)
		require.Equal(t, mailbox.Healthy, report.Incoming.Phase)
	})
}

// M2: a source that has us wait is no failure, however long it does; one that cannot say
// is one of the transient sort. Neither dials a mail server.
func TestM2TokensHaveToWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, s, _ := newTokens(t)
		k.Add(ann, "INBOX", letter(1))
		k.fails(&provider.Error{Op: "oauth: refresh", Kind: provider.ErrThrottled, Code: "Turn", RetryAfter: 7 * time.Minute, Err: errors.New("later")})
		for n := range 40 {
			report, err := s.SyncMailbox(context.Background(), ann)
			require.ErrorIs(t, err, provider.ErrThrottled)
			require.Equal(t, mailbox.Waiting, report.Incoming.Phase)
			require.Zero(t, report.Incoming.Failures)
			require.Equal(t, 7*time.Minute, time.Until(report.Incoming.Until))
			syncOnce(t, s, ann) // too early, and nobody is asked
			asked, _ := k.counts()
			require.Equal(t, n+1, asked)
			time.Sleep(time.Until(report.Incoming.Until))
		}
		k.fails(&provider.Error{Op: "oauth: refresh", Kind: provider.ErrUnavailable, Code: "HTTP 503", Err: errors.New("the issuer answered 503")})
		for n := range 5 {
			report, err := s.SyncMailbox(context.Background(), ann)
			require.ErrorIs(t, err, provider.ErrUnavailable)
			require.Equal(t, mailbox.Retrying, report.Incoming.Phase)
			require.Equal(t, n+1, report.Incoming.Failures)
			require.Greater(t, time.Until(report.Incoming.Until), 3*time.Minute)
			time.Sleep(time.Until(report.Incoming.Until))
		}
		_, dialed := k.counts()
		require.Zero(t, dialed)
		k.fails(nil)
		report := syncOnce(t, s, ann)
		require.Equal(t, 1, report.Tracked)
		require.Equal(t, mailbox.Healthy, report.Incoming.Phase)
	})
}

// M1: an issuer that is down is no outage of the mail server: a mailbox of the same profile
// that has its token is not held back.
func TestM1TheIssuerIsNotTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, s, d := newTokens(t)
		var boxes []mailbox.Key
		for n := range 20 {
			box := annBox
			box.Key.Mailbox, box.Address, box.Profile = fmt.Sprint("m", n), fmt.Sprintf("m%d@example.test", n), testProfile.ID
			d.PutMailbox(box)
			boxes = append(boxes, box.Key)
		}
		k.fails(&provider.Error{Op: "oauth: refresh", Kind: provider.ErrUnavailable, Code: "HTTP 503", Err: errors.New("the issuer answered 503")})
		for _, key := range boxes {
			_, _ = s.SyncMailbox(context.Background(), key)
		}
		k.fails(nil)
		report, err := s.SyncMailbox(context.Background(), ann)
		require.NoError(t, err)
		require.Equal(t, mailbox.Healthy, report.Incoming.Phase, "%v", report.Closed)
	})
}

// M1: while a mail server is down a mailbox without a token says nothing about it: the
// outage goes on.
func TestM1NoTokenEndsNoOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, s, d := newTokens(t)
		down := true
		k.Fault = func(c providertest.Call) providertest.Outcome {
			if down && c.Op == providertest.OpOpen {
				return providertest.Outcome{Err: &provider.Error{Op: "open", Kind: provider.ErrUnavailable}}
			}
			return providertest.Outcome{}
		}
		for n := range 20 {
			box := annBox
			box.Key.Mailbox, box.Address, box.Profile = fmt.Sprint("m", n), fmt.Sprintf("m%d@example.test", n), testProfile.ID
			d.PutMailbox(box)
			_, _ = s.SyncMailbox(context.Background(), box.Key)
		}
		time.Sleep(time.Minute)
		k.fails(consentGone)
		_, err := s.SyncMailbox(context.Background(), ann) // it probes
		require.ErrorIs(t, err, provider.ErrAuth)
		k.fails(nil)
		_, dialed := k.counts()
		for n := range 20 {
			_, _ = s.SyncMailbox(context.Background(), mailbox.Key{Organization: "acme", Mailbox: fmt.Sprint("m", n)})
		}
		_, now := k.counts()
		require.LessOrEqual(t, now-dialed, 1, "one probes and the others are held back")
	})
}

// A test tells the token first, with how long it is good; or why there is none, and then
// no more.
func TestTheTokenIsTestedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, s, _ := newTokens(t)
		r, err := s.TestMailbox(t.Context(), ann, TestOptions{NoMessage: true})
		require.NoError(t, err)
		require.True(t, r.Passed, "%v", r.Fault)
		var first []StageReport
		for _, st := range r.Stages {
			if st.Stage == provider.StageToken || st.Stage == provider.StageDNS {
				first = append(first, st)
			}
		}
		require.Equal(t, provider.StageToken, first[0].Stage)
		require.Equal(t, StagePassed, first[0].Status)
		require.Contains(t, first[0].Evidence.Text, "a token good until")
		require.Contains(t, r.String(), "a token good until")
		require.NotContains(t, fmt.Sprintf("%v %+v", r, r), "token of ann")

		k.fails(consentGone)
		_, dialed := k.counts()
		r, err = s.TestMailbox(t.Context(), ann, TestOptions{NoMessage: true})
		require.NoError(t, err)
		require.Equal(t, provider.StageToken, failedStage(r).Stage)
		require.Equal(t, "invalid_grant", r.Fault.Code)
		require.Equal(t, consentGone.Remedy, r.Fault.Remedy)
		_, now := k.counts()
		require.Equal(t, dialed, now)
	})
}

// A profile whose mailboxes' owners consent is tested as far as it goes without one.
func TestConnectionNeedsNoToken(t *testing.T) {
	for _, c := range []profile.Credentials{profile.OAuth, profile.ServerToServer} {
		synctest.Test(t, func(t *testing.T) {
			k, s, _ := newTokens(t)
			p := tokenProfile(c)
			p.Incoming.Host, p.Outgoing.Host, p.TenantID = "outlook.office365.com", "smtp.office365.com", "11111111-2222-3333-4444-555555555555" // no other takes them of an application
			r, err := s.TestConnection(t.Context(), "acme", p, TestOptions{})
			require.NoError(t, err)
			require.True(t, r.Passed, "%s: %v", c, r.Fault)
			asked, dialed := k.counts()
			require.Zero(t, asked)
			require.Zero(t, dialed)
			var signIns int
			for _, st := range r.Stages {
				if st.Stage == provider.StageSignIn {
					signIns++
					require.Equal(t, StageSkipped, st.Status)
				}
			}
			require.Equal(t, 2, signIns)
		})
	}
}
