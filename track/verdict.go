package track

import (
	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/notice"
)

// A Verdict says what becomes of a message, and why.
type Verdict struct {
	Tracked   bool      `json:"tracked"`
	Rule      Rule      `json:"rule"`               // that decided
	Evidence  string    `json:"evidence,omitempty"` // what it went by: ids and codes, never content
	Direction Direction `json:"direction"`

	// NeedsBody says that the header alone cannot tell: judge the whole message. It
	// is so for reports of delivery, receipts, and the mail of a forward mailbox.
	NeedsBody bool `json:"-"`

	// Err says that the message could not be read: nothing is decided, try again.
	Err error `json:"-"`

	// Original is what a forward mailbox got as attachment: it is the email, and is
	// recorded instead of the message that it came in. Its Raw is part of that one's,
	// which must be kept as long. Nil for any other message.
	Original *item.Message `json:"-"`

	Match     Match `json:"match,omitzero"`
	Regarding Ref   `json:"regarding,omitzero"` // the record that it belongs to
	Owner     Ref   `json:"owner,omitzero"`

	Sender     []Party     `json:"sender,omitempty"` // one at most; none if nobody knows the address, or too many do
	Recipients []Recipient `json:"recipients,omitempty"`
	Accepting  Ref         `json:"accepting,omitzero"` // the user or queue whose setting accepts it
	Receiving  Ref         `json:"receiving,omitzero"` // whose mailbox it was read from
	Queues     []Ref       `json:"queues,omitempty"`   // that get a queue item
	Create     Kind        `json:"create,omitempty"`   // Contact or Lead, to be made for the sender; once, however many messages say so

	Notice    notice.Notice `json:"notice,omitzero"`     // what a program wrote, and about what
	Outcomes  []Outcome     `json:"outcomes,omitempty"`  // of emails of ours, that a notice tells
	LeftOut   []LeftOut     `json:"leftOut,omitempty"`   // what did not come along
	Forwarded bool          `json:"forwarded,omitempty"` // unpacked from what a forward mailbox got
	Known     bool          `json:"known,omitempty"`     // the email is tracked already in this direction, by its Message-ID
}

// A Recipient is somebody a message was sent to.
type Recipient struct {
	Role    Role    `json:"role"`
	Address string  `json:"address"`
	Parties []Party `json:"parties,omitempty"` // none if nobody knows the address
}

// A Role says where a recipient stands.
type Role string

// The roles.
const (
	To  Role = "to"
	Cc  Role = "cc"
	Bcc Role = "bcc"
)

// A Match says what email a message answers, and how that was found.
type Match struct {
	Method    Method `json:"method,omitempty"`
	Email     Ref    `json:"email,omitzero"`      // that it answers
	Regarding Ref    `json:"regarding,omitzero"`  // of that email
	Parent    bool   `json:"parent,omitempty"`    // it is a reply to that very email, not merely of its thread
	Signed    bool   `json:"signed,omitempty"`    // a signed reference proves it
	Suggested bool   `json:"suggested,omitempty"` // only: the sender had no part in that email
	Subject   bool   `json:"subject,omitempty"`   // the subject was changed
	Guessed   int    `json:"guessed,omitempty"`   // references that look like signed ones of ours and are none
	Key       string `json:"key,omitempty"`       // the id, token or conversation that matched
}

// A Method is a way to find what a message answers, in the order in which they are
// tried (Microsoft: "Email message filtering and correlation").
type Method string

// The methods.
const (
	NoMatch        Method = ""
	ByReference    Method = "signed reference"
	ByInReplyTo    Method = "in-reply-to"
	ByReferences   Method = "references"
	ByToken        Method = "tracking token"
	ByConversation Method = "conversation index"
	BySmart        Method = "smart matching"
)

// An Outcome is what a notice says of an email of ours and a recipient of it.
type Outcome struct {
	Email     Ref           `json:"email"`
	MessageID string        `json:"messageID"`
	Recipient string        `json:"recipient"` // as we sent to it; "" if the notice does not say
	Action    notice.Action `json:"action"`
	Status    string        `json:"status,omitempty"` // enhanced status code (RFC 3463), such as "5.1.1"
}

// A LeftOut is a part that did not come along with a message.
type LeftOut struct {
	Name   string `json:"name"` // of the attachment; "" for the text itself
	Size   int64  `json:"size"`
	Reason string `json:"reason"` // one of the constants
}

// Why a part is left out.
const (
	LeftOutSize    = "too-large"    // over the bound for attachments
	LeftOutBlocked = "blocked-type" // its name has an ending that is blocked
	LeftOutCount   = "too-many"     // not listed, as the message has too many attachments
	LeftOutText    = "text-cut"     // the end of the text, which is over the bound of item.Limits
)
