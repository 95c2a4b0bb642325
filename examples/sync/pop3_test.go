package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-serversync/serversync/internal/mailgen"
	"github.com/go-serversync/serversync/internal/testserver"
)

// realPOP3 is real with mail that comes over POP3.
func realPOP3(t *testing.T) (*bench, *testserver.Dovecot) {
	b, d, _ := real(t, testserver.DovecotOptions{})
	b.pop3 = d.POP3SAddr
	return b, d
}

// The main job over POP3: mail in, byte for byte, and out, with what was brought in left
// on the server, or deleted there a day later.
func TestPOP3(t *testing.T) {
	for name, deletes := range map[string]bool{"left on the server": false, "deleted after a day": true} {
		t.Run(name, func(t *testing.T) {
			b, d := realPOP3(t)
			var flags []string
			left := 301
			if deletes {
				flags, left = []string{"-delete-after", "24h"}, 0
			}
			var want []string
			fill := func(seed uint64, n int) {
				must(t, d.Fill(t.Context(), "anna", "", n, func(i int) []byte {
					raw := mailgen.Tiny(seed, i)
					want = append(want, string(raw))
					return raw
				}))
			}
			fill(1, 300)
			b.once(t, append(flags, "-export", b.out)...).want(t, 0, "300 came in")
			b.once(t, append(flags, "-export", b.out)...).want(t, 0, "nothing new")
			fill(2, 1)
			b.once(t, append(flags, "-export", b.out, "-send", b.write(t, "letter.eml", to("bob", 1)))...).want(t, 0, "1 came in", "1 sent")
			slices.Sort(want)
			if got := exported(t, b.out); !slices.Equal(got, want) {
				t.Errorf("%d messages exported, want those %d that were put in, byte for byte", len(got), len(want))
			}
			if got := len(ids(t, d, "anna", "INBOX")); got != 301 {
				t.Errorf("%d messages are left before a day has passed, want 301", got)
			}
			t.Setenv(ahead, "25h")
			b.once(t, flags...)
			b.once(t, flags...)
			if got := len(ids(t, d, "anna", "INBOX")); got != left {
				t.Errorf("%d messages are left, want %d", got, left)
			}
			if got := exported(t, b.out); len(got) != 301 {
				t.Errorf("%d messages are stored in the end, want 301", len(got))
			}
		})
	}
}

func TestPOP3Refuses(t *testing.T) {
	b, _ := realPOP3(t)
	b.once(t, "-test").want(t, 0, "passed in", "arrived and was deleted")
	b.once(t, "-imap", b.imap).want(t, 2, "one server at a time")
	b.once(t, "-delete-after", "1h").want(t, 2, "less than 24h")
	must(t, os.WriteFile(b.password, []byte("wrong\n"), 0o600))
	b.once(t).want(t, 1, "sign-in refused")
}

// A gate passes POP3 on to a server, in clear, and can stop a session that has deleted
// something at its QUIT.
type gate struct {
	t      *testing.T
	server string
	ln     net.Listener

	mu   sync.Mutex
	stop string        // "" for nothing, "before" or "behind" QUIT
	hit  chan struct{} // closed when a session was stopped
}

func newGate(t *testing.T, server string) *gate {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { ln.Close() })
	g := &gate{t: t, server: server, ln: ln}
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go g.pass(conn)
		}
	}()
	return g
}

// arm has the next session that deletes something stopped.
func (g *gate) arm(stop string) (hit <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stop, g.hit = stop, make(chan struct{})
	return g.hit
}

func (g *gate) pass(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", g.server)
	if err != nil {
		return
	}
	defer server.Close()
	down := make(chan struct{})
	var muted sync.Mutex // held while the server's words are not passed on
	go func() {
		defer close(down)
		buf := make([]byte, 32<<10)
		for {
			n, err := server.Read(buf)
			muted.Lock()
			_, writeErr := client.Write(buf[:n])
			muted.Unlock()
			if err != nil || writeErr != nil {
				client.Close()
				return
			}
		}
	}()
	deletes := false
	for in := bufio.NewReader(client); ; {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		deletes = deletes || strings.HasPrefix(line, "DELE ")
		if strings.HasPrefix(line, "QUIT") && deletes {
			if stop, hit := g.stopped(); stop != "" {
				muted.Lock() // for good
				if stop == "behind" {
					io.WriteString(server, line)
					time.Sleep(50 * time.Millisecond) // it deletes now; nothing depends on whether it has
				}
				close(hit)
				io.Copy(io.Discard, client) // until it is killed
				muted.Unlock()
				return
			}
		}
		if _, err := io.WriteString(server, line); err != nil {
			return
		}
	}
}

func (g *gate) stopped() (stop string, hit chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	stop, hit = g.stop, g.hit
	g.stop = ""
	return stop, hit
}

// POP3-08: no message is lost or stored twice, however often the program is killed while
// mail comes and is deleted: at any time, between DELE and QUIT, and between QUIT and its
// answer. What is stored is deleted in the end.
func TestPOP3_08Kill(t *testing.T) {
	b, d := realPOP3(t)
	g := newGate(t, d.POP3Addr)
	b.pop3 = g.ln.Addr().String()
	s := &siege{bench: b, t: t, d: d, rng: rand.New(rand.NewPCG(11, 12))}
	hours, at := 0, map[string]int{}
	run := func(more ...string) (*exec.Cmd, *strings.Builder) {
		hours += 25
		t.Setenv(ahead, fmt.Sprintf("%dh", hours))
		return s.start(append([]string{"-tls", "plain", "-folders", "INBOX", "-delete-after", "24h"}, more...)...)
	}
	began := time.Now()
	cmd, _ := run()
	must(t, cmd.Wait())
	window := max(200*time.Millisecond, 2*time.Since(began))
	for kills := killsOf(t, 24); s.kills < kills; {
		s.put(1 + s.rng.IntN(30))
		stop := []string{"", "before", "behind"}[s.rng.IntN(3)]
		hit := g.arm(stop)
		cmd, said := run()
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		var late <-chan time.Time
		if stop == "" {
			late = time.After(time.Duration(s.rng.Int64N(int64(window))))
		}
		select {
		case <-hit:
		case <-late:
		case err := <-ended:
			if status := cmd.ProcessState.ExitCode(); status > 1 {
				t.Fatalf("the program: %v\n%s", err, said)
			}
			continue
		}
		if err := cmd.Process.Kill(); !errors.Is(err, os.ErrProcessDone) { // it may just have ended
			must(t, err)
		}
		<-ended
		if cmd.ProcessState.ExitCode() == -1 {
			s.kills++
			at[stop]++
		}
	}
	g.arm("")
	deadline := time.Now().Add(10 * time.Minute)
	for left := 1; left > 0; left = len(ids(t, d, "anna", "INBOX")) {
		cmd, said := run("-export", b.out)
		cmd.Wait()
		if time.Now().After(deadline) {
			t.Fatalf("%d messages stay on the server:\n%s", left, said)
		}
	}
	s.checkStored()
	t.Logf("%d kills: %d at any time, %d between DELE and QUIT, %d between QUIT and its answer; %d messages, all deleted on the server",
		s.kills, at[""], at["before"], at["behind"], len(s.delivered))
}

// put delivers n messages to Anna.
func (s *siege) put(n int) {
	var some []string
	for range n {
		i := len(s.delivered) + len(some)
		some = append(some, mail(i)+strings.Repeat("Some more lines make it longer.\r\n", i%500))
	}
	must(s.t, s.d.Fill(s.t.Context(), "anna", "", len(some), func(i int) []byte { return []byte(some[i]) }))
	s.delivered = append(s.delivered, some...)
}
