package pop3

import (
	"cmp"
	"context"
	"strings"

	"github.com/go-serversync/serversync/internal/signin"
	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/provider"
)

const signInOp = "pop3: sign in"

// signIn signs in and, where the server told little before, asks for its capabilities
// once more.
func (s *session) signIn(ctx context.Context) error {
	return s.stage(ctx, provider.StageSignIn, "sign in", func() (e provider.Evidence, err error) {
		if err := s.speakUTF8(); err != nil {
			return e, err
		}
		s.log.Debug("pop3: signing in", "secure", s.conn.Secure())
		result, err := s.in.Run(ctx, carrier{s})
		if err == nil {
			err = s.learn()
		}
		if err == nil {
			s.signedIn = true
			e = s.offered(ctx)
		} else {
			s.fail(err)
		}
		e.Mechanism, e.Username, e.Text = result.Mechanism, wire.Quote(result.Username), cmp.Or(result.Text, e.Text)
		return e, err
	})
}

// learn asks for the capabilities of a session that is signed in, if those from before
// say nothing about reading mail. Some servers keep that for whoever has signed in.
func (s *session) learn() error {
	if !s.caps.known || s.caps.uidl || s.caps.top || s.caps.pipelining {
		return nil
	}
	before := s.caps
	if err := s.askCaps(); err != nil {
		return err
	}
	if !s.caps.known {
		s.caps = before
	}
	return nil
}

// speakUTF8 has a server that speaks UTF8 (RFC 6856) give messages as they are. Without
// it such a server must rewrite or refuse those with headers that are not ASCII, and
// may not take user names and passwords that are not. It can be said before the sign-in
// alone. Servers without UTF8 give messages as they are in any case, and are not asked.
func (s *session) speakUTF8() error {
	if !s.caps.utf8 {
		return nil
	}
	_, err := s.ask("UTF8") // a refusal leaves all as it was
	return err
}

// A carrier carries a sign-in in the words of POP3: AUTH (RFC 5034), and USER and PASS.
type carrier struct{ *session }

var _ signin.Carrier = carrier{}

// maxCommand is how long a command may be, with its end (RFC 2449, section 4).
const maxCommand = 255

func (c carrier) Room(mechanism string) int { return maxCommand - len("AUTH "+mechanism+" \r\n") }

func (c carrier) Begin(mechanism, initial string) (signin.Step, error) {
	return c.Say(strings.TrimSpace("AUTH " + mechanism + " " + initial))
}

// Password says USER and PASS. A server that takes the name says nothing by
// that, so a refusal of either command is one of both.
func (c carrier) Password(username, password string) (signin.Step, error) {
	step, err := c.Say("USER " + username)
	if err != nil || step.Refused != nil {
		return step, err
	}
	if !step.Done {
		return signin.Step{}, c.fail(malformed("a challenge in answer to USER"))
	}
	return c.Say("PASS " + password)
}

// Say says a line and reads what the server says to it.
func (c carrier) Say(line string) (step signin.Step, err error) {
	if err := c.quiet(); err != nil {
		return step, err
	}
	if err := c.send(line + "\r\n"); err != nil {
		return step, err
	}
	a, err := c.answerOf(maxChallenge)
	switch {
	case err != nil:
		return step, c.explain(signInOp, err)
	case a.ok:
		return signin.Step{Done: true}, nil
	case !a.more:
		return signin.Step{Done: true, Refused: c.refusal(a, signingIn)}, nil
	}
	return signin.Step{Challenge: a.text}, nil
}
