package serversync_test

import (
	"context"
	"errors"
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

// failing makes cycles of Ann's mailbox whose first call of incoming mail fails, gap
// apart or closer, and returns the state after each.
func failing(t *testing.T, err error, cycles int, apart time.Duration) (after []mailbox.Direction) {
	synctest.Test(t, func(t *testing.T) {
		server := providertest.NewServer(providertest.IMAPLike)
		server.Fault = func(c providertest.Call) providertest.Outcome {
			if c.Op == providertest.OpFolders {
				return providertest.Outcome{Err: err}
			}
			return providertest.Outcome{}
		}
		st := memory.New()
		s := newSyncer(t, newConfig(server, st))
		for range cycles {
			s.SyncMailbox(context.Background(), ann)
			snap, err := st.Load(context.Background(), ann)
			require.NoError(t, err)
			after = append(after, snap.State.Incoming)
			time.Sleep(apart)
		}
	})
	return after
}

func named(kind provider.Kind, code string) error {
	return &provider.Error{Op: "test", Kind: kind, Code: code, Err: errors.New("the server's words")}
}

// phases is where a direction stands after one cycle that ended so.
var phases = map[mailbox.Class]mailbox.Phase{
	mailbox.Transient: mailbox.Retrying,
	mailbox.Throttled: mailbox.Waiting,
	mailbox.Refused:   mailbox.Retrying,
	mailbox.Permanent: mailbox.Stopped,
}

// M5: each error of the catalogue leads a direction where its class says, and tells
// people its code, the server's words, a remedy, whom it concerns and how bad it is.
func TestFaultOfEachKnownError(t *testing.T) {
	for k := range mailbox.Catalogue() {
		for _, code := range append(k.Aliases(), k.Code) {
			want := phases[k.Class]
			if k.Scope == mailbox.ScopeItem {
				want = mailbox.Retrying // M4
			}
			kind := provider.ErrUnavailable
			if k.Code == "SecureConnection" {
				kind = provider.ErrUnsafe
			}
			d := failing(t, named(kind, code), 1, 0)[0]
			require.Equal(t, want, d.Phase, code)
			require.Equal(t, mailbox.Fault{Code: k.Code, Cause: "test: " + string(kind) + ": the server's words", Remedy: k.Remedy, Scope: k.Scope, Level: k.Level}, d.Fault, code)
		}
	}
}

// What a driver knows and what the name says are brought together.
func TestFaultRefinesTheKind(t *testing.T) {
	for _, tt := range []struct {
		name  string
		err   error
		phase mailbox.Phase // after one cycle
		third mailbox.Phase // after three within a quarter of an hour
		code  string
		scope mailbox.Scope
	}{
		{"a name says that waiting is of no use", named(provider.ErrUnavailable, "ErrorNonExistentMailbox"), mailbox.Stopped, mailbox.Stopped, "ErrorNonExistentMailbox", mailbox.ScopeMailbox},
		{"a name says that waiting helps", named(provider.ErrUnsupported, "ErrorInvalidLicense"), mailbox.Retrying, mailbox.Retrying, "ErrorInvalidLicense", mailbox.ScopeMailbox},
		{"a full mailbox heals by itself", named(provider.ErrTooLarge, "OVERQUOTA"), mailbox.Retrying, mailbox.Retrying, "OVERQUOTA", mailbox.ScopeMailbox},
		{"a name that is gone may come back", named(provider.ErrUnavailable, "HostNotFound"), mailbox.Retrying, mailbox.Retrying, "HostNotFound", mailbox.ScopeProfile},
		{"a quota is no failure", named(provider.ErrBadItem, "ErrorSubmissionQuotaExceeded"), mailbox.Waiting, mailbox.Waiting, "ErrorSubmissionQuotaExceeded", mailbox.ScopeMailbox},
		{"a refusal under another kind counts", named(provider.ErrUnavailable, "535 5.7.8"), mailbox.Retrying, mailbox.Stopped, "535 5.7.8", mailbox.ScopeMailbox},
		{"a refused sign-in counts whatever it is called", named(provider.ErrAuth, "UNAVAILABLE"), mailbox.Retrying, mailbox.Stopped, "unavailable", mailbox.ScopeProfile},
		{"SMTP's item codes say another thing of a sign-in", named(provider.ErrAuth, "550 5.7.1"), mailbox.Retrying, mailbox.Stopped, "sign-in-refused", mailbox.ScopeMailbox},
		{"an account that is disabled is not tried again", named(provider.ErrAuth, "8005E273"), mailbox.Stopped, mailbox.Stopped, "8005E273", mailbox.ScopeMailbox},
		{"a server that asks to wait is believed", named(provider.ErrThrottled, "HTTP 403"), mailbox.Waiting, mailbox.Waiting, "HTTP 403", mailbox.ScopeMailbox},
		{"no name softens a rule of ours", named(provider.ErrUnsafe, "HostNotFound"), mailbox.Stopped, mailbox.Stopped, "HostNotFound", mailbox.ScopeProfile},
		{"a handshake that failed for a moment", named(provider.ErrProtocol, "SecureConnection"), mailbox.Retrying, mailbox.Retrying, "SecureConnection", mailbox.ScopeProfile},
		{"a handshake that failed over our certificate", named(provider.ErrAuth, "SecureConnection"), mailbox.Retrying, mailbox.Stopped, "SecureConnection", mailbox.ScopeProfile},
		{"an item's error is not the direction's", named(provider.ErrUnsupported, "ErrorSendAsDenied"), mailbox.Retrying, mailbox.Retrying, "ErrorSendAsDenied", mailbox.ScopeItem},
		{"a decision is no error", named(provider.ErrUnsupported, "NoRecipientMatch"), mailbox.Retrying, mailbox.Retrying, "NoRecipientMatch", mailbox.ScopeItem},
		{"a name that nobody knows", named(provider.ErrUnsupported, "ErrorOfTomorrow"), mailbox.Stopped, mailbox.Stopped, "unsupported", mailbox.ScopeProfile},
		{"no kind", &provider.Error{Op: "test", Kind: "odd"}, mailbox.Retrying, mailbox.Retrying, "failed", mailbox.ScopeMailbox},
	} {
		t.Run(tt.name, func(t *testing.T) {
			after := failing(t, tt.err, 3, 7*time.Minute)
			require.Equal(t, tt.phase, after[0].Phase)
			if tt.third == mailbox.Retrying { // the second wait is not over
				require.Equal(t, 2, after[2].Failures)
			}
			require.Equal(t, tt.third, after[2].Phase)
			require.Equal(t, tt.code, after[0].Fault.Code)
			require.Equal(t, tt.scope, after[0].Fault.Scope)
			require.NotEmpty(t, after[0].Fault.Remedy)
			require.NotEmpty(t, after[0].Fault.Cause)
		})
	}
}

// What the driver says goes before what is known in general.
func TestFaultPrefersTheDriversWords(t *testing.T) {
	d := failing(t, &provider.Error{Op: "test", Kind: provider.ErrUnavailable, Code: "ErrorQuotaExceeded", Remedy: "delete mail"}, 1, 0)[0]
	k, _ := mailbox.Lookup("ErrorQuotaExceeded")
	require.Equal(t, mailbox.Fault{Code: k.Code, Cause: k.Cause, Remedy: "delete mail", Scope: k.Scope, Level: profile.Error}, d.Fault)
	require.Contains(t, failing(t, named(provider.ErrUnavailable, "ErrorQuotaExceeded"), 1, 0)[0].Fault.Cause, "the server's words")
}

// Each kind has a code of its own, with all that is to be said of it.
func TestFaultOfEachKind(t *testing.T) {
	for kind, want := range map[provider.Kind]struct {
		code  string
		phase mailbox.Phase
	}{
		provider.ErrAuth:          {"sign-in-refused", mailbox.Retrying},
		provider.ErrThrottled:     {"throttled", mailbox.Waiting},
		provider.ErrUnavailable:   {"unavailable", mailbox.Retrying},
		provider.ErrCursorExpired: {"cursor-expired", mailbox.Retrying},
		provider.ErrNotFound:      {"not-found", mailbox.Retrying},
		provider.ErrBadItem:       {"bad-item", mailbox.Retrying},
		provider.ErrProtocol:      {"protocol-error", mailbox.Retrying},
		provider.ErrTooLarge:      {"too-large", mailbox.Stopped},
		provider.ErrUnsafe:        {"unsafe", mailbox.Stopped},
		provider.ErrUnsupported:   {"unsupported", mailbox.Stopped},
	} {
		d := failing(t, named(kind, ""), 1, 0)[0]
		k, ok := mailbox.Lookup(want.code)
		require.True(t, ok, want.code)
		require.Equal(t, want.phase, d.Phase, kind)
		require.Equal(t, []any{k.Code, k.Remedy, k.Scope, k.Level}, []any{d.Fault.Code, d.Fault.Remedy, d.Fault.Scope, d.Fault.Level}, kind)
	}
}

// M4: no error of an item, under whatever kind a driver gives it and however often,
// stops a direction, unless it is no item's at all: a sign-in or a rule of ours.
func TestM4ItemErrorsStopNoDirection(t *testing.T) {
	for k := range mailbox.Catalogue() {
		if k.Scope != mailbox.ScopeItem {
			continue
		}
		for _, kind := range []provider.Kind{provider.ErrUnavailable, provider.ErrNotFound, provider.ErrBadItem, provider.ErrProtocol, provider.ErrTooLarge, provider.ErrUnsupported} {
			for _, d := range failing(t, named(kind, k.Code), 12, gap) {
				require.NotEqual(t, mailbox.Stopped, d.Phase, "%s as %s", k.Code, kind)
			}
		}
	}
}

// M3: a profile's breaker opens for what concerns the profile. Mailboxes that are
// full are each on its own, though the server is "unavailable" to them.
func TestM3MailboxErrorsOpenNoBreaker(t *testing.T) {
	for code, opens := range map[string]int{"": 1, "HostNotFound": 1, "ErrorOfTomorrow": 1, "OVERQUOTA": 0, "ErrorMailboxStoreUnavailable": 0, "ErrorItemCorrupt": 0} {
		t.Run(code, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := providertest.NewServer(providertest.IMAPLike)
				server.Fault = func(c providertest.Call) providertest.Outcome {
					if c.Op == providertest.OpFolders {
						return providertest.Outcome{Err: named(provider.ErrUnavailable, code)}
					}
					return providertest.Outcome{}
				}
				st := memory.New()
				cfg := newConfig(server, st, boxes("acme", 5)...)
				var told []Outage
				cfg.Hooks.Outage = func(o Outage) { told = append(told, o) }
				s := newSyncer(t, cfg)
				for _, box := range boxes("acme", 5) {
					s.SyncMailbox(context.Background(), box.Key)
				}
				require.Len(t, told, opens)
				failed := 0
				for _, box := range boxes("acme", 5) {
					snap, err := st.Load(context.Background(), box.Key)
					require.NoError(t, err)
					failed += snap.State.Incoming.Failures
				}
				if opens == 0 {
					require.Equal(t, 5, failed)
				} else {
					require.Less(t, failed, 3, "the profile's fault is no mailbox's")
					k, ok := mailbox.Lookup(code)
					if !ok {
						k.Code = "unavailable"
					}
					require.Equal(t, k.Code, told[0].Fault.Code)
				}
			})
		})
	}
}

// M1: a direction is suspended after ten failures in a row. At a server that takes some
// email each time before it hangs up, no backlog gets there; where none leaves, it does.
func TestM1SendingSomeIsNoFailureInARow(t *testing.T) {
	for _, each := range []int{2, 0} {
		synctest.Test(t, func(t *testing.T) {
			server, st := providertest.NewServer(providertest.IMAPLike), memory.New()
			s := newSyncer(t, newConfig(server, st))
			offered := 0
			server.Fault = func(c providertest.Call) providertest.Outcome {
				if c.Op != providertest.OpSend {
					return providertest.Outcome{}
				}
				offered++
				return providertest.Outcome{Cut: offered%(each+1) == 0}
			}
			for n := range 60 {
				e := entry(ann, n, "carl@example.org")
				e.Queued = time.Now()
				require.NoError(t, st.Enqueue(t.Context(), e))
			}
			failed, suspended := 0, false
			for range 100 {
				report, err := s.SyncMailbox(t.Context(), ann)
				if err != nil {
					failed++
				}
				suspended = suspended || report.Outgoing.Phase == mailbox.Suspended
				time.Sleep(max(time.Second, time.Until(report.Next)))
			}
			require.Greater(t, failed, 12)
			require.Equal(t, each == 0, suspended)
			if each > 0 {
				require.Len(t, server.Sent(), 60)
			}
		})
	}
}
