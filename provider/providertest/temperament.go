package providertest

import (
	"fmt"

	"github.com/go-serversync/serversync/provider"
)

// A Temperament is the manner in which a kind of mail system tells its changes.
type Temperament string

// The five temperaments.
const (
	// POP3Like has one folder and lists all of it in every round, as it was when the
	// session was opened. It knows neither flags nor time of receipt, and of the acts
	// only Delete, which has to be confirmed. It has no Finder and no Filer.
	POP3Like Temperament = "pop3"

	// IMAPLike has two lanes, numbers that start again with each epoch, and tells
	// flags and deletions.
	IMAPLike Temperament = "imap"

	// EWSLike lists newest first, tells every third new message twice in a round,
	// created and then updated, tells a move as such and gives the message another
	// id. Ids differ in their case alone. It files what it sends, and is a Settler: what
	// goes out is a draft first, which is evidence.
	EWSLike Temperament = "ews"

	// GraphLike knows upserts and removals alone, repeats changes within a round,
	// keeps ids on a move, and forgets cursors that are Server.KeepRounds old. It
	// files what it sends.
	GraphLike Temperament = "graph"

	// DAVLike tells each item once a round with an etag as its version, and has no
	// flags.
	DAVLike Temperament = "dav"
)

// A manner is what a temperament comes down to.
type manner struct {
	driver string // in the envelope of cursors, with the form of the ids
	ids    string
	traits provider.Traits

	oneFolder   bool // INBOX and no other
	settles     bool // is a Settler
	plain       bool // has no Finder and no Filer; acts are to be confirmed
	listsAlways bool // every round is a listing; nothing is told besides
	newestFirst bool // a listing goes from the newest to the oldest
	flags       bool // knows flags
	upsertsOnly bool // a flag change is an upsert
	once        bool // tells an item once a round, in its last state
	updates     bool // tells every third new message as an update too
	moves       bool // tells a move as such
	keepsIDs    bool // an id survives a move
	immutable   bool // new content means a new id
	repeats     bool // tells a change twice where a page has room
	reverse     bool // Fetch gives its items last first
	undated     bool // knows no time of receipt
	versioned   bool // items have versions
}

func (t Temperament) manner() manner {
	switch t {
	case POP3Like:
		return manner{driver: "fake-pop3", ids: "uidl", oneFolder: true, plain: true, listsAlways: true,
			immutable: true, undated: true, traits: provider.Traits{Snapshot: true}}
	case IMAPLike:
		return manner{driver: "fake-imap", ids: "uid", flags: true, immutable: true,
			traits: provider.Traits{ReportsGone: true, ReportsFlags: true, HasBackfill: true}}
	case EWSLike:
		return manner{driver: "fake-ews", ids: "ews", flags: true, newestFirst: true, updates: true, moves: true,
			reverse: true, versioned: true, settles: true,
			traits: provider.Traits{ReportsGone: true, ReportsFlags: true, FilesSent: true}}
	case GraphLike:
		return manner{driver: "fake-graph", ids: "immutable", flags: true, upsertsOnly: true, once: true,
			keepsIDs: true, repeats: true, reverse: true, versioned: true,
			traits: provider.Traits{ReportsGone: true, ReportsFlags: true, FilesSent: true}}
	case DAVLike:
		return manner{driver: "fake-dav", ids: "href", once: true, versioned: true,
			traits: provider.Traits{ReportsGone: true}}
	}
	panic(fmt.Sprintf("providertest: %q is no temperament", t))
}

// id returns the id of the n-th message of a mailbox, which is the num-th of its
// folder and epoch.
func (m manner) id(folder provider.FolderID, num, n int) provider.ID {
	switch m.ids {
	case "uid":
		return provider.ID(fmt.Sprint(num))
	case "href":
		return provider.ID(fmt.Sprintf("/%s/%d.eml", folder, n))
	case "ews":
		return provider.ID("AAMkAD" + caseDigits(n) + "=")
	}
	return provider.ID(fmt.Sprintf("%s-%08x", m.ids, n))
}

// caseDigits writes n to the base of four, so that neighbours differ in case alone.
func caseDigits(n int) string {
	b := []byte("aaaaaaaaaaaaaaaa")
	for i := len(b) - 1; i >= 0 && n > 0; i-- {
		b[i] = "aAbB"[n&3]
		n >>= 2
	}
	return string(b)
}
