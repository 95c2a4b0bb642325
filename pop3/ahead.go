package pop3

import "slices"

// The next messages of a round are asked for before anybody wants them, so that the
// server works while the caller deals with those before. Their answers wait in the
// sockets' buffers. If something else is asked first, they are read and thrown away.

// The bounds of what is asked for ahead: bytes by LIST, and messages, which with the
// questions that prove them fit into a window.
const (
	aheadBytes = 2 << 20
	aheadItems = window / (group + 1) * group
)

// expect notes which messages a page has told by their ids, and which the next will.
func (s *session) expect(told, next []int) { s.told, s.next = told, next }

// sendAhead asks for the messages of the next page, if all of the last page were wanted.
func (s *session) sendAhead(fetched []int) error {
	next := s.next
	if !s.caps.pipelining || len(next) == 0 || !slices.Equal(fetched, s.told) {
		return nil
	}
	s.next = nil
	n, room := 0, int64(aheadBytes)
	for n < min(len(next), aheadItems) {
		size := s.list.size(next[n])
		if room -= size; room < 0 || size == 0 || s.marked[next[n]] {
			break
		}
		n++
	}
	if n < len(next) {
		n -= n % group // so that the rest of the page goes on with a whole group
	}
	if n == 0 {
		return nil
	}
	r := newRetrieval(s, next[:n], nil)
	var commands []byte
	for step := range r.steps {
		commands = append(append(commands, r.command(step)...), "\r\n"...)
	}
	if err := s.send(string(commands)); err != nil {
		return err
	}
	s.ahead = r
	return nil
}

// takeAhead returns how many of r's steps have been asked for ahead. What was asked for
// otherwise is thrown away.
func (s *session) takeAhead(r *retrieval) (sent int, err error) {
	if s.ahead == nil {
		return 0, nil
	}
	n := len(s.ahead.chosen)
	if n > len(r.chosen) || !slices.Equal(s.ahead.chosen, r.chosen[:n]) || n < len(r.chosen) && n%group != 0 {
		return 0, s.dropAhead()
	}
	sent, s.ahead = s.ahead.steps, nil
	return sent, nil
}

// dropAhead reads what was asked for ahead, and throws it away.
func (s *session) dropAhead() error {
	r := s.ahead
	if r == nil {
		return nil
	}
	s.ahead = nil
	r.got = func(_ int, p part) error { return p.raw.Release() }
	return r.run(r.steps)
}
