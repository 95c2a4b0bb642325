package pop3test

import (
	"bytes"
	"fmt"
	"slices"
)

// A Message is a message of a mailbox.
type Message struct {
	UIDL string // as UIDL lists it; anything that fits into a line, nothing too
	Raw  []byte // as RETR gives it, dots not doubled; it ends with a line end

	bad bool
	cut bool
}

// Add delivers a message to a user and returns its UIDL. POP3 speaks in lines: where raw
// does not end with one, it does in the mailbox.
func (s *Server) Add(user string, raw []byte) (uidl string) { return s.add(user, Message{Raw: raw}) }

// AddBad delivers a message that RETR refuses.
func (s *Server) AddBad(user string, raw []byte) (uidl string) {
	return s.add(user, Message{Raw: raw, bad: true})
}

// AddCut delivers a message in the middle of which RETR closes the connection.
func (s *Server) AddCut(user string, raw []byte) (uidl string) {
	return s.add(user, Message{Raw: raw, cut: true})
}

func (s *Server) add(name string, m Message) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count++
	m.UIDL = fmt.Sprintf("%08x%08x", 0x5e12, s.count)
	m.Raw = bytes.Clone(m.Raw)
	if !bytes.HasSuffix(m.Raw, []byte("\n")) {
		m.Raw = append(m.Raw, "\r\n"...)
	}
	u := s.user(name)
	u.mail = append(u.mail, &m)
	return m.UIDL
}

// user returns an account. s.mu is held.
func (s *Server) user(name string) *user {
	u := s.users[name]
	if u == nil {
		panic("pop3test: there is no user " + name)
	}
	return u
}

// Messages returns what is in a user's mailbox, oldest first. Raw must not be changed.
func (s *Server) Messages(user string) (all []Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.user(user).mail {
		all = append(all, *m)
	}
	return all
}

// Remove deletes the messages with a UIDL. Sessions go on seeing them.
func (s *Server) Remove(user, uidl string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.user(user)
	u.mail = slices.DeleteFunc(u.mail, func(m *Message) bool { return m.UIDL == uidl })
}

// SetUIDL gives a user's n-th message, from 1, another UIDL for sessions to come. Two
// may have the same, and one may have none.
func (s *Server) SetUIDL(user string, n int, uidl string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.user(user)
	m := *u.mail[n-1]
	m.UIDL = uidl
	u.mail[n-1] = &m
}

// Shift takes the n-th message, from 1, out of the numbers of every open session of a
// user, as no server may: the next one has its number from then on.
func (s *Server) Shift(user string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.sessions {
		if c.name == user && n <= len(c.view) {
			c.view = slices.Delete(slices.Clone(c.view), n-1, n)
		}
	}
}
