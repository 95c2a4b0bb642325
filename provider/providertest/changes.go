package providertest

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"strconv"

	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/provider"
)

// Changes gives a page.
func (s *session) Changes(ctx context.Context, r provider.Request) (provider.Page, error) {
	defer s.leave()
	o, err := s.enter(ctx, Call{Op: OpChanges, Folder: r.Folder, Lane: r.Lane})
	if err != nil {
		return provider.Page{}, err
	}
	page, err := s.page(r, o)
	if err != nil {
		return provider.Page{}, err
	}
	if err := s.exit(ctx, OpChanges, o); err != nil {
		for _, c := range page.Changes {
			c.Raw.Release()
		}
		return provider.Page{}, err
	}
	return page, nil
}

func (s *session) page(r provider.Request, o Outcome) (provider.Page, error) {
	b := s.box
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.folder(r.Folder)
	switch {
	case f == nil:
		return provider.Page{}, failure(OpChanges, provider.ErrNotFound, "there is no such folder")
	case r.Lane == provider.Live && r.Cursor != "" && r.Cursor == f.now && f.silent(b.manner, r):
		return provider.Page{Next: f.now, RoundEnd: true, Full: b.manner.listsAlways}, nil
	case r.Lane == provider.Backfill && !b.manner.traits.HasBackfill:
		return provider.Page{}, failure(OpChanges, provider.ErrUnsupported, "there is one lane, the live one")
	}
	p, done, err := f.place(b.manner, r, s.server.KeepRounds)
	if err != nil {
		return provider.Page{}, err
	}
	if done {
		return provider.Page{Next: r.Cursor, RoundEnd: true}, nil
	}
	w := &writer{server: s.server, box: b, folder: f, request: r, outcome: o, full: p.full, top: s.top,
		items: cmp.Or(r.MaxItems, 50), bytes: cmp.Or(r.MaxBytes, 32<<20)}
	return w.write(p), nil
}

// silent reports whether there is nothing to tell after f.now.
func (f *folder) silent(m manner, r provider.Request) bool {
	return !m.listsAlways && !r.Full || len(f.messages) == 0 && m.listsAlways
}

// A writer makes one page.
type writer struct {
	server  *Server
	box     *box
	folder  *folder
	request provider.Request
	outcome Outcome
	full    bool
	top     int   // serial of the last message that a snapshot shows
	items   int   // how many more changes the page may have
	bytes   int64 // how many more bytes of bodies
	page    provider.Page
	first   *message
}

func (w *writer) write(p place) provider.Page {
	f, m := w.folder, w.box.manner
	if p.listing {
		p = w.list(p)
	}
	ended := !p.listing
	if ended && p.lane == provider.Live && !m.listsAlways {
		p = w.follow(p)
		ended = p.log == len(f.log)
	}
	w.page.Full, w.page.RoundEnd, w.page.More = p.full, ended, !ended
	switch {
	case !ended:
		w.page.Next = f.cursor(m, p, false)
	case p.lane == provider.Backfill:
		w.page.Next = f.cursor(m, p, true)
	default:
		w.endRound(p)
		w.page.Next = f.end(m)
	}
	return w.page
}

// endRound counts a round with news, once however often it is asked for, and
// repeats a change where the temperament does and there is room.
func (w *writer) endRound(p place) {
	if w.first == nil {
		return
	}
	if w.box.manner.repeats && w.room() && !w.first.gone {
		w.upsert(w.first)
	}
	w.folder.now = ""
	if w.folder.rounds == p.round && w.box.manner.repeats { // elsewhere nothing expires by rounds
		w.folder.rounds++
	}
}

func (w *writer) room() bool { return w.items > 0 && w.bytes > 0 }

// list goes on with a listing as far as there is room.
func (w *writer) list(p place) place {
	messages := w.folder.messages
	if w.box.manner.newestFirst || p.lane == provider.Backfill {
		i, _ := slices.BinarySearchFunc(messages, p.at, byNum)
		for i--; i >= 0 && w.room(); i-- {
			w.upsert(messages[i])
			p.at = messages[i].num
		}
		p.listing = i >= 0
		return p
	}
	i, _ := slices.BinarySearchFunc(messages, p.at+1, byNum)
	inside := func() bool {
		switch {
		case i == len(messages):
			return false
		case w.box.manner.traits.Snapshot:
			return messages[i].serial <= w.top
		}
		return w.box.manner.listsAlways || messages[i].num < p.top
	}
	for ; inside() && w.room(); i++ {
		w.upsert(messages[i])
		p.at = messages[i].num
	}
	p.listing = inside()
	return p
}

// follow goes on through the log as far as there is room.
func (w *writer) follow(p place) place {
	log, m := w.folder.log, w.box.manner
	for ; p.log < len(log) && w.room(); p.log++ {
		e := log[p.log]
		switch {
		case e.what == removed:
			w.put(e.msg, w.box.removal(e.msg))
		case e.msg.gone, m.once && e.msg.last != p.log:
		case e.what != flagged || m.upsertsOnly:
			w.upsert(e.msg)
		case e.msg.last == p.log:
			w.put(e.msg, provider.Change{Kind: provider.Flags, ID: e.msg.id, Version: m.version(e.msg), Flags: slices.Clone(e.msg.flags)})
		}
	}
	return p
}

// upsert puts msg into the page, unless the request's Since leaves it out.
func (w *writer) upsert(msg *message) {
	if !w.full && !w.box.manner.undated && msg.received.Before(w.request.Since) {
		return
	}
	c := w.box.upsert(msg, w.request.Want, w.outcome.Item)
	if c.Err == nil && w.request.Want == provider.WantBodies {
		c.Raw = w.server.lend(msg.blob)
		w.bytes -= int64(len(msg.raw))
		if w.bytes == 0 {
			w.bytes = 1 // what fits exactly does not exceed
		}
	}
	w.put(msg, c)
}

func (w *writer) put(msg *message, c provider.Change) {
	if w.first == nil {
		w.first = msg
	}
	w.page.Changes = append(w.page.Changes, c)
	w.items--
}

// upsert returns msg as an Upsert, without its body.
func (b *box) upsert(msg *message, want provider.Want, bad func(provider.ID) error) provider.Change {
	m := b.manner
	c := provider.Change{Kind: provider.Upsert, ID: msg.id, Version: m.version(msg), Size: int64(len(msg.raw))}
	if m.flags {
		c.Flags = slices.Clone(msg.flags)
	}
	if !m.undated {
		c.Received = msg.received
	}
	if bad != nil {
		if err := bad(msg.id); err != nil {
			c.Err = asError(OpChanges, err)
			return c
		}
	}
	if want == provider.WantIDs {
		return c
	}
	if msg.spoilt != "" {
		c.Err = failure(OpFetch, msg.spoilt, "the item cannot be read")
		return c
	}
	if want == provider.WantHeaders {
		c.Header = header(msg.raw)
	}
	return c
}

// removal returns that msg has left its folder. A move is told as one where the
// temperament does so, and every other time with the id that the message has now.
func (b *box) removal(msg *message) provider.Change {
	if !b.manner.moves || msg.to == "" {
		return provider.Change{Kind: provider.Gone, ID: msg.id}
	}
	c := provider.Change{Kind: provider.Moved, ID: msg.id, To: msg.to}
	if msg.num%2 == 0 {
		c.ToID = msg.toID
	}
	return c
}

func (m manner) version(msg *message) string {
	if !m.versioned {
		return ""
	}
	return strconv.Quote(strconv.Itoa(msg.version))
}

// header returns raw's header block with the empty line that ends it.
func header(raw []byte) []byte {
	if i := bytes.Index(raw, []byte("\r\n\r\n")); i >= 0 {
		return bytes.Clone(raw[:i+4])
	}
	return bytes.Clone(raw)
}

// lend returns blob as a caller gets it.
func (s *Server) lend(blob *item.Blob) *item.Blob {
	if blob.Size() <= cmp.Or(s.Memory, 1<<20) {
		return blob
	}
	s.held.Add(1)
	return item.OpenBlob(blob.Open(), blob.Size(), blob.Sum(), func() error {
		s.held.Add(-1)
		return nil
	})
}
