package mailbox

import (
	"cmp"
	"fmt"
	"time"

	"github.com/go-serversync/serversync/profile"
)

// Settings are the switches of one organization. The zero value of a field means
// its default; the names of what is on by default are therefore negative.
//
// In each duration zero means the default and a negative value means none: keep
// nothing.
type Settings struct {
	// DefaultProfile and DefaultMethods are what [Settings.Apply] gives a mailbox.
	DefaultProfile profile.ID
	DefaultMethods Methods

	// ProcessUnapprovedUsers works on users' mailboxes that nobody approved, and
	// ProcessUnapprovedQueues on those of queues and on forward mailboxes. Neither
	// holds for Exchange Online; see [NeedsApproval].
	ProcessUnapprovedUsers  bool
	ProcessUnapprovedQueues bool

	// RequirePrivilegeToSelfApprove asks for [ApproveEmailAddresses] by name from
	// who approves their own address (RequirePrivilegeToSelfApproveEmailAddress).
	RequirePrivilegeToSelfApprove bool

	// The levels of alerts that are not made (GenerateAlertsForErrors,
	// GenerateAlertsForWarnings, GenerateAlertsForInformation).
	NoErrorAlerts       bool
	NoWarningAlerts     bool
	NoInformationAlerts bool

	// NotifyMailboxOwners shows alerts about a profile to the owners of its
	// mailboxes as well (NotifyMailboxOwnerOfEmailServerLevelAlerts).
	NotifyMailboxOwners bool

	// AlertRetention is for how long alerts are kept, up to 3650 days
	// (TraceLogPersistenceTimeInDays). Default: 30 days.
	AlertRetention time.Duration

	// JournalOff keeps no journal of items (EnableSssItemLevelMonitoring).
	JournalOff bool

	// JournalRetention is for how long the journal is kept, up to 14 days; more
	// than 7 cost room (ExchangeSyncIdMappingPersistenceTimeInDays). Default: 3 days.
	JournalRetention time.Duration

	// VerdictRetention is for how long it is kept why each email was tracked or not, up
	// to 3650 days. Default: 30 days.
	VerdictRetention time.Duration

	// MaxVerboseCycles is for how many cycles a mailbox may be traced at most, 1 to
	// 100 (MaxVerboseLoggingSyncCycles), and MaxVerboseMailboxes how many may be at
	// once, 1 to 100 (MaxVerboseLoggingMailbox). Defaults: 100 and 10.
	MaxVerboseCycles    int
	MaxVerboseMailboxes int

	// SendBatch is how many emails of a mailbox are sent before its incoming mail is
	// looked at again, 1 to 255 (BackgroundSendBatchSize). Default: 10.
	SendBatch int

	// NoSentCopy leaves no copy of what was sent in the folder of sent mail
	// (SSSSaveOutgoingEmailToExchangeSentFolder).
	NoSentCopy bool

	// SendRate is how many emails of a mailbox are sent in a minute at most, 0 for no
	// bound of ours.
	SendRate int

	// Tracking is about which email is tracked, and what it belongs to.
	Tracking Tracking
}

const day = 24 * time.Hour

// WithDefaults returns s with every zero field that has a default set to it.
func (s Settings) WithDefaults() Settings {
	s.AlertRetention = cmp.Or(s.AlertRetention, 30*day)
	s.JournalRetention = cmp.Or(s.JournalRetention, 3*day)
	s.VerdictRetention = cmp.Or(s.VerdictRetention, 30*day)
	s.MaxVerboseCycles = cmp.Or(s.MaxVerboseCycles, 100)
	s.MaxVerboseMailboxes = cmp.Or(s.MaxVerboseMailboxes, 10)
	s.SendBatch = cmp.Or(s.SendBatch, 10)
	s.Tracking = s.Tracking.WithDefaults()
	return s
}

// Validate returns every mistake in s, nil if there is none.
func (s Settings) Validate() (issues profile.Issues) {
	s = s.WithDefaults()
	add := func(wrong bool, level profile.Level, code, field, message, remedy string) {
		if wrong {
			issues = append(issues, profile.Issue{Code: code, Level: level, Field: field, Message: message, Remedy: remedy})
		}
	}
	number := func(n, most int, code, field string, byDefault int) {
		add(n < 1 || n > most, profile.Error, code, field, fmt.Sprintf("%d is not between 1 and %d", n, most), fmt.Sprintf("leave it at 0 for the default of %d", byDefault))
	}
	period := func(d, most time.Duration, code, field string, byDefault int) {
		add(d > most, profile.Error, code, field, fmt.Sprintf("%v is more than %d days", d, most/day), fmt.Sprintf("leave it at 0 for the default of %d days; a negative value keeps nothing", byDefault))
	}
	for _, side := range []Side{Incoming, Outgoing, ACT} {
		method := s.DefaultMethods.Of(side)
		add(!isMethod(method) || side != Incoming && method == ForwardMailbox, profile.Error, "default-method", "DefaultMethods",
			fmt.Sprintf("%q is no method for %s", method, side), `use "", "server-side", "none" or "outlook"; for incoming mail also "forward-mailbox"`)
	}
	period(s.AlertRetention, 3650*day, "alert-retention-range", "AlertRetention", 30)
	period(s.JournalRetention, 14*day, "journal-retention-range", "JournalRetention", 3)
	period(s.VerdictRetention, 3650*day, "verdict-retention-range", "VerdictRetention", 30)
	add(s.JournalRetention > 7*day && s.JournalRetention <= 14*day, profile.Warning, "journal-retention-long", "JournalRetention",
		"a journal of more than 7 days grows large", "keep it for 7 days or less")
	number(s.MaxVerboseCycles, 100, "verbose-cycles-range", "MaxVerboseCycles", 100)
	number(s.MaxVerboseMailboxes, 100, "verbose-mailboxes-range", "MaxVerboseMailboxes", 10)
	number(s.SendBatch, 255, "send-batch-range", "SendBatch", 10)
	add(s.SendRate < 0 || s.SendRate > 10_000, profile.Error, "send-rate-range", "SendRate",
		fmt.Sprintf("%d is not between 0 and 10000", s.SendRate), "leave it at 0 for no bound")
	return append(issues, s.Tracking.Validate()...)
}

// Alerts reports whether alerts of a level are made.
func (s Settings) Alerts(level profile.Level) bool {
	switch level {
	case profile.Error:
		return !s.NoErrorAlerts
	case profile.Warning:
		return !s.NoWarningAlerts
	}
	return !s.NoInformationAlerts
}

// Apply returns m with the organization's profile and methods in place of its own
// (Microsoft: "Apply default email settings"). Without a default profile it keeps
// the one it has. Revision is for the host to change.
//
// A queue has no appointments, contacts and tasks; a forward mailbox besides does
// not send, and is read by us or by nobody.
func (s Settings) Apply(m Mailbox) Mailbox {
	m.Profile = cmp.Or(s.DefaultProfile, m.Profile)
	m.Methods = s.DefaultMethods.suit(m.Kind)
	return m
}

// ForNew returns m with the organization's profile and methods where it has none
// of its own, as a mailbox gets them that is made for a new user or queue.
func (s Settings) ForNew(m Mailbox) Mailbox {
	d := s.DefaultMethods.suit(m.Kind)
	m.Profile = cmp.Or(m.Profile, s.DefaultProfile)
	m.Methods.Incoming = cmp.Or(m.Methods.Incoming, d.Incoming)
	m.Methods.Outgoing = cmp.Or(m.Methods.Outgoing, d.Outgoing)
	m.Methods.ACT = cmp.Or(m.Methods.ACT, d.ACT)
	return m
}

// suit returns what of the methods suits a kind of mailbox.
func (m Methods) suit(k Kind) Methods {
	if k != User {
		m.ACT = None
	}
	if k == Forward {
		m.Outgoing = None
		if m.Incoming != None {
			m.Incoming = ServerSide
		}
	}
	return m
}
