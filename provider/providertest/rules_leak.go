package providertest

import (
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/go-serversync/serversync/provider"
)

// This file holds the rules of P5: nothing is left after Close.

// sessions opens, uses and closes a few sessions.
func (p *probe) sessions(n int) {
	p.Helper()
	for range n {
		session, err := p.Harness.Open(p.ctx)
		if err != nil {
			p.Fatalf("Open: %v", err)
		}
		for _, a := range p.attempts(session, p.cursorIfAlive(session)) {
			a.do(p.ctx, session)
		}
		session.Close()
	}
}

func noGoroutine(p *probe) {
	p.sessions(1) // what is started once, by the server too, is no leak
	before := goroutines()
	p.sessions(3)
	var left []string
	settled := settles(func() bool {
		left = nil
		for id, stack := range goroutines() {
			if _, known := before[id]; !known && !strings.Contains(stack, "testing.(*T).Run") {
				left = append(left, stack)
			}
		}
		return len(left) == 0
	})
	if !settled {
		p.Errorf("%d goroutines are left after Close, one of them:\n%s", len(left), left[0])
	}
}

// goroutines returns the stacks of all goroutines by the number in their first line.
func goroutines() map[string]string {
	buf := make([]byte, 8<<20)
	buf = buf[:runtime.Stack(buf, true)]
	stacks := make(map[string]string)
	for stack := range strings.SplitSeq(string(buf), "\n\n") {
		id, _, _ := strings.Cut(strings.TrimPrefix(stack, "goroutine "), " ")
		stacks[id] = stack
	}
	return stacks
}

func noFile(p *probe) {
	const dir = "/proc/self/fd"
	if _, err := os.ReadDir(dir); err != nil {
		p.Skipf("%s is not checked: this system has no %s", p.Name(), dir)
	}
	p.sessions(1)
	if session := p.open(); p.Add != nil && p.Memory > 0 { // a spooled body must not stay either
		if source, ok := provider.As[provider.Source](session); ok {
			p.Add(p.Folder, p.text(int(p.Memory)+1))
			r := p.everything(session)
			r.Want = provider.WantBodies
			p.sessions(1)
			before := files(dir)
			p.round(source, r)
			p.wantFiles(dir, before)
		}
	}
	before := files(dir)
	p.sessions(3)
	p.wantFiles(dir, before)
}

func (p *probe) wantFiles(dir string, before int) {
	p.Helper()
	if !settles(func() bool { return files(dir) <= before }) {
		p.Errorf("%d files are open, %d more than before", files(dir), files(dir)-before)
	}
}

func files(dir string) int {
	entries, _ := os.ReadDir(dir)
	return len(entries)
}

// settles reports whether ok comes true, and waits for it for some seconds.
func settles(ok func() bool) bool {
	for range 300 {
		if ok() {
			return true
		}
		time.Sleep(50 * time.Millisecond)
	}
	return ok()
}
