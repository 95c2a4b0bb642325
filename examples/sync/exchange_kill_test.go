package main

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/ews/ewstest"
)

// An exchangeSiege kills the program again and again while an Exchange, which lives on,
// gets mail, moves and deletes it, and while mail is being sent through it.
type exchangeSiege struct {
	*exchange
	t         *testing.T
	rng       *rand.Rand
	window    time.Duration // in which a kill falls, from the program's start on
	kills     int
	aimed     int             // of them at a moment of sending
	inside    map[string]bool // entries that were being sent at a kill
	delivered []string
	letters   []string // files of what is sent
}

// No message is lost, stored twice, sent twice or held, however often the program is
// killed: what became of a letter can be told from its draft and its copy.
func TestExchangeKill(t *testing.T) { newExchangeSiege(t, killsOf(t, 20)) }

// The same while answers are lost, to what was done and to what was not.
func TestExchangeKillOnABadLine(t *testing.T) {
	newExchangeSiege(t, killsOf(t, 10),
		ewstest.Fault{Op: "SendItem", After: true, Lose: true, Chance: 0.2},
		ewstest.Fault{Op: "SendItem", Lose: true, Chance: 0.2},
		ewstest.Fault{Op: "CreateItem", After: true, Lose: true, Chance: 0.1},
		ewstest.Fault{Op: "UpdateItem", After: true, Lose: true, Chance: 0.1},
		ewstest.Fault{Op: "SyncFolderItems", After: true, Lose: true, Chance: 0.1},
		ewstest.Fault{Op: "GetItem", Cut: 3000, Chance: 0.1})
}

// newExchangeSiege makes a siege and checks all that it must keep to: ten messages come in
// a kill, and two go out.
func newExchangeSiege(t *testing.T, kills int, faults ...ewstest.Fault) {
	s := &exchangeSiege{exchange: newExchange(t, ewstest.Options{}), t: t, rng: rand.New(rand.NewPCG(1, 2)), inside: map[string]bool{}}
	s.CreateFolder(user, "Archive")
	began := time.Now()
	cmd, said := s.start()
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	s.window = max(200*time.Millisecond, 2*time.Since(began)) // more under the race detector
	s.SetFault(faults...)
	world, stop := context.WithCancel(t.Context())
	var others sync.WaitGroup
	others.Go(func() { s.deliver(world, rand.New(rand.NewPCG(3, 4)), 10*kills) })
	others.Go(func() { s.stir(world, rand.New(rand.NewPCG(5, 6))) })
	for s.kills < kills && !t.Failed() {
		s.kill()
		for _, e := range s.entries(t, serversync.PhaseSubmitting) {
			s.inside[e.ID] = true
		}
	}
	s.SetFault()
	stop()
	others.Wait()
	s.rest()
	s.check()
	t.Logf("%d kills, %d of them aimed at a moment of sending, with %d entries being sent; %d messages delivered, %d sent, none held",
		s.kills, s.aimed, len(s.inside), len(s.delivered), len(s.letters))
}

// deliver delivers n messages to Anna, some at a time, all of them even if ctx ends.
func (s *exchangeSiege) deliver(ctx context.Context, rng *rand.Rand, n int) {
	for i := 0; i < n; {
		for range 1 + rng.IntN(20) {
			if i == n {
				return
			}
			raw := mail(i) + strings.Repeat("Some more lines make it longer.\r\n", i%500)
			s.delivered = append(s.delivered, raw)
			s.Add(user, "inbox", []byte(raw))
			i++
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(rng.Int64N(int64(2 * s.window)))):
		}
	}
}

// stir moves mail to the archive and back, and changes flags, as Anna would in another client.
func (s *exchangeSiege) stir(ctx context.Context, rng *rand.Rand) {
	folders := []string{"inbox", "Archive"}
	for ctx.Err() == nil {
		from := rng.IntN(2)
		if all := s.IDs(user, folders[from]); len(all) > 0 {
			id := all[rng.IntN(len(all))]
			if rng.IntN(3) > 0 {
				s.Move(id, folders[1-from])
			} else {
				s.SetFlags(id, ewstest.FlagRead)
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// start starts the program with more flags.
func (s *exchangeSiege) start(more ...string) (*exec.Cmd, *strings.Builder) {
	self, err := os.Executable()
	must(s.t, err)
	cmd := exec.CommandContext(s.t.Context(), self, s.flags(append([]string{"-once", "-folders", "INBOX,Archive"}, more...)...)...)
	cmd.Env = append(os.Environ(), asProgram+"=1", "TMPDIR="+s.dir)
	var said strings.Builder
	cmd.Stderr = &said
	must(s.t, cmd.Start())
	return cmd, &said
}

// kill starts the program and kills it, unless it has ended by then.
func (s *exchangeSiege) kill() {
	var flags []string
	if len(s.letters) < 2*(s.kills+1) {
		for range 2 {
			n := len(s.letters)
			s.letters = append(s.letters, s.write(s.t, fmt.Sprintf("letter-%d.eml", n), to("bob", n)))
			flags = append(flags, "-send", s.letters[n])
		}
	}
	var sends <-chan struct{}
	if s.kills%2 == 1 {
		sends = s.sending()
	}
	cmd, said := s.start(flags...)
	const least = 5 * time.Millisecond
	late := time.After(least + time.Duration(s.rng.Int64N(int64(s.window-least)))) // any moment will do
	select {
	case <-sends:
		s.aimed++
		time.Sleep(time.Duration(s.rng.Int64N(int64(2 * least)))) // before, in and behind the answer
	case <-late:
	}
	s.Requests(nil)
	must(s.t, cmd.Process.Kill())
	err := cmd.Wait()
	switch status := cmd.ProcessState.ExitCode(); {
	case status == -1:
		s.kills++
	case status > 1:
		s.t.Fatalf("the program: %v\n%s", err, said)
	}
}

// sending returns what is closed when a request comes that has to do with sending.
func (s *exchangeSiege) sending() <-chan struct{} {
	came := make(chan struct{})
	var once sync.Once
	which := []string{"CreateItem", "SendItem", "SendItem"}[s.rng.IntN(3)]
	s.Requests(func(op string, _ []byte) {
		if op == which {
			once.Do(func() { close(came) })
		}
	})
	return came
}

// rest runs the program until there is nothing left for it to do.
func (s *exchangeSiege) rest() {
	var flags []string
	for _, letter := range s.letters {
		flags = append(flags, "-send", letter)
	}
	deadline := time.Now().Add(10 * time.Minute)
	for {
		cmd, said := s.start(append(flags, "-export", s.out)...)
		if err := cmd.Wait(); err == nil && strings.Contains(said.String(), "nothing new") {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("it does not come to rest:\n%s", said)
		}
	}
}

// check checks that each message is stored once, byte for byte, and each letter was sent
// and filed once, with nothing left behind.
func (s *exchangeSiege) check() {
	times := map[string]int{}
	for _, raw := range exported(s.t, s.out) {
		times[raw]++
	}
	for i, raw := range s.delivered {
		if times[raw] != 1 {
			s.t.Errorf("message %d is stored %d times", i, times[raw])
		}
		delete(times, raw)
	}
	for raw := range maps.Keys(times) {
		s.t.Errorf("stored but never delivered: %q", raw)
	}
	if held := s.held(s.t); len(held) > 0 {
		s.t.Errorf("%d entries are held, such as %q", len(held), held[0].Reason)
	}
	var want []string
	for n := range s.letters {
		want = append(want, fmt.Sprintf("letter-%d@example.test", n))
	}
	slices.Sort(want)
	for _, place := range [][2]string{{bob, "inbox"}, {user, "sentitems"}} {
		var got []string
		for _, raw := range s.raws(place[0], place[1]) {
			got = append(got, messageID(s.t, []byte(raw)))
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			s.t.Errorf("in %s of %s lie %d letters, want each of %d once: %q", place[1], place[0], len(got), len(want), got)
		}
	}
	for _, folder := range []string{"drafts", "outbox"} { // what was withdrawn lies among what was deleted
		if n := len(s.IDs(user, folder)); n > 0 {
			s.t.Errorf("%d items are left in %s", n, folder)
		}
	}
}
