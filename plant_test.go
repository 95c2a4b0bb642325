package serversync_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"time"

	. "github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/provider/providertest"
	"github.com/go-serversync/serversync/store/memory"
)

type providertestMessage = providertest.Message

type placed = memory.Place

// A plant is a bug that is put into a simulation on purpose.
type plant string

const (
	sound        plant = ""
	cursorFirst  plant = "the cursor is committed before the records"
	errorIgnored plant = "a commit's error is ignored"
	noFence      plant = "a commit overwrites whatever is there"
	blindResend  plant = "what is uncertain is sent again"
	shortIsWhole plant = "a message cut short is taken for whole"
	epochIgnored plant = "a new epoch goes unnoticed"
	deafWorker   plant = "a worker overwrites what people did to an entry"
	soonest      plant = "what is scheduled is claimed at once"
	draftStays   plant = "a draft that is settled as not sent can still be sent"
)

func (p plant) put(s *simulation, cfg *Config) {
	if p == sound {
		return
	}
	s.classes = ^uint64(0) // every fault
	store := &planted{Store: s.store, Outbox: s.store, plant: p}
	s.checked.Store, s.checked.Outbox = store, store
	driver := plantedDriver{s.server, p, s}
	cfg.Drivers = driversOf(driver)
}

// planted is a Store with a bug.
type planted struct {
	Store
	Outbox
	plant plant
	n     atomic.Int64
}

func (p *planted) Unwrap() Store { return p.Store }

func (p *planted) Commit(ctx context.Context, b *Batch) (Receipt, error) {
	n := p.n.Add(1)
	switch p.plant {
	case cursorFirst:
		if b.Lane == (LaneKey{}) || len(b.Records) == 0 {
			break
		}
		first := &Batch{ID: b.ID + "-cursor", Mailbox: b.Mailbox, Fence: b.Fence, Lane: b.Lane, From: b.From, Next: b.Next}
		if _, err := p.Store.Commit(ctx, first); err != nil {
			return Receipt{}, err
		}
		if n%7 == 0 {
			return Receipt{}, errors.New("the process died in between")
		}
		rest := *b
		rest.Lane, rest.From, rest.Next = LaneKey{}, "", ""
		return p.Store.Commit(ctx, &rest)
	case errorIgnored:
		receipt, _ := p.Store.Commit(ctx, b)
		return receipt, nil
	case noFence:
		now, _ := p.Store.Load(ctx, b.Mailbox)
		forced := *b
		forced.From, forced.Fence = now.Cursors[b.Lane], now.Fence
		if b.State != nil {
			forced.State = &StateChange{From: now.Version, To: b.State.To}
		}
		return p.Store.Commit(ctx, &forced)
	}
	return p.Store.Commit(ctx, b)
}

func (p *planted) Claim(ctx context.Context, key mailbox.Key, by string, now, until time.Time) (Entry, error) {
	ask := now
	if p.plant == soonest {
		ask = now.Add(time.Minute)
	}
	e, err := p.Outbox.Claim(ctx, key, by, ask, until)
	if p.plant == blindResend && e.Phase == PhaseUncertain {
		e.Phase = PhaseClaimed
		for i := range e.Recipients {
			if e.Recipients[i].Status == provider.StatusUncertain {
				e.Recipients[i].Status = provider.StatusRetry
			}
		}
	}
	return e, err
}

func (p *planted) Advance(ctx context.Context, e Entry, alerts ...mailbox.Alert) error {
	if p.plant == deafWorker {
		now, err := p.Entry(ctx, e.Mailbox, e.ID)
		if err != nil {
			return err
		}
		e.Version = now.Version
	}
	return p.Outbox.Advance(ctx, e, alerts...)
}

// plantedDriver is a driver with a bug.
type plantedDriver struct {
	provider.Driver
	plant plant
	s     *simulation
}

func (d plantedDriver) Open(ctx context.Context, a provider.Account) (provider.Provider, error) {
	p, err := d.Driver.Open(ctx, a)
	if err != nil {
		return nil, err
	}
	source, _ := provider.As[provider.Source](p)
	return plantedSession{p, source, d, a.Mailbox.Key}, nil
}

type plantedSession struct {
	provider.Provider
	provider.Source
	driver plantedDriver
	key    mailbox.Key
}

func (p plantedSession) Unwrap() provider.Provider { return p.Provider }

func (p plantedSession) Changes(ctx context.Context, r provider.Request) (provider.Page, error) {
	if p.driver.plant == epochIgnored && r.Cursor != "" {
		r.Cursor = reissued(r.Cursor, p.driver.s.server.Epoch(p.key, r.Folder))
	}
	page, err := p.Source.Changes(ctx, r)
	for i := range page.Changes {
		p.cut(&page.Changes[i])
	}
	return page, err
}

func (p plantedSession) Fetch(ctx context.Context, folder provider.FolderID, epoch string, ids []provider.ID, got func(provider.Change) error) error {
	return p.Source.Fetch(ctx, folder, epoch, ids, func(c provider.Change) error {
		p.cut(&c)
		return got(c)
	})
}

func (p plantedSession) Settle(ctx context.Context, s provider.Submission) (provider.Result, error) {
	settler, _ := provider.As[provider.Settler](p.Provider)
	if p.driver.plant != draftStays {
		return settler.Settle(ctx, s)
	}
	for _, m := range p.driver.s.server.Sent() {
		if m.Mailbox == p.key && m.EnvelopeID == s.EnvelopeID {
			return settler.Settle(ctx, s)
		}
	}
	return all(s, provider.StatusRetry, "its draft is there"), nil
}

func (p plantedSession) cut(c *provider.Change) {
	if p.driver.plant != shortIsWhole || c.Raw == nil || !strings.HasSuffix(string(c.ID), "1") && len(c.ID)%2 == 0 {
		return
	}
	raw, _ := io.ReadAll(c.Raw.Open())
	c.Raw.Release()
	c.Raw = item.NewBlob(raw[:len(raw)-5])
}

// reissued is a cursor as if the epoch had never changed.
func reissued(c provider.Cursor, epoch string) provider.Cursor {
	e, state, _ := c.Open()
	e.Epoch = epoch
	return provider.NewCursor(e, state)
}
