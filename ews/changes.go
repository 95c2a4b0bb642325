package ews

import (
	"cmp"
	"context"
	"errors"
	"strconv"

	"github.com/go-serversync/serversync/ews/internal/soap"
	"github.com/go-serversync/serversync/provider"
)

// maxChanges is how many changes are asked for at once, the most that Exchange gives
// ([MS-OXWSSYNC], section 3.1.4.2.3.3).
const maxChanges = 512

// How often the server may promise more and give nothing: from the same state, which leads
// nowhere, and from one that moves on.
const (
	maxStuck = 3
	maxEmpty = 32
)

// A changeKind is what a change is, by the first letter of its element.
type changeKind string

const (
	wasCreated changeKind = "c"
	wasUpdated changeKind = "u"
	wasDeleted changeKind = "d"
	wasRead    changeKind = "r"
)

// changeKinds are the elements of SyncFolderItems.
var changeKinds = map[string]changeKind{"Create": wasCreated, "Update": wasUpdated, "Delete": wasDeleted, "ReadFlagChange": wasRead}

// Changes tells what happened in a folder: first all that is there, newest first, then news.
// Exchange has one lane, so r.Lane does not matter.
//
// The server is asked for many changes at once; those that a page has no room for wait in its
// cursor. When none waits any more it is asked again, for a round ends only with what
// has happened up to its last page. A Full round begins at the server's beginning again, and Since does not thin it out.
func (s *session) Changes(ctx context.Context, r provider.Request) (p provider.Page, err error) {
	r.MaxItems, r.MaxBytes = cmp.Or(r.MaxItems, 50), cmp.Or(r.MaxBytes, 32<<20)
	epoch, _, err := s.epoch(r.Folder)
	if err != nil {
		return p, err
	}
	at, err := readCursor(r.Cursor, epoch)
	if err != nil {
		return p, err
	}
	fresh := r.Cursor == "" || at.done
	switch {
	case fresh && r.Full:
		at = place{full: true}
	case fresh:
		at.full = false
	}
	at.done = false
	still, last := false, false // nothing has happened at all; there is no more
	if len(at.rest) == 0 {
		var b answered
		if b, epoch, err = s.next(ctx, r, at.state, epoch); err != nil {
			return p, err
		}
		still, last = b.last && b.count == 0, b.last
		at.state, at.rest = b.state, b.news(r, at.full)
	}
	if p.Changes, at.rest, err = s.tell(ctx, r, at); err != nil {
		return provider.Page{}, err
	}
	at.done = last && len(at.rest) == 0
	p.RoundEnd, p.More, p.Full = at.done, !at.done, at.full
	if still && r.Cursor.Done() && !at.full {
		p.Next = r.Cursor // for one that moves costs a write
		return p, nil
	}
	if p.Next, err = at.cursor(epoch); err != nil {
		releaseAll(p.Changes)
		return provider.Page{}, err
	}
	return p, nil
}

// news returns what r asks for of an answer.
func (b answered) news(r provider.Request, full bool) (list []entry) {
	for _, n := range b.entries {
		if full || n.kind != wasCreated || !n.isOlder(r) {
			list = append(list, n)
		}
	}
	return list
}

// next asks the server for what happened since a state. It returns the folder's epoch too.
func (s *session) next(ctx context.Context, r provider.Request, state, epoch string) (answered, string, error) {
	b, err := s.follow(ctx, r, state)
	if isMissingFolder(err) {
		return s.again(ctx, r, state, epoch, err)
	}
	return b, epoch, err
}

// follow asks for what happened since a state, until something did or that is all.
func (s *session) follow(ctx context.Context, r provider.Request, state string) (b answered, err error) {
	_, id, err := s.epoch(r.Folder)
	if err != nil {
		return b, err
	}
	from := state
	for stuck, empty := 0, 0; ; from = b.state {
		if b, err = s.sync(ctx, id, from); err != nil {
			return b, err
		}
		switch {
		case b.last:
			return b, nil
		case b.state == from: // what it told, it would tell again
			stuck++
		case b.count == 0:
			empty++
		default:
			return b, nil
		}
		if stuck == maxStuck || empty == maxEmpty {
			return b, &provider.Error{Op: "ews: SyncFolderItems", Kind: provider.ErrProtocol, Err: errors.New("the server promises more changes but gives none")}
		}
	}
}

// again is next where the server does not know the folder any more: it may have another id,
// if Exchange names it, for a mailbox that was moved.
func (s *session) again(ctx context.Context, r provider.Request, state, epoch string, why error) (b answered, now string, err error) {
	if isDistinguished(string(r.Folder)) {
		if err := s.look(ctx); err != nil {
			return b, epoch, err
		}
		if now, _, err := s.epoch(r.Folder); err == nil && now != epoch {
			if state != "" {
				return b, epoch, expired("the folder has another id now")
			}
			b, err = s.follow(ctx, r, state)
			return b, now, err
		}
	}
	kind := provider.ErrNotFound
	if state != "" {
		kind = provider.ErrCursorExpired // from the beginning it is not found
	}
	return b, epoch, as(why, kind)
}

// isOlder reports whether an item is known to have been received before r's bound.
func (n entry) isOlder(r provider.Request) bool {
	return !n.received.IsZero() && n.received.Before(r.Since)
}

// An answered is what the server answers to a SyncFolderItems. What is no mail is not in it,
// but for its id when it goes.
type answered struct {
	state   string
	last    bool
	entries []entry
	count   int // with what is no mail
}

// sync asks for the changes of a folder since a state.
func (s *session) sync(ctx context.Context, id, state string) (b answered, err error) {
	err = s.client.do(ctx, call{
		op: "SyncFolderItems",
		write: func(w *soap.Writer) {
			w.Start("m:SyncFolderItems")
			writeItemShape(w, false, "", s.listProperties())
			w.Start("m:SyncFolderId")
			writeFolderID(w, id)
			w.End()
			if state != "" {
				w.Elem("m:SyncState", state)
			}
			w.Elem("m:MaxChangesReturned", strconv.Itoa(maxChanges))
			w.Elem("m:SyncScope", "NormalItems")
			w.End()
		},
		read: func(r *soap.Reader, e soap.Element) error {
			b = answered{}
			ended := false
			var wrong error
			err := eachMessage(r, e, 1, func(_ int, e soap.Element) {
				switch {
				case e.Is(soap.Messages, "SyncState"):
					b.state = r.Text(e, maxCursor)
				case e.Is(soap.Messages, "IncludesLastItemInRange"):
					b.last, ended = isTrue(r.Text(e, maxText)), true
				case e.Is(soap.Messages, "Changes"):
					wrong = errors.Join(wrong, b.read(r, e))
				}
			}, func(_ int, m message) error { return m.err })
			switch {
			case err != nil:
				return err
			case r.Err() != nil:
				return nil
			case wrong != nil:
				return wrong
			case b.state == "" || !ended:
				return &provider.Error{Op: "ews: SyncFolderItems", Kind: provider.ErrProtocol, Err: errors.New("the answer lacks its SyncState, or whether there is more")}
			}
			return nil
		},
	})
	if codeOf(err) == "ErrorInvalidSyncStateData" {
		err = as(err, provider.ErrCursorExpired)
	}
	return b, err
}

// read reads the Changes.
func (b *answered) read(r *soap.Reader, e soap.Element) error {
	for one := range r.Children(e) {
		kind, known := changeKinds[one.Name.Local]
		if !known || one.Name.Space != soap.Types {
			continue
		}
		if b.count++; b.count > maxChanges {
			return &provider.Error{Op: "ews: SyncFolderItems", Kind: provider.ErrProtocol, Err: errors.New("the server tells more changes than it was asked for")}
		}
		n, mail := readChange(r, one, kind)
		switch {
		case r.Err() != nil:
			return nil
		case len(n.id) > maxID, len(n.version) > maxID:
			return &provider.Error{Op: "ews: SyncFolderItems", Kind: provider.ErrTooLarge, Err: errors.New("an item's id has more than 1 KiB")}
		case n.id == "":
			return &provider.Error{Op: "ews: SyncFolderItems", Kind: provider.ErrProtocol, Err: errors.New("a change does not say of which item")}
		case mail:
			b.entries = append(b.entries, n)
		}
	}
	return nil
}

// readChange reads a change, and reports whether it is one of mail, as far as it can be known.
func readChange(r *soap.Reader, e soap.Element, kind changeKind) (n entry, mail bool) {
	mail = true
	for part := range r.Children(e) {
		switch {
		case part.Name.Space != soap.Types:
		case (kind == wasCreated || kind == wasUpdated) && part.Name.Local != "ItemId":
			for field := range r.Children(part) {
				n.readField(r, field)
			}
			mail = isMail(part.Name.Local, n.class)
		default:
			n.readField(r, part)
		}
	}
	n.kind = kind
	if kind == wasCreated || kind == wasUpdated {
		n.settle()
	} else {
		n.flags = nil
	}
	return n, mail
}

// note remembers an item's size for when it is asked for.
func (s *session) note(n entry) {
	if n.size == 0 {
		return
	}
	if s.sizes == nil || len(s.sizes) >= 8*maxChanges {
		s.sizes = make(map[provider.ID]int64)
	}
	s.sizes[n.id] = n.size
}

// change returns what is told of an entry, without its content. An older item than r asks for
// may be known nevertheless, and then what changes of it is told as its flags.
func (n entry) change(r provider.Request, full bool) provider.Change {
	c := provider.Change{Kind: provider.Upsert, ID: n.id, Version: n.version, Flags: n.flags, Received: n.received, Size: n.size}
	switch {
	case n.kind == wasDeleted:
		return provider.Change{Kind: provider.Gone, ID: n.id}
	case n.kind == wasRead, n.kind == wasUpdated && !full && n.isOlder(r):
		c.Kind = provider.Flags
	}
	return c
}

// isMissingFolder reports whether the server does not know the folder that it was asked about.
func isMissingFolder(err error) bool {
	switch code := codeOf(err); code {
	case "ErrorSyncFolderNotFound", "ErrorFolderNotFound", "ErrorItemNotFound", "ErrorInvalidFolderId":
		return true
	default:
		return isInvalidID(code)
	}
}

// codeOf returns the server's code in an error, "" if it has none.
func codeOf(err error) string {
	var e *provider.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// as returns an error as one of another kind.
func as(err error, kind provider.Kind) error {
	var e *provider.Error
	if !errors.As(err, &e) {
		return err
	}
	other := *e
	other.Kind = kind
	return &other
}

func releaseAll(changes []provider.Change) {
	for _, c := range changes {
		c.Raw.Release()
	}
}
