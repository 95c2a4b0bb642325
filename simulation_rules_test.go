package serversync_test

import (
	"bytes"
	"context"
	"slices"

	. "github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
)

// caseFolder is a tracked folder.
var caseFolder = provider.Folder{ID: "Case 7", Name: "Case 7", Kind: provider.Mail}

// useRules has the simulation track by rules. Both mailboxes have a tracked folder,
// where the mail system has folders.
func (s *simulation) useRules(cfg *Config) {
	s.rules = true
	cfg.Tracking = &Tracking{Addresses: testPeople}
	for _, key := range s.keys {
		s.server.AddFolder(key, caseFolder)
		s.edit(key, func(box *mailbox.Mailbox) {
			box.Accept = mailbox.AcceptKnown
			box.TrackedFolders = []mailbox.TrackedFolder{{Folder: string(caseFolder.ID), RecordType: "case", RecordID: "7"}}
		})
	}
}

// letter is a letter, by rules every third one from somebody whom nobody knows.
func (s *simulation) letter(n int) []byte {
	raw := letter(n)
	if s.rules && n%3 == 0 {
		raw = bytes.Replace(raw, []byte("carl@"), []byte("stranger@"), 1)
	}
	return raw
}

// ask does what a person or an administrator may ask for: a category put on or taken
// off, a message put into the tracked folder or taken out again, another setting.
func (s *simulation) ask(key mailbox.Key, n int) {
	if !s.rules {
		return
	}
	for i := range 3 {
		from, to := provider.FolderID("INBOX"), caseFolder.ID
		dice := s.chance("ask", n, i) % 10
		if dice < 2 {
			from, to = to, from
		}
		items := s.server.Items(key, from)
		if len(items) == 0 {
			continue
		}
		m := items[s.chance("asked", n, i)%uint64(len(items))]
		switch {
		case dice < 4:
			s.server.Move(key, from, m.ID, to)
		case dice < 9:
			flags := slices.DeleteFunc(slices.Clone(m.Flags), func(f string) bool { return f == "Tracked" })
			if len(flags) == len(m.Flags) {
				flags = append(flags, "Tracked")
			}
			s.server.SetFlags(key, from, m.ID, flags...)
		default:
			all := []mailbox.Accept{mailbox.AcceptKnown, mailbox.AcceptReplies, mailbox.AcceptAll, mailbox.AcceptNone}
			s.edit(key, func(box *mailbox.Mailbox) { box.Accept = all[s.chance("accept", n, i)%4] })
		}
	}
}

// checkRules holds what is recorded to what a person asked for.
func (s *simulation) checkRules(ctx context.Context, key mailbox.Key) {
	if !s.rules {
		return
	}
	contents := make(map[string]bool)
	for _, m := range s.store.Messages(key.Organization) {
		raw, _ := m.Raw.Bytes()
		if contents[string(raw)] {
			s.fault("%s is in the organization twice", m.MessageID)
		}
		contents[string(raw)] = true
	}
	for _, folder := range []provider.FolderID{"INBOX", caseFolder.ID} {
		epoch := s.server.Epoch(key, folder)
		for _, m := range s.server.Items(key, folder) {
			places := slices.DeleteFunc(s.store.Places(key), func(p placed) bool { return p.Folder != folder || p.Epoch != epoch || p.ID != m.ID })
			switch {
			case len(places) != 1 || places[0].Gone:
				s.fault("%v: %s in %s is on the server and not in the ledger", key, m.ID, folder)
			case places[0].Kind == Ignored && folder == caseFolder.ID:
				s.fault("%v: %s is in a tracked folder and ignored: %s", key, m.ID, places[0].Reason)
			case places[0].Kind == Ignored && slices.Contains(m.Flags, "Tracked"):
				s.fault("%v: %s in %s has the category and is ignored: %s", key, m.ID, folder, places[0].Reason)
			case places[0].Kind == Tracked && !contents[string(m.Raw)]:
				s.fault("%v: %s in %s is tracked and is not there", key, m.ID, folder)
			}
		}
	}
	s.checkVerdicts(ctx, key)
}

// checkVerdicts holds what is told of places to what was decided.
func (s *simulation) checkVerdicts(ctx context.Context, key mailbox.Key) {
	kinds := make(map[provider.Place]RecordKind)
	for _, p := range s.store.Places(key) {
		kinds[p.Place] = p.Kind
	}
	for n := range 200 {
		told, err := s.syncers[0].Explain(ctx, key.Organization, string(messageID(s.letter(n))))
		if err != nil {
			s.fault("Explain: %v", err)
		}
		for _, v := range told {
			if kind := kinds[v.Place]; v.Mailbox == key && kind != "" && kind != v.Kind {
				s.fault("%v: %v is %s and said to be %s: %s", key, v.Place, kind, v.Kind, v.Explain())
			}
		}
	}
}

func messageID(raw []byte) []byte {
	_, after, _ := bytes.Cut(raw, []byte("Message-ID: <"))
	id, _, _ := bytes.Cut(after, []byte(">"))
	return id
}
