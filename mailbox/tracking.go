package mailbox

import (
	"cmp"
	"time"
)

// Tracking are an organization's switches about which email is tracked, and what it
// belongs to. The zero value of a field means its default, and a field that is named
// by what it leaves out is about something that is on by default. The name in
// brackets is the original's (Microsoft: "OrgDBOrgSettings for server-side
// synchronization", "Organization table/entity reference").
type Tracking struct {
	// ForceAccept, if not empty, is what every user's mailbox accepts, whatever it
	// says itself (SSSForceFilteringMethodForUserMailboxes).
	ForceAccept Accept

	// OnlyReceiving has the mailbox that is being read decide alone. Otherwise the
	// email is tracked if any user or queue among its recipients accepts it
	// (UseFilteringMethodOfSyncingMailboxOnlyForCorrelation).
	OnlyReceiving bool

	// Sent tracks what is found among the sent mail, if its folder is read
	// (AutoTrackSentFolderItems). What we sent ourselves is tracked in any case.
	Sent bool

	// NoProtected leaves out rights-managed email (RestrictIRMEmailItems).
	NoProtected bool

	// NoCategories pays no heed to the categories that stand for tracking
	// (TrackCategorizedItems).
	NoCategories bool

	// Category is the name of that category; where a mail system has keywords instead,
	// as IMAP has, it is one. One word without spaces. Default: "Tracked".
	Category string

	// NoFolders pays no heed to tracked folders.
	NoFolders bool

	Correlation Correlation
	Token       Token
	Smart       Smart
	Internal    Internal
	Parties     Parties
	Queues      Queues
	Content     Content
}

// Correlation says how an email is matched with the one that it answers.
type Correlation struct {
	Off bool // match nothing (EmailCorrelationEnabled)

	// NoThreading leaves out In-Reply-To, References and the conversation index
	// (IgnoreConversationIndexAndInReplyToForCorrelation).
	NoThreading bool

	// ForwardsAreNew takes a forwarded email for a new one, not for a reply
	// (DoNotCorrelateForwardedEmailsAsReplies).
	ForwardsAreNew bool

	// TrustStrangers matches email from somebody who had no part in what it
	// answers, as the original does. Otherwise such a match is only a suggestion,
	// unless a signed reference proves that the sender was written to.
	TrustStrangers bool
}

// Token is how the tracking token in subjects is made: prefix, number of the
// deployment, number of the user, and a counter (Microsoft: "Configure email
// tracking").
type Token struct {
	Off           bool
	Prefix        string   // 1 to 20 characters, no white space. Default: "CRM:"
	Former        []string // prefixes in use before, which still match; at most 20
	Base          int64    // number of the deployment, 0 to 2,147,483,647
	UserDigits    int      // 1 to 10. Default: 3
	CounterDigits int      // 1 to 9. Default: 3

	// SubjectLimit is how many characters a subject may have, token included: 255
	// to 400. Default: 255 (MaximumSubjectLengthOnMailServer).
	SubjectLimit int
}

// Smart is matching by the words of the subject and the people involved, for mail
// programs that leave out everything better. It is off by default.
type Smart struct {
	On bool

	// Noise is a regular expression (RE2) for what is cut from the front of a
	// subject, at most 500 bytes (HashFilterKeywords). It may compile to 200 steps,
	// so that no subject takes long.
	// Default: ^[\s]*([\w]+\s?:[\s]*)+ , which is "RE:", "FW: AW:" and the like.
	Noise string

	SubjectDelta int           // by how many words the subjects may differ (HashDeltaSubjectCount), less than MaxHashes. Default: 0
	MinAddresses int           // how many people both must have (HashMinAddressCount), at most MaxHashes. Default: 2
	MaxHashes    int           // how many words, and how many addresses, are looked at, 1 to 100 (HashMaxCount). Default: 20
	Window       time.Duration // how far back is looked; negative: nowhere. Default: 90 days
}

// Internal is about email between users and queues of one organization.
type Internal struct {
	// Ignore leaves out what users send each other (IgnoreInternalEmail).
	Ignore bool

	// IgnoreToQueues leaves out what goes to queues as well
	// (DoNotIgnoreInternalEmailToQueues), and IgnoreFromQueues what comes from them
	// (IgnoreInternalEmailFromQueues).
	IgnoreToQueues   bool
	IgnoreFromQueues bool

	// IgnoreUnseen leaves it out even if it is not tracked as outgoing email
	// already (IgnoreInternalEmailDetectionEnhancement).
	IgnoreUnseen bool
}

// Parties is about whom an address stands for.
type Parties struct {
	Inactive            bool // inactive records count too (ResolveForInactiveEntities)
	AmbiguousSender     bool // a sender that stands for several records stands for none (UnresolveSenderInCaseOfMultipleMatch); otherwise for the first
	AmbiguousRecipients bool // likewise for recipients (UnresolveEmailAddressIfMultipleMatch); otherwise for all

	// NoCreate makes no contact or lead for a sender whom nobody knows, whatever
	// the users ask for (AutoCreateContactOnPromote).
	NoCreate bool
}

// Queues is about the queue items that email leads to.
type Queues struct {
	NotForRecipients bool // not for each queue that accepts the email (CreateQueueItemsForAcceptingQueueRecipients)
	NotForReceiving  bool // not for the queue whose mailbox is read, where it is no recipient by name (CreateQueueItemForSynchronizingMailbox)
	ForKnown         bool // also for email that is tracked already (SSSCreateAdditionalQueueItemsForAlreadyTrackedEmail)
	ForOwner         bool // also for the queue of the email's owner (AutoRouteToOwnerQueue)
}

// Content bounds what an email brings along.
type Content struct {
	MaxMessage    int64 // bytes of an email that is brought in (IncomingEmailMaximumSizeLimit). Default: no bound but the drivers'
	MaxAttachment int64 // bytes of an attachment, up to 128 MiB. Default: 5 MiB

	// Blocked are the endings of the names of attachments that are left out, without
	// dot, such as "exe". Nil means the original's list ([BlockedByDefault]), an
	// empty slice none.
	Blocked []string
}

// TakesAll reports whether all email that comes to a mailbox is tracked, but for what
// some rule leaves out.
func (t Tracking) TakesAll(m Mailbox) bool {
	if t.ForceAccept != AcceptDefault && m.Kind == User {
		return t.ForceAccept == AcceptAll
	}
	return m.Accept == AcceptAll || m.Kind == Forward
}

// DefaultNoise is the default of [Smart.Noise].
const DefaultNoise = `^[\s]*([\w]+\s?:[\s]*)+`

// WithDefaults returns t with every zero field that has a default set to it.
func (t Tracking) WithDefaults() Tracking {
	t.Category = cmp.Or(t.Category, "Tracked")
	t.Token.Prefix = cmp.Or(t.Token.Prefix, "CRM:")
	t.Token.UserDigits = cmp.Or(t.Token.UserDigits, 3)
	t.Token.CounterDigits = cmp.Or(t.Token.CounterDigits, 3)
	t.Token.SubjectLimit = cmp.Or(t.Token.SubjectLimit, 255)
	t.Smart.Noise = cmp.Or(t.Smart.Noise, DefaultNoise)
	t.Smart.MinAddresses = cmp.Or(t.Smart.MinAddresses, 2)
	t.Smart.MaxHashes = cmp.Or(t.Smart.MaxHashes, 20)
	t.Smart.Window = cmp.Or(t.Smart.Window, 90*day)
	t.Content.MaxAttachment = cmp.Or(t.Content.MaxAttachment, 5120<<10)
	return t
}
