package imap

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/go-serversync/serversync/imap/internal/syntax"
	"github.com/go-serversync/serversync/provider"
)

// A round is what one look at a folder found and has not told yet.
type round struct {
	next    provider.Cursor // asks for what it tells next
	at      livePlace
	pages   int    // told so far
	target  uint64 // the folder's count of changes when it was looked at
	changed []newsItem
	more    bool  // there is more news than changed holds
	old     *walk // in a Full round: the messages known already
	fresh   *walk // the new ones
}

// tellLive tells what is new after a cursor: first changes to known messages,
// then in a Full round all known ones, then new ones, oldest first.
func (s *session) tellLive(r provider.Request) (p provider.Page, err error) {
	if r.Cursor == "" {
		return s.startLive(r)
	}
	at, validity, err := readLive(r.Cursor)
	if err != nil {
		return p, err
	}
	rd := s.live
	if rd == nil || s.folder.id != r.Folder || rd.next != r.Cursor {
		if rd, err = s.look(r, at, validity); err != nil {
			return p, err
		}
	}
	s.live = nil
	p.Full = rd.old != nil
	if rd.tellChanged(&p, r.MaxItems) {
		err = s.tellWalks(&p, r, rd)
	}
	if err != nil {
		return p, err
	}
	left := rd.end(&p)
	p.Next = rd.at.cursor(s.folder.validity, p.RoundEnd)
	if left && !rd.more {
		rd.next, s.live = p.Next, rd
	}
	return p, nil
}

// startLive gives the place from which all later news is told. Messages are known
// up to the highest UID that is there: UIDNEXT may promise what does not come.
func (s *session) startLive(r provider.Request) (p provider.Page, err error) {
	w := &walk{since: r.Since, items: listItems, down: true, recheck: &command{}}
	search := s.searchCommand(criteria(backStart(), r.Since), &w.left)
	follow := []*command{search}
	var highest syntax.Set
	if !r.Since.IsZero() {
		follow = append(follow, s.searchCommand("UID *", &highest))
	}
	if err := s.selectWith(r.Folder, "", nil, follow...); err != nil {
		return p, err
	}
	if err := s.searched(search); err != nil {
		return p, err
	}
	w.left = w.left.Sort()
	at := livePlace{next: max(w.left.Max(), highest.Sort().Max()) + 1, modseq: s.folder.modseq}
	p.Next, p.RoundEnd = at.cursor(s.folder.validity, true), true
	s.backfill = w // what a Backfill from its beginning asks for next
	return p, nil
}

// look asks the server what is new, in one flight where the server has QRESYNC or
// nothing happened.
//
// It begins a Full round of its own where the server has lost its count of
// changes, or has begun to count: what happened meanwhile is told by nothing else.
func (s *session) look(r provider.Request, at livePlace, validity uint32) (*round, error) {
	if r.Full && at.from == 0 && at.full == 0 {
		at = livePlace{next: at.next, full: 1}
	}
	begin, known := at.next, at.next // where to look for messages, and for changes below
	if at.full > 0 {
		begin, known = at.full, at.full
	}
	low := max(at.from, 1)
	n := &news{low: low, known: known, high: maxUID + 1}
	param := ""
	if s.qresync() && at.modseq > 0 {
		param = fmt.Sprintf(" (QRESYNC (%d %d))", validity, at.modseq)
		if low > 1 {
			param = fmt.Sprintf(" (QRESYNC (%d %d %d:%d))", validity, at.modseq, low, uint32(maxUID))
		}
	}
	var found syntax.Set
	search := s.searchCommand("UID "+idString(begin)+":*", &found)
	if err := s.selectWith(r.Folder, param, s.newsReader(n), search); err != nil {
		if param != "" && provider.KindOf(err) == provider.ErrProtocol && s.broken == nil {
			delete(s.caps, "QRESYNC") // it does not take what it offers
			return s.look(r, at, validity)
		}
		return nil, err
	}
	if s.folder.validity != validity {
		return nil, expired("the folder was made anew on the server")
	}
	if err := s.searched(search); err != nil {
		return nil, err
	}
	now := s.folder.modseq
	switch {
	case at.full == 1:
		at.modseq = now
	case now > 0 && at.next > 1 && (now < at.modseq || at.modseq == 0):
		return s.look(r, livePlace{next: at.next, full: 1}, validity)
	case param == "" && at.modseq > 0 && now > at.modseq && known > low:
		if err := s.changedSince(n, low, known, at.modseq); err != nil {
			return nil, err
		}
	}
	rd := &round{at: at, target: now}
	if at.from > 0 { // what is told in part is told up to an earlier moment
		rd.target, rd.pages = at.target, 1
	}
	rd.changed, rd.more = n.sorted()
	found = found.Sort()
	rd.fresh = &walk{since: r.Since, items: listItems, left: found.Within(at.next, maxUID)}
	if at.full > 0 {
		rd.old = &walk{items: flagItems, left: found.Within(begin, at.next-1)}
	}
	return rd, nil
}

// changedSince asks for changed flags where there is CONDSTORE alone (RFC 7162,
// section 3.1.4.1).
func (s *session) changedSince(n *news, low, high uint32, modseq uint64) error {
	cmd := &command{
		text: fmt.Sprintf("UID FETCH %d:%d (UID FLAGS) (CHANGEDSINCE %d)", low, high-1, modseq),
		data: s.newsReader(n),
	}
	if err := s.run(cmd); err != nil {
		return err
	}
	if !cmd.status.ok() {
		return refusal("", cmd.status, signedIn)
	}
	return nil
}

// tellChanged tells changes to known messages and reports whether they are all
// told.
func (rd *round) tellChanged(p *provider.Page, most int) bool {
	n := min(most, len(rd.changed))
	for _, c := range rd.changed[:n] {
		p.Changes = append(p.Changes, c.change())
		rd.at.from, rd.at.target = c.uid+1, rd.target
	}
	rd.changed = rd.changed[n:]
	if len(rd.changed) > 0 || rd.more {
		return false
	}
	rd.at.modseq, rd.at.from, rd.at.target = rd.target, 0, 0
	return true
}

// tellWalks tells the messages of a Full round, and the new ones.
func (s *session) tellWalks(p *provider.Page, r provider.Request, rd *round) error {
	var bytes int64
	if rd.old != nil {
		last, err := s.tell(p, r, rd.old, &bytes)
		if last > 0 {
			rd.at.full = last + 1
		}
		if err == nil {
			err = s.fill(rd.old)
		}
		if err != nil || !rd.old.done() {
			return err
		}
	}
	rd.fresh.wants(r.Want)
	last, err := s.tell(p, r, rd.fresh, &bytes)
	if last > 0 {
		rd.at.next = last + 1
	}
	if err == nil {
		err = s.fill(rd.fresh)
	}
	if rd.old != nil {
		rd.at.full = rd.at.next
	}
	return err
}

// end says whether the page is the last of its round, and reports whether there is
// something left to tell. What a look found in several pages is old when the last
// of them is told, so a round ends only with a look that fits into one.
func (rd *round) end(p *provider.Page) (left bool) {
	left = len(rd.changed) > 0 || rd.more || !rd.old.done() || !rd.fresh.done()
	p.RoundEnd = !left && rd.pages == 0
	p.More = !p.RoundEnd
	if p.RoundEnd {
		rd.at.full = 0
	}
	rd.pages++
	return left
}

// A newsItem is a change to a known message.
type newsItem struct {
	uid   uint32
	flags []string
	gone  bool
}

func (c newsItem) change() provider.Change {
	if c.gone {
		return provider.Change{Kind: provider.Gone, ID: idOf(c.uid)}
	}
	return provider.Change{Kind: provider.Flags, ID: idOf(c.uid), Flags: c.flags}
}

// maxNews is how many changes are kept of one answer: those with the lowest UIDs.
// The others are asked for again later.
const maxNews = 10_000

// news collects changes to messages of UIDs from low to below high: of flags only
// below known, since the others are yet to be listed; and of deletions all, since
// the Backfill lane may have told a message that this lane has not come to.
type news struct {
	low, known, high uint32
	items            []newsItem
	cut              bool // items with higher UIDs were let go; high is what stays
}

func (n *news) add(c newsItem) {
	if c.uid < n.low || c.uid >= n.high || c.uid >= n.known && !c.gone {
		return
	}
	if n.items = append(n.items, c); len(n.items) >= 2*maxNews {
		n.tidy()
	}
}

// tidy puts the items in order, each UID once, and lets the highest go.
func (n *news) tidy() {
	slices.SortStableFunc(n.items, func(a, b newsItem) int { return cmp.Compare(a.uid, b.uid) })
	kept := n.items[:0]
	for _, c := range n.items {
		if last := len(kept) - 1; last >= 0 && kept[last].uid == c.uid {
			c.gone = c.gone || kept[last].gone
			kept[last] = c
			continue
		}
		kept = append(kept, c)
	}
	if len(kept) > maxNews {
		kept = kept[:maxNews]
		n.cut, n.high = true, kept[maxNews-1].uid+1
	}
	n.items = kept
}

func (n *news) sorted() (items []newsItem, cut bool) {
	n.tidy()
	return n.items, n.cut
}

// newsReader reads FETCH and VANISHED replies (RFC 7162, section 3.2.10) into n.
func (s *session) newsReader(n *news) func(reply) error {
	return func(r reply) error {
		switch r.name {
		case "FETCH":
			f, err := s.readFetch()
			f.raw.Release()
			if err == nil && f.flags != nil {
				n.add(newsItem{uid: f.uid, flags: f.flags})
			}
			return err
		case "VANISHED":
			if s.in.Peek() == '(' { // (EARLIER)
				if err := s.in.Skip(); err != nil {
					return err
				}
			}
			ranges := 0
			return s.in.Ranges(func(from, to uint32) error {
				if ranges++; ranges > s.limits.Responses {
					return syntax.TooLarge("more than %d UIDs", s.limits.Responses)
				}
				for uid := max(min(from, to), n.low); uid <= max(from, to) && uid < n.high; uid++ {
					n.add(newsItem{uid: uid, gone: true})
				}
				return nil
			})
		}
		return nil
	}
}
