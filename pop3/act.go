package pop3

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/go-serversync/serversync/provider"
)

var (
	errAct    = errors.New("POP3 can delete messages and nothing else")
	errUndone = errors.New("the session ended before the server said that it deleted what it was to")
)

// Act marks a message for deletion, which [session.Confirm] makes good. Any other act
// is ErrUnsupported. A message that is not in the mailbox, or whose number now means
// another one, is not touched.
func (s *session) Act(ctx context.Context, a provider.Act) error {
	return s.do(ctx, "DELE", func() error {
		switch {
		case a.Kind != provider.Delete:
			return &provider.Error{Kind: provider.ErrUnsupported, Err: errAct}
		case a.Folder != inbox:
			return &provider.Error{Kind: provider.ErrNotFound, Err: errFolder}
		case a.Epoch != epoch:
			return &provider.Error{Kind: provider.ErrNotFound, Err: errEpoch}
		}
		at, err := s.locate([]provider.ID{a.ID})
		if err != nil {
			return err
		}
		i, ok := at[a.ID]
		if !ok {
			return &provider.Error{Kind: provider.ErrNotFound, Err: errGone}
		}
		return s.mark(i)
	})
}

// mark marks index i for deletion, once the server has said that it is still the message
// meant. Where commands may be sent together the mark goes with the question: if the
// answer is another one the session is given up, and without QUIT nothing is deleted.
func (s *session) mark(i int) error {
	if s.marked[i] {
		return nil
	}
	var a answer
	err := s.pipeline(2, func(k int) string {
		if k == 0 {
			return s.list.checkOf(i)
		}
		s.marked[i] = true // from here on it may be
		return "DELE " + strconv.Itoa(i+1)
	}, func(k int) (err error) {
		if k == 0 {
			return s.check(i)
		}
		a, err = s.answer()
		return err
	})
	if err != nil {
		return err
	}
	if !a.ok {
		delete(s.marked, i)
		return s.refusal(a, reading)
	}
	return nil
}

// Confirm ends the session with QUIT, whose answer says that what was marked is deleted
// (RFC 1939, section 6). Without marks it does nothing. After an error some of the
// messages may be deleted and others not: those that are left are listed again. A server
// that says that some are is ErrBadItem, so that it is asked a few times and not for ever.
func (s *session) Confirm(ctx context.Context) error {
	return s.do(ctx, "QUIT", func() error {
		if len(s.marked) == 0 {
			return nil
		}
		a, err := s.quit()
		if err != nil {
			return err
		}
		if !a.ok {
			return s.refusal(a, quitting)
		}
		return nil
	})
}

// quit says QUIT and waits for the answer. The session is over whatever it is.
func (s *session) quit() (answer, error) {
	if err := s.quiet(); err != nil {
		return answer{}, err
	}
	s.over = true
	err := s.send("QUIT\r\n")
	var a answer
	if err == nil {
		a, err = s.answer()
	}
	if err != nil && provider.KindOf(err) == "" {
		err = fmt.Errorf("%w: %w", errUndone, err)
	}
	return a, err
}
