package pop3

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"strconv"
	"strings"

	"github.com/go-serversync/serversync/provider"
)

// A naming says what the ids of messages are made of.
type naming string

const (
	byUIDL   naming = "u" // its UIDL, where that names it alone; else its header
	byHeader naming = "t" // its header
)

// A digest is the SHA-256 of a header, without what servers change in it.
type digest [sha256.Size]byte

// changed are fields that servers write into a message themselves, and write anew as
// they please.
func changed(name []byte) bool {
	for _, prefix := range []string{"Status:", "X-Status:", "X-UID:", "X-UIDL:", "X-IMAP:", "X-IMAPbase:", "X-Keywords:"} {
		if len(name) >= len(prefix) && bytes.EqualFold(name[:len(prefix)], []byte(prefix)) {
			return true
		}
	}
	return false
}

// digestOf returns the digest of a header. Nothing else of it is normalised.
func digestOf(header []byte) (d digest) {
	h := sha256.New()
	left := false
	for len(header) > 0 {
		line := header
		if i := bytes.IndexByte(header, '\n'); i >= 0 {
			line = header[:i+1]
		}
		header = header[len(line):]
		if folded := line[0] == ' ' || line[0] == '\t'; !folded {
			left = changed(line)
		}
		if len(bytes.TrimRight(line, "\r\n")) == 0 {
			break // some servers end a header with an empty line, some do not
		}
		if !left {
			h.Write(line)
		}
	}
	h.Sum(d[:0])
	return d
}

// digest reads the headers of the messages that have no other name, by TOP.
func (s *session) digest(names naming) error {
	l := s.list
	var missing []int
	for i := range l.n {
		if (names == byHeader || !l.good(i)) && (l.digests == nil || l.digests[i] == digest{}) {
			missing = append(missing, i)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	if !s.hasTop() {
		return noIDs()
	}
	digests := l.digests
	if digests == nil {
		digests = make([]digest, l.n)
	}
	refused := 0
	err := s.pipeline(len(missing), func(k int) string { return topOf(missing[k]) }, func(k int) error {
		p, err := s.readHeader()
		if p.refused && provider.KindOf(p.err) == provider.ErrUnavailable {
			return s.fail(p.err) // it would have another name tomorrow
		}
		if p.refused {
			refused++
		}
		digests[missing[k]] = p.digest()
		l.dated(missing[k], p)
		return err
	})
	if err != nil {
		return err
	}
	if refused == len(missing) && !s.caps.top && !s.topWorks {
		s.noTop = true
		return noIDs()
	}
	s.topWorks = true
	l.digests, l.proofs = digests, nil
	return nil
}

// digest returns what names the message. One whose header cannot be had is named all
// the same, so that it can be told as one that cannot be read.
func (p part) digest() digest {
	if p.refused {
		return sha256.Sum256([]byte("refused"))
	}
	return digestOf(p.header)
}

func topOf(i int) string { return "TOP " + strconv.Itoa(i+1) + " 0" }

// name has every message named.
func (s *session) name(names naming) error {
	l := s.list
	if err := s.digest(names); err != nil {
		return err
	}
	l.names = names
	return nil
}

// token returns what proves that index i is still the same message: its UIDL if it is
// good, else its digest. It does not depend on the naming.
func (l *listing) appendToken(b []byte, i int) []byte {
	if l.good(i) {
		return append(append(b, "u:"...), l.uid(i)...)
	}
	return hex.AppendEncode(append(b, "t:"...), l.digests[i][:])
}

// ids gives the names of the messages, in the order of their numbers. It counts those
// that share a digest.
func (l *listing) ids(got func(i int, id []byte)) {
	var b []byte
	seen := make(map[digest]int)
	for i := range l.n {
		if l.names == byUIDL && l.good(i) {
			b = append(append(b[:0], "u:"...), l.uid(i)...)
		} else {
			d := l.digests[i]
			seen[d]++
			b = hex.AppendEncode(append(b[:0], "t:"...), d[:])
			if seen[d] > 1 {
				b = strconv.AppendInt(append(b, '#'), int64(seen[d]), 10)
			}
		}
		got(i, b)
	}
}

// A roll is the messages that are named by their headers.
type roll struct {
	at   map[provider.ID]int
	name map[int]provider.ID
}

// roll returns the roll of the naming in force, which is made once.
func (l *listing) roll() *roll {
	if r := l.rolls[l.names]; r != nil {
		return r
	}
	r := &roll{map[provider.ID]int{}, map[int]provider.ID{}}
	l.ids(func(i int, id []byte) {
		if l.names == byHeader || !l.good(i) {
			r.at[provider.ID(id)], r.name[i] = i, provider.ID(id)
		}
	})
	if l.rolls == nil {
		l.rolls = map[naming]*roll{}
	}
	l.rolls[l.names] = r
	return r
}

// id returns the name of index i.
func (l *listing) id(i int) provider.ID {
	if l.names == byUIDL && l.good(i) {
		return provider.ID("u:" + string(l.uid(i)))
	}
	return l.roll().name[i]
}

// A mark is a SHA-256 over names.
type mark = [sha256.Size]byte

// proof returns the SHA-256 over the tokens of the first n messages, zero for none.
func (l *listing) proof(n int) mark {
	return l.remembered("", n, func(each func(i int, token []byte)) {
		var b []byte
		for i := range n {
			b = l.appendToken(b[:0], i)
			each(i, b)
		}
	})
}

// nameProof is proof over the names.
func (l *listing) nameProof(n int) mark { return l.remembered(l.names, n, l.ids) }

// remembered returns the SHA-256 over the first n of what all gives, which is made once:
// each page of a round asks for the same.
func (l *listing) remembered(of naming, n int, all func(each func(i int, text []byte))) mark {
	at := prefix{of, n}
	if m, ok := l.proofs[at]; ok || n == 0 {
		return m
	}
	h := sha256.New()
	all(func(i int, text []byte) {
		if i < n {
			h.Write(append(text, '\n'))
		}
	})
	if l.proofs == nil {
		l.proofs = make(map[prefix]mark)
	}
	l.proofs[at] = sum(h)
	return l.proofs[at]
}

// A prefix names what a proof is over: names of a kind, or tokens.
type prefix struct {
	of naming // "" for tokens
	n  int
}

func sum(h hash.Hash) (m mark) {
	h.Sum(m[:0])
	return m
}

// locate finds the messages with these ids. What is not in the mailbox is left out.
func (s *session) locate(ids []provider.ID) (map[provider.ID]int, error) {
	l, err := s.look(lookAtIDs)
	if err != nil {
		return nil, err
	}
	at := make(map[provider.ID]int, len(ids))
	var headed []provider.ID
	for _, id := range ids {
		kind, name, _ := strings.Cut(string(id), ":")
		switch naming(kind) {
		case byUIDL:
			if i, ok := l.find([]byte(name)); ok {
				at[id] = i
			}
		case byHeader:
			headed = append(headed, id)
		}
	}
	// Who names by header alone is not known before the first cursor is seen.
	before := l.names
	for _, l.names = range []naming{before, byHeader} {
		if headed = without(headed, at); len(headed) == 0 || l.n == 0 {
			break
		}
		if err = s.digest(l.names); err != nil {
			break
		}
		for _, id := range headed {
			if i, ok := l.roll().at[id]; ok {
				at[id] = i
			}
		}
	}
	l.names = before
	return at, err
}

// without returns those of ids that are in at not yet.
func without(ids []provider.ID, at map[provider.ID]int) (rest []provider.ID) {
	for _, id := range ids {
		if _, ok := at[id]; !ok {
			rest = append(rest, id)
		}
	}
	return rest
}
