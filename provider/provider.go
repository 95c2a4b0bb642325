// Package provider is the contract between the Syncer and the drivers.
//
// A driver ([Driver]) opens a [Provider] for one direction of one mailbox. What a
// provider can do beyond living and dying is said by small interfaces, the
// abilities: [Source] brings items in, [Sender] sends, [Actor] marks, moves and
// deletes, [Finder] looks for a message, [Filer] files a copy. A mail system that
// cannot do a thing lacks the method, so nothing needs to return "unsupported".
// [Settler] finds out what became of a message whose answer was lost.
// [Confirmer] and [Adviser] are for systems that need more words. [As] finds an ability
// through wrappers.
//
// A [Driver] has abilities too: a [Notifier] says that there is news, and a [Gatherer] is one that
// listens for many mailboxes over one connection and says which go together.
//
// Every Provider keeps these rules, which package providertest checks, each under
// its number:
//
//	P1  No change is ever skipped: asked twice with one cursor a Source gives the
//	    same changes or more.
//	P2  An old, foreign or damaged cursor is ErrCursorExpired, never a panic.
//	P3  Every call ends within a second of its context.
//	P4  A second Close does nothing.
//	P5  No goroutine and no file is left after Close.
//	P6  No error, no log line and no evidence of a stage holds a secret.
//	P7  A bad item is that item's failure and the page goes on; an item that was
//	    cut short is never taken for a whole one.
//	P8  Memory does not grow with the size of the mailbox, nor beyond a stated
//	    bound with the size of a message.
//	P9  A hostile server cannot make it hold more than its Limits, nor wait beyond
//	    its deadlines.
//	P10 Every error is an *Error of one of ten kinds, or the context's own.
package provider

import (
	"context"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
)

// A Provider is a session with one mail system for one mailbox and direction. It
// belongs to one goroutine at a time.
type Provider interface {
	// Check asks the server whether the session is alive and the mailbox usable.
	Check(ctx context.Context) error

	// Traits says what the mail system can report. It does no I/O.
	Traits() Traits

	// Close ends the session and frees what it holds. A second Close does nothing.
	Close() error
}

// Traits are facts about a mail system that the Syncer acts upon.
type Traits struct {
	ReportsGone  bool // Changes reports deletions; else a Full listing must be asked for now and then
	ReportsFlags bool // Changes reports changed flags; else as above
	HasBackfill  bool // Live and Backfill are separate lanes; else Live alone lists everything
	FilesSent    bool // the server itself files a copy of what is sent through it

	// Snapshot says that a session shows the mailbox as it was when it was opened,
	// and perhaps keeps others out of it, so that each look needs a new one.
	Snapshot bool
}

// A Driver opens providers for one protocol. It is a value that a host configures
// and hands to the Syncer; many goroutines use it at once.
type Driver interface {
	// Open connects and signs in, and tells ctx's Trace of each stage. It refuses
	// what [Account.SignIn] does not permit before it dials. The error is an *Error,
	// or ctx's own.
	Open(ctx context.Context, a Account) (Provider, error)
}

// A Notifier is a Driver whose mail system can say that there is news. It works
// for many mailboxes at once, for some systems serve many on one connection.
type Notifier interface {
	// Notify calls news with the key of a mailbox in which something may have
	// changed, until ctx ends or the connection is lost. A notice carries no
	// truth: it only brings the next poll forward. news must not block.
	Notify(ctx context.Context, accounts []Account, news func(mailbox.Key)) error
}

// A Gatherer is a Notifier that listens for many mailboxes over one connection.
type Gatherer interface {
	// Gather puts accounts together whose news comes over one connection each. Whom it leaves
	// out it would not listen for. It does no I/O.
	Gather(accounts []Account) [][]Account
}

// Account is what a driver needs to know to serve one direction of one mailbox.
type Account struct {
	Mailbox  mailbox.Mailbox
	Profile  profile.Profile
	Endpoint profile.Endpoint // of the side, as Profile.Endpoint returns it
	Policy   profile.Policy   // what the host allows

	Tokens     TokenSource // for an endpoint that signs in with a token; may be nil
	Mechanisms []Mechanism // that the host adds to the driver's own
}

// As returns the first T found in p or in what p wraps, so that an ability
// survives being wrapped. A wrapper has a method Unwrap() Provider.
func As[T any](p Provider) (T, bool) {
	for p != nil {
		if t, ok := p.(T); ok {
			return t, true
		}
		w, ok := p.(interface{ Unwrap() Provider })
		if !ok {
			break
		}
		p = w.Unwrap()
	}
	var zero T
	return zero, false
}
