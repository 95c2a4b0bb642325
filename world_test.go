package serversync_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/provider/providertest"
	"github.com/go-serversync/serversync/store/memory"
)

// A world is a server, a Store and the Syncer between them, which can be made to
// crash or to fail at any call. It lives in a synctest bubble.
type world struct {
	t      testing.TB
	server *providertest.Server
	store  *memory.Store
	cfg    Config
	keys   []mailbox.Key
	syncer *Syncer

	filesSent bool // the server files what it sends

	mu      sync.Mutex
	calls   []Call // of the first life
	injects []injection
	life    int // which Syncer this is, from 1
	made    int // calls in this life
	crashed bool
}

// An injection is what happens at a call: at the one of this name and number in the
// first life or, with at set, at the at-th call of that life.
type injection struct {
	call Call
	life int
	at   int
	mode mode
}

type mode string

const (
	crashBefore mode = "crash before"
	crashAfter  mode = "crash after"
	errorBefore mode = "error before"
	errorAfter  mode = "error after"
)

var modes = []mode{crashBefore, crashAfter, errorBefore, errorAfter}

var errCrashed = errors.New("the process is dead")

// gap is longer than every claim, lease and wait between two tries.
const gap = 37 * time.Minute

func newWorld(t testing.TB, temperament providertest.Temperament) *world {
	w := &world{t: t, server: providertest.NewServer(temperament), store: memory.New(), keys: []mailbox.Key{ann}}
	w.server.Memory = -1 // every body counts as held until it is released
	w.cfg = newConfig(w.server, w.store)
	w.filesSent = temperament == providertest.EWSLike || temperament == providertest.GraphLike
	w.cfg.BatchItems = 4
	w.cfg.ItemTries = 3
	return w
}

// start begins a life.
func (w *world) start() {
	if w.syncer != nil {
		w.syncer.Close()
	}
	cfg := w.cfg
	w.life++
	w.made, w.crashed = 0, false
	cfg.Node = fmt.Sprint("node", w.life)
	cfg.Random = counter(uint64(w.life))
	s, err := New(cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	s.Intercept(w.intercept)
	w.syncer = s
}

// counter returns random numbers that are the same in every run.
func counter(seed uint64) func() uint64 {
	var mu sync.Mutex
	state := (seed + 1) * 0xda942042e4dd58b5
	return func() uint64 {
		mu.Lock()
		defer mu.Unlock()
		state += 0x9e3779b97f4a7c15
		z := state
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		return z ^ z>>31
	}
}

// took is how long a call takes: no two calls that run at once take the same.
func took(c Call, salt string) time.Duration {
	h := fnv.New64a()
	fmt.Fprint(h, c, salt)
	return 1 + time.Duration(h.Sum64()%uint64(50*time.Millisecond))
}

func (w *world) intercept(ctx context.Context, c Call, do func(context.Context) error) error {
	time.Sleep(took(c, ""))
	w.mu.Lock()
	w.made++
	if w.life == 1 {
		w.calls = append(w.calls, c)
	}
	found := mode("")
	for i, inject := range w.injects {
		if inject.life == w.life && (inject.at == w.made || inject.at == 0 && inject.call == c) {
			found = inject.mode
			w.injects = slices.Delete(w.injects, i, i+1)
			break
		}
	}
	dead := w.crashed
	if found == crashBefore {
		w.crashed = true
	}
	w.mu.Unlock()
	switch {
	case dead || found == crashBefore:
		return errCrashed
	case found == errorBefore:
		return injected(c, false)
	case found == crashAfter:
		do(ctx)
		w.mu.Lock()
		w.crashed = true
		w.mu.Unlock()
		return errCrashed
	case found == errorAfter:
		do(ctx)
		return injected(c, true)
	}
	return do(ctx)
}

// injected is the error that a call on this side may return.
func injected(c Call, effect bool) error {
	switch {
	case c.Name == "Store.Commit" && effect:
		return ErrUnknown
	case strings.HasPrefix(c.Name, "Source."), strings.HasPrefix(c.Name, "Actor."), strings.HasPrefix(c.Name, "Driver."),
		strings.HasPrefix(c.Name, "Finder."), strings.HasPrefix(c.Name, "Filer."), strings.HasPrefix(c.Name, "Sender."):
		return &provider.Error{Op: c.Name, Kind: provider.ErrUnavailable, Err: errors.New("injected")}
	}
	return errors.New("injected at " + c.Name)
}

// settle makes cycles until two rounds in a row write nothing, or for a number of
// rounds that went well.
func (w *world) settle(rounds int) {
	for quiet, well, n := 0, 0, 0; quiet < 2; n++ {
		if n == 60 {
			w.t.Fatalf("no rest: still writing after %d rounds", n)
		}
		writes, failed := w.store.Writes(), false
		for _, key := range w.keys {
			report, err := w.syncer.SyncMailbox(context.Background(), key)
			failed = failed || err != nil || report.More
			if w.crashed {
				break
			}
		}
		switch {
		case w.crashed:
			w.start()
		case failed:
		default:
			if well++; well == rounds {
				return
			}
			w.decideHeld()
		}
		if quiet++; failed || writes != w.store.Writes() {
			quiet = 0
		}
		time.Sleep(gap)
	}
}

// decideHeld decides about held entries like a person who asks the recipients.
func (w *world) decideHeld() {
	for _, key := range w.keys {
		held, _ := w.store.Entries(context.Background(), key, PhaseHeld, "", 100)
		for _, e := range held {
			verdict := SendAgain
			for _, r := range e.Recipients {
				if r.Status == provider.StatusUncertain && w.got(e, r.Address) > 0 {
					verdict = WasSent
				}
			}
			if err := w.syncer.Resolve(context.Background(), key, e.ID, verdict); err != nil && !w.crashed {
				w.t.Fatalf("Resolve: %v", err)
			}
		}
	}
}

// got returns how often a recipient got an entry.
func (w *world) got(e Entry, address string) (n int) {
	raw, _ := e.Raw.Bytes()
	for _, m := range w.server.Sent() {
		if bytes.Equal(m.Raw, raw) && slices.Contains(m.Recipients, address) {
			n++
		}
	}
	return n
}

// outcome is everything that must be the same whatever happened on the way, a fact a
// line.
func (w *world) outcome() string {
	var facts []string
	fact := func(format string, args ...any) { facts = append(facts, fmt.Sprintf(format, args...)) }
	for _, m := range w.store.Messages("acme") {
		raw, _ := m.Raw.Bytes()
		fact("message %s %x", m.MessageID, short(raw))
		for _, p := range m.Places {
			fact("message %s is in %v %v gone=%t %v", m.MessageID, p.Mailbox, p.Place, p.Gone, p.Flags)
		}
	}
	for _, key := range w.keys {
		for _, p := range w.store.Places(key) {
			fact("ledger %v %v %s", key, p.Place, p.Kind)
		}
		for _, a := range alertsOf(w.store, key) {
			if a.Code != "send-uncertain" {
				fact("alert %v %s", key, a.Code)
			}
		}
		snap, _ := w.store.Load(context.Background(), key)
		fact("left %v owed=%d deferred=%d resets=%d again=%d in=%s", key, len(snap.Owed), len(snap.Deferred), len(snap.State.Resets), len(snap.State.Reach.Again), snap.State.Incoming.Phase)
		for _, folder := range []provider.FolderID{"INBOX", "Sent", "Trash"} {
			for _, m := range w.server.Items(key, folder) {
				fact("server %v %s %x %v", key, folder, short(m.Raw), m.Flags)
			}
		}
		for _, phase := range []Phase{PhasePending, PhaseClaimed, PhaseSubmitting, PhaseAccepted, PhaseUncertain, PhaseHeld, PhaseDone, PhaseCanceled} {
			entries, _ := w.store.Entries(context.Background(), key, phase, "", 1000)
			for _, e := range entries {
				for _, r := range e.Recipients {
					got := fmt.Sprintf("%s, got %d", r.Status, w.got(e, r.Address))
					if guessed[r.Text] && w.got(e, r.Address) <= 1 {
						got = foundOut
					}
					fact("entry %v %s %s %s %s", key, e.ID, phase, r.Address, got)
				}
			}
		}
	}
	for _, m := range w.server.Misuse() {
		fact("misuse %s", m)
	}
	slices.SortStableFunc(facts, cmp.Compare[string])
	if w.filesSent { // once a submission, and nobody knows how many an entry took
		facts = slices.Compact(facts)
	}
	return strings.Join(facts, "\n")
}

// foundOut stands for a recipient whose fate was found out for the entry as a whole:
// it got the message at most once.
const foundOut = "found out"

var guessed = map[string]bool{"a person said so": true, "found among the sent mail": true}

func short(raw []byte) []byte {
	sum := sha256.Sum256(raw)
	return sum[:4]
}

// difference returns the lines that only one of two outcomes has.
func difference(want, got string) string {
	var b strings.Builder
	a, c := strings.Split(want, "\n"), strings.Split(got, "\n")
	only := func(sign string, from, in []string) {
		left := slices.Clone(in)
		for _, line := range from {
			i := slices.Index(left, line)
			if head, _, ok := strings.Cut(line, foundOut); ok && i < 0 {
				i = slices.IndexFunc(left, func(l string) bool { return strings.HasPrefix(l, head) })
			}
			if i < 0 {
				i = slices.IndexFunc(left, func(l string) bool {
					head, _, ok := strings.Cut(l, foundOut)
					return ok && strings.HasPrefix(line, head)
				})
			}
			if i >= 0 {
				left = slices.Delete(left, i, i+1)
				continue
			}
			fmt.Fprintln(&b, sign, line)
		}
	}
	only("-", a, c)
	only("+", c, a)
	return b.String()
}

// numbered returns the number in a letter's subject.
func numbered(m *item.Message) (n int) {
	if m != nil {
		fmt.Sscanf(m.Subject, "letter %d", &n)
	}
	return n
}

// alertsOf returns the alerts on the mailbox's wall, the one told last first.
func alertsOf(store *memory.Store, key mailbox.Key) []mailbox.Alert {
	all, err := store.Alerts(context.Background(), key.Wall(), false, 1<<20)
	if err != nil {
		panic(err)
	}
	return all
}
