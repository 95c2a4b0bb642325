package ews

import (
	"bytes"
	"compress/flate"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"time"

	"github.com/go-serversync/serversync/provider"
)

// cursorVersion is of the format of the state below. A cursor of another version is refused,
// and the folder listed again.
const cursorVersion = 1

// The bounds of a cursor: what a Store takes, and what the changes that wait in it may have.
const (
	maxCursor  = 16 << 20
	maxWaiting = 16 << 20
)

// A place is the state in a cursor: how far the server has told what happened, which it writes
// down itself, and what it has told of that and we have not yet. The latter cannot be asked for
// again: what is deleted meanwhile would not be told, and it would stay where it had been told.
type place struct {
	state string // the server's SyncState; "" for the beginning
	last  bool   // it had no more to tell then
	full  bool   // of a round that lists everything
	rest  []entry
}

// A waiting is an entry as a cursor has it.
type waiting struct {
	Kind     string   `json:"k"`
	ID       string   `json:"i"`
	Version  string   `json:"v,omitempty"`
	Received int64    `json:"r,omitempty"` // Unix seconds
	Size     int64    `json:"s,omitempty"`
	Flags    []string `json:"f,omitempty"`
	Known    bool     `json:"x,omitempty"` // the flags are known
}

func (p place) done() bool { return p.last && len(p.rest) == 0 }

// cursor returns p as a cursor of an epoch.
func (p place) cursor(epoch string) (provider.Cursor, error) {
	body := []byte(p.state)
	if len(p.rest) > 0 {
		rest, err := packed(p.rest)
		if err != nil {
			return "", &provider.Error{Op: "ews: changes", Kind: provider.ErrProtocol, Err: err}
		}
		body = append(body, rest...)
	}
	head := fmt.Sprintf("%08x %t %t %d\n", crc32.ChecksumIEEE(body), p.last, p.full, len(p.state))
	c := provider.NewCursor(provider.Envelope{Driver: "ews", Version: cursorVersion, Epoch: epoch, IDs: "ews", Done: p.done()}, head+string(body))
	if len(c) > maxCursor {
		return "", &provider.Error{Op: "ews: changes", Kind: provider.ErrTooLarge, Err: errLongState}
	}
	return c, nil
}

var errLongState = errors.New("the server's state of the folder is longer than a cursor may be")

func packed(rest []entry) ([]byte, error) {
	list := make([]waiting, len(rest))
	for i, n := range rest {
		list[i] = waiting{Kind: string(n.kind), ID: string(n.id), Version: n.version, Size: n.size, Flags: n.flags, Known: n.flags != nil}
		if !n.received.IsZero() {
			list[i].Received = n.received.Unix()
		}
	}
	plain, err := json.Marshal(list)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.BestSpeed)
	if err == nil {
		_, err = w.Write(plain)
	}
	if err == nil {
		err = w.Close()
	}
	return out.Bytes(), err
}

func unpacked(b []byte) (rest []entry, ok bool) {
	plain, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(b)), maxWaiting))
	var list []waiting
	if err != nil || json.Unmarshal(plain, &list) != nil {
		return nil, false
	}
	for _, v := range list {
		n := entry{kind: changeKind(v.Kind), id: provider.ID(v.ID), version: v.Version, size: v.Size, flags: v.Flags}
		switch n.kind {
		case wasCreated, wasUpdated, wasDeleted, wasRead:
		default:
			return nil, false
		}
		if v.Known && n.flags == nil {
			n.flags = []string{}
		}
		if v.Received != 0 {
			n.received = time.Unix(v.Received, 0).UTC()
		}
		rest = append(rest, n)
	}
	return rest, true
}

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
	if n, err := fmt.Sscanf(string(head), "%08x %t %t %d", &sum, &p.last, &p.full, &size); n != 4 || err != nil {
		return place{}, expired("it is damaged")
	}
	if size < 1 || size > len(body) || sum != crc32.ChecksumIEEE(body) {
		return place{}, expired("it is damaged")
	}
	if p.state = string(body[:size]); size < len(body) {
		if p.rest, ok = unpacked(body[size:]); !ok {
			return place{}, expired("it is damaged")
		}
	}
	if p.done() != e.Done {
		return place{}, expired("it is damaged")
	}
	return p, nil
}

func expired(why string) error {
	return &provider.Error{Op: "ews: changes", Kind: provider.ErrCursorExpired, Err: fmt.Errorf("the cursor is of no use: %s", why)}
}
