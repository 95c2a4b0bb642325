package imap

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/go-serversync/serversync/provider"
)

// cursorVersion is of the format of the states below. A cursor of another version
// is refused, and the folder listed again.
const cursorVersion = 1

// A livePlace is the state in a cursor of the Live lane.
type livePlace struct {
	next   uint32 // every UID below it is known
	modseq uint64 // every change of those up to it is told; 0 where the folder has none

	// In the middle of telling changes: UIDs below from are told up to target.
	from   uint32
	target uint64

	// In the middle of a Full round: UIDs below full are listed. Changes since
	// modseq are then told of those alone.
	full uint32
}

// A backPlace is the state in a cursor of the Backfill lane.
type backPlace struct {
	below uint32 // UIDs from it on are told
}

// backStart is above every message.
func backStart() backPlace { return backPlace{below: maxUID + 1} }

func envelope(validity uint32, done bool) provider.Envelope {
	return provider.Envelope{Driver: "imap", Version: cursorVersion, Epoch: epochOf(validity), IDs: "uid", Done: done}
}

func (p livePlace) cursor(validity uint32, done bool) provider.Cursor {
	return provider.NewCursor(envelope(validity, done), fmt.Sprintf("live %d %d %d %d %d", p.next, p.modseq, p.from, p.target, p.full))
}

func (p backPlace) cursor(validity uint32, done bool) provider.Cursor {
	return provider.NewCursor(envelope(validity, done), fmt.Sprintf("back %d", p.below))
}

// readLive reads a cursor of the Live lane.
func readLive(c provider.Cursor) (p livePlace, validity uint32, err error) {
	n, validity, _, err := readCursor(c, "live", 5)
	if err != nil {
		return p, 0, err
	}
	p = livePlace{next: uint32(n[0]), modseq: n[1], from: uint32(n[2]), target: n[3], full: uint32(n[4])}
	if n[0] == 0 || n[0] > maxUID+1 || n[2] > maxUID+1 || n[4] > maxUID+1 || p.full > p.next || p.target < p.modseq && p.from > 0 {
		return p, 0, expired("it is damaged")
	}
	return p, validity, nil
}

// readBack reads a cursor of the Backfill lane.
func readBack(c provider.Cursor) (p backPlace, validity uint32, done bool, err error) {
	n, validity, done, err := readCursor(c, "back", 1)
	if err != nil {
		return p, 0, false, err
	}
	if n[0] == 0 || n[0] > maxUID+1 {
		return p, 0, false, expired("it is damaged")
	}
	return backPlace{below: uint32(n[0])}, validity, done, nil
}

// maxUID is the highest that any message of ours may have; one more is the next.
const maxUID = 1<<32 - 2

// readCursor reads the numbers in a cursor of the lane.
func readCursor(c provider.Cursor, lane string, count int) (n []uint64, validity uint32, done bool, err error) {
	e, state, ok := c.Open()
	switch {
	case !ok:
		return nil, 0, false, expired("it is damaged")
	case e.Driver != "imap":
		return nil, 0, false, expired("it is another driver's")
	case e.Version != cursorVersion || e.IDs != "uid":
		return nil, 0, false, expired("it is of another version")
	}
	validity, ok = validityOf(e.Epoch)
	words := strings.Split(state, " ")
	if !ok || len(words) != count+1 || words[0] != lane {
		return nil, 0, false, expired("it is damaged, or of another lane")
	}
	for _, w := range words[1:] {
		v, err := strconv.ParseUint(w, 10, 64)
		if err != nil || strconv.FormatUint(v, 10) != w {
			return nil, 0, false, expired("it is damaged")
		}
		n = append(n, v)
	}
	return n, validity, e.Done, nil
}

func expired(why string) error {
	return &provider.Error{Kind: provider.ErrCursorExpired, Err: fmt.Errorf("the cursor is of no use: %s", why)}
}

// The epoch of a folder is its UIDVALIDITY (RFC 3501, section 2.3.1.1).
func epochOf(validity uint32) string { return strconv.FormatUint(uint64(validity), 10) }

func validityOf(epoch string) (uint32, bool) {
	v, err := strconv.ParseUint(epoch, 10, 32)
	return uint32(v), err == nil && v > 0 && epochOf(uint32(v)) == epoch
}

// The ID of a message is its UID.
func idOf(uid uint32) provider.ID { return provider.ID(strconv.FormatUint(uint64(uid), 10)) }

func uidOf(id provider.ID) (uint32, bool) {
	v, err := strconv.ParseUint(string(id), 10, 32)
	return uint32(v), err == nil && v > 0 && idOf(uint32(v)) == id
}
