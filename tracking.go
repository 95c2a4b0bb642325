package serversync

import (
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/track"
)

// Tracking has the library's rules decide which mail is tracked and what it belongs
// to, by the organization's [mailbox.Tracking] settings; see package track. It costs
// one call of Addresses and one of Emails for a page of messages, and one more of
// each if some of them cannot be judged by their headers.
type Tracking struct {
	// Addresses is the host's directory. Required.
	Addresses track.AddressBook

	// Emails finds what messages answer. Default: the Store, if it is a [Correlator].
	Emails track.Emails

	// Settings hold where there are no [Organizations], whose settings say more.
	Settings mailbox.Tracking

	// Signer makes and recognizes signed references. Default: none are.
	Signer *track.Signer
}
