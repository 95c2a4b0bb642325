package oauth

import (
	"context"
	"errors"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// An unsaved is what an issuer gave and no Store has yet.
type unsaved struct {
	was secret.Text // the refresh token that it was given for
	g   grant
}

// saveTries is how often saving is tried again at once, over some three seconds. After
// that it is up to the next call, or Close.
const saveTries = 5

// keep saves g, which an issuer gave for the refresh token was, and returns what is
// stored then. If somebody else has claimed the grant meanwhile, since we took too long, g
// is saved all the same: its refresh token is the one that is good. The claim stays, for
// it is the old refresh token that is being used under it, and that must come to an end
// before anybody uses the new one. If there is another refresh token by now, of a new
// consent or of who was faster, that one stands.
func (s *Source) keep(ctx context.Context, key mailbox.Key, e *entry, was secret.Text, g grant) (grant, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTime)
	defer cancel()
	e.unsaved = &unsaved{was, g}
	for try := 0; ; try++ {
		saved, err := s.replace(ctx, key, g)
		if err == nil {
			e.unsaved = nil
			return saved, nil
		}
		if !errors.Is(err, serversync.ErrFenced) {
			// A hiccup of the Store must not leave the answer here, where no other process
			// finds it once the claim has lapsed.
			if try < saveTries && s.sleep(ctx, 100*time.Millisecond<<try) == nil {
				continue
			}
			return grant{}, err
		}
		there, err := s.load(ctx, key)
		if err != nil {
			return grant{}, err
		}
		if !there.Refresh.Equal(was) || there.Access.Equal(g.Access) {
			e.unsaved = nil
			if there.Claim.By == s.name {
				there.Claim = claim{}
				if freed, err := s.replace(ctx, key, there); err == nil {
					there = freed
				}
			}
			if there.Refresh.IsZero() {
				return grant{}, fail(opToken, provider.ErrAuth, CodeConsent, "send the owner through the consent page", errNever)
			}
			return there, nil
		}
		g.Version, g.Claim = there.Version, there.Claim
	}
}

// saveUnsaved saves what could not be saved before.
func (s *Source) saveUnsaved(ctx context.Context, key mailbox.Key, e *entry) error {
	if e.unsaved == nil {
		return nil
	}
	_, err := s.keep(ctx, key, e, e.unsaved.was, e.unsaved.g)
	return err
}
