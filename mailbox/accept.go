package mailbox

// Accept says which incoming email a user or queue wants to be tracked (Microsoft:
// "Filter incoming email and correlate email with records"). Email that a person
// tracks by hand, such as by putting it into a tracked folder, passes whatever it
// says.
type Accept string

// What a user or queue may accept.
const (
	AcceptDefault Accept = ""        // as AcceptReplies
	AcceptAll     Accept = "all"     // every email
	AcceptReplies Accept = "replies" // answers to email that is tracked already
	AcceptKnown   Accept = "known"   // from leads, contacts and accounts
	AcceptRecords Accept = "records" // from any record with an address
	AcceptNone    Accept = "none"    // no email
)

// WithDefault returns a, or AcceptReplies for the zero Accept.
func (a Accept) WithDefault() Accept {
	if a == AcceptDefault {
		return AcceptReplies
	}
	return a
}

// Valid reports whether a is one of the constants.
func (a Accept) Valid() bool {
	switch a {
	case AcceptDefault, AcceptAll, AcceptReplies, AcceptKnown, AcceptRecords, AcceptNone:
		return true
	}
	return false
}
