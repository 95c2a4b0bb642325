package pop3

import (
	"bytes"
	"strings"
	"time"

	"github.com/go-serversync/serversync/internal/mime"
	"github.com/go-serversync/serversync/provider"
)

// POP3 says nothing about when a message came, but the server that took it wrote that
// into the topmost Received field of its header. That is read, by TOP, where somebody
// wants to leave old mail out. The Date field is the sender's, whose clock may stand
// wrong, and is never gone by: a message of which nobody says when it came is not old.

// boundOf returns Request.Since in seconds, as Received fields count; 0 for none.
func boundOf(since time.Time) int64 {
	if since.IsZero() {
		return 0
	}
	bound := since.Unix()
	if since.Nanosecond() > 0 {
		bound++
	}
	return max(bound, 1)
}

// unsaid stands for the time of a message whose header does not say it.
const unsaid = -1

// firstYear is the first year that a server may have got a message in. A clock that was
// never set stands before it.
const firstYear = 1990

// receivedIn returns when a message came, in seconds, by its header.
func receivedIn(header []byte) int64 {
	field := topmost(header)
	at := strings.LastIndexByte(field, ';')
	if at < 0 {
		return unsaid
	}
	t, flags := mime.Date(strings.TrimSpace(field[at+1:]))
	if t.IsZero() || flags&mime.BadDate != 0 || t.Year() < firstYear {
		return unsaid
	}
	return t.Unix()
}

// topmost returns what the first Received field says, "" if there is none.
func topmost(header []byte) string {
	const name = "Received:"
	var field []byte
	for len(header) > 0 {
		line := header
		if i := bytes.IndexByte(header, '\n'); i >= 0 {
			line = header[:i+1]
		}
		header = header[len(line):]
		folded := line[0] == ' ' || line[0] == '\t'
		switch {
		case field != nil && folded:
			field = append(field, line...)
		case field != nil || len(bytes.TrimRight(line, "\r\n")) == 0:
			return string(field)
		case len(line) >= len(name) && bytes.EqualFold(line[:len(name)], []byte(name)):
			field = append([]byte{}, line[len(name):]...)
		}
	}
	return string(field)
}

// dated notes when index i came, by its header.
func (l *listing) dated(i int, p part) {
	if l.times == nil {
		l.times = make([]int64, l.n)
	}
	l.times[i] = receivedIn(p.header)
}

// time returns when index i came: 0 if it was not asked, unsaid if nobody says so.
func (l *listing) time(i int) int64 {
	if l.times == nil {
		return 0
	}
	return l.times[i]
}

// date asks when the messages came, unless that is known of them or of their like. A
// server without TOP says of none.
func (s *session) date(p place, chosen []int) error {
	l := s.list
	var missing []int
	for _, i := range chosen {
		if l.time(i) == 0 && p.known(i) == unknown {
			missing = append(missing, i)
		}
	}
	if len(missing) == 0 || !s.hasTop() {
		return nil
	}
	refused, err := s.heads(missing, func(k int, p part) { l.dated(missing[k], p) })
	switch {
	case err != nil:
		return err
	case refused < len(missing):
		s.topWorks = true
	case !s.caps.top && !s.topWorks:
		s.noTop = true // it is the command that the server does not know
	}
	return nil
}

// isOld reports whether index i was received before the bound.
func (s *session) isOld(p place, i int, bound int64) bool {
	if bound == 0 {
		return false
	}
	switch p.known(i) {
	case aged:
		return true
	case young:
		return false
	}
	t := s.list.time(i)
	return t > 0 && t < bound
}

// received returns when index i came, as far as that was asked. Of those that are known
// to be old it says the last moment at which they may have come.
func (s *session) received(p place, i int) time.Time {
	if p.known(i) == aged {
		return time.Unix(p.since-1, 0).UTC()
	}
	if t := s.list.time(i); t > 0 {
		return time.Unix(t, 0).UTC()
	}
	return time.Time{}
}

// split parts what of chosen is wanted from what is older than the bound.
func (s *session) split(p place, chosen []int, bound int64) (wanted, old []int) {
	for _, i := range chosen {
		if s.isOld(p, i, bound) {
			old = append(old, i)
		} else {
			wanted = append(wanted, i)
		}
	}
	return wanted, old
}

// listed makes changes of old messages, of which a round that lists everything tells the
// ids, and for the others what bring made of them, in the order of chosen.
func (s *session) listed(p place, chosen []int, changes []provider.Change, old []int) []provider.Change {
	all := make([]provider.Change, 0, len(chosen))
	aside := s.upserts(old)
	for _, i := range chosen {
		if len(old) > 0 && old[0] == i {
			aside[0].Received = s.received(p, i)
			all, old, aside = append(all, aside[0]), old[1:], aside[1:]
			continue
		}
		all, changes = append(all, changes[0]), changes[1:]
	}
	return all
}
