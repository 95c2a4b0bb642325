package serversync

import (
	"fmt"
	"sync"
	"time"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
)

// manyGuesses is how many references within guessSpan that look like signed ones of ours
// and are none make an alert. A conversation with another organization of the host has a
// few; who guesses needs very many.
const (
	manyGuesses = 100
	guessSpan   = time.Hour
)

// guesses counts such references by mailbox, in this process.
type guesses struct {
	mu    sync.Mutex
	spans map[mailbox.Key]guessing
}

type guessing struct {
	since time.Time
	count int
	told  bool
}

// note counts n more, and reports whether it is time to tell of them: once a span.
func (g *guesses) note(key mailbox.Key, n int, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.spans == nil {
		g.spans = make(map[mailbox.Key]guessing)
	}
	span := g.spans[key]
	if age := now.Sub(span.since); age >= guessSpan || age < 0 {
		span = guessing{since: now}
		for other, s := range g.spans { // the order does not matter
			if now.Sub(s.since) >= guessSpan {
				delete(g.spans, other)
			}
		}
	}
	span.count += n
	tell := span.count >= manyGuesses && !span.told
	span.told = span.told || tell
	g.spans[key] = span
	return tell
}

// noteGuesses tells of it when committed messages show that somebody tries out
// references: none of them was believed.
func (c *cycle) noteGuesses(records []Record) {
	n := 0
	for i := range records {
		if v := records[i].Verdict; v != nil {
			n += v.Match.Guessed
		}
	}
	if n == 0 || !c.s.guesses.note(c.key, n, c.s.cfg.Clock.Now()) {
		return
	}
	c.alerts = append(c.alerts, c.wanted([]mailbox.Alert{c.alert(mailbox.Alert{
		Level: profile.Warning, Code: "references-guessed", Side: mailbox.Incoming,
		Message: fmt.Sprintf("at least %d references within the last hour look like signed ones of ours and are none: somebody may be guessing; none was believed", manyGuesses),
		Remedy:  "look at who sends them (Syncer.Explain), and have the mail server refuse them; if they are of conversations with another organization of this host nothing is to be done",
	})})...)
}
