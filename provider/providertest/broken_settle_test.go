package providertest

import (
	"context"
	"sync"

	"github.com/go-serversync/serversync/provider"
)

// unsettled is a Settler of which a method is replaced.
type unsettled struct {
	settling
	settle func(ctx context.Context, s provider.Submission, right func(context.Context) (provider.Result, error)) (provider.Result, error)
}

func (u *unsettled) Settle(ctx context.Context, s provider.Submission) (provider.Result, error) {
	return u.settle(ctx, s, func(ctx context.Context) (provider.Result, error) { return u.settling.Settle(ctx, s) })
}

func brokenSettlers() []fault {
	type right = func(context.Context) (provider.Result, error)
	// settles is a mail system that settles in a way of its own.
	settles := func(settle func(u *unsettled, ctx context.Context, s provider.Submission, right right) (provider.Result, error)) func(*Harness) {
		return func(h *Harness) {
			*h = harness(EWSLike, func(p provider.Provider) provider.Provider {
				u := &unsettled{settling: p.(settling)}
				u.settle = func(ctx context.Context, s provider.Submission, right right) (provider.Result, error) {
					return settle(u, ctx, s, right)
				}
				return u
			})
		}
	}
	// states says of what was to be Sent or Retry that it is another thing.
	states := func(was, is provider.Status) func(*Harness) {
		return settles(func(_ *unsettled, ctx context.Context, s provider.Submission, right right) (provider.Result, error) {
			r, err := right(ctx)
			for i := range r.Recipients {
				if r.Recipients[i].Status == was {
					r.Recipients[i].Status = is
				}
			}
			return r, err
		})
	}
	const (
		sent    = "Settle/what was sent is settled as sent"
		notSent = "Settle/what was not sent is settled as not sent, and is not any more"
		same    = "Settle/asked again it says the same"
		ended   = "Settle/an ended context settles nothing"
	)
	var said sync.Map
	return []fault{
		{name: "what was sent may be sent again", rule: sent, also: []string{same, ended, "Settle/Submitting"},
			turn: states(provider.StatusSent, provider.StatusRetry)},
		{name: "what was sent is never found", rule: sent, also: []string{same, ended}, turn: states(provider.StatusSent, provider.StatusUncertain)},
		{name: "what was not sent is called sent", rule: notSent, also: []string{same, "Settle/Submitting"}, turn: states(provider.StatusRetry, provider.StatusSent)},
		{name: "what was not sent is never found", rule: notSent, also: []string{same}, turn: states(provider.StatusRetry, provider.StatusUncertain)},
		{name: "leaves the draft where it can be sent", rule: notSent, turn: settles(
			func(u *unsettled, ctx context.Context, s provider.Submission, right right) (provider.Result, error) {
				t := u.box.trails[tokenOf(s, s.Recipients)]
				if ctx.Err() != nil || t == nil || t.sent {
					return right(ctx)
				}
				return resultOf(s, provider.StatusRetry, "its draft is there"), nil
			})},
		{name: "leaves no evidence of what it put away", rule: same, turn: settles(
			func(u *unsettled, ctx context.Context, s provider.Submission, right right) (provider.Result, error) {
				r, err := right(ctx)
				if t := u.box.trails[tokenOf(s, s.Recipients)]; t != nil {
					clear(t.withdrawn)
				}
				return r, err
			})},
		{name: "finds a copy once", rule: same, turn: settles(
			func(u *unsettled, ctx context.Context, s provider.Submission, right right) (provider.Result, error) {
				r, err := right(ctx)
				if _, before := said.LoadOrStore([2]any{u.server, s.EnvelopeID}, true); before {
					r = resultOf(s, provider.StatusUncertain, "")
				}
				return r, err
			}), also: []string{notSent, ended}},
		{name: "settles behind Submitting", rule: "Settle/Submitting is not called", turn: settles(
			func(_ *unsettled, ctx context.Context, s provider.Submission, right right) (provider.Result, error) {
				if s.Submitting != nil {
					if err := s.Submitting(ctx); err != nil {
						return resultOf(s, provider.StatusUncertain, ""), err
					}
				}
				return right(ctx)
			})},
		{name: "settles with an ended context", rule: ended, turn: settles(
			func(_ *unsettled, ctx context.Context, _ provider.Submission, right right) (provider.Result, error) {
				return right(context.WithoutCancel(ctx))
			}), also: []string{"P3/a stalled"}},
		{name: "puts the draft away and then sees that it may not", rule: ended, turn: settles(
			func(_ *unsettled, ctx context.Context, s provider.Submission, right right) (provider.Result, error) {
				r, err := right(context.WithoutCancel(ctx))
				if ctx.Err() != nil {
					return resultOf(s, provider.StatusUncertain, ""), ctx.Err()
				}
				return r, err
			}), also: []string{"P3/a stalled"}},
	}
}
