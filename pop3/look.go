package pop3

import (
	"bytes"
	"fmt"

	"github.com/go-serversync/serversync/provider"
)

// What to look at of a mailbox.
type looking int

const (
	lookAtIDs   looking = iota
	lookAtSizes         // too
)

// maxMessages is how many messages a mailbox may have.
const maxMessages = 1_000_000

// look returns the listing of the mailbox. Ids come by UIDL; where a server has none, by
// digests of headers, for which the sizes are asked to know how many there are. Where
// both lists are wanted they are asked for at once.
func (s *session) look(at looking) (*listing, error) {
	if s.list != nil {
		return s.list, s.lookAgain(at)
	}
	l := &listing{names: byUIDL}
	both := at == lookAtSizes && s.caps.pipelining
	command := "UIDL\r\n"
	if both {
		command += "LIST\r\n"
	}
	if err := s.quiet(); err != nil {
		return nil, err
	}
	if err := s.send(command); err != nil {
		return nil, err
	}
	if err := s.readUIDs(l); err != nil {
		return nil, err
	}
	if both {
		if err := s.readSizes(l); err != nil {
			return nil, err
		}
	} else if at == lookAtSizes || l.noUIDL {
		if err := s.askSizes(l); err != nil {
			return nil, err
		}
	}
	if l.noUIDL {
		if l.n = len(l.sizes); !s.hasTop() {
			return nil, noIDs()
		}
	} else if l.sizes != nil && len(l.sizes) != l.n {
		return nil, s.fail(&provider.Error{Kind: provider.ErrProtocol, Err: errCounts})
	}
	l.judge()
	s.list = l
	return l, nil
}

// lookAgain asks for sizes that were not needed before.
func (s *session) lookAgain(at looking) error {
	l := s.list
	if at != lookAtSizes || l.sizes != nil && !l.some || l.n == 0 {
		return nil
	}
	l.some = false
	if err := s.askSizes(l); err != nil {
		return err
	}
	if len(l.sizes) != l.n {
		return s.fail(&provider.Error{Kind: provider.ErrProtocol, Err: errCounts})
	}
	return nil
}

func noIDs() error {
	return &provider.Error{Kind: provider.ErrUnsupported, Err: errNoIDs, Remedy: "messages cannot be told apart by such a server; use IMAP, or have its operator switch UIDL on"}
}

// hasTop reports whether TOP may be tried: it is offered, or nobody said anything.
func (s *session) hasTop() bool { return !s.noTop && (s.caps.top || !s.caps.known) }

// most is how many messages we take.
func (s *session) most() int { return min(s.limits.Responses, maxMessages) }

func (s *session) readUIDs(l *listing) error {
	a, err := s.answer()
	if err != nil {
		return err
	}
	if !a.ok {
		refused := s.refusal(a, reading)
		if s.caps.uidl || refused.Kind != provider.ErrBadItem && refused.Kind != provider.ErrUnsupported {
			return s.fail(s.refusal(a, signedIn)) // it is not the command that it does not know
		}
		l.noUIDL = true
		return nil
	}
	return s.lines(s.most(), l.addUID)
}

func (s *session) askSizes(l *listing) error {
	if err := s.quiet(); err != nil {
		return err
	}
	if err := s.send("LIST\r\n"); err != nil {
		return err
	}
	return s.readSizes(l)
}

func (s *session) readSizes(l *listing) error {
	a, err := s.answer()
	if err != nil {
		return err
	}
	if !a.ok {
		return s.fail(s.refusal(a, signedIn))
	}
	l.sizes = make([]int64, 0, l.n)
	return s.lines(s.most(), l.addSize)
}

// readStat reads the answer to STAT, which says how many messages there are.
func (s *session) readStat(text string) error {
	count, rest, _ := bytes.Cut([]byte(text), []byte(" "))
	size, _, _ := bytes.Cut(rest, []byte(" "))
	n, ok := decimal(count)
	if _, sized := decimal(size); !ok || !sized {
		return s.fail(malformed("a number of messages that is none"))
	}
	if n > int64(s.most()) {
		return s.fail(&provider.Error{Kind: provider.ErrTooLarge, Err: fmt.Errorf("the mailbox has more than %d messages", s.most()), Remedy: "delete some by hand, or use IMAP"})
	}
	return nil
}
