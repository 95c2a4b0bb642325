package ews

import (
	"context"
	"strconv"

	"github.com/go-serversync/serversync/provider"
)

// What is said of a message that was looked for.
const (
	wasSent    = "found among the sent mail"
	wasNotSent = "it was not sent: its draft is among what was deleted"
	isSending  = "the server is sending it"
	staysThere = "the server said that it was sent, and its draft is still among the drafts"
	isNowhere  = "its draft is gone, and there is no copy among the sent mail"
)

// Settle looks for the submission's draft and for its copy. A copy says that it was sent. A
// draft that is where it was made says that it was not; it is then put among what was deleted, so
// that a SendItem that is still on its way finds nothing to send, and looked for once more. There
// it goes on saying so, to whoever asks again because this answer was lost. What is nowhere
// stays Uncertain, and so does what the server has called sent without doing it.
func (s *session) Settle(ctx context.Context, sub provider.Submission) (provider.Result, error) {
	l := s.newLetter(sub)
	var err error
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	} else if _, err = l.check(); err == nil {
		err = l.find(ctx)
	}
	if err != nil {
		l.settle(provider.StatusUncertain, "it could not be looked for: "+words(err))
	}
	return l.result, err
}

// find says what became of a letter.
func (l *letter) find(ctx context.Context) error {
	seen, err := l.look(ctx)
	if err != nil || l.decided(seen) {
		return err
	}
	for _, d := range seen.drafts {
		err := l.withdraw(ctx, d.draft)
		if provider.KindOf(err) == provider.ErrNotFound {
			l.settle(provider.StatusUncertain, isSending) // gone within the moment
			return nil
		}
		if err != nil {
			return err
		}
	}
	seen, err = l.look(ctx)
	switch {
	case err != nil:
		return err
	case seen.sent:
		l.settle(provider.StatusSent, wasSent)
	case len(seen.drafts) > 0 || !seen.withdrawn:
		l.settle(provider.StatusUncertain, isSending)
	default:
		l.settle(provider.StatusRetry, wasNotSent)
	}
	return nil
}

// decided settles everybody where what was seen leaves nothing to do.
func (l *letter) decided(seen whereabouts) bool {
	switch {
	case seen.sent:
		l.settle(provider.StatusSent, wasSent)
	case len(seen.drafts) == 0 && seen.withdrawn:
		l.settle(provider.StatusRetry, wasNotSent)
	case len(seen.drafts) == 0:
		l.settle(provider.StatusUncertain, isNowhere)
	}
	for _, d := range seen.drafts {
		switch {
		case d.answered:
			l.settle(provider.StatusUncertain, staysThere)
		case d.submitted:
			l.settle(provider.StatusUncertain, isSending)
		}
	}
	for _, r := range l.result.Recipients {
		if r.Status == "" {
			return false
		}
	}
	return true
}

// Whereabouts are what was seen of a letter.
type whereabouts struct {
	sent      bool // a copy is among the sent mail, or on its way
	drafts    []sighting
	withdrawn bool // the draft of this try is among what was deleted
}

// look looks where a letter may be.
func (l *letter) look(ctx context.Context) (seen whereabouts, err error) {
	if seen.drafts, err = l.drafts(ctx); err != nil {
		return seen, err
	}
	by := []criterion{byToken(l.token)}
	if l.messageID != "" {
		by = append(by, byMessageID(l.messageID)...)
	}
	for _, folder := range []provider.FolderID{"sentitems", "outbox", "deleteditems"} {
		if folder == "deleteditems" {
			by = by[:1] // what else has the Message-ID may be what somebody was sent
		}
		found, err := l.sight(ctx, folder, by...)
		if noSuchFolder(err) {
			continue
		}
		if err != nil {
			return seen, err
		}
		for _, one := range found {
			ours := one.token == l.token
			switch {
			case folder == "deleteditems" && ours && one.unsent:
				seen.withdrawn = seen.withdrawn || one.attempt == strconv.Itoa(l.sub.Attempt)
			case ours, folder != "deleteditems" && one.has(l.messageID):
				seen.sent = true
			}
		}
	}
	return seen, nil
}
