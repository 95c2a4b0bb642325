package providertest

import (
	"bytes"
	"context"
	"io"
	"net/mail"
	"slices"
	"strings"

	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/provider"
)

// Act does a.
func (s *session) Act(ctx context.Context, a provider.Act) error {
	defer s.leave()
	o, err := s.enter(ctx, Call{Op: OpAct, Folder: a.Folder, Act: a})
	if err != nil {
		return err
	}
	if err := s.act(a); err != nil {
		return err
	}
	return s.exit(ctx, OpAct, o)
}

// act does a, or notes it where acts are to be confirmed.
func (s *session) act(a provider.Act) error {
	if !s.box.manner.plain {
		return s.box.act(a, true)
	}
	err := s.box.act(a, false)
	if err == nil {
		s.marked = append(s.marked, a)
	}
	return err
}

// Confirm does what was noted, and ends the session.
func (s plain) Confirm(ctx context.Context) error {
	defer s.leave()
	o, err := s.enter(ctx, Call{Op: OpConfirm})
	if err != nil {
		return err
	}
	for _, a := range s.marked {
		if err := s.box.act(a, true); err != nil && provider.KindOf(err) != provider.ErrNotFound {
			return err
		}
	}
	s.marked, s.lost = nil, true
	return s.exit(ctx, OpConfirm, o)
}

// act does a, or only says whether it can be done.
func (b *box) act(a provider.Act, really bool) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.folder(a.Folder)
	if f == nil || f.epoch != a.Epoch {
		return failure(OpAct, provider.ErrNotFound, "there is no such folder, or its epoch has ended")
	}
	msg := f.byID[a.ID]
	switch {
	case a.Kind != provider.Delete && b.manner.plain, (a.Kind == provider.Mark || a.Kind == provider.Unmark) && !b.manner.flags:
		return failure(OpAct, provider.ErrUnsupported, "%s cannot be done here", a.Kind)
	case msg == nil && a.Kind == provider.Delete:
		return nil
	case msg == nil:
		return failure(OpAct, provider.ErrNotFound, "there is no such item")
	case !really:
		return nil
	}
	switch a.Kind {
	case provider.Mark:
		b.setFlags(f, msg, append(slices.Clone(msg.flags), a.Flag))
	case provider.Unmark:
		b.setFlags(f, msg, slices.DeleteFunc(slices.Clone(msg.flags), func(flag string) bool { return flag == a.Flag }))
	case provider.Delete:
		b.remove(f, msg)
	case provider.Move:
		target := b.folder(a.To)
		if target == nil {
			target = b.addFolder(provider.Folder{ID: a.To, Name: string(a.To), Kind: provider.Mail})
		}
		if target != f {
			b.move(f, target, msg)
		}
	default:
		return failure(OpAct, provider.ErrUnsupported, "%q is no act", a.Kind)
	}
	return nil
}

// Find looks for a Message-ID.
func (s full) Find(ctx context.Context, folders []provider.FolderID, messageID string) ([]provider.Place, error) {
	defer s.leave()
	o, err := s.enter(ctx, Call{Op: OpFind})
	if err != nil {
		return nil, err
	}
	places := s.box.find(folders, messageID)
	if err := s.exit(ctx, OpFind, o); err != nil {
		return nil, err
	}
	return places, nil
}

func (b *box) find(folders []provider.FolderID, messageID string) []provider.Place {
	b.mu.Lock()
	defer b.mu.Unlock()
	var places []provider.Place
	for _, id := range folders {
		f := b.folder(id)
		if f == nil {
			continue
		}
		for _, msg := range f.messages {
			if msg.parsedID() == messageID {
				places = append(places, provider.Place{Folder: id, Epoch: f.epoch, ID: msg.id})
			}
		}
	}
	return places
}

// parsedID returns the Message-ID without its angle brackets, "" for none.
func (m *message) parsedID() string {
	if m.messageID == nil {
		var id string
		if parsed, err := mail.ReadMessage(bytes.NewReader(header(m.raw))); err == nil {
			id = strings.Trim(strings.TrimSpace(parsed.Header.Get("Message-ID")), "<>")
		}
		m.messageID = &id
	}
	return *m.messageID
}

// File puts a message into a folder.
func (s full) File(ctx context.Context, folder provider.FolderID, raw *item.Blob, flags []string) error {
	defer s.leave()
	o, err := s.enter(ctx, Call{Op: OpFile, Folder: folder})
	if err != nil {
		return err
	}
	content, err := io.ReadAll(raw.Open())
	if err != nil {
		return failure(OpFile, provider.ErrBadItem, "%w", err)
	}
	if !s.server.put(s.box, folder, Message{Raw: content, Flags: flags}, nil) {
		return failure(OpFile, provider.ErrNotFound, "there is no such folder")
	}
	return s.exit(ctx, OpFile, o)
}
