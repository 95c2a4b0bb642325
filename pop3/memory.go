package pop3

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A memory is what a cursor knows about the times of the messages, so that a round that
// lists everything need not read every header again: the first of them are old, and of
// the others all are young, unless they are mixed. It says what was so when the last
// round ended.
//
// That messages are old is only believed of exactly those that were proved to be, or
// mail could be lost. That they are young is believed of what lies between the first and
// the last young ones that are still there: who errs there brings in too much.
type memory struct {
	old   int  // the first messages, which were all received before place.since
	proof mark // over their tokens; zero if there are none
	mixed bool // some of the others were, too
	head  edge // the first of the others
	tail  edge // the last of all
}

// An edge is messages by which a place in the mailbox is found again, though one or the
// other may have gone.
type edge [][6]byte

// maxEdge is how many messages make an edge.
const maxEdge = 4

// A course is what a round under way knows about the times of the messages.
type course struct {
	aged     int  // the first messages, known to be old since before the round
	from, to int  // those that are known to be young since then, in a round that lists everything
	old      int  // as in memory, of what was told before the stretch under way
	mixed    bool // as in memory, so far
	lowest   int  // the lowest message of the stretch that was told and is not old
}

// What is known of a message without asking.
type knowledge int

const (
	unknown knowledge = iota
	aged
	young
)

func (c course) known(i int) knowledge {
	switch {
	case i < c.aged:
		return aged
	case c.from <= i && i < c.to:
		return young
	}
	return unknown
}

// setOut begins the course of a round. Where the bound was moved back nothing is known
// to be old any more.
func (s *session) setOut(p *place, back bool) {
	p.course = course{lowest: p.at}
	if !p.full {
		p.course.old, p.course.mixed = p.memory.old, p.memory.mixed
		return
	}
	if back || p.names == byHeader {
		p.memory.old, p.memory.proof = 0, mark{}
	}
	if back {
		p.since = 0
	}
	l, m := s.list, p.memory
	if m.old > l.n || l.proof(m.old) != m.proof {
		m.old = 0
	}
	p.course.aged = m.old
	if m.mixed || p.names == byHeader {
		return
	}
	from, to := -1, -1
	if len(m.head) > 0 && len(m.tail) > 0 {
		for i := p.course.aged; i < l.n && from < 0; i++ {
			if slices.Contains(m.head, l.sampleHash(i)) {
				from = i
			}
		}
		for i := l.n - 1; i >= from && from >= 0 && to < 0; i-- {
			if slices.Contains(m.tail, l.sampleHash(i)) {
				to = i + 1
			}
		}
	}
	if to > 0 {
		p.course.from, p.course.to = from, to
	}
}

// pass notes that a round has told messages, in falling order.
func (s *session) pass(p *place, told []int, bound int64) {
	for _, i := range told {
		if s.isOld(*p, i, bound) {
			p.since = max(p.since, bound)
			continue
		}
		if i+1 < p.lowest {
			p.course.mixed = true // those between are old
		}
		p.lowest = i
	}
}

// arrive notes that a stretch of a round, which began at p.low, has been told.
func (p *place) arrive() {
	switch {
	case p.course.old == p.low:
		p.course.old = p.lowest
	case p.lowest > p.low:
		p.course.mixed = true
	}
}

// remember makes a memory of the round that has ended.
func (s *session) remember(p *place) {
	l, c := s.list, p.course
	p.course, p.memory = course{}, memory{}
	if p.names == byHeader {
		return // every look at them reads their headers anyway
	}
	p.memory = memory{old: c.old, mixed: c.mixed, head: l.edge(c.old, c.old+maxEdge), tail: l.edge(l.n-maxEdge, l.n)}
	p.memory.proof = l.proof(c.old)
}

// edge makes an edge of the messages from one index up to another.
func (l *listing) edge(from, to int) (e edge) {
	for i := max(from, 0); i < min(to, l.n); i++ {
		e = append(e, l.sampleHash(i))
	}
	return e
}

// text writes what a cursor holds of m, with its since; read reads it.
func (m memory) text(since int64) string {
	if since == 0 && m.old == 0 && len(m.head) == 0 && len(m.tail) == 0 && !m.mixed {
		return "-"
	}
	proof := ""
	if m.old > 0 {
		proof = hex.EncodeToString(m.proof[:])
	}
	return fmt.Sprintf("%d:%d:%s:%t:%s:%s", since, m.old, proof, m.mixed, m.head.text(), m.tail.text())
}

func (e edge) text() (text string) {
	for _, h := range e {
		text += hex.EncodeToString(h[:])
	}
	return text
}

// read reads what text wrote.
func (m *memory) read(text string) (since int64, ok bool) {
	if text == "-" {
		return 0, true
	}
	part := strings.Split(text, ":")
	if len(part) != 6 {
		return 0, false
	}
	since, ok = decimal([]byte(part[0]))
	old, ok2 := decimal([]byte(part[1]))
	mixed, err := strconv.ParseBool(part[3])
	m.old, m.mixed = int(old), mixed
	if !ok || !ok2 || err != nil || old > maxMessages || m.old > 0 && !readMark(part[2], &m.proof) {
		return 0, false
	}
	return since, m.head.read(part[4]) && m.tail.read(part[5])
}

func (e *edge) read(text string) bool {
	b, err := hex.DecodeString(text)
	if err != nil || len(b)%6 != 0 || len(b) > 6*maxEdge {
		return false
	}
	for one := range slices.Chunk(b, 6) {
		*e = append(*e, [6]byte(one))
	}
	return true
}
