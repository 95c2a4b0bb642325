package serversync

import (
	"context"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
)

// Hooks are called as things happen; nil ones are skipped. They are called by many
// goroutines and must not block. They get ids and counts, never content.
type Hooks struct {
	// Cycle is called as a cycle begins. The context that it returns is the
	// cycle's; what it returns besides is called at the end.
	Cycle func(ctx context.Context, key mailbox.Key) (context.Context, func(Report, error))

	// Call is called around every call of the Store or a driver.
	Call func(ctx context.Context, c Call) (context.Context, func(error))

	// Committed is called after each commit of a page.
	Committed func(c Committed)

	// Alert is called for each alert, once it is committed.
	Alert func(key mailbox.Key, a mailbox.Alert)

	// Test is called with the operator's report of each test.
	Test func(r TestReport)

	// Outage is called when a profile's server stops answering any of its
	// mailboxes (down), and when it answers again.
	Outage func(o Outage)

	// Certificate is called once an hour and profile with how long the certificate is good that
	// proves this host to the issuer of tokens, where one does: a gauge for a host's metrics.
	Certificate func(c CertificateExpiry)

	// ProfileAlert is called for each alert about a profile as a whole, once it is
	// on the profile's wall, and again when it is resolved.
	ProfileAlert func(a ProfileAlert)
}

// A ProfileAlert is an alert about a profile, such as an outage of one of its
// servers ("profile-outage"), that the account which its mailboxes share is refused
// ("profile-sign-in-refused"), that more than half of its mailboxes fail
// ("profile-failing") or that the certificate which proves this host ends soon
// ("certificate-expires").
type ProfileAlert struct {
	Organization string
	Profile      profile.ID
	Owner        profile.Owner
	Alert        mailbox.Alert // Resolved when it is over
	Mail         bool          // Profile.AlertOwner asks for a mail to the owner
}

// A Call is one call of the Store or of a driver. Calls are numbered within
// mailbox and name, so that one seed numbers them alike each time.
type Call struct {
	Name    string // such as "Store.Commit" or "Source.Changes"
	Mailbox mailbox.Key
	Number  int
}

// Committed says how far a lane has come.
type Committed struct {
	Mailbox  mailbox.Key
	Lane     LaneKey
	Messages int   // tracked by this commit
	Bytes    int64 // of these
	RoundEnd bool
}

// An Outage begins or ends for one side of all mailboxes of a profile.
type Outage struct {
	Organization string
	Profile      string
	Side         mailbox.Side
	Down         bool
	Fault        mailbox.Fault
}
