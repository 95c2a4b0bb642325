package providertest

import (
	"context"

	"github.com/go-serversync/serversync/provider"
)

// This file holds the rules of Settler. Each call is made by a session of its own, for what
// became of a message must be found out by whoever asks.

// A lost is a submission whose answer is lost, after its effect or before it.
type lost struct {
	*probe
	provider.Submission
	after bool
}

// lose sends a message of which the answer is lost.
func (p *probe) lose(after bool) lost {
	p.Helper()
	s := p.submission(p.Accepted)
	s.EnvelopeID = "settle-" + messageID(p.made)
	l := lost{p, s, after}
	sender := p.sender()
	ability[provider.Settler](p, p.open())
	p.need("LoseAnswer", p.LoseAnswer != nil)
	p.LoseAnswer(after)
	result, err := sender.Send(p.ctx, l.Submission)
	if sent := len(result.Recipients) == 1 && result.Recipients[0].Status == provider.StatusSent; sent && after {
		return l // it has looked itself
	}
	if err == nil {
		p.Errorf("Send whose answer was lost = nil")
	}
	p.wantProper("Send whose answer was lost", err)
	p.wantResult(result, s, provider.StatusUncertain)
	return l
}

// settle asks once what became of the message, and returns it. A wrong answer fails
// the rule.
func (l lost) settle() provider.Status {
	l.Helper()
	settler := ability[provider.Settler](l.probe, l.open())
	result, err := settler.Settle(l.ctx, l.Submission)
	if err != nil {
		l.Fatalf("Settle = %v", err)
	}
	status := provider.StatusUncertain
	if len(result.Recipients) == 1 && result.Recipients[0].Status != status {
		status = l.fate()
	}
	l.wantResult(result, l.Submission, status)
	return status
}

// fate is what has become of the message.
func (l lost) fate() provider.Status {
	if l.after {
		return provider.StatusSent
	}
	return provider.StatusRetry
}

// decide asks until it is said what became of the message, and reports whether it was. Where
// that must be said, the rule fails if it is not.
func (l lost) decide() bool {
	l.Helper()
	decided := func() bool { return l.Failed() || l.settle() != provider.StatusUncertain }
	switch {
	case l.Decides && !settles(decided):
		l.Errorf("Settle does not say that the message is %s", l.fate())
	case !l.Decides && !decided():
		l.Logf("Settle says that the message is uncertain, which this mail system may")
		return false
	}
	return !l.Failed()
}

// arrive lets the first try arrive late, where the harness can do that.
func (l lost) arrive() {
	if l.Arrive != nil {
		l.Arrive()
	}
}

// again sends the message in another try.
func (l *lost) again() {
	l.Helper()
	l.Attempt++
	l.after = true
	result, err := l.sender().Send(l.ctx, l.Submission)
	if err != nil {
		l.Errorf("Send tried again = %v", err)
	}
	l.wantResult(result, l.Submission, provider.StatusSent)
}

func settleSent(p *probe) {
	l := p.lose(true)
	l.decide()
	l.wantReceived(l.Submission, p.Accepted)
}

func settleNotSent(p *probe) {
	for _, late := range []bool{false, true} { // the first try arrives before the second one or after it
		l := p.lose(false)
		if !l.decide() {
			return
		}
		if !late {
			l.arrive()
		}
		before := p.Received
		l.wantReceived(l.Submission)
		l.again()
		l.arrive()
		l.wantReceived(l.Submission, p.Accepted)
		n := len(before())
		p.Received = func() []SentMessage { return before()[n:] }
	}
}

func settleTwice(p *probe) {
	for _, after := range []bool{true, false} {
		l := p.lose(after)
		if !l.decide() {
			continue
		}
		for range 3 {
			if l.settle() == provider.StatusUncertain {
				p.Errorf("Settle asked again says uncertain, after it had said %s", l.fate())
			}
		}
	}
}

func settleSubmitting(p *probe) {
	for _, after := range []bool{true, false} {
		l := p.lose(after)
		l.Submitting = func(context.Context) error {
			p.Errorf("Settle called Submitting")
			return nil
		}
		l.settle()
	}
}

func settleEndedContext(p *probe) {
	ended, cancel := context.WithCancel(p.ctx)
	cancel()
	for _, after := range []bool{false, true} {
		l := p.lose(after)
		settler := ability[provider.Settler](p, p.open())
		result, err := settler.Settle(ended, l.Submission)
		if err == nil {
			p.Errorf("Settle with an ended context = nil")
		}
		p.wantProper("Settle with an ended context", err)
		p.wantResult(result, l.Submission, provider.StatusUncertain)
		if l.arrive(); p.Arrive != nil && !after {
			l.after = settles(func() bool { return len(p.Received()) > 0 })
			if !l.after {
				p.Errorf("Settle with an ended context has kept what was on its way from being sent")
			}
		}
		l.decide()
	}
}
