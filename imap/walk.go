package imap

import (
	"time"

	"github.com/go-serversync/serversync/imap/internal/syntax"
	"github.com/go-serversync/serversync/provider"
)

// window is how many messages are listed at once, ahead of the pages that tell
// them. It bounds the memory and saves a round trip a page.
const window = 1000

// A walk goes through messages of the selected folder, page by page.
type walk struct {
	next  provider.Cursor // asks for what this walk tells next
	since time.Time       // messages received earlier are left out
	want  provider.Want
	items string
	down  bool // newest first

	left  syntax.Set        // not listed yet
	found []listing         // listed, not told yet, in the order of telling
	ready []provider.Change // the bodies of the first of found, read ahead

	// recheck, if not nil, goes with the first listing: it looks for messages that
	// came after the set was found, whose UIDs go to since.
	recheck *command
}

// done reports whether there is nothing left to tell. It is only known for sure
// after fill.
func (w *walk) done() bool { return w == nil || len(w.left) == 0 && len(w.found) == 0 }

// fill lists messages until some are found or none is left.
func (s *session) fill(w *walk) error {
	for len(w.found) == 0 && len(w.left) > 0 {
		var part syntax.Set
		if w.down {
			part = w.left.TakeLast(window)
		} else {
			part = w.left.TakeFirst(window)
		}
		var follow []*command
		if w.recheck != nil {
			follow, w.recheck = []*command{w.recheck}, nil
		}
		found, err := s.listMessages(part, w.items, follow...)
		if err != nil {
			return err
		}
		w.take(found)
	}
	return nil
}

// take puts what was listed in ascending order into the order of telling, without
// what was received too early.
func (w *walk) take(found []listing) {
	w.found = w.found[:0]
	for i := range found {
		l := found[i]
		if w.down {
			l = found[len(found)-1-i]
		}
		if !l.fetched.received.IsZero() && l.fetched.received.Before(w.since) {
			continue
		}
		w.found = append(w.found, l)
	}
}

// tell adds messages to the page until it is full or the walk is done. It returns
// the UID of the last one, 0 if there was none.
func (s *session) tell(p *provider.Page, r provider.Request, w *walk, bytes *int64) (last uint32, err error) {
	for len(p.Changes) < r.MaxItems && *bytes <= r.MaxBytes {
		if err := s.fill(w); err != nil {
			return last, err
		}
		if len(w.found) == 0 {
			return last, nil
		}
		n := w.fit(r.MaxItems-len(p.Changes), r.MaxBytes-*bytes, s.limits.Message)
		changes, err := s.readAhead(w, n, r.MaxBytes)
		if err != nil {
			return last, err
		}
		for i, c := range changes {
			if c.Raw != nil {
				*bytes += c.Raw.Size()
			}
			s.remember(w.found[i])
			last = w.found[i].uid
		}
		p.Changes = append(p.Changes, changes...)
		w.found = w.found[len(changes):]
	}
	return last, nil
}

// ahead is how many bytes of messages are read together with the page before
// theirs, to save a round trip where messages are small.
const ahead = 2 << 20

// readAhead returns changes for up to n of the messages found, one at least, from
// what was read ahead if there is something. What it reads ahead itself lies in
// memory, so that a walk can be dropped without further ado.
func (s *session) readAhead(w *walk, n int, bytes int64) ([]provider.Change, error) {
	if len(w.ready) == 0 {
		max := bytes + s.limits.Message
		changes, err := s.readFirst(w, n, max)
		if err != nil {
			return nil, err
		}
		n = min(n, len(changes))
		kept, size := changes[n:], int64(0)
		for i, c := range kept {
			if c.Raw != nil {
				size += c.Raw.Size()
				if _, inMemory := c.Raw.Bytes(); inMemory && size <= 2*ahead {
					continue
				}
			}
			release(kept[i:]) // the server lied about sizes
			kept = kept[:i]
			break
		}
		w.ready = kept
		s.sendAhead(w, w.found[n+len(kept):], max)
		return changes[:n:n], nil
	}
	n = min(n, len(w.ready))
	changes := w.ready[:n:n]
	w.ready = w.ready[n:]
	return changes, nil
}

// readFirst reads the first n of the messages found, and small ones behind them.
func (s *session) readFirst(w *walk, n int, max int64) ([]provider.Change, error) {
	if w.want == provider.WantBodies {
		e, err := s.fetchedAhead(w.found)
		if err != nil {
			return nil, err
		}
		if e != nil {
			return s.finish(e.rd, w.want, e.list, e)
		}
	}
	return s.read(w.want, w.found[:n+w.fitAhead(n)], max)
}

// fitAhead returns how many messages behind the first n are small enough to be
// read with them.
func (w *walk) fitAhead(n int) int {
	if w.want != provider.WantBodies {
		return 0
	}
	return small(w.found[n:])
}

// wants makes the walk bring so much of each message.
func (w *walk) wants(want provider.Want) {
	if w.want != want {
		w.want, w.ready = want, nil
	}
}

func release(changes []provider.Change) {
	for _, c := range changes {
		c.Raw.Release()
	}
}

// fit returns how many of the messages found fit into a page, by what the server
// says of their sizes; one at least.
func (w *walk) fit(items int, bytes, tooLarge int64) int {
	n := min(items, len(w.found))
	if w.want != provider.WantBodies {
		return n
	}
	for i, l := range w.found[:n] {
		if l.fetched.size <= tooLarge {
			bytes -= l.fetched.size
		}
		if bytes < 0 {
			return i + 1
		}
	}
	return n
}

// remember keeps what was listed of a message for a Fetch that may follow, of as
// many messages as a large page has.
func (s *session) remember(l listing) {
	if len(s.known) >= 10*window {
		clear(s.known)
	}
	s.known[l.uid] = l
}
