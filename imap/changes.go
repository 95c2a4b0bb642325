package imap

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/go-serversync/serversync/imap/internal/syntax"
	"github.com/go-serversync/serversync/provider"
)

// Changes tells what happened in a folder.
//
// A Full round, which lists every message with its flags and time of receipt, is
// gone through when r.Full asks for it on the Live lane, and without being asked
// when the server lost its count of changes. Since does not thin it out: absence
// from it means that a message is gone.
func (s *session) Changes(ctx context.Context, r provider.Request) (p provider.Page, err error) {
	r.MaxItems, r.MaxBytes = cmp.Or(r.MaxItems, 50), cmp.Or(r.MaxBytes, 32<<20)
	err = s.do(ctx, "changes", func() (err error) {
		if r.Lane == provider.Backfill {
			p, err = s.tellBackfill(r)
		} else {
			p, err = s.tellLive(r)
		}
		return err
	})
	if err != nil {
		release(p.Changes)
		s.live, s.backfill = nil, nil
		return provider.Page{}, err
	}
	return p, nil
}

// tellBackfill tells what is there, newest first.
func (s *session) tellBackfill(r provider.Request) (p provider.Page, err error) {
	at, validity, done := backStart(), uint32(0), false
	if r.Cursor != "" {
		if at, validity, done, err = readBack(r.Cursor); err != nil {
			return p, err
		}
	}
	if done {
		return provider.Page{Next: r.Cursor, RoundEnd: true}, s.inEpoch(r.Folder, validity)
	}
	w := s.backfill
	if w == nil || s.folder.id != r.Folder || w.next != r.Cursor || !w.since.Equal(r.Since) || w.recheck != nil && w.done() {
		if w, err = s.startBackfill(r, at, validity); err != nil {
			return p, err
		}
	}
	s.backfill = nil
	w.wants(r.Want)
	var late syntax.Set
	if w.recheck != nil {
		w.recheck = s.searchCommand(after(w.left.Max()), &late)
	}
	top := w.left.Max()
	var bytes int64
	last, err := s.tell(&p, r, w, &bytes)
	if err == nil {
		err = s.fill(w) // to know whether there is more
	}
	if err != nil {
		return p, err
	}
	if late.Sort().Max() > top { // there is something newer: begin with that
		release(p.Changes)
		return s.tellBackfill(r)
	}
	if last > 0 {
		at.below = last
	}
	p.RoundEnd = w.done()
	p.More = !p.RoundEnd
	p.Next = at.cursor(s.folder.validity, p.RoundEnd)
	if p.More {
		w.next, s.backfill = p.Next, w
	}
	return p, nil
}

func (s *session) startBackfill(r provider.Request, at backPlace, validity uint32) (*walk, error) {
	w := &walk{next: r.Cursor, since: r.Since, items: listItems, down: true}
	search := s.searchCommand(criteria(at, r.Since), &w.left)
	if err := s.selectWith(r.Folder, "", nil, search); err != nil {
		return nil, err
	}
	if validity != 0 && validity != s.folder.validity {
		return nil, expired("the folder was made anew on the server")
	}
	if err := s.searched(search); err != nil {
		return nil, err
	}
	w.left = w.left.Sort().Within(1, at.below-1)
	return w, nil
}

// searched returns why a search failed. In an empty folder some servers find
// fault with any set of UIDs.
func (s *session) searched(search *command) error {
	if search.status.ok() || s.folder.exists == 0 {
		return nil
	}
	return refusal("", search.status, signedIn)
}

// criteria finds what is below a place and was received since. IMAP's dates are
// days without a zone, so a day more is asked for, and what is too early is left
// out when its INTERNALDATE is known.
func criteria(at backPlace, since time.Time) string {
	text := ""
	if at.below <= maxUID {
		text = "UID " + syntax.Set{{From: 1, To: max(at.below, 2) - 1}}.String()
	}
	if !since.IsZero() {
		if text != "" {
			text += " "
		}
		text += "SINCE " + since.UTC().AddDate(0, 0, -1).Format("2-Jan-2006")
	}
	return cmp.Or(text, "ALL")
}

// after finds what came after a UID, and the highest one, which "*" stands for,
// whatever it is: the caller leaves that out.
func after(uid uint32) string { return "UID " + idString(uid+1) + ":*" }

func idString(uid uint32) string { return string(idOf(uid)) }

// Fetch reads whole messages, in groups of as many as fit into a page. A folder
// that was made anew has none of them: that is ErrCursorExpired.
func (s *session) Fetch(ctx context.Context, folder provider.FolderID, epoch string, ids []provider.ID, got func(provider.Change) error) error {
	var uids syntax.Set
	var strange []provider.ID
	for _, id := range ids {
		if uid, ok := uidOf(id); ok && uid <= maxUID {
			uids.Add(uid)
		} else {
			strange = append(strange, id)
		}
	}
	uids = uids.Sort()
	validity, ok := validityOf(epoch)
	if !ok {
		return explain("imap: fetch", expired("its epoch is none"))
	}
	for _, id := range strange { // no id of ours: there is no such message
		if err := got(provider.Change{Kind: provider.Gone, ID: id}); err != nil {
			return err
		}
	}
	for len(uids) > 0 {
		part := uids.TakeFirst(50)
		var changes []provider.Change
		for left := part; len(left) > 0; {
			err := s.do(ctx, "fetch", func() (err error) {
				changes, left, err = s.fetchSome(folder, validity, left)
				return err
			})
			if err != nil {
				return err
			}
			if err := hand(changes, got); err != nil {
				return err
			}
		}
	}
	return nil
}

// fetchSome reads some of the messages, one at least, and returns those that are
// left.
func (s *session) fetchSome(folder provider.FolderID, validity uint32, uids syntax.Set) ([]provider.Change, syntax.Set, error) {
	if err := s.inEpoch(folder, validity); err != nil {
		return nil, nil, err
	}
	var unknown syntax.Set
	list := make([]listing, 0, uids.Len())
	uids.All(func(uid uint32) bool {
		if l, ok := s.known[uid]; ok && l.fetched.size > 0 {
			list = append(list, l)
		} else {
			unknown.Add(uid)
		}
		return true
	})
	var changes []provider.Change
	if len(unknown) > 0 {
		found, err := s.listMessages(unknown, listItems)
		if err != nil {
			return nil, nil, err
		}
		list = append(list, found...)
		slices.SortFunc(list, func(a, b listing) int { return cmp.Compare(a.uid, b.uid) })
	}
	have := map[uint32]bool{}
	for _, l := range list {
		have[l.uid] = true
		s.remember(l)
	}
	absent(uids, have).All(func(uid uint32) bool {
		changes = append(changes, provider.Change{Kind: provider.Gone, ID: idOf(uid)})
		return true
	})
	w := walk{want: provider.WantBodies, found: list}
	n := w.fit(len(list), 32<<20, s.limits.Message)
	read, err := s.read(provider.WantBodies, list[:n], 32<<20+s.limits.Message)
	if err != nil {
		return nil, nil, err
	}
	var left syntax.Set
	for _, l := range list[len(read):] {
		left.Add(l.uid)
	}
	return append(changes, read...), left, nil
}

// hand gives each change to got, and releases those that got does not get.
func hand(changes []provider.Change, got func(provider.Change) error) error {
	var err error
	for _, c := range changes {
		if err != nil {
			c.Raw.Release()
			continue
		}
		err = got(c)
	}
	return err
}
