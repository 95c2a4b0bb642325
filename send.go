package serversync

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/track"
)

// Outgoing is an email that a host wants to be sent. [Syncer.Send] takes it.
type Outgoing struct {
	// ID is the host's own id of the email, unique within the mailbox: an ID is sent
	// once, however often it is given. It becomes the outbox entry's ID and, where
	// reports of delivery are asked for, the envelope's id (RFC 3461), which the
	// recipients' servers see: up to 100 printable ASCII characters, of which "+",
	// "=" and a space count three times. Required.
	ID string

	// From is who the email is from. Default: the mailbox's own address. Another one
	// has to be among Mailbox.Aliases, or [Config.SendAs] has to allow it.
	From item.Address

	// Sender is who sends it on From's behalf: the mailbox's own address or an alias.
	// Default: nobody, or the mailbox where Config.SendAs says [SendOnBehalf].
	Sender item.Address

	ReplyTo     []item.Address
	To, Cc, Bcc []item.Address

	Subject     string
	Text        string // the plain body; any line ends
	HTML        string
	Attachments []item.DraftAttachment

	// Answers is the email that this one answers, nil for none. MessageID, References,
	// InReplyTo and Subject, and of the Fields Thread-Index and Thread-Topic are what
	// threading goes by, so a host that has not kept the message fills in these. For
	// an Automatic answer its whole header is looked at, and Verdict is what was
	// decided about it, if that is known.
	Answers *item.Message
	Verdict track.Verdict

	// Email is the host's record of this email, Regarding the record that it belongs
	// to, and Owner who owns that: answers are matched with them, where
	// [Config.Tracking] is set. Signed references are made for an Email only.
	Email     track.Ref
	Regarding track.Ref
	Owner     track.Ref

	// PlusAddress has answers go to a plus-address of the mailbox that refers to
	// Email, where the mailbox's server supports these (RFC 5233). It needs
	// Tracking.Signer and Email, and leaves no room for ReplyTo.
	PlusAddress bool

	// ReadReceipt asks the recipients' programs to say that it was displayed (RFC
	// 8098), DeliveryReceipt their servers that it was delivered (RFC 3461). Neither
	// has to obey.
	ReadReceipt     bool
	DeliveryReceipt bool

	Importance Importance

	// NotBefore is when it is to be sent, and its Date then; zero for at once.
	NotBefore time.Time

	// Automatic says that a program wrote it, and nobody pressed a key. See
	// [RefusalError] for when a program may not answer.
	Automatic bool

	// Fields are further header fields. What there is a field of Outgoing for is not
	// for them to set.
	Fields []item.Field
}

// Importance is how much the sender says that an email matters (RFC 2156, section
// 5.3.4).
type Importance string

// The degrees of importance.
const (
	Normal Importance = ""
	High   Importance = "high"
	Low    Importance = "low"
)

// A RefusalError says that an email must not be sent, and that trying again is of no
// use before something is changed. The codes are
//
//   - "8004480D" and, if From is a queue's, "8004480F": the mailbox may not send in the
//     name of From,
//   - "automatic-answer": a program may not answer that message (RFC 3834, section 2),
//   - "automatic-rate": programs have written too often from this mailbox to one
//     address, or within one conversation, during the last hour.
type RefusalError struct{ Fault mailbox.Fault }

// Error returns the cause, the code and the remedy.
func (e *RefusalError) Error() string {
	return fmt.Sprintf("serversync: refused (%s): %s; %s", e.Fault.Code, e.Fault.Cause, e.Fault.Remedy)
}

var errNoOutbox = errors.New("serversync: the Store has no Outbox")

// Send puts an email into the outbox and brings the mailbox's next cycle forward. It
// returns the entry as it stands, whose Raw the caller releases.
//
// An ID that is in the outbox already is not sent twice, and the entry of it is
// returned, whatever else o says: so a host that does not know whether Send came
// through, such as after a crash, calls it again. The error is a [RefusalError] if the
// email must not be sent, and lists everything that is wrong with o if it cannot be.
func (s *Syncer) Send(ctx context.Context, key mailbox.Key, o Outgoing) (Entry, error) {
	e, there, err := s.compose(ctx, key, o)
	if err != nil {
		return Entry{}, err
	}
	if !there {
		if err := s.outbox.Enqueue(ctx, e); err != nil {
			return Entry{}, err
		}
		// Somebody may have been faster, and theirs is what is sent.
		if e, err = s.outbox.Entry(ctx, key, o.ID); err != nil {
			return Entry{}, err
		}
	}
	s.Nudge(key)
	return e, nil
}

// Compose makes the outbox entry of an email, for a host that enqueues it in its own
// transaction, and calls [Syncer.Nudge] then. It is as Send in all else: an ID that is
// in the outbox already gives the entry that is there. Nothing is saved but, where
// tracking tokens are on, a number.
func (s *Syncer) Compose(ctx context.Context, key mailbox.Key, o Outgoing) (Entry, error) {
	e, _, err := s.compose(ctx, key, o)
	return e, err
}

// compose returns the entry of an email, and whether it is in the outbox already.
func (s *Syncer) compose(ctx context.Context, key mailbox.Key, o Outgoing) (e Entry, there bool, err error) {
	if s.outbox == nil {
		return e, false, errNoOutbox
	}
	if err := checkEntryID(o.ID); err != nil {
		return e, false, err
	}
	e, err = s.outbox.Entry(ctx, key, o.ID)
	if err == nil || !errors.Is(err, ErrNotFound) {
		return e, err == nil, err
	}
	c := &composer{s: s, key: key, o: o, now: s.cfg.Clock.Now()}
	if err := c.read(ctx); err != nil {
		return Entry{}, false, err
	}
	e, err = c.entry(ctx)
	return e, false, err
}

// checkEntryID refuses an ID that could be no envelope's (RFC 3461, section 4.4).
func checkEntryID(id string) error {
	n := len(id)
	for i := range len(id) {
		switch c := id[i]; {
		case c < ' ' || c > '~':
			return errors.New("serversync: Outgoing.ID has other characters than printable ASCII")
		case c == '+' || c == '=' || c == ' ':
			n += 2
		}
	}
	if n == 0 || n > 100 {
		return fmt.Errorf("serversync: Outgoing.ID counts %d characters, want 1 to 100", n)
	}
	return nil
}
