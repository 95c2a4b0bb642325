package providertest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
)

// A draft is a message that is about to go out. Where the mail system keeps evidence, sending
// consumes it, and nothing can send what is not there any more.
type draft struct {
	trail   *trail // nil where no evidence is kept
	attempt int
	lost    bool // the request to send it is still on its way
	send    func()
}

// A trail is what a mailbox knows of one submission, over all its tries.
type trail struct {
	draft     *draft       // the one that is there
	withdrawn map[int]bool // the tries whose draft Settle has put away
	sent      bool
}

// tokenOf returns what a submission is known by, in each of its tries.
func tokenOf(m provider.Submission, recipients []string) string {
	return fmt.Sprintf("%q %x %q", m.EnvelopeID, m.Raw.Sum(), slices.Sorted(slices.Values(recipients)))
}

// compose makes the draft of a try, in the place of one that an earlier try has left.
func (b *box) compose(m provider.Submission, recipients []string, send func()) *draft {
	d := &draft{attempt: m.Attempt, send: send}
	if !b.manner.settles {
		return d
	}
	token := tokenOf(m, recipients)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.trails == nil {
		b.trails = make(map[string]*trail)
	}
	t := b.trails[token]
	if t == nil {
		t = &trail{withdrawn: make(map[int]bool)}
		b.trails[token] = t
	}
	d.trail, t.draft = t, d
	return d
}

// dispatch sends a draft, and reports whether it was still there.
func (b *box) dispatch(d *draft) bool {
	if d.trail != nil {
		if !b.discard(d) {
			return false
		}
		b.mu.Lock()
		d.trail.sent = true
		b.mu.Unlock()
	}
	d.send()
	return true
}

// discard takes a draft away, and reports whether it was still there.
func (b *box) discard(d *draft) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if d.trail == nil || d.trail.draft != d {
		return false
	}
	d.trail.draft = nil
	return true
}

// lose notes that the request to send a draft is on its way and nobody waits for it.
func (b *box) lose(d *draft) {
	b.mu.Lock()
	defer b.mu.Unlock()
	d.lost = true
}

// Arrive lets what was to be sent from a mailbox, and whose OpSent failed without its effect,
// arrive after all. Where the mail system keeps evidence it sends the draft, if that is
// still there; elsewhere nothing is on its way.
func (s *Server) Arrive(key mailbox.Key) {
	b := s.box(key)
	var lost []*draft
	b.mu.Lock()
	for _, token := range slices.SortedFunc(maps.Keys(b.trails), strings.Compare) {
		if d := b.trails[token].draft; d != nil && d.lost {
			lost = append(lost, d)
		}
	}
	b.mu.Unlock()
	for _, d := range lost {
		b.dispatch(d)
	}
}

// settling is a full session that is a Settler too.
type settling struct{ full }

// Settle says what became of a submission. A draft that is still there is put away first, so
// that nothing sends it any more, and goes on telling that it was not sent.
func (s settling) Settle(ctx context.Context, m provider.Submission) (provider.Result, error) {
	defer s.leave()
	o, err := s.enter(ctx, Call{Op: OpSettle})
	if err != nil {
		return resultOf(m, provider.StatusUncertain, "it could not be looked for"), err
	}
	status, text := s.box.settle(tokenOf(m, m.Recipients), m.Attempt)
	if err := s.exit(ctx, OpSettle, o); err != nil {
		return resultOf(m, provider.StatusUncertain, "the answer was lost"), err
	}
	return resultOf(m, status, text), nil
}

func resultOf(m provider.Submission, status provider.Status, text string) (r provider.Result) {
	for _, address := range m.Recipients {
		r.Recipients = append(r.Recipients, provider.Recipient{Address: address, Status: status, Text: text})
	}
	return r
}

func (b *box) settle(token string, attempt int) (provider.Status, string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.trails[token]
	switch {
	case t == nil:
		return provider.StatusUncertain, "there is no trace of it"
	case t.sent:
		return provider.StatusSent, "it went out"
	case t.draft != nil:
		t.withdrawn[t.draft.attempt] = true
		t.draft = nil
	}
	if t.withdrawn[attempt] {
		return provider.StatusRetry, "its draft was put away"
	}
	return provider.StatusUncertain, "there is no trace of this try"
}
