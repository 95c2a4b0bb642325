package track

// A Rule is what a verdict was made by. Its text is stable, for programs.
type Rule string

// The rules that track a message.
const (
	AcceptedAll     Rule = "accepted-all"     // a recipient accepts every email
	AcceptedReply   Rule = "accepted-reply"   // it answers an email that is tracked
	AcceptedKnown   Rule = "accepted-known"   // it is from a lead, contact or account
	AcceptedRecord  Rule = "accepted-record"  // it is from a record with an address
	TrackedByFolder Rule = "tracked-folder"   // a person put it into a tracked folder
	TrackedCategory Rule = "tracked-category" // a person gave it the category that stands for tracking
	OwnSent         Rule = "own-sent"         // we sent it, and it is tracked as such
	SentItem        Rule = "sent-item"        // a user sent it with another program, and the switch is on
	Bounce          Rule = "bounce"           // it tells what became of an email of ours
	NeedsWhole      Rule = "needs-whole"      // the header alone cannot tell
)

// The rules that ignore a message.
const (
	NotAccepted   Rule = "not-accepted"       // no recipient's setting accepts it
	NoRecipient   Rule = "no-recipient"       // no user or queue is among its recipients, and the mailbox's own does not accept every email
	NoReply       Rule = "no-reply"           // replies are accepted, and it answers nothing that is tracked
	Stranger      Rule = "stranger"           // it seems to answer a tracked email, but from somebody who had no part in it
	NoCategory    Rule = "untracked-category" // a person took the category away; said by the Syncer, for a message does not show it
	Internal      Rule = "internal"           // users among themselves
	SentUntracked Rule = "sent-untracked"     // found among the sent mail, which is not tracked
	Protected     Rule = "protected"          // rights-managed
	Loop          Rule = "loop"               // it has been through here too often
	BadForward    Rule = "bad-forward"        // a forward mailbox got no email as attachment, or from nobody who may
	TooLarge      Rule = "too-large"          // over the organization's bound
)
