package ews

import (
	"encoding/binary"
	"slices"
	"strings"
	"time"

	"github.com/go-serversync/serversync/provider"
)

// What waits in a cursor is written with every page, so it is short: of an id and of a version
// only what differs from the one before, which of Exchange's is the lesser part, and flags
// only where they are others than those before.

// packed appends entries to b.
func packed(b []byte, rest []entry) []byte {
	var last entry
	for _, n := range rest {
		b = append(b, n.kind...)
		b = appendTail(b, string(last.id), string(n.id))
		b = appendTail(b, last.version, n.version)
		received := int64(0)
		if !n.received.IsZero() {
			received = n.received.Unix()
		}
		b = binary.AppendVarint(b, received)
		b = binary.AppendVarint(b, n.size)
		b = appendFlags(b, last.flags, n.flags)
		last = n
	}
	return b
}

// appendTail appends how much of text is as in last, and the rest of it.
func appendTail(b []byte, last, text string) []byte {
	same := 0
	for same < min(len(last), len(text)) && last[same] == text[same] {
		same++
	}
	b = binary.AppendUvarint(b, uint64(same))
	return appendText(b, text[same:])
}

func appendText(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

// How flags are written: those before once more, none that are known, or how many follow, and one
// more for these two.
const (
	flagsAsBefore = iota
	flagsUnknown
	flagsFollow
)

func appendFlags(b []byte, last, flags []string) []byte {
	switch {
	case (last == nil) == (flags == nil) && slices.Equal(last, flags):
		return binary.AppendUvarint(b, flagsAsBefore)
	case flags == nil:
		return binary.AppendUvarint(b, flagsUnknown)
	}
	b = binary.AppendUvarint(b, uint64(flagsFollow+len(flags)))
	for _, f := range flags {
		b = appendText(b, f)
	}
	return b
}

// unpacked reads entries.
func unpacked(text string) (rest []entry, ok bool) {
	r := unpacker{text: text}
	var last entry
	for r.text != "" && !r.bad {
		n := entry{kind: changeKind(r.take(1))}
		switch n.kind {
		case wasCreated, wasUpdated, wasDeleted, wasRead:
		default:
			return nil, false
		}
		n.id = provider.ID(r.tail(string(last.id)))
		n.version = r.tail(last.version)
		if received := r.signed(); received != 0 {
			n.received = time.Unix(received, 0).UTC()
		}
		n.size = r.signed()
		n.flags = r.flags(last.flags)
		rest, last = append(rest, n), n
	}
	return rest, !r.bad
}

// An unpacker reads what packed wrote. After an error it is bad and gives nothing.
type unpacker struct {
	text string
	bad  bool
}

func (r *unpacker) take(n uint64) string {
	if r.bad = r.bad || n > uint64(len(r.text)); r.bad {
		return ""
	}
	taken := r.text[:n]
	r.text = r.text[n:]
	return taken
}

func (r *unpacker) unsigned() uint64 {
	v, n := binary.Uvarint([]byte(r.text[:min(len(r.text), binary.MaxVarintLen64)]))
	if r.bad = r.bad || n <= 0; r.bad {
		return 0
	}
	r.text = r.text[n:]
	return v
}

func (r *unpacker) signed() int64 {
	v, n := binary.Varint([]byte(r.text[:min(len(r.text), binary.MaxVarintLen64)]))
	if r.bad = r.bad || n <= 0; r.bad {
		return 0
	}
	r.text = r.text[n:]
	return v
}

func (r *unpacker) tail(last string) string {
	same := r.unsigned()
	if r.bad = r.bad || same > uint64(len(last)); r.bad {
		return ""
	}
	return last[:same] + r.take(r.unsigned())
}

func (r *unpacker) flags(last []string) []string {
	n := r.unsigned()
	switch {
	case n == flagsAsBefore:
		return last
	case n == flagsUnknown:
		return nil
	case n-flagsFollow > uint64(len(r.text)):
		r.bad = true
		return nil
	}
	flags := make([]string, 0, n-flagsFollow)
	for range n - flagsFollow {
		flags = append(flags, strings.Clone(r.take(r.unsigned())))
	}
	return flags
}
