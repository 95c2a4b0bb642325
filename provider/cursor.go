package provider

import (
	"net/url"
	"strconv"
	"strings"
)

// A Cursor is a place in the changes of a folder from which to go on. To a Store
// it is opaque bytes of up to 16 MB; the zero Cursor is the beginning. Only the
// driver that made it reads its state.
//
// In front of the state stands an envelope that everyone can read: driver,
// version, epoch, id format and whether it ends a round, so that a cursor can be
// refused, reset, and one day translated.
type Cursor string

// Envelope is what a cursor says about itself.
type Envelope struct {
	Driver  string // which driver made it, such as "imap"
	Version int    // of the driver's state format, 1 or more
	Epoch   string // the id space: an ID means something only within its epoch
	IDs     string // the form of the ids, such as "uid"
	Done    bool   // made at the end of a round: there was nothing more to give
}

// NewCursor returns a cursor with e as its envelope.
func NewCursor(e Envelope, state string) Cursor {
	done := "more"
	if e.Done {
		done = "done"
	}
	head := []string{url.PathEscape(e.Driver), strconv.Itoa(e.Version), url.PathEscape(e.Epoch), url.PathEscape(e.IDs), done}
	return Cursor(strings.Join(head, "/") + "\n" + state)
}

// Open returns c's envelope and state. It returns false for a damaged cursor, and
// for the zero Cursor, which has neither.
func (c Cursor) Open() (e Envelope, state string, ok bool) {
	head, state, found := strings.Cut(string(c), "\n")
	var part [5]string // a poll opens several cursors, so this makes no garbage
	for i := range part {
		more := false
		part[i], head, more = strings.Cut(head, "/")
		found = found && more == (i < len(part)-1)
	}
	version, err := strconv.Atoi(part[1])
	if !found || err != nil || version < 1 || part[4] != "done" && part[4] != "more" {
		return Envelope{}, "", false
	}
	e = Envelope{Version: version, Done: part[4] == "done"}
	var errs [3]error
	e.Driver, errs[0] = url.PathUnescape(part[0])
	e.Epoch, errs[1] = url.PathUnescape(part[2])
	e.IDs, errs[2] = url.PathUnescape(part[3])
	if errs != [3]error{} {
		return Envelope{}, "", false
	}
	return e, state, true
}

// Epoch returns the epoch in c's envelope, "" for a zero or damaged cursor.
func (c Cursor) Epoch() string {
	e, _, _ := c.Open()
	return e.Epoch
}

// Done reports whether c was made at the end of a round.
func (c Cursor) Done() bool {
	e, _, _ := c.Open()
	return e.Done
}
