package serversync_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	. "github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/provider/providertest"
	"github.com/go-serversync/serversync/secret"
	"github.com/go-serversync/serversync/store/memory"
	"github.com/go-serversync/serversync/track"
)

// A counting Store numbers tracking tokens.
type counting struct {
	*memory.Store
	mu   sync.Mutex
	last map[mailbox.Key]int64
}

func (c *counting) Unwrap() Store { return c.Store }

func (c *counting) NextNumber(_ context.Context, key mailbox.Key) (int64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last == nil {
		c.last = map[mailbox.Key]int64{}
	}
	c.last[key]++
	return c.last[key], nil
}

// A book knows whose addresses are queues'.
type book []string

func (b book) Parties(_ context.Context, _ string, addresses []string) (map[string][]track.Party, error) {
	parties := map[string][]track.Party{}
	for _, a := range addresses {
		if slices.Contains(b, a) {
			parties[a] = []track.Party{{Kind: track.Queue, Address: a}}
		}
	}
	return parties, nil
}

func signer(t testing.TB, seed string) *track.Signer {
	s, err := track.NewSigner(track.SigningKey{ID: "k1", Key: secret.New(strings.Repeat(seed, 32)[:32])})
	require.NoError(t, err)
	return s
}

// A desk is what a host sends from.
type desk struct {
	*testing.T
	server *providertest.Server
	store  *counting
	cfg    Config
	*Syncer
}

func newDesk(t *testing.T, change func(*Config)) *desk {
	d := &desk{T: t, server: providertest.NewServer(providertest.IMAPLike), store: &counting{Store: memory.New()}}
	box := annBox
	box.Aliases, box.TrackingNumber = []string{"ann.alias@example.test"}, 7
	d.cfg = newConfig(d.server, d.store, box)
	d.cfg.Tracking = &Tracking{Addresses: book{"desk@example.test"}, Signer: signer(t, "a")}
	if change != nil {
		change(&d.cfg)
	}
	d.Syncer = newSyncer(t, d.cfg)
	return d
}

func outgoing(id string) Outgoing {
	return Outgoing{ID: id, To: []item.Address{{Name: "Carl", Addr: "carl@example.org"}}, Subject: "Your order", Text: "It is on its way.\n", Email: track.Ref{Type: "email", ID: id}}
}

// send sends o and returns the entry and the message.
func (d *desk) send(o Outgoing) (Entry, *item.Message) {
	d.Helper()
	e, err := d.Send(d.Context(), ann, o)
	require.NoError(d, err)
	return e, parsed(d, e.Raw)
}

func parsed(t testing.TB, raw *item.Blob) *item.Message {
	t.Helper()
	m, err := item.ParseMessage(raw, item.Limits{})
	require.NoError(t, err)
	return m
}

func field(m *item.Message, name string) (values []string) {
	for _, f := range m.Fields {
		if strings.EqualFold(f.Name, name) {
			values = append(values, strings.TrimSpace(f.Value))
		}
	}
	return values
}

// O1: Message-ID and bytes are fixed when an email is put into the outbox; the same ID
// is the same entry, whatever else is said, by whomever and however often.
func TestO1SendingTwiceIsOneEntry(t *testing.T) {
	d := newDesk(t, nil)
	first, _ := d.send(outgoing("1"))
	other := outgoing("1")
	other.Subject = "Another one"
	again, _ := d.send(other)
	require.Equal(t, first.MessageID, again.MessageID)
	require.Equal(t, first.Raw.Sum(), again.Raw.Sum())

	entries := make([]Entry, 16)
	var all sync.WaitGroup
	for i := range entries {
		all.Go(func() {
			e, err := d.Send(t.Context(), ann, outgoing("2"))
			if err != nil {
				t.Error(err)
			}
			entries[i] = e
		})
	}
	all.Wait()
	for _, e := range entries {
		require.Equal(t, entries[0].MessageID, e.MessageID)
		require.Equal(t, entries[0].Raw.Sum(), e.Raw.Sum())
	}
	syncOnce(t, d.Syncer, ann)
	require.Len(t, d.server.Sent(), 2)

	done, err := d.Send(t.Context(), ann, outgoing("1"))
	require.NoError(t, err)
	require.Equal(t, PhaseDone, done.Phase)
	composed, err := d.Compose(t.Context(), ann, outgoing("1"))
	require.NoError(t, err)
	require.Equal(t, done.MessageID, composed.MessageID)
	syncOnce(t, d.Syncer, ann)
	require.Len(t, d.server.Sent(), 2)
}

// O1, OUT-3: after a crash at any call of the Store the host says Send again, and one
// message with one Message-ID goes out, the same bytes in each try.
func TestO1SendAfterACrash(t *testing.T) {
	boom := errors.New("boom")
	for _, before := range []bool{true, false} {
		d := newDesk(t, nil)
		broken := &enqueueFails{Store: d.store.Store, counting: d.store, err: boom, before: before}
		d.cfg.Store = broken
		d.Syncer = newSyncer(t, d.cfg)
		_, err := d.Send(t.Context(), ann, outgoing("1"))
		require.ErrorIs(t, err, boom)
		kept, keptErr := d.store.Entry(t.Context(), ann, "1")

		broken.err = nil
		tries := 0
		d.server.Fault = func(c providertest.Call) providertest.Outcome {
			if c.Op == providertest.OpSent {
				if tries++; tries == 1 {
					return providertest.Outcome{Answer: true, Err: &provider.Error{Kind: provider.ErrUnavailable}, Effect: true} // says no, and takes it
				}
			}
			return providertest.Outcome{}
		}
		e, _ := d.send(outgoing("1"))
		if keptErr == nil {
			require.Equal(t, kept.MessageID, e.MessageID)
		}
		synctestRounds(t, d, 3)
		sent := d.server.Sent()
		require.Len(t, sent, 2)
		require.Equal(t, sent[0].Raw, sent[1].Raw)
	}
}

// synctestRounds makes cycles, each at the time that the entry is due again.
func synctestRounds(t *testing.T, d *desk, n int) {
	for range n {
		d.SyncMailbox(t.Context(), ann)
		for _, phase := range []Phase{PhasePending, PhaseAccepted, PhaseUncertain} {
			entries, err := d.store.Entries(t.Context(), ann, phase, "", 10)
			require.NoError(t, err)
			for _, e := range entries {
				require.NoError(t, d.Postpone(t.Context(), ann, e.ID, time.Time{}))
			}
		}
	}
}

type enqueueFails struct {
	Store
	*counting
	err    error
	before bool
}

func (s *enqueueFails) Unwrap() Store { return s.counting }
func (s *enqueueFails) Load(ctx context.Context, key mailbox.Key) (Snapshot, error) {
	return s.Store.Load(ctx, key)
}
func (s *enqueueFails) Known(ctx context.Context, key mailbox.Key, f provider.FolderID, epoch string, ids []provider.ID) ([]Place, error) {
	return s.Store.Known(ctx, key, f, epoch, ids)
}
func (s *enqueueFails) Commit(ctx context.Context, b *Batch) (Receipt, error) {
	return s.Store.Commit(ctx, b)
}
func (s *enqueueFails) Enqueue(ctx context.Context, e Entry) error {
	if s.err != nil && s.before {
		return s.err
	}
	return errors.Join(s.counting.Enqueue(ctx, e), s.err)
}

// The sender is the mailbox's own address, an alias, or what the host allows; the
// envelope's sender is the mailbox, so that bounces come back to it.
func TestSenderAllowed(t *testing.T) {
	hook := func(_ context.Context, key mailbox.Key, from string) (SendAs, error) {
		switch from {
		case "boss@example.test":
			return SendOnBehalf, nil
		case "sales@example.test":
			return SendAsOther, nil
		case "broken@example.test":
			return SendAsOther, errors.New("the directory is down")
		}
		return SendRefused, nil
	}
	for _, tt := range []struct {
		from, sender string
		wantSender   string
		code         string
	}{
		{from: ""},
		{from: "ANN@example.test"},
		{from: "ann.alias@example.test"},
		{from: "ann.alias@example.test", sender: "ann@example.test", wantSender: "ann@example.test"},
		{from: "boss@example.test", wantSender: "ann@example.test"},
		{from: "boss@example.test", sender: "ann.alias@example.test", wantSender: "ann.alias@example.test"},
		{from: "sales@example.test"},
		{from: "eve@example.test", code: "8004480D"},
		{from: "desk@example.test", code: "8004480F"},
		{from: "ann@example.test", sender: "eve@example.test", code: "8004480D"},
	} {
		d := newDesk(t, func(cfg *Config) { cfg.SendAs = hook })
		o := outgoing("1")
		o.From, o.Sender = item.Address{Name: "A", Addr: tt.from}, item.Address{Addr: tt.sender}
		e, err := d.Send(t.Context(), ann, o)
		if tt.code != "" {
			var refused *RefusalError
			require.ErrorAs(t, err, &refused, "%+v", tt)
			require.Equal(t, tt.code, refused.Fault.Code)
			require.NotEmpty(t, refused.Fault.Cause)
			require.Contains(t, refused.Fault.Remedy, "aliases")
			continue
		}
		require.NoError(t, err, "%+v", tt)
		m := parsed(t, e.Raw)
		require.Equal(t, "ann@example.test", e.From)
		if tt.from == "" {
			tt.from = "ann@example.test"
		}
		require.Equal(t, []item.Address{{Name: "A", Addr: tt.from}}, m.From)
		if tt.wantSender == "" {
			require.Empty(t, m.Sender)
		} else {
			require.Equal(t, tt.wantSender, m.Sender[0].Addr)
		}
	}
	d := newDesk(t, func(cfg *Config) { cfg.SendAs = hook })
	o := outgoing("1")
	o.From.Addr = "broken@example.test"
	_, err := d.Send(t.Context(), ann, o)
	require.ErrorContains(t, err, "the directory is down")
	d = newDesk(t, nil)
	o.From.Addr = "sales@example.test"
	_, err = d.Send(t.Context(), ann, o)
	require.ErrorContains(t, err, "8004480D", "without a hook nobody may")
}

// Threading, token, references and what answers are matched by.
func TestComposeThreads(t *testing.T) {
	d := newDesk(t, nil)
	o := outgoing("1")
	o.Regarding, o.Owner, o.Bcc = track.Ref{Type: "case", ID: "9"}, track.Ref{Type: "user", ID: "ann"}, []item.Address{{Addr: "Eve@example.org"}}
	o.PlusAddress = true
	e, m := d.send(o)
	token := "CRM:0007001"
	require.Equal(t, "Your order "+token, m.Subject)
	require.Equal(t, []string{"Your order " + token}, field(m, "Thread-Topic"))
	require.True(t, strings.HasSuffix(m.MessageID, "@example.test"))
	require.Equal(t, m.MessageID, e.MessageID)
	require.Len(t, m.ReplyTo, 1)
	require.Regexp(t, `^ann\+.+@example\.test$`, m.ReplyTo[0].Addr)
	require.Empty(t, m.Bcc)
	require.Equal(t, "carl@example.org, Eve@example.org", e.Recipients[0].Address+", "+e.Recipients[1].Address)
	require.NotNil(t, e.Index)
	require.Equal(t, []track.Ref{o.Email, o.Regarding, o.Owner}, []track.Ref{e.Index.Ref, e.Index.Regarding, e.Index.Owner})
	require.Equal(t, track.Outgoing, e.Index.Direction)
	require.Equal(t, []string{e.MessageID}, e.Index.IDs)
	require.Equal(t, token, e.Index.Token)
	require.Contains(t, e.Index.Participants, "eve@example.org", "Bcc included")

	answer := &item.Message{MessageID: "c1@example.org", References: []string{e.MessageID}, Subject: "AW: Your order " + token,
		Fields: []item.Field{{Name: "thread-index", Value: field(m, "Thread-Index")[0]}, {Name: "Thread-Topic", Value: "Your order"}}}
	reply := outgoing("2")
	reply.Subject, reply.Answers = "Re: something shorter", answer
	_, m2 := d.send(reply)
	require.Equal(t, "Re: something shorter "+token, m2.Subject, "the conversation keeps its token")
	require.Equal(t, []string{"c1@example.org"}, m2.InReplyTo)
	require.Equal(t, []string{e.MessageID, "c1@example.org"}, m2.References)
	require.Equal(t, []string{"Your order"}, field(m2, "Thread-Topic"))
	require.True(t, strings.HasPrefix(field(m2, "Thread-Index")[0], field(m, "Thread-Index")[0][:28]), "the same conversation")
	require.Len(t, field(m2, "Thread-Index")[0], 36)
	require.Equal(t, int64(1), d.store.last[ann], "no number is spent on an answer")

	_, m3 := d.send(outgoing("3"))
	require.Equal(t, "Your order CRM:0007002", m3.Subject)
	require.NotEqual(t, field(m, "Thread-Index")[0][8:], field(m3, "Thread-Index")[0][8:])

	plain := newDesk(t, func(cfg *Config) { cfg.Tracking = nil })
	e, m = plain.send(outgoing("1"))
	require.Equal(t, "Your order", m.Subject)
	require.Nil(t, e.Index)
	require.Regexp(t, `^[0-9a-f]{32}@example\.test$`, e.MessageID)
}

// Receipts and importance are asked for in the words of their standards.
func TestComposeAsks(t *testing.T) {
	d := newDesk(t, nil)
	e, m := d.send(outgoing("0"))
	require.False(t, e.Report)
	for _, name := range []string{"Disposition-Notification-To", "Return-Receipt-To", "Importance", "X-Priority", "Auto-Submitted", "X-Serversync-Loop"} {
		require.Empty(t, field(m, name), name)
	}
	o := outgoing("1")
	o.ReadReceipt, o.DeliveryReceipt, o.Importance = true, true, High
	o.From.Addr = "ann.alias@example.test"
	e, m = d.send(o)
	require.True(t, e.Report)
	require.Equal(t, []string{"ann@example.test"}, field(m, "Disposition-Notification-To"))
	require.Equal(t, []string{"high", "1"}, append(field(m, "Importance"), field(m, "X-Priority")...))
	require.Empty(t, field(m, "Return-Receipt-To"))
	o = outgoing("2")
	o.Importance = Low
	_, m = d.send(o)
	require.Equal(t, []string{"low", "5"}, append(field(m, "Importance"), field(m, "X-Priority")...))
}

// O5: what cannot be sent is refused before it is in the outbox.
func TestO5ComposeRefuses(t *testing.T) {
	d := newDesk(t, nil)
	for what, change := range map[string]func(*Outgoing){
		"no ID":                          func(o *Outgoing) { o.ID = "" },
		"an ID with a line end":          func(o *Outgoing) { o.ID = "a\r\nRCPT" },
		"a long ID":                      func(o *Outgoing) { o.ID = strings.Repeat("=", 34) },
		"a line end in the subject":      func(o *Outgoing) { o.Subject = "Hi\r\nBcc: eve@example.org" },
		"a line end in an address":       func(o *Outgoing) { o.To[0].Addr = "carl@example.org\r\nBcc: eve" },
		"nobody to send to":              func(o *Outgoing) { o.To = nil },
		"a field of ours":                func(o *Outgoing) { o.Fields = []item.Field{{Name: "auto-submitted", Value: "no"}} },
		"a field with a line end":        func(o *Outgoing) { o.Fields = []item.Field{{Name: "X-A", Value: "b\r\nBcc: eve"}} },
		"an unknown importance":          func(o *Outgoing) { o.Importance = "urgent" },
		"PlusAddress and ReplyTo":        func(o *Outgoing) { o.PlusAddress, o.ReplyTo = true, o.To },
		"PlusAddress without an Email":   func(o *Outgoing) { o.PlusAddress, o.Email = true, track.Ref{} },
		"an attachment without contents": func(o *Outgoing) { o.Attachments = []item.DraftAttachment{{Name: "a"}} },
	} {
		o := outgoing("1")
		change(&o)
		_, err := d.Send(t.Context(), ann, o)
		require.Error(t, err, what)
	}
	_, err := d.Send(t.Context(), mailbox.Key{Organization: "acme", Mailbox: "none"}, outgoing("1"))
	require.ErrorIs(t, err, ErrNotFound)
	pending, err := d.store.Entries(t.Context(), ann, PhasePending, "", 10)
	require.NoError(t, err)
	require.Empty(t, pending)
}

// OUT-5: a recipient who was accepted is never offered again, even if the server
// changes its mind, and one who was refused is not either.
func TestOUT5AcceptedIsNeverOfferedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, nil)
		round := 0
		var asked []string
		d.server.Recipient = func(address string) provider.Status {
			asked = append(asked, fmt.Sprint(round, " ", address[:1]))
			switch {
			case address[0] == 'a' && round == 0, address[0] == 'c' && round == 2:
				return provider.StatusSent
			case address[0] == 'b', address[0] == 'a':
				return provider.StatusRejected
			}
			return provider.StatusRetry
		}
		o := outgoing("1")
		o.To = []item.Address{{Addr: "a@example.org"}, {Addr: "b@example.org"}, {Addr: "c@example.org"}}
		d.send(o)
		for ; round < 4; round++ {
			d.SyncMailbox(t.Context(), ann)
			time.Sleep(gap)
		}
		require.Equal(t, []string{"0 a", "0 b", "0 c", "1 c", "2 c"}, slices.Compact(asked), "a session that may have died is replaced once")
		e, err := d.store.Entry(t.Context(), ann, "1")
		require.NoError(t, err)
		require.Equal(t, PhaseDone, e.Phase)
		require.Equal(t, []provider.Status{provider.StatusSent, provider.StatusRejected, provider.StatusSent},
			[]provider.Status{e.Recipients[0].Status, e.Recipients[1].Status, e.Recipients[2].Status})
		require.Len(t, d.server.Items(ann, "Sent"), 1)
	})
}

// OUT-2, OUT-5: where the answer for some was lost and others were put off, a person's
// word about the first loses nobody of the others.
func TestOUT5ResolveKeepsThoseWhoWerePutOff(t *testing.T) {
	for word, want := range map[Resolution]string{WasSent: "a: sent, b: sent; 1 x a, 1 x b", SendAgain: "a: sent, b: sent; 2 x a, 1 x b", LeaveUnsent: "a: rejected, b: rejected; 1 x a, 0 x b"} {
		synctest.Test(t, func(t *testing.T) {
			d := newDesk(t, nil)
			calm := false
			d.server.Recipient = func(address string) provider.Status {
				if address[0] == 'b' && !calm {
					return provider.StatusRetry
				}
				return provider.StatusSent
			}
			d.server.Fault = func(c providertest.Call) providertest.Outcome {
				return providertest.Outcome{Cut: c.Op == providertest.OpSent && !calm, Effect: true}
			}
			o := outgoing("1")
			o.To = []item.Address{{Addr: "a@example.org"}, {Addr: "b@example.org"}}
			d.send(o)
			for range 6 {
				d.SyncMailbox(t.Context(), ann)
				time.Sleep(gap)
			}
			e, err := d.store.Entry(t.Context(), ann, "1")
			require.NoError(t, err)
			require.Equal(t, PhaseHeld, e.Phase)
			calm = true
			require.NoError(t, d.Resolve(t.Context(), ann, "1", word))
			for range 3 {
				syncOnce(t, d.Syncer, ann)
				time.Sleep(gap)
			}
			e, err = d.store.Entry(t.Context(), ann, "1")
			require.NoError(t, err)
			require.Equal(t, PhaseDone, e.Phase)
			times := func(address string) (n int) {
				for _, m := range d.server.Sent() {
					if slices.Contains(m.Recipients, address) {
						n++
					}
				}
				return n
			}
			require.Equal(t, want, fmt.Sprintf("a: %s, b: %s; %d x a, %d x b", e.Recipients[0].Status, e.Recipients[1].Status, times("a@example.org"), times("b@example.org")))
		})
	}
}

// What waited for longer than GiveUp before its first try, such as while its mailbox
// was paused, is not given up at the first hitch.
func TestOUT2WaitingIsNoTry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, nil)
		putOff := 3
		d.server.Recipient = func(string) provider.Status {
			if putOff--; putOff >= 0 {
				return provider.StatusRetry
			}
			return provider.StatusSent
		}
		d.send(outgoing("1"))
		time.Sleep(6 * 24 * time.Hour)
		for range 5 {
			d.SyncMailbox(t.Context(), ann)
			time.Sleep(gap)
		}
		require.Len(t, d.server.Sent(), 1)

		putOff = 1000
		d.send(outgoing("2"))
		for range 10 * 24 {
			d.SyncMailbox(t.Context(), ann)
			time.Sleep(time.Hour)
		}
		e, err := d.store.Entry(t.Context(), ann, "2")
		require.NoError(t, err)
		require.Equal(t, PhaseDone, e.Phase)
		require.Equal(t, provider.StatusRejected, e.Recipients[0].Status)
		require.Contains(t, e.Recipients[0].Text, "given up")
	})
}
