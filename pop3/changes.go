package pop3

import (
	"cmp"
	"context"
	"slices"
	"strconv"

	"github.com/go-serversync/serversync/provider"
)

// What a page holds unless somebody says otherwise.
const (
	pageItems = 50
	pageBytes = 32 << 20
)

// Changes tells what there is behind what the cursor knows, newest first, or everything
// if that is no longer as it was, or if Since lets in what it left out before; with
// Request.Full everything in any case. Lane is of no account.
//
// With Since, and only then, Received is the date of the topmost Received field of a
// message's header. It is zero, and the message in scope, if there is none or the server
// has no TOP. What was received before Since is left out; a page that is Full has its id,
// size and Received, whatever is wanted.
//
// A poll without news costs one UIDL, and its Next is the cursor that it was asked
// with. See docs/pop3.md for servers whose UIDLs are of no use.
func (s *session) Changes(ctx context.Context, r provider.Request) (page provider.Page, err error) {
	err = s.do(ctx, "changes", func() error {
		if r.Folder != inbox {
			return &provider.Error{Kind: provider.ErrNotFound, Err: errFolder}
		}
		from, err := placeOf(r.Cursor)
		if err != nil {
			return err
		}
		page, err = s.page(r, from)
		return err
	})
	return page, err
}

// page gives the next page from a place on.
func (s *session) page(r provider.Request, from place) (page provider.Page, err error) {
	at := lookAtIDs
	if r.Cursor == "" || r.Full && !from.under {
		at = lookAtSizes // everything is to be told
	}
	if _, err := s.look(at); err != nil {
		return page, err
	}
	if err := s.digest(byUIDL); err != nil { // what has no UIDL needs a proof too
		return page, err
	}
	now, err := s.goOn(r, from)
	if err != nil {
		return page, err
	}
	if !now.under {
		return provider.Page{Next: r.Cursor, RoundEnd: true}, nil
	}
	if now.full && now.at == s.list.n { // of everything the sizes are had at once
		if _, err := s.look(lookAtSizes); err != nil {
			return page, err
		}
	}
	return s.tell(r, now)
}

// goOn returns the round that a request is a part of: the one under way, or the one
// that begins with it. If nothing is to be told there is none.
func (s *session) goOn(r provider.Request, from place) (place, error) {
	l := s.list
	back := boundOf(r.Since) < from.since // it lets in what was left out
	same := r.Cursor != "" && from.n <= l.n && l.proof(from.n) == from.proof
	if r.Cursor != "" && !same && from.n <= l.n && from.names == byHeader {
		// The UIDLs may be new and the messages the same.
		if err := s.name(byHeader); err != nil {
			return place{}, err
		}
		same = l.nameProof(from.n) == from.ids
	}
	if same && from.under && (from.full || !r.Full) && !back {
		return from, s.name(from.names)
	}
	now := place{names: from.names, under: true, at: l.n, samples: from.samples, since: from.since, memory: from.memory}
	if now.full = !same || from.under || r.Full || back; !now.full {
		now.low = from.n
	}
	if !now.full && now.low == now.at {
		return place{}, nil
	}
	if !same && r.Cursor != "" {
		if err := s.recognise(&now); err != nil {
			return place{}, err
		}
	}
	if err := s.name(now.names); err != nil {
		return place{}, err
	}
	s.prove(&now)
	s.setOut(&now, back)
	return now, nil
}

// prove has a place speak of all that there is now.
func (s *session) prove(p *place) {
	l := s.list
	p.n, p.proof = l.n, l.proof(l.n)
	if p.names == byHeader {
		p.ids = l.nameProof(l.n)
	}
}

// tell gives the next page of a round.
func (s *session) tell(r provider.Request, now place) (page provider.Page, err error) {
	page.Full = now.full
	chosen := s.choose(now, cmp.Or(r.MaxItems, pageItems))
	if page.Changes, chosen, err = s.bringSince(r, now, chosen); err != nil {
		return provider.Page{}, err
	}
	s.advance(&now, chosen, boundOf(r.Since))
	s.expect(nil, nil)
	if now.at > now.low {
		if r.Want == provider.WantIDs && r.Since.IsZero() { // else more is asked about them first
			s.expect(chosen, s.choose(now, cmp.Or(r.MaxItems, pageItems)))
		}
		page.More, page.Next = true, now.cursor()
		return page, nil
	}
	if err := s.takeSamples(&now); err != nil {
		for _, c := range page.Changes {
			c.Raw.Release()
		}
		return provider.Page{}, err
	}
	now.arrive()
	s.remember(&now)
	now.under, now.low, now.at, now.full = false, 0, 0, false
	page.RoundEnd, page.Next = true, now.cursor()
	return page, nil
}

// choose returns the indexes of the next messages to tell of, most at most: newest first
// down to where the round began, and then what has come since.
func (s *session) choose(now place, most int) (chosen []int) {
	for i := now.at - 1; i >= now.low && len(chosen) < most; i-- {
		chosen = append(chosen, i)
	}
	for i := s.list.n - 1; i >= now.n && len(chosen) < most; i-- {
		chosen = append(chosen, i)
	}
	return chosen
}

// advance notes which of the messages chosen have been told. What has come since the
// round began belongs to it, or it would end with what is old by then.
func (s *session) advance(p *place, told []int, bound int64) {
	first := min(len(told), p.at-p.low)
	s.pass(p, told[:first], bound)
	p.at -= first
	if p.at > p.low || s.list.n == p.n {
		return
	}
	p.arrive()
	p.low, p.at, p.lowest = p.n, s.list.n, s.list.n
	s.pass(p, told[first:], bound)
	p.at -= len(told) - first
	s.prove(p)
}

// bringSince makes changes of those of the messages that are not too old, and returns
// how many of chosen the page comes to. A round that lists everything has the old too.
func (s *session) bringSince(r provider.Request, p place, chosen []int) ([]provider.Change, []int, error) {
	bound := boundOf(r.Since)
	if bound == 0 {
		changes, err := s.bring(r, chosen)
		return changes, chosen[:len(changes)], err
	}
	if err := s.date(p, chosen); err != nil {
		return nil, nil, err
	}
	if p.full {
		if err := s.sizes(chosen); err != nil {
			return nil, nil, err
		}
	}
	wanted, old := s.split(p, chosen, bound)
	changes, err := s.bring(r, wanted)
	if err != nil {
		return nil, nil, err
	}
	for k := range changes {
		changes[k].Received = s.received(p, wanted[k])
	}
	if len(changes) < len(wanted) {
		chosen = chosen[:slices.Index(chosen, wanted[len(changes)])]
	}
	if p.full {
		changes = s.listed(p, chosen, changes, old)
	}
	return changes, chosen, nil
}

// bring makes changes of the messages, with as much of each as is wanted. It may stop
// before the last of them.
func (s *session) bring(r provider.Request, chosen []int) ([]provider.Change, error) {
	if err := s.sizes(chosen); err != nil {
		return nil, err
	}
	changes := s.upserts(chosen)
	want := r.Want
	if want == provider.WantHeaders && !s.hasTop() {
		want = provider.WantBodies // of which the header is a part
	}
	switch want {
	case provider.WantHeaders:
		refused, err := s.addHeaders(chosen, changes)
		if err != nil || refused < len(chosen) || refused == 0 || s.caps.top || s.topWorks {
			return changes, err
		}
		s.noTop = true // it is the command that the server does not know
		return s.bring(r, chosen)
	case provider.WantBodies:
		return s.addBodies(chosen, changes, cmp.Or(r.MaxBytes, pageBytes), r.Want == provider.WantHeaders)
	}
	return changes, nil
}

// upserts makes changes with ids and sizes.
func (s *session) upserts(chosen []int) []provider.Change {
	l := s.list
	changes := make([]provider.Change, len(chosen))
	for k, i := range chosen {
		changes[k] = provider.Change{Kind: provider.Upsert, ID: l.id(i), Size: l.size(i)}
	}
	return changes
}

// sizes asks for the sizes of the messages, unless they are known: of each, or of all
// where that takes fewer turns or less time.
func (s *session) sizes(chosen []int) error {
	l := s.list
	var missing []int
	for _, i := range chosen {
		if l.size(i) == 0 {
			missing = append(missing, i)
		}
	}
	if l.sizes != nil && len(l.sizes) == l.n && !l.some || len(missing) == 0 {
		return nil
	}
	if !s.caps.pipelining && len(missing) > 1 || 4*len(missing) > l.n {
		_, err := s.look(lookAtSizes)
		return err
	}
	if l.sizes == nil {
		l.sizes, l.some = make([]int64, l.n), true
	}
	return s.pipeline(len(missing), func(k int) string { return "LIST " + strconv.Itoa(missing[k]+1) }, func(k int) error {
		a, err := s.answer()
		if err != nil || !a.ok {
			return err // a message without a size is one of size 0
		}
		one := listing{sizes: make([]int64, missing[k])}
		if err := one.addSize([]byte(a.text)); err != nil {
			return s.fail(err)
		}
		l.sizes[missing[k]] = one.sizes[missing[k]]
		return nil
	})
}
