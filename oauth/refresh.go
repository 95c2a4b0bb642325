package oauth

import (
	"context"
	"errors"
	"net/url"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/internal/tokens"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// How a grant is refreshed where many processes share it, and where a process may die
// at any point:
//
//  1. The grant is read. If another process has renewed the token, that is it.
//  2. A claim is written into it by compare-and-swap: of two processes one loses, reads
//     again, and waits until the claim is gone.
//  3. The issuer is asked.
//  4. What it gives, the next refresh token with it, is saved before anybody gets the
//     access token (TOK-5). If the Store fails, the answer stays in memory and is saved
//     before anything else is done.
//
// Whoever dies between 2 and 3 costs the others a wait, until the claim lapses. Whoever
// dies between 3 and 4 takes a refresh token along that nobody else knows. Then the one
// before is tried again: an issuer that allows for a lost answer takes it. One that does
// not revokes the grant, and the error says that this is how it came.

// A want is what a renewal is for.
type want struct {
	old   secret.Text // the token that is to be replaced; zero for none
	ahead bool        // it still serves: wait for nobody
	turn  bool        // the turn is taken
}

var (
	errBusy    = errors.New("another process is refreshing the grant")
	errHeld    = errors.New("another process has held the grant for too long")
	errTurn    = errors.New("many mailboxes want a token at once, and this one waits for its turn")
	errClient  = errors.New("the owner consented to another application than the profile names now")
	errRefused = errors.New("the mail server refuses tokens that the issuer has only just given")
)

const (
	remedyRefused = "check that the protocol is switched on for the mailbox, that the mailbox's address is that of whoever consented, and that the application may use it"

	// faultRest is how long an issuer's no stands before it is asked again.
	faultRest = time.Minute

	// saveTime bounds saving what an issuer gave.
	saveTime = 15 * time.Second
)

// serves reports whether g has a token that can be handed out in old's place.
func (g *grant) serves(now time.Time, old secret.Text) bool {
	return !g.Access.IsZero() && g.Expires.Sub(now) >= tokens.LeastLeft && (old.IsZero() || !g.Access.Equal(old))
}

// renew returns the mailbox's grant with another token than w.old.
func (s *Source) renew(ctx context.Context, a provider.Account, e *entry, w want) (grant, error) {
	key := a.Mailbox.Key
	if err := s.saveUnsaved(ctx, key, e); err != nil {
		return grant{}, err
	}
	for try := 0; ; try++ {
		g, err := s.load(ctx, key)
		if err != nil {
			return grant{}, err
		}
		issuer, err := s.usable(g, a)
		if err != nil {
			return grant{}, err
		}
		now := s.issuerNow(issuer)
		switch {
		case g.serves(now, w.old):
			return g, nil
		case !w.ahead && !w.old.IsZero() && g.Access.Equal(w.old) && now.Sub(g.Got) < s.refusedAfter(): // TOK-3
			return grant{}, fail(opToken, provider.ErrAuth, CodeRefused, remedyRefused, errRefused)
		case g.Fault.Code != "" && now.Sub(g.Fault.At).Abs() < faultRest:
			return grant{}, fail(opRefresh, provider.ErrAuth, g.Fault.Code, g.Fault.Remedy, errors.New(g.Fault.Cause))
		case g.Claim.By != "" && g.Claim.By != s.name && now.Before(g.Claim.Until):
			if w.ahead {
				return grant{}, fail(opRefresh, provider.ErrUnavailable, "", remedyWait, errBusy)
			}
			if err := s.sleep(ctx, min(50*time.Millisecond<<min(try, 5), time.Second)); err != nil {
				return grant{}, err
			}
			continue
		}
		if !w.turn {
			waited, err := s.awaitTurn(ctx, s.pace(issuer.Name, g.Client))
			if err != nil {
				return grant{}, err
			}
			if w.turn = true; waited {
				continue // what was read may be old
			}
		}
		if g.Claim.By != "" && g.Claim.By != s.name { // it lapsed
			g.Interrupted = g.Claim.Since
		}
		g.Claim = claim{By: s.name, Since: now, Until: now.Add(s.claimFor())}
		switch g, err = s.replace(ctx, key, g); {
		case errors.Is(err, serversync.ErrFenced):
			continue
		case err != nil:
			return grant{}, err
		}
		if s.issuerNow(issuer).Add(s.timeout()).After(g.Claim.Until) {
			continue // we were held up: the answer could come after others may ask
		}
		return s.ask(ctx, a, e, issuer, g)
	}
}

// usable returns the issuer by which g is refreshed.
func (s *Source) usable(g grant, a provider.Account) (*Issuer, error) {
	if g.Refresh.IsZero() {
		return nil, fail(opToken, provider.ErrAuth, CodeConsent, "send the owner through the consent page", errNever)
	}
	issuer := s.issuer(g.Issuer)
	if issuer == nil {
		return nil, fail(opToken, provider.ErrUnsupported, "", "have the operator add the issuer again, or have the owner consent again", errNoIssuer)
	}
	if g.Client != a.Profile.Application.ClientID {
		return nil, fail(opToken, provider.ErrAuth, CodeConsent, "enter the application's id that was there, or have the owner consent again", errClient)
	}
	return issuer, nil
}

// awaitTurn waits for a turn, and reports whether that took time.
func (s *Source) awaitTurn(ctx context.Context, p *pace) (waited bool, err error) {
	wait, taken, held := p.turn(s.now())
	switch {
	case taken && wait == 0:
		return false, nil
	case taken:
		return true, s.sleep(ctx, wait)
	}
	e := fail(opRefresh, provider.ErrThrottled, "Turn", remedyWait, errTurn)
	if known := (*provider.Error)(nil); errors.As(held, &known) {
		copied := *known
		e = &copied
	}
	e.RetryAfter = max(wait, tokens.LeastWait)
	return false, e
}

// ask has the issuer refresh g, which we have claimed (RFC 6749, section 6).
func (s *Source) ask(ctx context.Context, a provider.Account, e *entry, issuer *Issuer, g grant) (grant, error) {
	c := &call{op: opRefresh, issuer: issuer, app: a.Profile.Application, tenant: g.Tenant, secrets: []secret.Text{g.Refresh}}
	got, err := s.post(ctx, c, issuer.TokenURL, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {g.Refresh.Reveal()}})
	s.tell(issuer, g.Client, err)
	if err != nil {
		return grant{}, s.refusedBy(ctx, a.Mailbox.Key, c, g, err)
	}
	was := g.Refresh
	g.take(got, s.issuerNow(issuer))
	return s.keep(ctx, a.Mailbox.Key, e, was, g)
}

// take puts what an issuer gave into g.
func (g *grant) take(got answer, now time.Time) {
	g.Access, g.Got, g.Expires = got.access, now, now.Add(got.life)
	if !got.refresh.IsZero() {
		g.Refresh = got.refresh
	}
	if got.scope != nil {
		g.Scope = got.scope
	}
	g.Claim, g.Interrupted, g.Fault = claim{}, time.Time{}, fault{}
}

// tell tells the pace how the issuer answered.
func (s *Source) tell(issuer *Issuer, client string, err error) {
	known := new(provider.Error)
	if err != nil && !errors.As(err, &known) {
		return // a context that ended says nothing of the issuer
	}
	failed := err != nil && known.Kind != provider.ErrAuth && known.Kind != provider.ErrUnsupported
	s.pace(issuer.Name, client).answered(s.now(), failed, known.RetryAfter, err)
}

// refusedBy gives the claim back after an issuer did not refresh g, and returns why. A
// grant is never given up: whether it is of any use is for its owner to say.
func (s *Source) refusedBy(ctx context.Context, key mailbox.Key, c *call, g grant, err error) error {
	now := s.issuerNow(c.issuer)
	since := g.Claim.Since
	g.Claim = claim{}
	known := new(provider.Error)
	switch {
	case c.lost:
		g.Interrupted = since
	case errors.As(err, &known) && known.Kind == provider.ErrAuth && known.Code != CodeApplication: // that one's remedy is in the profile, and is tried at once
		if known.Code == CodeConsent && !g.Interrupted.IsZero() {
			known.Remedy = "a refresh that began at " + g.Interrupted.UTC().Format(time.RFC3339) + " was interrupted before its answer was saved, and the issuer takes each refresh token once: " + remedyConsent
		}
		g.Fault = fault{Code: known.Code, Cause: known.Err.Error(), Remedy: known.Remedy, At: now}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTime)
	defer cancel()
	// Whether that works or not: a claim lapses, and we may always take our own.
	_, _ = s.replace(ctx, key, g)
	return err
}
