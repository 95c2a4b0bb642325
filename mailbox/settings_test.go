package mailbox_test

import (
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
		AlertRetention: 30 * day, JournalRetention: 3 * day, MaxVerboseCycles: 100, MaxVerboseMailboxes: 10, SendBatch: 10,
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
		{"verbose-cycles-range", Settings{MaxVerboseCycles: 100}, Settings{MaxVerboseCycles: 101}},
		{"verbose-cycles-range", Settings{MaxVerboseCycles: 1}, Settings{MaxVerboseCycles: -1}},
		{"verbose-mailboxes-range", Settings{MaxVerboseMailboxes: 100}, Settings{MaxVerboseMailboxes: 101}},
		{"send-batch-range", Settings{SendBatch: 255}, Settings{SendBatch: 256}},
		{"send-batch-range", Settings{SendBatch: 1}, Settings{SendBatch: -1}},
		{"default-method", Settings{DefaultMethods: Methods{Incoming: ForwardMailbox}}, Settings{DefaultMethods: Methods{Outgoing: ForwardMailbox}}},
		{"default-method", Settings{}, Settings{DefaultMethods: Methods{ACT: "fax"}}},
	} {
		require.Empty(t, tt.good.Validate())
		issues := tt.wrong.Validate()
		require.Len(t, issues, 1, tt.code)
		require.Equal(t, tt.code, issues[0].Code)
		require.NotEmpty(t, issues[0].Remedy)
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
	require.Equal(t, profile.ID("p"), s.ForNew(annas()).Profile, "a new mailbox's own choice stands")
}
