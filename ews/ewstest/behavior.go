package ewstest

// A Behavior says in what an Exchange differs from another: in what it does to the mail it
// keeps, and in the answers it gives where versions and settings give different ones. The zero
// Behavior keeps messages byte for byte.
type Behavior struct {
	// Rewrite makes the server give messages as it would write them, with boundaries and
	// encodings of its own, and not as they came.
	Rewrite bool

	// NewMessageID puts another Message-ID into whatever is sent.
	NewMessageID bool

	// RefuseUnknown answers the sending to an unknown address of a domain that lives here with
	// ErrorInvalidRecipients. Otherwise a report of its failure comes to the sender's inbox.
	RefuseUnknown bool

	// SendTwice answers a second SendItem of one draft with NoError, and does nothing.
	// Otherwise it is ErrorItemNotFound.
	SendTwice bool

	// LegacyNames gives the addresses of mailboxes that live here as those of X.500 (EX).
	LegacyNames bool

	// StateSize is how many bytes a sync state has at least, up to 16 MiB.
	StateSize int

	// FolderNames are what distinguished folders are called for people, by their
	// distinguished names: other languages have other names. Default: English.
	FolderNames map[string]string

	// MaxFind is how many entries FindItem gives at once. Default: 1,000.
	MaxFind int

	// Domains are those that mail to an unknown address is refused for, besides those of the
	// mailboxes. Mail to other domains leaves, and is in [Server.Sent].
	Domains []string
}
