package providertest

import (
	"bytes"
	"maps"
	"slices"
	"strings"

	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/provider"
)

// This file holds the rules of Actor, Finder and Filer.

// actor opens a session with an Actor and delivers three messages, to the middle
// one of which the returned act belongs.
func (p *probe) actor() (provider.Actor, provider.Act) {
	p.Helper()
	session, source := p.source()
	actor := ability[provider.Actor](p, session)
	p.deliver(3)
	return actor, provider.Act{Folder: p.Folder, Epoch: p.begin(source).Cursor.Epoch(), ID: p.ids()[1]}
}

// twice does a, and then again as after a lost answer.
func (p *probe) twice(actor provider.Actor, a provider.Act) {
	p.Helper()
	if err := actor.Act(p.ctx, a); provider.KindOf(err) == provider.ErrUnsupported {
		p.Skipf("%s is not checked: the mail system cannot do it", p.Name())
	} else if err != nil {
		p.Errorf("Act(%s) = %v", a.Kind, err)
	}
	if err := actor.Act(p.ctx, a); err != nil && provider.KindOf(err) != provider.ErrNotFound {
		p.Errorf("Act(%s) done again = %v, want nil or %v", a.Kind, err, provider.ErrNotFound)
	}
}

// others fails the rule unless the folder holds what it held before, but for id.
func (p *probe) others(before map[provider.ID]Message, id provider.ID) {
	p.Helper()
	after := p.truth(p.Folder)
	for _, other := range slices.Sorted(maps.Keys(before)) {
		if m, ok := after[other]; other != id && (!ok || !slices.Equal(m.Flags, before[other].Flags)) {
			p.Errorf("the act on %q touched %q: there %t, flags %q, which were %q", id, other, ok, m.Flags, before[other].Flags)
		}
	}
}

func actMark(p *probe) {
	actor, a := p.actor()
	before := p.truth(p.Folder)
	for _, flag := range []string{`\Seen`, `\Flagged`} {
		a.Kind, a.Flag = provider.Mark, flag
		p.twice(actor, a)
		if m := p.truth(p.Folder)[a.ID]; !slices.Contains(m.Flags, flag) {
			p.Errorf("after Mark with %s the flags are %q", flag, m.Flags)
		}
	}
	a.Kind = provider.Unmark
	p.twice(actor, a)
	if flags := p.truth(p.Folder)[a.ID].Flags; slices.Contains(flags, `\Flagged`) || !slices.Contains(flags, `\Seen`) {
		p.Errorf(`after Unmark with \Flagged the flags are %q, want \Seen to stay alone`, flags)
	}
	p.others(before, a.ID)
}

func actMove(p *probe) {
	p.need("Other", p.Other != "")
	actor, a := p.actor()
	before := p.truth(p.Folder)
	a.Kind, a.To = provider.Move, p.Other
	p.twice(actor, a)
	if _, ok := p.truth(p.Folder)[a.ID]; ok {
		p.Errorf("after Move the item is in its folder")
	}
	if there := p.Items(p.Other); len(there) != 1 || !bytes.Equal(there[0].Raw, before[a.ID].Raw) {
		p.Errorf("after Move done twice the other folder has %d items, want the moved one", len(there))
	}
	p.others(before, a.ID)
}

// actMoveToNew moves an item to a folder that is not there, which then is.
func actMoveToNew(p *probe) {
	p.need("Other", p.Other != "")
	actor, a := p.actor()
	before := p.truth(p.Folder)
	a.Kind, a.To = provider.Move, "Undeliverable"
	p.twice(actor, a)
	p.others(before, a.ID)
	if _, ok := p.truth(p.Folder)[a.ID]; ok {
		p.Errorf("after Move to a new folder the item is in its old one")
	}
	_, again := p.source()
	folders, err := again.Folders(p.ctx)
	if err != nil {
		p.Fatalf("Folders = %v", err)
	}
	for _, f := range folders {
		if f.Name == string(a.To) {
			if there := p.Items(f.ID); len(there) != 1 || !bytes.Equal(there[0].Raw, before[a.ID].Raw) {
				p.Errorf("after Move done twice the new folder has %d items, want the moved one", len(there))
			}
			return
		}
	}
	p.Errorf("after Move there is no folder %q", a.To)
}

func actDelete(p *probe) {
	actor, a := p.actor()
	before := p.truth(p.Folder)
	if p.SetFlags != nil { // what somebody else has marked as deleted is not ours to delete
		p.SetFlags(p.Folder, p.ids()[0], `\Deleted`)
		before = p.truth(p.Folder)
	}
	a.Kind = provider.Delete
	p.twice(actor, a)
	if _, ok := p.truth(p.Folder)[a.ID]; ok {
		p.Errorf("after Delete the item is there")
	}
	p.others(before, a.ID)
}

// actUnconfirmed closes a session that has acts to confirm, which must leave all as it
// was. Act/delete has them confirmed.
func actUnconfirmed(p *probe) {
	session, source := p.source()
	if _, ok := provider.As[provider.Confirmer](session); !ok {
		p.Skipf("%s is not checked: acts need no confirmation", p.Name())
	}
	p.deliver(3)
	before, epoch := p.truth(p.Folder), p.begin(source).Cursor.Epoch()
	for session, ok := unwrapped(session); ok; session, ok = unwrapped(session) {
		if actor, is := session.(provider.Actor); is {
			if err := actor.Act(p.ctx, provider.Act{Kind: provider.Delete, Folder: p.Folder, Epoch: epoch, ID: p.ids()[1]}); err != nil {
				p.Errorf("Act(%s) = %v", provider.Delete, err)
			}
			session.Close()
			break
		}
	}
	p.others(before, "")
	if after := p.truth(p.Folder); len(after) != len(before) {
		p.Errorf("an act that was not confirmed has left %d items of %d", len(after), len(before))
	}
}

func unwrapped(session provider.Provider) (provider.Provider, bool) {
	w, ok := session.(interface{ Unwrap() provider.Provider })
	if !ok {
		return nil, false
	}
	return w.Unwrap(), true
}

func actWrongEpoch(p *probe) {
	actor, a := p.actor()
	before := p.truth(p.Folder)
	a.Epoch, a.Flag, a.To = "9"+a.Epoch, `\Flagged`, p.Other
	for _, a.Kind = range []provider.ActKind{provider.Mark, provider.Unmark, provider.Move, provider.Delete} {
		if a.Kind == provider.Move && p.Other == "" {
			continue
		}
		if err := actor.Act(p.ctx, a); provider.KindOf(err) != provider.ErrUnsupported {
			p.wantKind("Act("+string(a.Kind)+") in a wrong epoch", err, provider.ErrNotFound)
		}
	}
	p.others(before, "")
}

func actMissing(p *probe) {
	actor, a := p.actor()
	p.need("Remove", p.Remove != nil)
	p.Remove(p.Folder, a.ID)
	before := p.truth(p.Folder)
	a.Flag, a.To = `\Flagged`, p.Other
	for _, a.Kind = range []provider.ActKind{provider.Mark, provider.Unmark, provider.Move, provider.Delete} {
		if a.Kind == provider.Move && p.Other == "" {
			continue
		}
		err := actor.Act(p.ctx, a)
		if kind := provider.KindOf(err); kind == provider.ErrUnsupported || err == nil && a.Kind == provider.Delete {
			continue
		}
		p.wantKind("Act("+string(a.Kind)+") on a missing item", err, provider.ErrNotFound)
	}
	p.others(before, a.ID)
}

func findMessage(p *probe) {
	session, source := p.source()
	finder := ability[provider.Finder](p, session)
	p.deliver(12)
	ids, epoch := p.ids(), p.begin(source).Cursor.Epoch()
	folders := []provider.FolderID{p.Folder}
	if p.Other != "" {
		folders = append(folders, p.Other)
	}
	for _, n := range []int{1, 12} { // 1 is a part of 11 and 12
		places, err := finder.Find(p.ctx, folders, messageID(n))
		want := []provider.Place{{Folder: p.Folder, Epoch: epoch, ID: ids[n-1]}}
		if err != nil || !slices.Equal(places, want) {
			p.Errorf("Find(%s) = %+v, %v, want %+v", messageID(n), places, err, want)
		}
	}
	for _, none := range []string{messageID(99), strings.TrimSuffix(messageID(1), ".com"), `"x" OR ALL`} {
		if places, err := finder.Find(p.ctx, folders, none); err != nil || len(places) > 0 {
			p.Errorf("Find(%s) = %+v, %v, want no place", none, places, err)
		}
	}
}

func fileThenFind(p *probe) {
	session, source := p.source()
	filer := ability[provider.Filer](p, session)
	raw := p.text(3000)
	if err := filer.File(p.ctx, p.Folder, item.NewBlob(raw), []string{`\Seen`}); err != nil {
		p.Fatalf("File: %v", err)
	}
	items := p.Items(p.Folder)
	if len(items) != 1 || !bytes.Equal(items[0].Raw, raw) {
		p.Fatalf("after File the folder has %d items, want the filed one byte for byte", len(items))
	}
	if items[0].Flags != nil && !slices.Contains(items[0].Flags, `\Seen`) {
		p.Errorf(`the filed message has the flags %q, want \Seen`, items[0].Flags)
	}
	if finder, ok := provider.As[provider.Finder](session); ok {
		places, err := finder.Find(p.ctx, []provider.FolderID{p.Folder}, messageID(1))
		want := []provider.Place{{Folder: p.Folder, Epoch: p.begin(source).Cursor.Epoch(), ID: items[0].ID}}
		if err != nil || !slices.Equal(places, want) {
			p.Errorf("Find of what was filed = %+v, %v, want %+v", places, err, want)
		}
	}
	err := filer.File(p.ctx, "there is no such folder", item.NewBlob(raw), nil)
	p.wantKind("File in a missing folder", err, provider.ErrNotFound)
}
