package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/imap/imaptest"
	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/smtp/smtptest"
	"github.com/go-serversync/serversync/store/sqlite"
)

// A dropper is a server that takes two of five messages and closes the connection
// before it says so; for another one it closes it without having taken it.
type dropper struct {
	mu   sync.Mutex
	rng  *rand.Rand
	calm bool
	took int // without a word
}

func (d *dropper) fail(cmd string) string {
	if cmd != "." {
		return ""
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.calm {
		return ""
	}
	switch d.rng.IntN(5) {
	case 0:
		d.took++
		return smtptest.Accept + smtptest.Drop
	case 1:
		d.took++
		return smtptest.Accept + smtptest.Reset
	case 2:
		return smtptest.Drop
	}
	return ""
}

// mute returns how many messages were taken without a word.
func (d *dropper) mute() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.took
}

// The server accepts and then drops, and the program is killed as well: nothing is
// lost or sent twice. Where the server files what it takes, what it took is found out
// by looking; where it does not, nothing that was taken is sent again by itself.
func TestKillAcceptedThenDropped(t *testing.T) {
	for _, files := range []bool{true, false} {
		t.Run(fmt.Sprintf("files=%t", files), func(t *testing.T) {
			kills := killsOf(t, 10)
			in := imaptest.NewServer(imaptest.Options{Users: map[string]string{user: password}})
			t.Cleanup(in.Close)
			drops := &dropper{rng: rand.New(rand.NewPCG(1, 2))}
			options := smtptest.Options{Users: map[string]string{user: password}, Fail: drops.fail}
			if files {
				options.Deliver = func(_ string, _ []string, raw []byte) { in.Add(user, "Sent", raw) }
			}
			out := smtptest.NewServer(options)
			t.Cleanup(out.Close)
			b := newBench(t, in.Addr(), out.Addr, root(t, in.Addr(), in.CertPool()), root(t, out.Addr, out.CertPool()))

			began := time.Now()
			b.once(t)
			window := max(100*time.Millisecond, time.Since(began))
			var letters []string
			rng := rand.New(rand.NewPCG(3, 4))
			write := func() (send []string) {
				letters = append(letters, b.write(t, fmt.Sprintf("letter-%d.eml", len(letters)), to("bob", len(letters))))
				return []string{"-send", letters[len(letters)-1]}
			}
			for killed := 0; killed < kills; {
				if b.killed(t, 5*time.Millisecond+time.Duration(rng.Int64N(int64(window))), write()...) {
					killed++
				}
			}
			wait(t, func() bool { b.once(t, write()...); return drops.mute() >= 10 })
			drops.mu.Lock()
			drops.calm = true
			drops.mu.Unlock()
			var flags []string
			for _, letter := range letters {
				flags = append(flags, "-send", letter)
			}
			held, missing := 0, 0
			wait(t, func() bool { b.once(t, flags...); return len(b.left(t)) == 0 })
			for _, e := range b.held(t) {
				held++
				taken := slices.ContainsFunc(out.Messages(), func(m smtptest.Message) bool { return messageID(t, m.Data) == e.MessageID })
				word := serversync.WasSent
				if !taken {
					word = serversync.SendAgain
					missing++
				}
				b.once(t, "-resolve", e.ID+"="+string(word))
			}
			wait(t, func() bool { b.once(t); return len(b.left(t)) == 0 })

			times := map[string]int{}
			for _, m := range out.Messages() {
				times[messageID(t, m.Data)]++
			}
			for n := range letters {
				if id := fmt.Sprintf("letter-%d@example.test", n); times[id] != 1 {
					t.Errorf("%s was taken %d times", id, times[id])
				}
			}
			filed := map[string]int{}
			for _, m := range in.Messages(user, "Sent") {
				filed[messageID(t, m.Raw)]++
			}
			for id, n := range filed {
				if n != 1 {
					t.Errorf("%s is filed %d times", id, n)
				}
			}
			t.Logf("%d kills, %d letters, %d taken without a word; %d held, of which %d had not been taken", kills, len(letters), drops.took, held, missing)
			switch {
			case drops.took < 5:
				t.Error("the server took too few messages without a word")
			case files && held != missing:
				t.Errorf("%d were held that lie in the folder of sent mail", held-missing)
			case !files && held == 0:
				t.Error("nothing was held, though nothing says what became of it")
			}
		})
	}
}

// killed runs the program and kills it after a while, unless it has ended by then.
func (b *bench) killed(t *testing.T, after time.Duration, flags ...string) bool {
	self, err := os.Executable()
	must(t, err)
	cmd := exec.CommandContext(t.Context(), self, b.flags(append([]string{"-once"}, flags...)...)...)
	cmd.Env = append(os.Environ(), asProgram+"=1", "TMPDIR="+b.dir)
	must(t, cmd.Start())
	time.Sleep(after)
	must(t, cmd.Process.Kill())
	cmd.Wait()
	return cmd.ProcessState.ExitCode() == -1
}

func messageID(t *testing.T, raw []byte) string {
	m, err := item.ParseMessage(item.NewBlob(raw), item.Limits{})
	must(t, err)
	return m.MessageID
}

// left returns the entries that go on by themselves, and held those that do not.
func (b *bench) left(t *testing.T) []serversync.Entry {
	return b.entries(t, serversync.PhasePending, serversync.PhaseClaimed, serversync.PhaseSubmitting, serversync.PhaseAccepted, serversync.PhaseUncertain)
}

func (b *bench) held(t *testing.T) []serversync.Entry { return b.entries(t, serversync.PhaseHeld) }

func (b *bench) entries(t *testing.T, phases ...serversync.Phase) (all []serversync.Entry) {
	ctx := context.Background()
	store, err := sqlite.Open(ctx, b.db, sqlite.Options{})
	must(t, err)
	defer store.Close()
	for _, phase := range phases {
		entries, err := store.Entries(ctx, mailbox.Key{Organization: "sync", Mailbox: user}, phase, "", 1000)
		must(t, err)
		for _, e := range entries {
			e.Raw.Release()
		}
		all = append(all, entries...)
	}
	return all
}
