package track

import "slices"

// A RuleText is what there is to say of a rule.
type RuleText struct {
	Rule      Rule
	Tracks    bool
	Because   string // why, as the end of a sentence
	Otherwise string // what to do to have it otherwise, likewise
}

// RuleTexts returns all the rules, in the order in which they are tried. What comes
// after [Internal] depends on what the candidates accept.
func RuleTexts() []RuleText { return slices.Clone(ruleTexts[:]) }

// Text returns what there is to say of r. Ok is false for a rule that is none.
func (r Rule) Text() (text RuleText, ok bool) {
	for _, t := range ruleTexts {
		if t.Rule == r {
			return t, true
		}
	}
	return RuleText{Rule: r}, false
}

var ruleTexts = [...]RuleText{
	{BadForward, false, "a forward mailbox got it in a form that it does not take",
		"have it forwarded as an attachment, by a user or queue whose mail comes by a forward mailbox"},
	{TooLarge, false, "it is larger than the organization brings in", "raise Content.MaxMessage"},
	{Protected, false, "it is rights-managed, and such email is left out", "switch NoProtected off"},
	{NeedsWhole, true, "its header alone cannot tell", "nothing: it is judged anew as a whole"},
	{TrackedByFolder, true, "a person put it into a tracked folder", "take it out of the folder before it is read, or switch NoFolders on"},
	{TrackedCategory, true, "a person gave it the category that stands for tracking", "take the category away before it is read, or switch NoCategories on"},
	{NoCategory, false, "a person took away the category that stands for tracking", "give it the category again"},
	{Loop, false, "answers by programs have led to it too often", "find out who answers whom, and put it into a tracked folder"},
	{OwnSent, true, "it is an email that was sent from here", "nothing: what is sent from here is tracked"},
	{SentUntracked, false, "it lies among the sent mail, which is not tracked", "switch Sent on"},
	{SentItem, true, "a user sent it with another program, and sent mail is tracked", "switch Sent off"},
	{Bounce, true, "it tells what became of an email that was sent from here", "nothing: such reports are tracked"},
	{Internal, false, "users sent it among themselves", "switch Internal.Ignore off"},
	{AcceptedAll, true, "a recipient accepts every email", "have the recipient accept less"},
	{AcceptedReply, true, "it answers an email that is tracked, and a recipient accepts replies", "have the recipient accept no email"},
	{AcceptedKnown, true, "it is from a contact, account or lead, and a recipient accepts these", "have the recipient accept replies or no email"},
	{AcceptedRecord, true, "it is from a record with an address, and a recipient accepts these", "have the recipient accept replies or no email"},
	{NoRecipient, false, "no user or queue is among its recipients, and the mailbox does not accept every email",
		"add the address to the mailbox's aliases, have the mailbox accept every email, or put it into a tracked folder"},
	{Stranger, false, "it seems to answer a tracked email, but its sender had no part in that",
		"put it into a tracked folder, or switch Correlation.TrustStrangers on"},
	{NoReply, false, "replies are accepted, and it answers nothing that is tracked", "have a recipient accept more than replies, or put it into a tracked folder"},
	{NotAccepted, false, "no recipient's setting accepts it", "have a recipient accept more, or put it into a tracked folder"},
}

// A MethodText is what there is to say of a method.
type MethodText struct {
	Method Method
	Goes   string // what it goes by
	Proof  string // who may be attached by it
	Switch string // what switches it off
}

// MethodTexts returns the methods, in the order in which they are tried.
func MethodTexts() []MethodText { return slices.Clone(methodTexts[:]) }

const participant = "somebody who had a part in that email; anybody else is a suggestion"

var methodTexts = [...]MethodText{
	{ByReference, "a reference to the email that we signed, in a Message-ID that is answered or in the address that it is sent to", "whoever holds it: it proves that they were written to", "no Signer; Correlation.Off"},
	{ByInReplyTo, "In-Reply-To names its Message-ID", participant, "Correlation.NoThreading; Correlation.Off"},
	{ByReferences, "References names its Message-ID, the newest first", participant, "Correlation.NoThreading; Correlation.Off"},
	{ByToken, "the tracking token in the subject", participant, "Token.Off; Correlation.Off"},
	{ByConversation, "Exchange's conversation index", participant, "Correlation.NoThreading; Correlation.Off"},
	{BySmart, "the words of the subject and the people involved", participant, "off unless Smart.On; Correlation.Off"},
}
