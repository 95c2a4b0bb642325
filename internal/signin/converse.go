package signin

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"

	"github.com/go-serversync/serversync/internal/hosted"
	"github.com/go-serversync/serversync/provider"
)

// What a server can make an exchange last and hold. No mechanism takes more than
// five rounds; Kerberos's tickets for people in many groups are the largest
// challenges.
const (
	maxRounds    = 10
	maxChallenge = 64 << 10
)

var (
	errRounds    = errors.New("the server asks for ever")
	errChallenge = errors.New("the server asks with more than 64 KiB")
	errBase64    = errors.New("the server sent a challenge that is no base64")
	errMore      = errors.New("the server asks for more than the mechanism has to say")
)

// converse runs an exchange.
func (s *SignIn) converse(ctx context.Context, c Carrier, m mechanism, x provider.Exchange) verdict {
	name, first, err := x.Start()
	if err != nil {
		return verdict{err: s.failed(ctx, err)}
	}
	sent := 0 // messages of ours, among which is the password's proof
	if first != nil || m.host != nil {
		sent++
	}
	step, err := start(c, name, first)
	for rounds := 0; ; rounds++ {
		switch {
		case err != nil:
			return verdict{err: err, lost: true}
		case step.Done && step.Refused != nil:
			return verdict{err: s.refusal(x, step.Refused), refused: true, proven: sent > m.proof}
		case step.Done:
			return verdict{err: s.verified(ctx, x), proven: true}
		}
		response, bad := s.response(x, step.Challenge, rounds)
		if bad != nil {
			_, gone := c.Say("*") // RFC 4422, section 3.5
			return verdict{err: s.failed(ctx, bad), proven: sent > m.proof, lost: gone != nil}
		}
		sent++
		step, err = c.Say(encoded(response))
	}
}

func encoded(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// start asks for a mechanism, with its initial response in the command if there is room
// for it. Else it is the answer to the server's invitation, whatever that says. An
// empty one is "=" there (RFC 4954, section 4; RFC 4959; RFC 5034, section 4).
func start(c Carrier, name string, first []byte) (Step, error) {
	initial := encoded(first)
	switch {
	case first == nil:
		return c.Begin(name, "")
	case initial == "":
		initial = "="
	}
	if len(initial) <= c.Room(name) {
		return c.Begin(name, initial)
	}
	step, err := c.Begin(name, "")
	if err != nil || step.Done {
		return step, err
	}
	return c.Say(encoded(first))
}

// response returns the answer to a challenge, within bounds.
func (s *SignIn) response(x provider.Exchange, said string, rounds int) ([]byte, error) {
	challenge, err := base64.StdEncoding.DecodeString(strings.TrimSpace(said))
	switch {
	case err != nil:
		return nil, s.fail(provider.ErrProtocol, "", errBase64)
	case rounds == maxRounds:
		return nil, s.fail(provider.ErrProtocol, "", errRounds)
	case len(challenge) > maxChallenge:
		return nil, s.fail(provider.ErrTooLarge, "", errChallenge)
	}
	response, err := x.Next(challenge)
	if response == nil {
		response = []byte{}
	}
	return response, err
}

// verified asks the exchange whether the server has proven itself, if that is part
// of the mechanism.
func (s *SignIn) verified(ctx context.Context, x provider.Exchange) error {
	v, ok := x.(interface{ Verified() error })
	if !ok {
		return nil
	}
	if err := v.Verified(); err != nil {
		var known *provider.Error
		if errors.As(err, &known) {
			return s.failed(ctx, err)
		}
		return s.fail(provider.ErrUnsafe, "somebody may stand in for the server; check its name and certificate", s.quoted(err))
	}
	return nil
}

// failed returns an exchange's error as an *provider.Error with our op, or as ctx's own.
func (s *SignIn) failed(ctx context.Context, err error) error {
	var known *provider.Error
	switch {
	case errors.As(err, &known):
		return s.caller().Own(known)
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		return context.Cause(ctx)
	}
	return s.fail(provider.ErrProtocol, "", s.quoted(err))
}

// quoted returns err if it can be shown.
func (s *SignIn) quoted(err error) error {
	if s.Repeats(err.Error()) {
		return hosted.ErrRepeats
	}
	return err
}

// refusal returns what a refusal means to the exchange that was refused.
func (s *SignIn) refusal(x provider.Exchange, refused error) error {
	refused = s.explained(refused)
	if told, ok := x.(interface{ refused(error, *SignIn) error }); ok {
		return told.refused(refused, s)
	}
	return refused
}
