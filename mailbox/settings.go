package mailbox

import (
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

	// MaxVerboseCycles is for how many cycles a mailbox may be traced at most, 1 to
	// 100 (MaxVerboseLoggingSyncCycles), and MaxVerboseMailboxes how many may be at
	// once, 1 to 100 (MaxVerboseLoggingMailbox). Defaults: 100 and 10.
	MaxVerboseCycles    int
	MaxVerboseMailboxes int

	// SendBatch is how many emails of a mailbox are claimed for sending at once, 1
	// to 255 (BackgroundSendBatchSize). Default: 10.
	SendBatch int

	// NoSentCopy leaves no copy of what was sent in the folder of sent mail
	// (SSSSaveOutgoingEmailToExchangeSentFolder).
	NoSentCopy bool
}
