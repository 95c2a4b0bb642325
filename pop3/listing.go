package pop3

import (
	"bytes"
	"errors"
	"hash/maphash"
	"math"
	"strconv"

	"github.com/go-serversync/serversync/provider"
)

// A listing is what a session knows of its mailbox. It is asked for once: a session
// shows the mailbox as it was when it was opened (RFC 1939, section 8). Numbers of
// messages go from 1; index i stands for number i+1.
type listing struct {
	n      int
	noUIDL bool // the server gives no unique ids

	uids  []byte // every UIDL, one behind the other; one that is none has no bytes
	ends  []uint32
	table []int32 // from a hash of a UIDL to the number of the first with it, open addressing
	seed  maphash.Seed
	twice []bool // whose UIDL somebody else has too; nil for nobody
	empty int    // how many have no UIDL that is one
	plain bool   // every UIDL is the message's number

	sizes   []int64 // by LIST; nil if it was not asked for
	some    bool    // of some messages only
	digests []digest
	times   []int64 // when each was received, as far as its header was read; see time
	names   naming
	rolls   map[naming]*roll
	proofs  map[prefix]mark // that were made
}

var (
	errNumbers = errors.New("the server does not number its messages 1, 2, 3 …")
	errCounts  = errors.New("the server counts its messages differently from one command to the next")
	errNoIDs   = errors.New("the server has neither UIDL nor TOP")
)

// maxUID is how long a UIDL may be (RFC 1939, section 7).
const maxUID = 70

// addUID takes a line of UIDL's answer in.
func (l *listing) addUID(line []byte) error {
	uid, err := l.numbered(line, l.n+1)
	if err != nil {
		return err
	}
	uid = bytes.Trim(uid, " \t")
	if !validUID(uid) || len(l.uids)+len(uid) > math.MaxUint32 {
		uid = nil
		l.empty++
	}
	l.uids = append(l.uids, uid...)
	l.ends = append(l.ends, uint32(len(l.uids)))
	l.n++
	return nil
}

// numbered returns what stands behind the number want.
func (l *listing) numbered(line []byte, want int) ([]byte, error) {
	number, rest, _ := bytes.Cut(line, []byte(" "))
	if n, ok := decimal(number); !ok || n != int64(want) {
		return nil, &provider.Error{Kind: provider.ErrProtocol, Err: errNumbers}
	}
	return rest, nil
}

// decimal reads a number without sign.
func decimal(text []byte) (n int64, ok bool) {
	if len(text) == 0 || len(text) > 18 {
		return 0, false
	}
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int64(c-'0')
	}
	return n, true
}

func validUID(uid []byte) bool {
	if len(uid) == 0 || len(uid) > maxUID {
		return false
	}
	for _, c := range uid {
		if c < 0x21 || c > 0x7e {
			return false
		}
	}
	return true
}

// addSize takes a line of LIST's answer in.
func (l *listing) addSize(line []byte) error {
	rest, err := l.numbered(line, len(l.sizes)+1)
	if err != nil {
		return err
	}
	size, _, _ := bytes.Cut(bytes.Trim(rest, " \t"), []byte(" "))
	n, ok := decimal(size)
	if !ok {
		return malformed("a size that is none")
	}
	l.sizes = append(l.sizes, n)
	return nil
}

// uid returns the UIDL of index i, nil if it has none that is one.
func (l *listing) uid(i int) []byte {
	if l.noUIDL {
		return nil
	}
	from := uint32(0)
	if i > 0 {
		from = l.ends[i-1]
	}
	return l.uids[from:l.ends[i]]
}

// judge finds out which UIDLs name one message.
func (l *listing) judge() {
	if l.noUIDL {
		return
	}
	size := 8
	for size < 2*l.n {
		size *= 2
	}
	l.seed, l.table, l.plain = maphash.MakeSeed(), make([]int32, size), l.n > 0
	var number []byte
	for i := range l.n {
		uid := l.uid(i)
		number = strconv.AppendInt(number[:0], int64(i+1), 10)
		l.plain = l.plain && bytes.Equal(uid, number)
		if len(uid) == 0 {
			continue
		}
		slot := l.slot(uid)
		if l.table[slot] == 0 {
			l.table[slot] = int32(i + 1)
			continue
		}
		if l.twice == nil {
			l.twice = make([]bool, l.n)
		}
		l.twice[i], l.twice[l.table[slot]-1] = true, true
	}
}

// slot returns where in the table uid is, or would be.
func (l *listing) slot(uid []byte) int {
	mask := len(l.table) - 1
	for at := int(maphash.Bytes(l.seed, uid)) & mask; ; at = (at + 1) & mask {
		if n := l.table[at]; n == 0 || bytes.Equal(l.uid(int(n-1)), uid) {
			return at
		}
	}
}

// good reports whether the UIDL of index i names this message and no other.
func (l *listing) good(i int) bool {
	return len(l.uid(i)) > 0 && !l.plain && (l.twice == nil || !l.twice[i])
}

// find returns the index with a UIDL that is good.
func (l *listing) find(uid []byte) (i int, ok bool) {
	if l.noUIDL || l.plain || !validUID(uid) {
		return 0, false
	}
	i = int(l.table[l.slot(uid)]) - 1
	return i, i >= 0 && l.good(i)
}

// size returns the size of index i as the server says it, 0 if it was not asked.
func (l *listing) size(i int) int64 {
	if i < len(l.sizes) {
		return l.sizes[i]
	}
	return 0
}
