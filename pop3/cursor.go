package pop3

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-serversync/serversync/provider"
)

// epoch is the one epoch that there is: a message whose UIDL changes gets another id,
// and everything else stays as it is.
const epoch = "1"

func envelope(done bool) provider.Envelope {
	return provider.Envelope{Driver: "pop3", Version: 1, Epoch: epoch, IDs: "uidl", Done: done}
}

// A place is what a cursor holds: how far the mailbox was told, with a proof of what it
// was then. What has been dealt with is the Store's to know.
type place struct {
	names naming
	n     int  // the first n messages are told, or are what the round under way tells of
	proof mark // over their tokens
	ids   mark // over their names, where names are by header; else zero

	under bool // a round is under way
	low   int  // messages up to this number were told before it
	at    int  // those above this number have been told by it
	full  bool // it lists everything

	samples []sample // of messages told, to know a mailbox again whose UIDLs are all new
}

// A sample is one message: a part of its token's digest, and its size.
type sample struct {
	hash [6]byte
	size int64
}

// maxSamples is how many samples a cursor holds, and maxState how long its state is.
const (
	maxSamples = 16
	maxState   = 4 << 10
)

var errCursor = errors.New("the cursor is none of this driver's, or of another version")

func expired() error {
	return &provider.Error{Op: "pop3: changes", Kind: provider.ErrCursorExpired, Err: errCursor}
}

// cursor writes p: names, n, proof, ids, the round under way and samples, separated by
// spaces, with "-" for what there is not.
func (p place) cursor() provider.Cursor {
	ids, round, samples := "-", "-", "-"
	if p.names == byHeader {
		ids = hex.EncodeToString(p.ids[:])
	}
	if p.under {
		round = fmt.Sprintf("%d:%d:%t", p.low, p.at, p.full)
	}
	if len(p.samples) > 0 {
		var all []string
		for _, s := range p.samples {
			all = append(all, fmt.Sprintf("%x:%d", s.hash, s.size))
		}
		samples = strings.Join(all, ",")
	}
	return provider.NewCursor(envelope(!p.under), fmt.Sprintf("%s %d %x %s %s %s", p.names, p.n, p.proof, ids, round, samples))
}

// placeOf reads a cursor. The zero one is the place before everything.
func placeOf(c provider.Cursor) (p place, err error) {
	if c == "" {
		return place{names: byUIDL}, nil
	}
	e, state, ok := c.Open()
	if !ok || e != envelope(e.Done) || len(state) > maxState || !p.read(state) || p.cursor() != c {
		return place{}, expired() // the last says that it is written as we write it
	}
	return p, nil
}

func (p *place) read(state string) bool {
	part := strings.Split(state, " ")
	if len(part) != 6 {
		return false
	}
	p.names = naming(part[0])
	n, ok := decimal([]byte(part[1]))
	p.n = int(n)
	ok = ok && n <= maxMessages && (p.names == byUIDL || p.names == byHeader) && readMark(part[2], &p.proof)
	if ok && p.names == byHeader {
		ok = readMark(part[3], &p.ids)
	}
	if p.under = part[4] != "-"; ok && p.under {
		ok = p.readRound(part[4])
	}
	if ok && part[5] != "-" {
		for text := range strings.SplitSeq(part[5], ",") {
			var s sample
			hash, size, _ := strings.Cut(text, ":")
			h, err := hex.DecodeString(hash)
			s.size, ok = decimal([]byte(size))
			if err != nil || !ok || len(h) != len(s.hash) || len(p.samples) == maxSamples {
				return false
			}
			copy(s.hash[:], h)
			p.samples = append(p.samples, s)
		}
	}
	return ok
}

func readMark(text string, m *mark) bool {
	b, err := hex.DecodeString(text)
	return err == nil && copy(m[:], b) == len(m) && len(b) == len(m)
}

func (p *place) readRound(text string) bool {
	part := strings.Split(text, ":")
	if len(part) != 3 {
		return false
	}
	low, ok := decimal([]byte(part[0]))
	at, ok2 := decimal([]byte(part[1]))
	full, err := strconv.ParseBool(part[2])
	p.low, p.at, p.full = int(low), int(at), full
	return ok && ok2 && err == nil && low < at && at <= int64(p.n)
}
