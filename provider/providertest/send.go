package providertest

import (
	"context"
	"io"
	"slices"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
)

// A SentMessage is what the server took responsibility for.
type SentMessage struct {
	Mailbox    mailbox.Key
	From       string
	Recipients []string // those that were accepted
	Raw        []byte
	EnvelopeID string
}

// Sent returns what was accepted for sending, oldest first.
func (s *Server) Sent() []SentMessage {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.sent)
}

// Send submits a message.
func (s *session) Send(ctx context.Context, m provider.Submission) (provider.Result, error) {
	defer s.leave()
	answers := provider.Result{Recipients: make([]provider.Recipient, len(m.Recipients))}
	for i, address := range m.Recipients {
		answers.Recipients[i] = provider.Recipient{Address: address, Status: provider.StatusRetry}
	}
	if _, err := s.enter(ctx, Call{Op: OpSend}); err != nil {
		return answers, err
	}
	raw, err := io.ReadAll(m.Raw.Open())
	if err != nil {
		return answers, failure(OpSend, provider.ErrBadItem, "%w", err)
	}
	accepted, refused := s.server.judge(answers.Recipients)
	if len(accepted) == 0 {
		return answers, refused
	}
	if err := ctx.Err(); err != nil {
		return answers, err
	}
	d := s.box.compose(m, accepted, func() {
		s.take(SentMessage{s.box.key, m.From, accepted, raw, m.EnvelopeID})
	})
	if m.Submitting != nil {
		if err := m.Submitting(ctx); err != nil {
			s.box.discard(d)
			return answers, err
		}
	}
	status, err := s.terminate(ctx, d)
	for i := range answers.Recipients {
		if r := &answers.Recipients[i]; slices.Contains(accepted, r.Address) {
			*r = provider.Recipient{Address: r.Address, Status: status, Code: codes[status]}
		}
	}
	if err != nil {
		return answers, err
	}
	answers.Reply = "250 accepted"
	return answers, refused
}

// codes are the usual replies of SMTP (RFC 5321, section 4.2.3).
var codes = map[provider.Status]int{
	provider.StatusSent: 250, provider.StatusRejected: 550, provider.StatusRetry: 450,
}

// judge asks the Recipient hook about each recipient. It returns those that are
// accepted, and an error if one is not.
func (s *Server) judge(recipients []provider.Recipient) (accepted []string, err error) {
	for i := range recipients {
		r := &recipients[i]
		status := provider.StatusSent
		if s.Recipient != nil {
			status = s.Recipient(r.Address)
		}
		switch status {
		case provider.StatusSent:
			accepted = append(accepted, r.Address)
			continue
		case provider.StatusRejected:
			err = failure(OpSend, provider.ErrBadItem, "a recipient was rejected")
		default:
			if err == nil {
				err = failure(OpSend, provider.ErrUnavailable, "a recipient was put off")
			}
		}
		r.Status, r.Code, r.Text = status, codes[status], "not here"
	}
	return accepted, err
}

// terminate sends the byte that cannot be undone and waits for the answer.
func (s *session) terminate(ctx context.Context, d *draft) (provider.Status, error) {
	o, err := s.consult(ctx, Call{Op: OpSent})
	if err != nil {
		s.box.dispatch(d) // it was under way when ctx ended
		return provider.StatusUncertain, err
	}
	switch {
	case o.Answer && o.Err != nil && !o.Effect:
		s.box.discard(d)
	case o.fails() && !o.Effect:
		s.box.lose(d)
	case !s.box.dispatch(d):
		return provider.StatusUncertain, failure(OpSent, provider.ErrNotFound, "its draft is gone")
	}
	err = s.suffer(ctx, OpSent, o)
	switch kind := provider.KindOf(err); {
	case err == nil:
		return provider.StatusSent, nil
	case o.Answer && (kind == provider.ErrBadItem || kind == provider.ErrTooLarge):
		return provider.StatusRejected, err
	case o.Answer:
		return provider.StatusRetry, err
	}
	return provider.StatusUncertain, err
}

// take accepts a message, and files it where the mail system does so.
func (s *session) take(m SentMessage) {
	s.server.mu.Lock()
	s.server.sent = append(s.server.sent, m)
	s.server.mu.Unlock()
	if s.box.manner.traits.FilesSent {
		s.server.put(s.box, "Sent", Message{Raw: m.Raw, Flags: []string{`\Seen`}}, nil)
	}
}
