package serversync

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// Where a certificate proves this host to an issuer of tokens, all mailboxes of the profile stop on the day
// on which it ends. So cycles look at it once an hour and profile: an alert stands on the profile's
// wall from 30 days before, and is told anew each day, until another certificate takes over.
const (
	codeCertificate   = "certificate-expires"
	certificateSoon   = 30 * 24 * time.Hour
	certificateLook   = time.Hour
	certificateRemind = 24 * time.Hour
)

// A CertificateExpiry tells Hooks of what proves this host to whoever issues tokens for a profile.
type CertificateExpiry struct {
	Organization string
	Profile      profile.ID
	NotAfter     time.Time
	Left         time.Duration // until then, below zero if it is over
	Thumbprints  []string      // each as "SHA-1 …" or "SHA-256 …"
	Err          error         // why no token can be had with it; nil if nothing is wrong
}

type certificates struct {
	s  *Syncer
	mu sync.Mutex
	of map[profileKey]*certificateSeen
}

// A certificateSeen is when a profile's certificate was looked at, and told of.
type certificateSeen struct {
	revision     string // of the profile
	looked, told time.Time
	level        profile.Level // it was told as; "" if it is in order
}

func (h *certificates) init(s *Syncer) { h.s, h.of = s, make(map[profileKey]*certificateSeen) }

// look looks at the certificate of a cycle's profile, if it is time to.
func (h *certificates) look(ctx context.Context, c *cycle) {
	inspector, account := h.inspector(c)
	if inspector == nil || !h.isDue(c) {
		return
	}
	seen, err := through(ctx, &c.s.seam, c.key, "Tokens.Certificate", func(context.Context) (provider.Evidence, error) { return inspector.Certificate(account) })
	if seen.NotAfter.IsZero() && err == nil {
		return // nothing of the kind
	}
	now := c.s.cfg.Clock.Now()
	left := seen.NotAfter.Sub(now)
	if hook := c.s.cfg.Hooks.Certificate; hook != nil {
		hook(CertificateExpiry{Organization: c.key.Organization, Profile: c.profile.ID, NotAfter: seen.NotAfter, Left: left, Thumbprints: slices.Clone(seen.Thumbprints), Err: err})
	}
	alert := mailbox.Alert{Code: codeCertificate}
	switch {
	case err != nil:
		why := fault(err)
		alert.Level, alert.Cause, alert.Message, alert.Remedy = profile.Error, why.Code, "no access token can be had for the profile: "+why.Cause, why.Remedy
	case left < certificateSoon:
		alert.Level, alert.Message, alert.Remedy = profile.Warning, fmt.Sprintf("the certificate that proves this host for the profile is good for %s only, until %s: %s", days(left), seen.NotAfter.UTC().Format(time.DateOnly), which(seen)), remedyCertificate
	}
	h.tell(ctx, c, alert, now)
}

const remedyCertificate = "make a new certificate, register it with the application beside the old one, and have the operator give it to this host"

// which says which certificate it is, as its owner and the portals show it.
func which(seen provider.Evidence) string {
	return bounded(strings.Join(append([]string{seen.Text}, seen.Thumbprints...), ", "))
}

// inspector returns who knows of the profile's certificate, nil if nobody does.
func (h *certificates) inspector(c *cycle) (provider.TokenInspector, provider.Account) {
	for _, side := range []mailbox.Side{mailbox.Incoming, mailbox.Outgoing} {
		e := c.profile.Endpoint(side)
		if inspector, ok := h.s.tokens(e.Credentials).(provider.TokenInspector); ok && c.box.Method(side) == mailbox.ServerSide {
			return inspector, h.s.account(c.box, c.profile, e)
		}
	}
	return nil, provider.Account{}
}

// isDue reports whether the certificate is to be looked at, and takes the turn.
func (h *certificates) isDue(c *cycle) bool {
	now, key := c.s.cfg.Clock.Now(), c.profileKey()
	h.mu.Lock()
	defer h.mu.Unlock()
	at := h.of[key]
	if at == nil {
		at = new(certificateSeen)
		h.of[key] = at
	}
	if at.revision == c.profile.Revision && !at.looked.IsZero() && now.Sub(at.looked) < certificateLook {
		return false
	}
	at.revision, at.looked = c.profile.Revision, now
	return true
}

// tell tells of an alert that is new, another one, or to be told again, and resolves one that is over.
func (h *certificates) tell(ctx context.Context, c *cycle, alert mailbox.Alert, now time.Time) {
	h.mu.Lock()
	at := h.of[c.profileKey()]
	first, same := at.told.IsZero(), at.level == alert.Level
	due := first || !same || alert.Level != "" && now.Sub(at.told) >= certificateRemind
	if due {
		at.level, at.told = alert.Level, now
	}
	h.mu.Unlock()
	switch {
	case !due:
	case alert.Level == "":
		h.s.herald.resolve(ctx, c, "", codeCertificate) // also one of another process, when we look first
	default:
		h.s.herald.add(ctx, c, alert, false)
	}
}
