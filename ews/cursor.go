package ews

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/go-serversync/serversync/provider"
)

// cursorVersion is of the format of the state below. A cursor of another version is refused,
// and the folder listed again.
const cursorVersion = 1

// maxCursor is what a Store takes.
const maxCursor = 16 << 20

// A place is the state in a cursor: how far the server has told what happened, which it writes
// down itself, and what it has told of that and we have not yet. The latter cannot be asked for
// again: what is deleted meanwhile would not be told, and it would stay where it had been told.
type place struct {
	state string // the server's SyncState; "" for the beginning
	full  bool   // of a round that lists everything
	rest  []entry
	done  bool // the round has ended: the server had no more to tell, and all was told
}

// cursor returns p as a cursor of an epoch.
func (p place) cursor(epoch string) (provider.Cursor, error) {
	body := packed([]byte(p.state), p.rest)
	head := fmt.Sprintf("%08x %t %d\n", crc32.ChecksumIEEE(body), p.full, len(p.state))
	c := provider.NewCursor(provider.Envelope{Driver: "ews", Version: cursorVersion, Epoch: epoch, IDs: "ews", Done: p.done}, head+string(body))
	if len(c) > maxCursor {
		return "", &provider.Error{Op: "ews: changes", Kind: provider.ErrTooLarge, Err: errLongState}
	}
	return c, nil
}

var errLongState = errors.New("the server's state of the folder is longer than a cursor may be")

// readCursor returns the place in a cursor, which must be one of the epoch.
func readCursor(c provider.Cursor, epoch string) (p place, err error) {
	if c == "" {
		return place{}, nil
	}
	e, text, ok := c.Open()
	switch {
	case !ok:
		return p, expired("it is damaged")
	case e.Driver != "ews":
		return p, expired("it is another driver's")
	case e.Version != cursorVersion || e.IDs != "ews":
		return p, expired("it is of another version")
	case e.Epoch != epoch:
		return p, expired("the mailbox was moved, or the folder made anew")
	}
	head, body, _ := bytes.Cut([]byte(text), []byte{'\n'})
	var sum uint32
	var size int
	if n, err := fmt.Sscanf(string(head), "%08x %t %d", &sum, &p.full, &size); n != 3 || err != nil {
		return place{}, expired("it is damaged")
	}
	if size < 1 || size > len(body) || sum != crc32.ChecksumIEEE(body) {
		return place{}, expired("it is damaged")
	}
	if p.state = string(body[:size]); size < len(body) {
		if p.rest, ok = unpacked(string(body[size:])); !ok {
			return place{}, expired("it is damaged")
		}
	}
	if p.done = e.Done; p.done && len(p.rest) > 0 {
		return place{}, expired("it is damaged")
	}
	return p, nil
}

func expired(why string) error {
	return &provider.Error{Op: "ews: changes", Kind: provider.ErrCursorExpired, Err: fmt.Errorf("the cursor is of no use: %s", why)}
}
