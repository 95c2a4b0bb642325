package serversync

import (
	"container/heap"
	"time"

	"github.com/go-serversync/serversync/mailbox"
)

// Mailboxes that an outage holds back stand in line for the server: one line for
// each side of each profile that is down. The first in line is the next to try.
// When the server answers again all of them are released, spread over a while. A
// mailbox whose other side has nothing against it is polled meanwhile as usual; one
// that stands in line with all that is wanted of it is parked.

// Those in line are released within releaseWithin, or faster where there are few.
const (
	releaseWithin = 20 * time.Second
	releaseEach   = 10 * time.Millisecond
)

// A line is first come, first served. Whoever begins a cycle leaves it.
type line struct {
	tickets []ticket
	first   *planned // whose turn it is to try; it holds no ticket any more
}

// A ticket is void when its holder has another number.
type ticket struct {
	*planned
	number uint64
}

// queue puts a mailbox into a line.
func (p *plan) queue(e *planned, key outageKey) {
	l := p.lines[key]
	if l == nil {
		l = new(line)
		p.lines[key] = l
	}
	p.issued++
	e.tickets[number(key.side)] = p.issued
	l.tickets = append(l.tickets, ticket{e, p.issued})
}

// unqueue takes a mailbox out of its lines.
func (p *plan) unqueue(e *planned) { e.tickets = [2]uint64{} }

// nextInLine has the first in line try when the server may be tried.
func (p *plan) nextInLine(key outageKey) {
	l := p.lines[key]
	for l != nil && l.first == nil {
		if len(l.tickets) == 0 {
			delete(p.lines, key)
			return
		}
		t := l.tickets[0]
		l.tickets = l.tickets[1:]
		if t.tickets[number(key.side)] != t.number {
			continue
		}
		t.tickets[number(key.side)] = 0
		l.first = t.planned
		_, at := p.s.outages.holds(key)
		p.advance(t.planned, at)
	}
}

// passed says that a mailbox has had its turn, if it was its turn, and makes it
// somebody else's.
func (p *plan) passed(e *planned, account profileKey) {
	for _, side := range []mailbox.Side{mailbox.Incoming, mailbox.Outgoing} {
		key := outageKey{account, side}
		if l := p.lines[key]; l != nil && l.first == e {
			l.first = nil
			p.nextInLine(key)
		}
	}
}

// release lets all in a line go on, in their order.
func (p *plan) release(key outageKey) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.lines[key]
	if l == nil {
		return
	}
	delete(p.lines, key)
	window := p.releaseWindow(l)
	now := p.s.cfg.Clock.Now()
	if l.first != nil && !l.first.running {
		p.advance(l.first, now)
	}
	for _, t := range l.tickets {
		if t.tickets[number(key.side)] == t.number {
			t.tickets[number(key.side)] = 0
			p.advance(t.planned, now.Add(p.chance(window)))
		}
	}
}

func (p *plan) releaseWindow(l *line) time.Duration {
	return min(releaseWithin, time.Duration(len(l.tickets))*releaseEach)
}

// chance is a time within a window.
func (p *plan) chance(window time.Duration) time.Duration {
	return time.Duration(p.s.spread() * float64(window))
}

// advance has a mailbox due at a time, unless it is due earlier or is waiting for a
// share of the work, which it gets as soon as there is one.
func (p *plan) advance(e *planned, at time.Time) {
	switch {
	case e.running || e.removed || e.waiting:
	case e.index < 0:
		e.at = at
		p.push(e)
	case at.Before(e.at):
		e.at = at
		heap.Fix(&p.due, e.index)
		if e.index == 0 {
			p.wake()
		}
	}
}
