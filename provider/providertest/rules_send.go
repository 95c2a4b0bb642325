package providertest

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/provider"
)

// This file holds the rules of Sender.

// sender opens a session with a Sender.
func (p *probe) sender() provider.Sender {
	p.Helper()
	sender := ability[provider.Sender](p, p.open())
	p.need("Received", p.Received != nil)
	p.need("Accepted", p.Accepted != "")
	return sender
}

func (p *probe) submission(recipients ...string) provider.Submission {
	return provider.Submission{From: "ann@example.com", Recipients: recipients, Raw: item.NewBlob(p.text(2000))}
}

// wantResult fails the rule unless r has the submission's recipients in their
// order with these statuses.
func (p *probe) wantResult(r provider.Result, s provider.Submission, want ...provider.Status) {
	p.Helper()
	if len(r.Recipients) != len(want) {
		p.Errorf("Send gave %d results for %d recipients", len(r.Recipients), len(want))
		return
	}
	for i, got := range r.Recipients {
		if got.Address != s.Recipients[i] || got.Status != want[i] {
			p.Errorf("result %d of Send is %s for %q, want %s for %q", i, got.Status, got.Address, want[i], s.Recipients[i])
		}
		if len(got.Text) > 256 || len(r.Reply) > 256 {
			p.Errorf("result %d of Send has a text of %d and a reply of %d bytes, want at most 256", i, len(got.Text), len(r.Reply))
		}
	}
}

// wantReceived fails the rule unless the server received s for these recipients,
// or nothing if there are none. It may be a moment before the server shows it.
func (p *probe) wantReceived(s provider.Submission, recipients ...string) {
	p.Helper()
	if len(recipients) == 0 {
		time.Sleep(20 * time.Millisecond)
		if n := len(p.Received()); n > 0 {
			p.Errorf("the server received %d messages, want none", n)
		}
		return
	}
	settles(func() bool { return len(p.Received()) > 0 })
	got := p.Received()
	if len(got) != 1 {
		p.Errorf("the server received %d messages, want one", len(got))
		return
	}
	raw, _ := s.Raw.Bytes()
	if !bytes.Equal(got[0].Raw, raw) {
		p.Errorf("the server received %d bytes, which are not the %d sent", len(got[0].Raw), len(raw))
	}
	if got[0].From != s.From || !slices.Equal(got[0].Recipients, recipients) {
		p.Errorf("the server received a message from %q for %q, want %q and %q", got[0].From, got[0].Recipients, s.From, recipients)
	}
}

func sendAccepted(p *probe) {
	sender := p.sender()
	s := p.submission(p.Accepted)
	result, err := sender.Send(p.ctx, s)
	if err != nil {
		p.Errorf("Send = %v", err)
	}
	p.wantResult(result, s, provider.StatusSent)
	p.wantReceived(s, p.Accepted)
}

func sendMixed(p *probe) {
	sender := p.sender()
	if p.Rejected == "" && p.Deferred == "" {
		p.need("Rejected or Deferred", false)
	}
	var recipients []string
	var want []provider.Status
	for _, r := range []struct {
		address string
		status  provider.Status
	}{{p.Rejected, provider.StatusRejected}, {p.Accepted, provider.StatusSent}, {p.Deferred, provider.StatusRetry}} {
		if r.address != "" {
			recipients, want = append(recipients, r.address), append(want, r.status)
		}
	}
	s := p.submission(recipients...)
	result, err := sender.Send(p.ctx, s)
	if err == nil {
		p.Errorf("Send = nil though not every recipient was accepted")
	}
	p.wantProper("Send", err)
	p.wantResult(result, s, want...)
	p.wantReceived(s, p.Accepted)

	none := p.submission(slices.DeleteFunc(slices.Clone(recipients), func(a string) bool { return a == p.Accepted })...)
	want = slices.DeleteFunc(want, func(s provider.Status) bool { return s == provider.StatusSent })
	one := ability[provider.Sender](p, p.open())
	result, err = one.Send(p.ctx, none)
	if err == nil {
		p.Errorf("Send = nil though no recipient was accepted")
	}
	p.wantResult(result, none, want...)
	p.wantReceived(s, p.Accepted)
}

func sendSubmitting(p *probe) {
	sender := p.sender()
	s := p.submission(p.Accepted)
	calls := 0
	s.Submitting = func(context.Context) error {
		calls++
		time.Sleep(20 * time.Millisecond)
		if n := len(p.Received()); n > 0 {
			p.Errorf("Submitting came after the server had received %d messages", n)
		}
		return nil
	}
	result, err := sender.Send(p.ctx, s)
	if err != nil || calls != 1 {
		p.Errorf("Send = %v and called Submitting %d times, want once", err, calls)
	}
	p.wantResult(result, s, provider.StatusSent)
	p.wantReceived(s, p.Accepted)
}

func sendSubmittingFails(p *probe) {
	sender := p.sender()
	s := p.submission(p.Accepted)
	refusal := errors.New("the journal cannot be written")
	s.Submitting = func(context.Context) error { return refusal }
	result, err := sender.Send(p.ctx, s)
	if !errors.Is(err, refusal) {
		p.Errorf("Send = %v, want Submitting's error", err)
	}
	p.wantResult(result, s, provider.StatusRetry)
	p.wantReceived(s)
	again := ability[provider.Sender](p, p.open())
	s.Submitting = nil
	if _, err := again.Send(p.ctx, s); err != nil {
		p.Errorf("Send tried again by a new session = %v", err)
	}
	p.wantReceived(s, p.Accepted)
}

func sendEndedContext(p *probe) {
	sender := p.sender()
	s := p.submission(p.Accepted)
	ended, cancel := context.WithCancel(p.ctx)
	cancel()
	result, err := sender.Send(ended, s)
	if err == nil {
		p.Errorf("Send with an ended context = nil")
	}
	p.wantProper("Send with an ended context", err)
	p.wantResult(result, s, provider.StatusRetry)
	p.wantReceived(s)
}

func sendLostAnswer(p *probe) {
	p.need("Stall", p.Stall != nil)
	sender := p.sender()
	early := ability[provider.Sender](p, p.open())
	s := p.submission(p.Accepted)
	ctx, cancel := context.WithCancel(p.ctx)
	defer cancel()
	s.Submitting = func(context.Context) error {
		p.Stall()
		time.AfterFunc(200*time.Millisecond, cancel)
		return nil
	}
	result, err := sender.Send(ctx, s)
	if err == nil {
		p.Errorf("Send whose answer was lost = nil")
	}
	p.wantProper("Send whose answer was lost", err)
	p.wantResult(result, s, provider.StatusUncertain)

	ctx, cancel = context.WithTimeout(p.ctx, 200*time.Millisecond)
	defer cancel()
	s = p.submission(p.Accepted)
	s.Submitting = func(context.Context) error {
		p.Errorf("Submitting was called though the server answers nothing")
		return nil
	}
	result, err = early.Send(ctx, s)
	p.wantProper("Send to a stalled server", err)
	p.wantResult(result, s, provider.StatusRetry)
}
