package oauth

import (
	"sync"
	"time"

	"github.com/go-serversync/serversync/mailbox"
)

// A pace keeps the refreshes of one application at one issuer apart, so that grants
// which were given in one second, or which all expired while the issuer was down, do not
// ask it in one second. It gives less than twice as many turns as the grants need on
// average, and at least leastRate a second. It also stops all of them while the issuer
// does not answer, but for a try now and then.
//
// Whoever holds a token that still serves waits for nothing: it is refreshed only if a
// turn is free.
type pace struct {
	mu     sync.Mutex
	grants map[mailbox.Key]due
	needs  float64       // turns a second that they need on average
	dues   map[int64]int // how many of them are due, by minute
	swept  int64         // minute
	next   time.Time     // when the next turn is
	line   time.Time     // when whoever is sent away now should come back

	failures int       // of the issuer in a row
	until    time.Time // nobody asks it before
	probing  bool      // somebody does, to see whether it is back
	why      error
}

// A due is what is known of a grant.
type due struct {
	at    int64 // minute
	needs float64
}

const (
	leastRate = 5
	headroom  = 1.75            // of what is needed on average
	patience  = 2 * time.Second // how long a turn is waited for
)

// expect notes that a grant's token is to be refreshed at a time, and then once every
// so often.
func (p *pace) expect(key mailbox.Key, at time.Time, every time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.grants == nil {
		p.grants, p.dues = make(map[mailbox.Key]due), make(map[int64]int)
	}
	p.sweep(at.Unix() / 60)
	p.drop(key)
	d := due{at: at.Unix() / 60, needs: 1 / max(every, time.Minute).Seconds()}
	p.grants[key] = d
	p.dues[d.at]++
	p.needs += d.needs
}

// forget notes that a grant is gone.
func (p *pace) forget(key mailbox.Key) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.drop(key)
}

// sweep drops, about once an hour, what nobody has wanted a token for since yesterday.
func (p *pace) sweep(minute int64) {
	if minute < p.swept+60 {
		return
	}
	p.swept = minute
	for key, d := range p.grants {
		if d.at < minute-24*60 {
			p.drop(key)
		}
	}
}

func (p *pace) drop(key mailbox.Key) {
	old, known := p.grants[key]
	if !known {
		return
	}
	delete(p.grants, key)
	p.needs -= old.needs
	if p.dues[old.at]--; p.dues[old.at] == 0 {
		delete(p.dues, old.at)
	}
}

// gap is the time between two turns.
func (p *pace) gap() time.Duration {
	return time.Second / time.Duration(max(leastRate, int(headroom*p.needs)))
}

// ahead reports whether a token that still serves may be refreshed now, and takes the
// turn.
func (p *pace) ahead(now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Before(p.next) || now.Before(p.line) || now.Before(p.until) {
		return false
	}
	p.next = now
	p.take(now)
	return true
}

// take takes the next turn. Behind whoever asks an issuer that failed last the door is
// shut until it has answered. p.mu is held.
func (p *pace) take(now time.Time) {
	p.next = p.next.Add(p.gap())
	if p.failures > 0 {
		p.probing, p.until = true, now.Add(time.Minute)
	}
}

// crowded reports whether more grants are due until at than four fifths of the turns
// until then would serve.
func (p *pace) crowded(now, at time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Before(p.next) { // it could not be refreshed now anyhow
		return false
	}
	waiting := 0
	for minute, n := range p.dues {
		if minute <= at.Unix()/60 && minute > now.Unix()/60-60 { // what was due an hour ago is wanted by nobody
			waiting += n
		}
	}
	turns := float64(at.Sub(now)) / float64(p.gap())
	return float64(waiting) > 0.8*turns+leastRate
}

// turn returns how long to wait for a turn, which is then taken; or, if that is too
// long to wait, that it was not and when to come back. held is why the issuer is not
// asked at all now.
func (p *pace) turn(now time.Time) (wait time.Duration, taken bool, held error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Before(p.until) {
		return p.until.Sub(now), false, p.why
	}
	if p.next.Before(now) {
		p.next = now
	}
	gap := p.gap()
	if wait := p.next.Sub(now); wait <= patience {
		p.take(now)
		return wait, true, nil
	}
	// Those who come back get no turn of their own, so they come a little slower than
	// turns are given.
	if least := now.Add(patience); p.line.Before(least) {
		p.line = least
	}
	p.line = p.line.Add(gap * 5 / 4)
	return p.line.Sub(now), false, nil
}

// answered notes how the issuer answered. After a failure nobody asks for wait, or if
// it did not say for 1, 2, 4 … up to 60 seconds; then one does.
func (p *pace) answered(now time.Time, failed bool, wait time.Duration, why error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	probing := p.probing
	p.probing = false
	if !failed {
		p.failures, p.until, p.why = 0, time.Time{}, nil
		return
	}
	if !probing && now.Before(p.until) && wait == 0 {
		return // one of those who asked at the same time
	}
	if wait == 0 {
		wait = min(time.Second<<min(p.failures, 6), time.Minute)
	}
	p.failures++
	p.until, p.why = now.Add(wait), why
}
