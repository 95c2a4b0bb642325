package serversync_test

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"sync"
	"time"

	. "github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/provider/providertest"
	"github.com/go-serversync/serversync/store/memory"
)

// A simulation is two Syncers, a Store and a server with faults, in virtual time.
// All its chance comes from hashes of the seed and the name of what happens, and no
// two calls end at one instant, so that a seed has one history.
type simulation struct {
	seed    uint64
	server  *providertest.Server
	store   *memory.Store
	checked *oracle
	syncers []*Syncer
	keys    []mailbox.Key
	classes uint64 // which faults there are

	mu        sync.Mutex
	healed    bool
	serverOps map[string]int
	delivered map[string]bool // the bytes of every message that there ever was
	entries   []Entry
	directory *Directory
	epochs    int
	forgot    map[mailbox.Key]bool // cursors were forgotten while ids stayed
	promises  map[string]*promise  // of entries, by ID
	rules     bool                 // mail is tracked by rules
	trace     uint64
	calls     int
	faults    []string
}

const (
	faultTime = 36 * time.Hour
	farthest  = 12 * time.Hour // of what is scheduled
)

// chance returns a number that depends on the seed and the parts alone.
func (s *simulation) chance(parts ...any) uint64 {
	h := fnv.New64a()
	fmt.Fprint(h, s.seed, parts)
	z := h.Sum64() // FNV alone hardly mixes its last bytes
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// between is a time from min on that is nearly never the same twice.
func (s *simulation) between(min, width time.Duration, parts ...any) time.Duration {
	return min + time.Duration(s.chance(parts...)%uint64(width))
}

func newSimulation(seed uint64, bug plant) *simulation {
	s := &simulation{seed: seed, store: memory.New(), keys: []mailbox.Key{ann, bob},
		forgot: make(map[mailbox.Key]bool), promises: make(map[string]*promise), serverOps: make(map[string]int), delivered: make(map[string]bool)}
	s.classes = s.chance("classes")
	temperament := temperaments[s.chance("temperament")%5]
	switch {
	case seed%8 == 3 || bug == draftStays:
		temperament = providertest.EWSLike
	case seed%2 == 0 || bug == epochIgnored:
		temperament = providertest.IMAPLike
	}
	s.server = providertest.NewServer(temperament)
	s.server.Memory = -1
	s.server.Fault = s.serverFault
	s.server.Recipient = func(address string) provider.Status {
		if strings.HasPrefix(address, "nobody") {
			return provider.StatusRejected
		}
		return provider.StatusSent
	}
	s.checked = &oracle{Store: s.store, Outbox: s.store, s: s}
	cfg := newConfig(s.server, s.checked, annBox, bobBox)
	if temperament == providertest.EWSLike {
		cfg.Mailboxes = Static(exchangeProfile, annBox, bobBox)
	}
	s.directory = cfg.Mailboxes.(*Directory)
	if s.classes&32 != 0 {
		for _, key := range s.keys {
			s.bound(key, time.Now().Add(-24*time.Hour))
		}
	}
	cfg.BatchItems = 1 + int(s.chance("batch")%6)
	cfg.ItemTries = 4
	if s.chance("filter")%2 == 0 {
		cfg.Filter = s.filter
	} else if s.chance("rules")%3 != 0 {
		s.useRules(&cfg)
	}
	bug.put(s, &cfg)
	for i := range 2 {
		cfg.Node = fmt.Sprint("node", i)
		cfg.Random = counter(seed*2 + uint64(i))
		syncer, err := New(cfg)
		if err != nil {
			panic(err)
		}
		syncer.Intercept(func(ctx context.Context, c Call, do func(context.Context) error) error {
			return s.intercept(ctx, i, c, do)
		})
		s.syncers = append(s.syncers, syncer)
	}
	return s
}

func (s *simulation) filter(_ context.Context, page []Candidate) (decisions []Decision, err error) {
	for _, c := range page {
		d := Decision{}
		if n := numbered(c.Message); n%5 == 1 {
			d.Verdict = Ignored
		} else if n%5 == 2 {
			d.Then = []provider.Act{{Kind: provider.Mark, Flag: `\Flagged`}}
		}
		decisions = append(decisions, d)
	}
	return decisions, nil
}

func (s *simulation) isHealed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.healed
}

// intercept is the seam: it delays each call, has some fail, and writes the trace.
func (s *simulation) intercept(ctx context.Context, node int, c Call, do func(context.Context) error) error {
	time.Sleep(s.between(1, 2*time.Second, "took", node, c))
	dice := s.chance("seam", node, c) % 1000
	healed := s.isHealed()
	if !healed && s.classes&1 != 0 && dice >= 900 && dice < 905 {
		time.Sleep(s.between(time.Minute, time.Hour, "slow", node, c)) // longer than a claim
	}
	if c.Name == "Settler.Settle" && !healed { // what was lost may have been slow
		switch dice % 4 {
		case 0:
			s.server.Arrive(c.Mailbox)
		case 1, 2:
			defer s.server.Arrive(c.Mailbox)
		}
	}
	var err error
	switch {
	case healed || s.classes&2 == 0 || dice >= 40:
		err = do(ctx)
	case dice < 15:
		err = injected(c, false)
	case dice < 30:
		do(ctx)
		err = injected(c, true)
	case strings.HasPrefix(c.Name, "Store.Commit"):
		err = ErrUnknown // and it did not take effect
		if dice < 35 {
			err = ErrFenced
		}
	default:
		err = do(ctx)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	h := fnv.New64a()
	fmt.Fprint(h, s.trace, time.Now().UnixNano(), node, c, err)
	s.trace = h.Sum64()
	return err
}

// serverFault is what the server does wrong.
func (s *simulation) serverFault(c providertest.Call) providertest.Outcome {
	s.mu.Lock()
	of := fmt.Sprint(c.Mailbox, c.Op)
	s.serverOps[of]++
	n, healed := s.serverOps[of], s.healed
	s.mu.Unlock()
	if healed || s.classes&4 == 0 || c.Op == providertest.OpClose {
		return providertest.Outcome{}
	}
	dice := s.chance("server", of, n) % 1000
	if c.Op == providertest.OpSent {
		dice /= 4
	}
	fail := func(kind provider.Kind) error {
		return &provider.Error{Op: "simulated", Kind: kind, RetryAfter: time.Minute, Err: errors.New("simulated")}
	}
	switch {
	case dice < 10:
		return providertest.Outcome{Err: fail(provider.ErrUnavailable)}
	case dice < 20:
		return providertest.Outcome{Cut: true}
	case dice < 30:
		return providertest.Outcome{Cut: true, Effect: true}
	case dice < 40:
		return providertest.Outcome{Err: fail(provider.ErrThrottled)}
	case dice < 45 && c.Op != providertest.OpSent:
		return providertest.Outcome{Panic: "simulated"}
	case dice < 60:
		return providertest.Outcome{Item: func(id provider.ID) error {
			if s.chance("item", of, n, id)%3 == 0 {
				return fail(provider.ErrBadItem)
			}
			return nil
		}}
	}
	return providertest.Outcome{}
}

// deliver puts a message into a mailbox; some are in both.
func (s *simulation) deliver(key mailbox.Key, n int) {
	raw := s.letter(n)
	s.delivered[string(raw)] = true
	received := time.Now()
	if s.classes&32 != 0 {
		received = received.Add(-time.Duration(s.chance("age", key, n) % uint64(5*24*time.Hour)))
	}
	s.server.Put(key, "INBOX", providertest.Message{Raw: raw, Received: received})
}

// bound has a mailbox process email from a time on.
func (s *simulation) bound(key mailbox.Key, since time.Time) {
	s.edit(key, func(box *mailbox.Mailbox) { box.ProcessAfter = since })
}

// edit changes a mailbox.
func (s *simulation) edit(key mailbox.Key, change func(*mailbox.Mailbox)) {
	if err := s.directory.Edit(context.Background(), key, change); err != nil {
		panic(err)
	}
}

// live lets the world go on until the faults end.
func (s *simulation) live() {
	end := time.Now().Add(faultTime)
	for n := 0; time.Now().Before(end); n++ {
		time.Sleep(s.between(time.Second, 40*time.Minute, "event", n))
		key := s.keys[s.chance("whose", n)%2]
		inbox := s.server.Items(key, "INBOX")
		var some provider.ID
		if len(inbox) > 0 {
			some = inbox[s.chance("which", n)%uint64(len(inbox))].ID
		}
		switch dice := s.chance("what", n) % 100; {
		case dice < 40:
			for i := range 1 + s.chance("many", n)%5 {
				s.deliver(key, int(s.chance("letter", n, i)%200))
			}
		case dice < 50:
			s.server.Remove(key, "INBOX", some)
		case dice < 60:
			s.server.Move(key, "INBOX", some, "Trash")
		case dice < 70:
			s.server.SetFlags(key, "INBOX", some, []string{`\Seen`, `\Answered`, `$Label`}[dice%3])
		case dice < 75:
			s.server.Break(key)
		case dice < 79 && s.classes&8 != 0:
			s.epochs++
			s.server.NewEpoch(key, "INBOX")
		case dice < 83 && s.classes&16 != 0:
			s.epochs++
			if s.rules {
				s.epochs++ // of the tracked folder
			}
			s.forgot[key] = true
			s.server.ExpireCursors(key)
		case dice < 85 && s.classes&32 != 0:
			s.bound(key, time.Now().Add(-s.between(time.Hour, 5*24*time.Hour, "bound", n)))
		case dice < 85:
			s.ask(key, n)
		case dice >= 85:
			s.write(key, n)
		}
		s.changeMind(n)
	}
}

// run is the whole simulation.
func (s *simulation) run(ctx context.Context) {
	for n := range 15 {
		s.deliver(s.keys[n%2], n/2)
	}
	var all sync.WaitGroup
	end := time.Now().Add(faultTime)
	for node, syncer := range s.syncers {
		for _, key := range s.keys {
			all.Go(func() {
				for n := 0; time.Now().Before(end); n++ {
					time.Sleep(s.between(time.Second, 20*time.Minute, "poll", node, key, n))
					syncer.SyncMailbox(ctx, key)
				}
			})
		}
	}
	all.Go(s.live)
	all.Wait()
	s.mu.Lock()
	s.healed = true
	s.mu.Unlock()
	for _, key := range s.keys {
		s.bound(key, time.Time{})
	}
	time.Sleep(farthest)
	s.settle(ctx)
	s.check(ctx)
	for _, syncer := range s.syncers {
		syncer.Close()
	}
	if open, _ := s.server.Sessions(); open != 0 || s.server.Held() != 0 {
		s.fault("%d sessions are open and %d bodies held at the end", open, s.server.Held())
	}
	for _, m := range s.server.Misuse() {
		s.fault("misuse: %s", m)
	}
}

// settle makes rounds until three in a row write nothing.
func (s *simulation) settle(ctx context.Context) {
	for quiet, n := 0, 0; quiet < 3; n++ {
		if n == 60 {
			s.fault("no rest: still writing after %d rounds", n)
			return
		}
		writes, failed := s.store.Writes(), false
		for i, syncer := range s.syncers {
			for _, key := range s.keys {
				if _, err := syncer.SyncMailbox(ctx, key); err != nil {
					failed = true
				}
				s.decideHeld(ctx, syncer, key)
			}
			time.Sleep(gap + time.Duration(i))
		}
		if quiet++; failed || writes != s.store.Writes() {
			quiet = 0
		}
	}
}

func (s *simulation) decideHeld(ctx context.Context, syncer *Syncer, key mailbox.Key) {
	held, _ := s.store.Entries(ctx, key, PhaseHeld, "", 1000)
	for _, e := range held {
		verdict := SendAgain
		for _, r := range e.Recipients {
			if r.Status == provider.StatusUncertain && s.got(e, r.Address) > 0 {
				verdict = WasSent
			}
		}
		syncer.Resolve(ctx, key, e.ID, verdict)
	}
}

func (s *simulation) got(e Entry, address string) (n int) {
	for _, m := range s.server.Sent() {
		if m.EnvelopeID == e.ID && m.Mailbox == e.Mailbox && slices.Contains(m.Recipients, address) {
			n++
		}
	}
	return n
}

func (s *simulation) fault(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, fmt.Sprintf(format, args...))
}
