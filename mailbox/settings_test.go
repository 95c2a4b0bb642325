package mailbox_test

import (
	"cmp"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	. "github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
)

const day = 24 * time.Hour

func TestSettingsDefaults(t *testing.T) {
	s := Settings{}.WithDefaults()
	require.Equal(t, Settings{
		AlertRetention: 30 * day, JournalRetention: 3 * day, VerdictRetention: 30 * day, MaxVerboseCycles: 100, MaxVerboseMailboxes: 10, SendBatch: 10,
		Tracking: Tracking{
			Token:   Token{Prefix: "CRM:", UserDigits: 3, CounterDigits: 3, SubjectLimit: 255},
			Smart:   Smart{Noise: `^[\s]*([\w]+\s?:[\s]*)+`, MinAddresses: 2, MaxHashes: 20, Window: 90 * day},
			Content: Content{MaxAttachment: 5 << 20}, Category: "Tracked",
		},
	}, s)
	require.Equal(t, s, s.WithDefaults())
	require.Empty(t, Settings{}.Validate())
	none := Settings{AlertRetention: -1, JournalRetention: -1}
	require.Equal(t, time.Duration(-1), none.WithDefaults().AlertRetention, "keep nothing")
	require.Empty(t, none.Validate())
}

func TestSettingsRanges(t *testing.T) {
	for _, tt := range []struct {
		code        string
		good, wrong Settings
	}{
		{"alert-retention-range", Settings{AlertRetention: 3650 * day}, Settings{AlertRetention: 3650*day + 1}},
		{"journal-retention-range", Settings{JournalRetention: 7 * day}, Settings{JournalRetention: 14*day + 1}},
		{"journal-retention-long", Settings{JournalRetention: 7 * day}, Settings{JournalRetention: 14 * day}},
		{"journal-retention-long", Settings{JournalRetention: 7 * day}, Settings{JournalRetention: 7*day + 1}},
		{"verdict-retention-range", Settings{VerdictRetention: 3650 * day}, Settings{VerdictRetention: 3650*day + 1}},
		{"verbose-cycles-range", Settings{MaxVerboseCycles: 100}, Settings{MaxVerboseCycles: 101}},
		{"verbose-cycles-range", Settings{MaxVerboseCycles: 1}, Settings{MaxVerboseCycles: -1}},
		{"verbose-mailboxes-range", Settings{MaxVerboseMailboxes: 100}, Settings{MaxVerboseMailboxes: 101}},
		{"send-batch-range", Settings{SendBatch: 255}, Settings{SendBatch: 256}},
		{"send-batch-range", Settings{SendBatch: 1}, Settings{SendBatch: -1}},
		{"send-rate-range", Settings{SendRate: 10_000}, Settings{SendRate: 10_001}},
		{"send-rate-range", Settings{}, Settings{SendRate: -1}},
		{"default-method", Settings{DefaultMethods: Methods{Incoming: ForwardMailbox}}, Settings{DefaultMethods: Methods{Outgoing: ForwardMailbox}}},
		{"default-method", Settings{}, Settings{DefaultMethods: Methods{ACT: "fax"}}},
		{"default-method", Settings{}, Settings{DefaultMethods: Methods{Incoming: "fax"}}},
	} {
		require.Empty(t, tt.good.Validate())
		issues := tt.wrong.Validate()
		require.Len(t, issues, 1, tt.code)
		require.Equal(t, tt.code, issues[0].Code)
		require.NotEmpty(t, issues[0].Remedy)
		says := map[string]string{
			"alert-retention-range":   "error AlertRetention: 87600h0m0.000000001s is more than 3650 days; leave it at 0 for the default of 30 days; a negative value keeps nothing",
			"verdict-retention-range": "error VerdictRetention: 87600h0m0.000000001s is more than 3650 days; leave it at 0 for the default of 30 days; a negative value keeps nothing",
			"journal-retention-range": "error JournalRetention: 336h0m0.000000001s is more than 14 days; leave it at 0 for the default of 3 days; a negative value keeps nothing",
			"journal-retention-long":  "warning JournalRetention: a journal of more than 7 days grows large; keep it for 7 days or less",
			"verbose-cycles-range":    "error MaxVerboseCycles: %d is not between 1 and 100; leave it at 0 for the default of 100",
			"verbose-mailboxes-range": "error MaxVerboseMailboxes: %d is not between 1 and 100; leave it at 0 for the default of 10",
			"send-batch-range":        "error SendBatch: %d is not between 1 and 255; leave it at 0 for the default of 10",
			"send-rate-range":         "error SendRate: %d is not between 0 and 10000; leave it at 0 for no bound",
		}[tt.code]
		if strings.Contains(says, "%d") {
			says = fmt.Sprintf(says, cmp.Or(tt.wrong.MaxVerboseCycles, tt.wrong.MaxVerboseMailboxes, tt.wrong.SendBatch, tt.wrong.SendRate))
		}
		if says != "" {
			require.Equal(t, says, string(issues[0].Level)+" "+issues[0].Error())
		} else {
			require.Equal(t, "error DefaultMethods", string(issues[0].Level)+" "+issues[0].Field)
		}
	}
}

func TestSettingsAlerts(t *testing.T) {
	for _, level := range []profile.Level{profile.Error, profile.Warning, profile.Info} {
		require.True(t, Settings{}.Alerts(level))
	}
	require.False(t, Settings{NoErrorAlerts: true}.Alerts(profile.Error))
	require.False(t, Settings{NoWarningAlerts: true}.Alerts(profile.Warning))
	s := Settings{NoInformationAlerts: true}
	require.False(t, s.Alerts(profile.Info))
	require.True(t, s.Alerts(profile.Error))
}

// The organization's defaults never make a mailbox wrong.
func TestSettingsApply(t *testing.T) {
	s := Settings{DefaultProfile: "q", DefaultMethods: Methods{Outlook, Outlook, ServerSide}}
	for kind, want := range map[Kind]Methods{
		User: {Outlook, Outlook, ServerSide}, Queue: {Outlook, Outlook, None}, Forward: {ServerSide, None, None},
	} {
		m := annas()
		m.Kind, m.Methods = kind, Methods{ServerSide, None, Outlook}
		if kind == Forward {
			m.Regarding = ""
		}
		got := s.Apply(m)
		require.Equal(t, want, got.Methods, "%q", kind)
		require.Equal(t, profile.ID("q"), got.Profile)
		p := exchange(profile.ExchangeServer, profile.FromMailbox)
		p.ID = "q"
		require.Empty(t, got.Validate(p, cloud))
	}
	s.DefaultMethods.Incoming = None
	require.Equal(t, None, s.Apply(Mailbox{Kind: Forward}).Methods.Incoming)
	require.Equal(t, profile.ID("p"), Settings{}.Apply(annas()).Profile, "without a default it keeps its own")

	fresh := s.ForNew(Mailbox{Methods: Methods{Outgoing: ServerSide}})
	require.Equal(t, Methods{None, ServerSide, ServerSide}, fresh.Methods)
	require.Equal(t, profile.ID("q"), fresh.Profile)
	s.DefaultMethods.Outgoing = Outlook
	require.Equal(t, Methods{None, Outlook, ServerSide}, s.ForNew(Mailbox{}).Methods)
	require.Equal(t, Methods{None, None, None}, s.ForNew(Mailbox{Kind: Forward}).Methods)
	require.Equal(t, profile.ID("p"), s.ForNew(annas()).Profile, "a new mailbox's own choice stands")
}
