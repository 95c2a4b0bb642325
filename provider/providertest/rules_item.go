package providertest

import (
	"bytes"
	"errors"
	"io"

	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/provider"
)

// This file holds the rules of P7 and P8: an item is whole or a failure, and
// nothing is larger than asked for.

// content reads a blob whole and releases it.
func (p *probe) content(b *item.Blob) []byte {
	p.Helper()
	defer b.Release()
	raw, err := io.ReadAll(b.Open())
	if err != nil || int64(len(raw)) != b.Size() {
		p.Errorf("a blob of %d bytes gave %d and %v", b.Size(), len(raw), err)
	}
	return raw
}

// truth returns the server's messages by id.
func (p *probe) truth(folder provider.FolderID) map[provider.ID]Message {
	truth := make(map[provider.ID]Message)
	for _, m := range p.Items(folder) {
		truth[m.ID] = m
	}
	return truth
}

func givenWhole(p *probe) {
	session, source := p.source()
	p.Add(p.Folder, p.text(0))
	p.Add(p.Folder, p.text(100_000))
	p.Add(p.Folder, []byte("Subject: dots\r\n\r\n.\r\n..\r\n.a\r\nno line end"))
	p.Add(p.Folder, []byte("Subject: no body\r\n\r\n"))
	truth, r := p.truth(p.Folder), p.everything(session)
	check := func(call string, c provider.Change) {
		if c.Err != nil || c.Raw == nil {
			p.Errorf("%s gave %q with error %v, and no body", call, c.ID, c.Err)
		} else if got := p.content(c.Raw); !bytes.Equal(got, truth[c.ID].Raw) {
			p.Errorf("%s gave %d bytes of %q, which are not its %d bytes", call, len(got), c.ID, len(truth[c.ID].Raw))
		}
	}
	for want := provider.WantIDs; want <= provider.WantBodies; want++ {
		r.Want = want
		page := p.changes(source, r)
		for _, c := range page.Changes {
			switch want {
			case provider.WantHeaders:
				if head := header(truth[c.ID].Raw); c.Err != nil || !bytes.Equal(bytes.TrimSpace(c.Header), bytes.TrimSpace(head)) {
					p.Errorf("Changes with headers gave %q for %q with error %v, want %q", c.Header, c.ID, c.Err, head)
				}
			case provider.WantBodies:
				check("Changes with bodies", c)
			}
		}
		if len(page.Changes) < len(truth) {
			p.Errorf("Changes gave %d of %d messages", len(page.Changes), len(truth))
		}
	}
	p.fetchOnce(source, check)
}

// fetchOnce fetches everything and one id that is no item's, and wants each once.
func (p *probe) fetchOnce(source provider.Source, check func(string, provider.Change)) {
	p.Helper()
	ids, counts := p.ids(), make(map[provider.ID]int)
	missing := provider.ID("4000000000")
	err := source.Fetch(p.ctx, p.Folder, p.begin(source).Cursor.Epoch(), append(ids, missing), func(c provider.Change) error {
		counts[c.ID]++
		if c.ID != missing {
			check("Fetch", c)
		} else if c.Raw.Release(); c.Kind != provider.Gone && c.Err == nil {
			p.Errorf("Fetch gave content for an id that is no item's")
		}
		return nil
	})
	if err != nil {
		p.Errorf("Fetch: %v", err)
	}
	for _, id := range append(ids, missing) {
		if counts[id] != 1 {
			p.Errorf("Fetch gave %q %d times, want once", id, counts[id])
		}
	}
	stop := errors.New("stop")
	calls := 0
	err = source.Fetch(p.ctx, p.Folder, p.begin(source).Cursor.Epoch(), ids, func(c provider.Change) error {
		calls++
		c.Raw.Release()
		return stop
	})
	if !errors.Is(err, stop) || calls != 1 {
		p.Errorf("Fetch whose first got fails = %v after %d calls, want that error after one", err, calls)
	}
}

func badItem(p *probe) {
	session, source := p.source()
	p.need("BadItem", p.BadItem != nil)
	p.deliver(2)
	p.BadItem(p.Folder, p.text(0))
	p.deliver(2)
	ids := p.ids()
	bad := ids[2]
	check := func(call string, c provider.Change) (read bool) {
		defer c.Raw.Release()
		if c.ID == bad && c.Err == nil {
			p.Errorf("%s gave the bad item %q without an error", call, c.ID)
		} else if c.ID == bad {
			p.wantProper(call+" of the bad item", c.Err)
		} else if c.Err != nil {
			p.Errorf("%s gave %q, which is not bad, with error %v", call, c.ID, c.Err)
		}
		return c.ID != bad && c.Err == nil
	}
	r := p.everything(session)
	r.Want = provider.WantBodies
	page := p.changes(source, r)
	p.wantTold("Changes with a bad item", page.Changes, ids)
	for _, c := range page.Changes {
		check("Changes", c)
	}
	count := 0
	err := source.Fetch(p.ctx, p.Folder, page.Next.Epoch(), ids, func(c provider.Change) error {
		if check("Fetch", c) {
			count++
		}
		return nil
	})
	if err != nil || count != 4 {
		p.Errorf("Fetch of 4 good items and a bad one gave %d good ones and %v", count, err)
	}
}

func cutItem(p *probe) {
	session, source := p.source()
	p.need("CutItem", p.CutItem != nil)
	p.deliver(1)
	p.CutItem(p.Folder, p.text(5000))
	truth, epoch, ids := p.truth(p.Folder), p.begin(source).Cursor.Epoch(), p.ids()
	check := func(c provider.Change) error {
		if c.Err == nil && c.Raw != nil {
			if got := p.content(c.Raw); !bytes.Equal(got, truth[c.ID].Raw) {
				p.Errorf("%d bytes of %q were given as the whole item, which has %d", len(got), c.ID, len(truth[c.ID].Raw))
			}
		}
		return nil
	}
	for range 2 {
		one := p.open()
		source, _ := provider.As[provider.Source](one)
		p.wantProper("Fetch of an item that is cut", source.Fetch(p.ctx, p.Folder, epoch, ids, check))
		one.Close()
	}
	r := p.everything(session)
	r.Want = provider.WantBodies
	page, err := p.lastSource().Changes(p.ctx, r)
	p.wantProper("Changes with an item that is cut", err)
	for _, c := range page.Changes {
		check(c)
	}
}

// lastSource opens a session for a call that may lose it.
func (p *probe) lastSource() provider.Source {
	source, _ := provider.As[provider.Source](p.open())
	return source
}

func keepsMaxItems(p *probe) {
	session, source := p.source()
	p.deliver(60)
	for _, max := range []int{1, 7, 0} {
		r := p.everything(session)
		r.MaxItems = max
		var all []provider.Change
		for range 1000 {
			page := p.changes(source, r)
			all = append(all, page.Changes...)
			if most := max + 50*(1-min(max, 1)); len(page.Changes) > most {
				p.Errorf("a page for %d items at most has %d", most, len(page.Changes))
			}
			if r.Cursor = page.Next; page.RoundEnd {
				break
			}
		}
		p.wantTold("small pages together", all, p.ids())
	}
}

func keepsMaxBytes(p *probe) {
	session, source := p.source()
	for range 6 {
		p.Add(p.Folder, p.text(10_000))
	}
	r := p.everything(session)
	r.Want, r.MaxBytes = provider.WantBodies, 25_000
	var all []provider.Change
	for range 1000 {
		page := p.changes(source, r)
		all = append(all, page.Changes...)
		var bytes int64
		for _, c := range page.Changes {
			if bytes > r.MaxBytes {
				p.Errorf("a page of at most %d bytes goes on after %d", r.MaxBytes, bytes)
				break
			}
			if c.Raw != nil {
				bytes += c.Raw.Size()
			}
		}
		release(page)
		if r.Cursor = page.Next; page.RoundEnd {
			break
		}
	}
	p.wantTold("small pages together", all, p.ids())
}

func largeBody(p *probe) {
	session, source := p.source()
	p.need("Memory", p.Memory > 0)
	p.Add(p.Folder, p.text(int(p.Memory)+100_000))
	r := p.everything(session)
	r.Want = provider.WantBodies
	check := func(call string, c provider.Change) {
		if c.Raw == nil {
			p.Errorf("%s gave no body: %v", call, c.Err)
			return
		}
		defer c.Raw.Release()
		if _, inMemory := c.Raw.Bytes(); inMemory {
			p.Errorf("%s gave a body of %d bytes in memory, want at most %d there", call, c.Raw.Size(), p.Memory)
		}
	}
	page := p.changes(source, r)
	for _, c := range page.Changes {
		check("Changes", c)
	}
	source.Fetch(p.ctx, p.Folder, page.Next.Epoch(), p.ids(), func(c provider.Change) error {
		check("Fetch", c)
		return nil
	})
}
