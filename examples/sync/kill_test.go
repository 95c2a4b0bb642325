package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/internal/link"
	"github.com/go-serversync/serversync/internal/testserver"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/store/sqlite"
)

// asProgram makes the test's own binary be the program, so that it can be killed.
const asProgram = "SERVERSYNC_SYNC"

// usedFile names the environment variable that says into which file the program writes
// what the system knows of its process when it ends.
const usedFile = "SERVERSYNC_SYNC_USAGE"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		debug.SetMemoryLimit(memory)
		status := program(context.Background(), os.Args[1:], io.Discard, os.Stderr, tune)
		if file := os.Getenv(usedFile); file != "" { // what wait4 tells counts the test's memory in
			if used, err := os.ReadFile("/proc/self/status"); err == nil {
				os.WriteFile(file, used, 0o600)
			}
		}
		os.Exit(status)
	}
	os.Exit(m.Run())
}

// A siege kills the program again and again while mail arrives, moves and is deleted
// on the server, and while mail is being sent.
type siege struct {
	*bench
	t   *testing.T
	d   *testserver.Dovecot
	p   *testserver.Postfix // nil where nothing is sent
	rng *rand.Rand

	// One change of Anna's mailbox at a time: Dovecot 2.3 may panic when two of its
	// sessions lock the same files ("Resource deadlock avoided").
	mu        sync.Mutex
	delivered []string

	window   time.Duration // in which a kill falls, from the program's start on
	letters  []string      // files of what is sent
	kills    int
	inside   map[string]bool // entries that were being sent at a kill
	deleted  int
	restored int // messages that were stored when the last copy was looked at
}

// No message is lost, stored twice or sent twice, however often the program is killed.
func TestKill(t *testing.T) {
	s, held := newSiege(t, killsOf(t, 20), false)
	if held > len(s.inside) {
		t.Errorf("%d entries were held after %d kills inside a send", held, len(s.inside))
	}
}

// The same while the line to the server that sends breaks in the midst of its answers,
// so that it takes messages whose answer is lost.
func TestKillOnABadLine(t *testing.T) { newSiege(t, killsOf(t, 10), true) }

// killsOf returns how many times a test kills the program.
func killsOf(t *testing.T, kills int) int {
	if s := os.Getenv("SERVERSYNC_KILLS"); s != "" {
		var err error
		kills, err = strconv.Atoi(s)
		must(t, err)
	}
	return kills
}

// newSiege makes a siege, and returns it when all that it must keep to was checked,
// with how many entries nobody could tell the fate of.
func newSiege(t *testing.T, kills int, badLine bool) (s *siege, held int) {
	b, d, p := real(t, testserver.DovecotOptions{})
	s = &siege{bench: b, t: t, d: d, p: p, rng: rand.New(rand.NewPCG(1, 2)), inside: map[string]bool{}}
	began := time.Now()
	cmd, _ := s.start()
	must(t, cmd.Wait())
	s.window = max(200*time.Millisecond, 2*time.Since(began)) // more under the race detector
	world, stop := context.WithCancel(t.Context())
	var others sync.WaitGroup
	others.Go(func() { s.deliver(world, rand.New(rand.NewPCG(3, 4)), 100*kills) })
	others.Go(func() { s.move(world, rand.New(rand.NewPCG(5, 6))) })
	if badLine {
		s.breakLine(p.SMTPSAddr, rand.New(rand.NewPCG(7, 8)))
	}
	for s.kills < kills {
		s.kill()
		s.look()
	}
	stop()
	others.Wait()
	s.rest()
	held = s.resolve()
	s.checkStored()
	s.checkSent()
	t.Logf("%d kills, %d of them while something was being sent; %d messages delivered, of which %d deleted; %d sent, %d held",
		s.kills, len(s.inside), len(s.delivered), s.deleted, len(s.letters), held)
	return s, held
}

// breakLine puts a line in front of the server that sends, which ends two of three
// connections while the server answers about one of their first messages.
func (s *siege) breakLine(server string, rng *rand.Rand) {
	var mu sync.Mutex
	var whole int64 // bytes that the server says in a session that sends one message
	line, err := link.Start(server, link.Options{Fault: func(conn int) link.Fault {
		mu.Lock()
		defer mu.Unlock()
		if whole == 0 || conn%3 == 0 {
			return link.Fault{}
		}
		return link.Fault{Kind: link.Close, Down: whole - 150 + rng.Int64N(500)}
	}})
	must(s.t, err)
	s.t.Cleanup(line.Close)
	s.smtp = line.Addr()
	s.letters = append(s.letters, s.write(s.t, "letter-0.eml", to("bob", 0)))
	cmd, _ := s.start("-send", s.letters[0])
	must(s.t, cmd.Wait())
	mu.Lock()
	defer mu.Unlock()
	whole = line.Stats().Down
}

// deliver delivers mail to Anna, some at a time, until ctx ends or there are many.
func (s *siege) deliver(ctx context.Context, rng *rand.Rand, most int) {
	for n := 0; n < most && ctx.Err() == nil; time.Sleep(50 * time.Millisecond) { // so that there is time for sending as well
		var some []string
		for range 1 + rng.IntN(20) {
			some = append(some, mail(n)+strings.Repeat("Some more lines make it longer.\r\n", n%500))
			n++
		}
		// What is cut off on its way in would be neither here nor there.
		s.mu.Lock()
		err := s.d.Fill(context.WithoutCancel(ctx), "anna", "", len(some), func(i int) []byte { return []byte(some[i]) })
		s.delivered = append(s.delivered, some...)
		s.mu.Unlock()
		if err != nil {
			s.t.Errorf("delivering: %v", err)
			return
		}
	}
}

// move moves mail to the archive, as Anna would in another client.
func (s *siege) move(ctx context.Context, rng *rand.Rand) {
	for ctx.Err() == nil {
		s.mu.Lock()
		uid := fmt.Sprint(1 + rng.IntN(len(s.delivered)+1))
		_, err := s.d.IMAP(context.WithoutCancel(ctx), "anna", "SELECT INBOX", "UID MOVE "+uid+" Archive")
		s.mu.Unlock()
		if err != nil {
			s.t.Errorf("moving: %v", err)
			return
		}
	}
}

// start starts the program with more mail to send.
func (s *siege) start(more ...string) (*exec.Cmd, *strings.Builder) {
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
func (s *siege) kill() {
	var flags []string
	for range 3 {
		n := len(s.letters)
		s.letters = append(s.letters, s.write(s.t, fmt.Sprintf("letter-%d.eml", n), to("bob", n)))
		flags = append(flags, "-send", s.letters[n])
	}
	cmd, said := s.start(flags...)
	const least = 5 * time.Millisecond
	time.Sleep(least + time.Duration(s.rng.Int64N(int64(s.window-least))))
	must(s.t, cmd.Process.Kill())
	err := cmd.Wait()
	switch status := cmd.ProcessState.ExitCode(); {
	case status == -1:
		s.kills++
	case status > 1:
		s.t.Fatalf("the program: %v\n%s", err, said)
	}
}

// look looks at a copy of what the kill left, so that the program itself has to
// bring the file in order, and deletes some mail from the server that is stored.
func (s *siege) look() {
	t, ctx, dir := s.t, s.t.Context(), s.t.TempDir()
	files, err := filepath.Glob(s.db + "*")
	must(t, err)
	if len(files) == 0 {
		return // the kill came before the file
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		must(t, err)
		must(t, os.WriteFile(filepath.Join(dir, filepath.Base(file)), content, 0o600))
	}
	store, err := sqlite.Open(ctx, filepath.Join(dir, filepath.Base(s.db)), sqlite.Options{})
	must(t, err)
	defer store.Close()
	entries, err := store.Entries(ctx, mailbox.Key{Organization: "sync", Mailbox: user}, serversync.PhaseSubmitting, "", 100)
	must(t, err)
	for _, e := range entries {
		e.Raw.Release()
		s.inside[e.ID] = true
	}
	stored, err := store.Messages(ctx, "sync", 0, 1_000_000)
	must(t, err)
	if len(stored) < s.restored {
		t.Errorf("%d messages were stored, now there are %d", s.restored, len(stored))
	}
	s.restored = len(stored)
	for range min(2, len(stored)) {
		s.delete(stored[s.rng.IntN(len(stored))])
	}
}

// delete deletes a message from the server, from where it was last seen.
func (s *siege) delete(m sqlite.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range m.Places {
		if p.Gone || p.Folder != "INBOX" {
			continue
		}
		lines, err := s.d.IMAP(s.t.Context(), "anna", "SELECT INBOX", fmt.Sprintf(`UID STORE %s +FLAGS (\Deleted)`, p.ID), fmt.Sprintf("UID EXPUNGE %s", p.ID))
		must(s.t, err)
		if slices.ContainsFunc(lines, func(line string) bool { return strings.HasSuffix(line, " EXPUNGE") }) {
			s.deleted++
		}
	}
}

// rest runs the program until there is nothing left for it to do.
func (s *siege) rest() {
	var flags []string
	for _, letter := range s.letters {
		flags = append(flags, "-send", letter)
	}
	deadline := time.Now().Add(10 * time.Minute)
	for {
		cmd, said := s.start(append(flags, "-export", s.out)...)
		cmd.Wait()
		open := 0
		for line := range strings.Lines(said.String()) {
			if strings.HasPrefix(line, "outbox entry") && !strings.Contains(line, "-resolve") {
				open++
			}
		}
		if open == 0 && strings.Contains(said.String(), "nothing new") {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("it does not come to rest:\n%s", said)
		}
	}
}

// resolve settles what is held by what the receiving mailbox has.
func (s *siege) resolve() (held int) {
	ctx := s.t.Context()
	arrived := s.arrived()
	store, err := sqlite.Open(ctx, s.db, sqlite.Options{})
	must(s.t, err)
	entries, err := store.Entries(ctx, mailbox.Key{Organization: "sync", Mailbox: user}, serversync.PhaseHeld, "", 1000)
	must(s.t, err)
	must(s.t, store.Close())
	for _, e := range entries {
		e.Raw.Release()
		word := serversync.SendAgain
		if slices.Contains(arrived, e.MessageID) {
			word = serversync.WasSent
		}
		cmd, said := s.start("-resolve", e.ID+"="+string(word))
		cmd.Wait()
		if strings.Contains(said.String(), e.ID+"=sent") {
			s.t.Errorf("entry %s was resolved as %s and is still held:\n%s", e.ID, word, said)
		}
	}
	s.rest()
	return len(entries)
}

// arrived returns what Bob has got once nothing more comes.
func (s *siege) arrived() (list []string) {
	ctx, cancel := context.WithTimeout(s.t.Context(), 5*time.Minute)
	defer cancel()
	for calm := 0; calm < 10; time.Sleep(100 * time.Millisecond) {
		must(s.t, s.p.Idle(ctx)) // what cannot be delivered now is tried again later
		now := ids(s.t, s.d, "bob", "INBOX")
		if calm++; len(now) != len(list) {
			calm, list = 0, now
		}
	}
	return list
}

// checkStored checks that what was delivered is stored, each once, byte for byte.
func (s *siege) checkStored() {
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
}

// checkSent checks that each letter arrived once, and is filed at most once.
func (s *siege) checkSent() {
	arrived, filed := s.arrived(), ids(s.t, s.d, "anna", "Sent")
	if len(arrived) != len(s.letters) {
		s.t.Errorf("%d letters arrived, want %d", len(arrived), len(s.letters))
	}
	if once := slices.Compact(slices.Clone(arrived)); len(once) != len(arrived) {
		s.t.Errorf("some letters arrived twice: %q", arrived)
	}
	if once := slices.Compact(slices.Clone(filed)); len(once) != len(filed) {
		s.t.Errorf("some letters were filed twice: %q", filed)
	}
}
