package providertest

import (
	"context"
	"errors"
	"testing"

	"github.com/go-serversync/serversync/provider"
)

func TestFaults(t *testing.T) {
	key := ann.Mailbox.Key
	refusal := &provider.Error{Op: "test", Kind: provider.ErrThrottled}
	tests := []struct {
		name    string
		outcome Outcome
		kind    provider.Kind
		there   bool // the message that was to be deleted
		lost    bool // the session afterwards
	}{
		{name: "pass"},
		{name: "fail", outcome: Outcome{Err: refusal}, kind: provider.ErrThrottled, there: true},
		{name: "fail after the effect", outcome: Outcome{Err: refusal, Effect: true}, kind: provider.ErrThrottled},
		{name: "cut", outcome: Outcome{Cut: true}, kind: provider.ErrUnavailable, there: true, lost: true},
		{name: "cut after the effect", outcome: Outcome{Cut: true, Effect: true}, kind: provider.ErrUnavailable, lost: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := NewServer(IMAPLike)
			var calls []Call
			s.Fault = func(c Call) Outcome {
				if calls = append(calls, c); c.Op == OpAct {
					return tt.outcome
				}
				return Outcome{}
			}
			p := opened(t, s)
			actor, _ := provider.As[provider.Actor](p)
			err := actor.Act(context.Background(), provider.Act{Kind: provider.Delete, Folder: "INBOX", Epoch: s.Epoch(key, "INBOX"), ID: s.Add(key, "INBOX", []byte("x"))})
			if there := len(s.Messages(key, "INBOX")) == 1; provider.KindOf(err) != tt.kind || there != tt.there {
				t.Errorf("Act = %v, message there %t, want %q, %t", err, there, tt.kind, tt.there)
			}
			if lost := p.Check(context.Background()) != nil; lost != tt.lost {
				t.Errorf("session lost %t, want %t", lost, tt.lost)
			}
			p.Close()
			for i, c := range calls {
				if c.N != int64(i+1) || c.Mailbox != key {
					t.Errorf("call %d has the number %d and mailbox %v", i+1, c.N, c.Mailbox)
				}
			}
			if last := calls[len(calls)-1].Op; last != OpClose || s.Calls() != int64(len(calls)) {
				t.Errorf("the last of %d calls is %s, want close", s.Calls(), last)
			}
		})
	}
}

func TestFaultPanics(t *testing.T) {
	s := NewServer(IMAPLike)
	s.Fault = func(c Call) Outcome {
		if c.Op == OpCheck && c.N == 2 {
			return Outcome{Panic: "driver bug"}
		}
		return Outcome{}
	}
	p := opened(t, s)
	func() {
		defer func() {
			if v := recover(); v != "driver bug" {
				t.Errorf("recovered %v", v)
			}
		}()
		p.Check(context.Background())
	}()
	if err := p.Check(context.Background()); err != nil || len(s.Misuse()) > 0 {
		t.Errorf("after the panic Check = %v, misuse %q", err, s.Misuse())
	}
}

func TestFaultItem(t *testing.T) {
	s, key := NewServer(IMAPLike), ann.Mailbox.Key
	s.Fault = func(Call) Outcome {
		return Outcome{Item: func(id provider.ID) error {
			if id == "2" {
				return errors.New("torn")
			}
			return nil
		}}
	}
	for range 3 {
		s.Add(key, "INBOX", []byte("Subject: x\r\n\r\n"))
	}
	source, _ := provider.As[provider.Source](opened(t, s))
	err := source.Fetch(context.Background(), "INBOX", s.Epoch(key, "INBOX"), []provider.ID{"1", "2", "3"}, func(c provider.Change) error {
		if bad := c.ID == "2"; bad != (provider.KindOf(c.Err) == provider.ErrBadItem) || bad != (c.Raw == nil) {
			t.Errorf("Fetch gave %+v", c)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestSendFaults(t *testing.T) {
	throttled := &provider.Error{Op: "test", Kind: provider.ErrThrottled}
	bad := &provider.Error{Op: "test", Kind: provider.ErrBadItem}
	tests := []struct {
		name       string
		op         Op
		outcome    Outcome
		want       provider.Status
		submitting int
		sent       int
	}{
		{"before the terminator", OpSend, Outcome{Err: throttled}, provider.StatusRetry, 0, 0},
		{"the answer is lost, not accepted", OpSent, Outcome{Cut: true}, provider.StatusUncertain, 1, 0},
		{"the answer is lost, accepted", OpSent, Outcome{Cut: true, Effect: true}, provider.StatusUncertain, 1, 1},
		{"refused for now", OpSent, Outcome{Err: throttled, Answer: true}, provider.StatusRetry, 1, 0},
		{"refused for good", OpSent, Outcome{Err: bad, Answer: true}, provider.StatusRejected, 1, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := NewServer(EWSLike)
			s.Fault = func(c Call) Outcome {
				if c.Op == tt.op {
					return tt.outcome
				}
				return Outcome{}
			}
			sender, _ := provider.As[provider.Sender](opened(t, s))
			p, calls := &probe{}, 0
			m := p.submission("bob@example.org")
			m.Submitting = func(context.Context) error { calls++; return nil }
			result, err := sender.Send(context.Background(), m)
			filed := len(s.Messages(ann.Mailbox.Key, "Sent"))
			if err == nil || result.Recipients[0].Status != tt.want || calls != tt.submitting || len(s.Sent()) != tt.sent || filed != tt.sent {
				t.Errorf("Send = %+v, %v; Submitting %d times, %d sent, %d filed", result, err, calls, len(s.Sent()), filed)
			}
		})
	}
}

// A draft is put away though the answer to that is lost, and though the request to send it is
// within the server.
func TestSettleFaults(t *testing.T) {
	throttled := &provider.Error{Op: "test", Kind: provider.ErrThrottled}
	for _, effect := range []bool{false, true} {
		s, key, m := NewServer(EWSLike), ann.Mailbox.Key, (&probe{}).submission("bob@example.org")
		ask := func() provider.Status {
			settler, _ := provider.As[provider.Settler](opened(t, s))
			r, err := settler.Settle(context.Background(), m)
			if lost := err != nil; lost != (r.Recipients[0].Status == provider.StatusUncertain) {
				t.Errorf("Settle = %+v, %v", r, err)
			}
			return r.Recipients[0].Status
		}
		asked := 0
		s.Fault = func(c Call) Outcome {
			switch c.Op {
			case OpSettle:
				if asked++; asked == 1 {
					return Outcome{Err: throttled, Effect: effect}
				}
			case OpSent:
				if status := ask(); status != provider.StatusUncertain {
					t.Errorf("Settle whose answer was lost says %s", status)
				}
			}
			return Outcome{}
		}
		sender, _ := provider.As[provider.Sender](opened(t, s))
		r, err := sender.Send(context.Background(), m)
		s.Arrive(key)
		want, sent := provider.StatusSent, 1
		if effect {
			want, sent = provider.StatusUncertain, 0
		}
		if (err != nil) != effect || r.Recipients[0].Status != want || len(s.Sent()) != sent {
			t.Errorf("effect %t: Send = %+v, %v, and %d were sent", effect, r, err, len(s.Sent()))
		}
		if effect {
			want = provider.StatusRetry
		}
		if got := ask(); got != want || asked != 2 {
			t.Errorf("effect %t: Settle says %s the second time of %d, want %s", effect, got, asked, want)
		}
	}
}
