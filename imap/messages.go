package imap

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/go-serversync/serversync/imap/internal/syntax"
	"github.com/go-serversync/serversync/provider"
)

// A listing is what is known of a message without reading it.
type listing struct {
	uid     uint32
	fetched fetched
}

// What to ask of messages. RFC822.SIZE is left out where nobody needs it: to some
// servers it means reading every message.
const (
	listItems = "UID FLAGS INTERNALDATE RFC822.SIZE"
	flagItems = "UID FLAGS INTERNALDATE"
	headItems = "UID BODY.PEEK[HEADER]"
	idItems   = "UID BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)]"
	bodyItems = "UID BODY.PEEK[]"
)

var (
	errTwice = errors.New("the server gave two messages for one id")
	errStuck = errors.New("the server has the message but does not give it")
)

// maxStrange is how many messages that nobody asked for a server may send.
const maxStrange = 1000

// maxSingle is how many messages are asked for one by one when a server left them
// out of an answer.
const maxSingle = 100

// fetchCommand asks for items of the messages uids. got gets each that comes, once
// or, if the server repeats itself, with errTwice.
func (s *session) fetchCommand(uids syntax.Set, items string, got func(fetched)) *command {
	seen, strange := map[uint32]bool{}, 0
	return &command{text: "UID FETCH " + uids.String() + " (" + items + ")", takes: []string{"FETCH"}, data: func(reply) error {
		f, err := s.readFetch()
		if err != nil {
			return err
		}
		if !uids.Contains(f.uid) {
			f.raw.Release()
			if strange++; strange > maxStrange {
				return syntax.Malformed("many messages that nobody asked for")
			}
			return nil
		}
		if seen[f.uid] {
			had := f.raw != nil || f.header != nil
			f.raw.Release()
			if !had { // news of its flags
				return nil
			}
			f = fetched{uid: f.uid, err: badItem(errTwice)}
		}
		seen[f.uid] = complete(f, items)
		if seen[f.uid] {
			got(f)
		}
		return nil
	}}
}

// complete reports whether f has what was asked for, or says why not. A server
// may tell news of a message's flags at any time.
func complete(f fetched, items string) bool {
	switch items {
	case bodyItems:
		return f.raw != nil || f.err != nil
	case headItems, idItems:
		return f.header != nil || f.err != nil
	}
	return f.dated && f.flags != nil
}

// get fetches items of the messages uids. What did not come is asked for again,
// one by one, if it is still there, for servers leave out messages, or put what we
// cannot use into their answer. What still does not come gets an error.
// follow are commands to go in the same flight.
func (s *session) get(uids syntax.Set, items string, got func(fetched), follow ...*command) error {
	came := map[uint32]bool{}
	note := func(f fetched) {
		came[f.uid] = true
		got(f)
	}
	cmd := s.fetchCommand(uids, items, note)
	if err := s.run(append([]*command{cmd}, follow...)...); err != nil {
		return err
	}
	return s.getMissing(uids, items, note, came, cmd)
}

// getMissing asks again for what did not come in answer to cmd.
func (s *session) getMissing(uids syntax.Set, items string, note func(fetched), came map[uint32]bool, cmd *command) error {
	missing := absent(uids, came)
	if len(missing) == 0 {
		return nil
	}
	if !cmd.status.ok() && cmd.status.code != "" {
		if err := refusal("", cmd.status, signedIn); provider.KindOf(err) == provider.ErrThrottled || provider.KindOf(err) == provider.ErrUnavailable && cmd.status.code != "EXPUNGEISSUED" {
			return err
		}
	}
	var still syntax.Set
	search := s.searchCommand("UID "+missing.String(), &still)
	// NOOP lets the server tell us first what was expunged.
	if err := s.run(&command{text: "NOOP"}, search); err != nil {
		return err
	}
	if !search.status.ok() {
		return refusal("", search.status, signedIn)
	}
	still = still.Sort()
	if still.Len() > maxSingle {
		return syntax.Malformed(fmt.Sprintf("an answer without %d messages that it has", still.Len()))
	}
	var err error
	missing.All(func(uid uint32) bool {
		if still.Contains(uid) {
			err = s.getOne(uid, items, note, came)
		}
		return err == nil
	})
	return err
}

func (s *session) getOne(uid uint32, items string, got func(fetched), came map[uint32]bool) error {
	cmd := s.fetchCommand(syntax.SetOf(uid), items, got)
	if err := s.run(cmd); err != nil {
		return err
	}
	if !came[uid] {
		got(fetched{uid: uid, err: badItem(errStuck)})
	}
	return nil
}

// absent returns what of uids did not come.
func absent(uids syntax.Set, came map[uint32]bool) syntax.Set {
	var missing syntax.Set
	uids.All(func(uid uint32) bool {
		if !came[uid] {
			missing.Add(uid)
		}
		return true
	})
	return missing
}

// listMessages lists the messages uids in ascending order; those that are gone are left
// out.
func (s *session) listMessages(uids syntax.Set, items string, follow ...*command) ([]listing, error) {
	found := make([]listing, 0, uids.Len())
	err := s.get(uids, items, func(f fetched) { found = append(found, listing{f.uid, f}) }, follow...)
	slices.SortFunc(found, func(a, b listing) int { return cmp.Compare(a.uid, b.uid) })
	return found, err
}

// change is what a page says of the message without reading it.
func (l listing) change() provider.Change {
	return provider.Change{Kind: provider.Upsert, ID: idOf(l.uid), Flags: l.fetched.flags, Received: l.fetched.received, Size: l.fetched.size, Err: l.fetched.err}
}

// A reading is what came of reading messages.
type reading struct {
	session *session
	max     int64 // bytes, after which no more is kept
	bytes   int64
	got     map[uint32]fetched
	late    map[uint32]bool // came after max
}

func (rd *reading) take(f fetched) {
	old, twice := rd.got[f.uid]
	if twice {
		old.raw.Release()
	}
	if f.raw != nil {
		if rd.bytes > rd.max {
			f.raw.Release()
			f.raw, rd.late[f.uid] = nil, true
		} else {
			rd.bytes += f.raw.Size()
		}
	}
	rd.got[f.uid] = f
}

func (rd *reading) release() {
	for _, f := range rd.got {
		f.raw.Release()
	}
}

// read reads headers or bodies of the messages and returns a change for each, in
// their order. It stops before the first for which there was no room: a server
// that lies about sizes gives more than was asked for. One at least is read.
func (s *session) read(want provider.Want, list []listing, max int64) (changes []provider.Change, err error) {
	if want == provider.WantIDs || len(list) == 0 {
		for _, l := range list {
			changes = append(changes, l.change())
		}
		return changes, nil
	}
	return s.finish(s.newReading(max), want, list, nil)
}

func (s *session) newReading(max int64) *reading {
	return &reading{session: s, max: max, got: map[uint32]fetched{}, late: map[uint32]bool{}}
}

// finish reads what is still to be read, and makes the changes. What was sent for
// ahead, if it is not nil, has been read.
func (s *session) finish(rd *reading, want provider.Want, list []listing, ahead *errand) (changes []provider.Change, err error) {
	if err := s.readInto(rd, want, list, ahead); err != nil {
		rd.release()
		return nil, err
	}
	for i, l := range list {
		if rd.late[l.uid] && i > 0 {
			break
		}
		if rd.late[l.uid] {
			rd.release()
			return s.read(want, list[:1], rd.max)
		}
		changes = append(changes, rd.change(l))
		delete(rd.got, l.uid)
	}
	rd.release() // what came behind the first without room
	return changes, nil
}

// readInto asks for bodies, and for the headers of those that are too large to be
// read: what is quarantined shall at least say what it is.
func (s *session) readInto(rd *reading, want provider.Want, list []listing, ahead *errand) error {
	var bodies, heads syntax.Set
	for _, l := range list {
		switch {
		case l.fetched.err != nil:
		case want == provider.WantHeaders || l.fetched.size > s.limits.Message:
			heads.Add(l.uid)
		default:
			bodies.Add(l.uid)
		}
	}
	if ahead != nil {
		if err := s.getMissing(ahead.uids, bodyItems, ahead.take, ahead.came, ahead.cmd); err != nil {
			return err
		}
	} else if len(bodies) > 0 {
		if err := s.get(bodies.Sort(), bodyItems, rd.take); err != nil {
			return err
		}
	}
	for uid, f := range rd.got {
		if provider.KindOf(f.err) == provider.ErrTooLarge {
			heads.Add(uid)
		}
	}
	if len(heads) == 0 {
		return nil
	}
	return s.get(heads.Sort(), headItems, func(f fetched) {
		if old := rd.got[f.uid]; old.err != nil {
			f.err = old.err
		}
		rd.take(f)
	})
}

// change makes a change of what was listed and read.
func (rd *reading) change(l listing) provider.Change {
	c := l.change()
	f, came := rd.got[l.uid]
	switch {
	case c.Err != nil:
	case !came:
		return provider.Change{Kind: provider.Gone, ID: c.ID}
	case l.fetched.size > rd.session.limits.Message && f.raw == nil && f.err == nil:
		c.Err = &provider.Error{Op: "imap: FETCH", Kind: provider.ErrTooLarge, Err: errTooLong}
	default:
		c.Err = f.err
	}
	c.Header, c.Raw = f.header, f.raw
	if c.Raw != nil && c.Err != nil {
		c.Raw.Release()
		c.Raw = nil
	}
	return c
}
