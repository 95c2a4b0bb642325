package provider

import (
	"context"

	"github.com/go-serversync/serversync/item"
)

// A Sender is a Provider that sends mail.
type Sender interface {
	// Send submits a message. The Result has an entry for each recipient, in
	// their order, whatever the error. The error says why not every recipient
	// was accepted; it is nil if every one was.
	//
	// Up to the call of s.Submitting a failure has no effect and Send may be
	// tried again. Once it has returned nil, an answer that is lost makes the
	// accepted recipients Uncertain.
	Send(ctx context.Context, s Submission) (Result, error)
}

// A Settler is a Sender that can make sure, afterwards, what became of a submission whose
// answer was lost.
type Settler interface {
	// Settle is given a submission that was begun, with those recipients of it that are
	// Uncertain, some time after its answer was lost. The Result says of each that it is Sent; or
	// Retry, if it was not sent and cannot be any more, whatever is still on its way; or
	// Uncertain, if that is not known yet or never will be. Submitting is not called.
	// It may be called again.
	Settle(ctx context.Context, s Submission) (Result, error)
}

// A Submission is a message on its way out. Its bytes are fixed: each attempt
// sends the same ones.
type Submission struct {
	From       string   // envelope sender; "" for none
	Recipients []string // envelope recipients, each once
	Raw        *item.Blob
	EnvelopeID string // ENVID for delivery reports (RFC 3461, section 4.4); may be empty
	Report     bool   // ask for reports of success, failure and delay where the server can

	// Attempt tells the tries of one submission apart: no two that called Submitting have the
	// same. Settle is given that of the try it is about.
	Attempt int

	// Submitting is called once, when everything that can be undone is done and
	// right before the byte that cannot. If it returns an error nothing is sent,
	// and Send returns that error. It may be nil.
	Submitting func(context.Context) error
}

// A Status is what became of a recipient.
type Status string

// What may become of a recipient.
const (
	StatusSent      Status = "sent"      // the server took responsibility
	StatusRejected  Status = "rejected"  // refused for good
	StatusRetry     Status = "retry"     // not sent; may be tried again
	StatusUncertain Status = "uncertain" // nobody knows; must not be tried again blindly
)

// A Result is what became of a submission.
type Result struct {
	Recipients []Recipient
	Reply      string // the server's last answer, cut to 256 bytes and escaped
}

// A Recipient is what became of one recipient.
type Recipient struct {
	Address string
	Status  Status
	Code    int    // the server's reply code, 0 if it gave none
	Text    string // the server's words or ours, cut to 256 bytes and escaped
}
