package kerberos

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/jcmturner/gokrb5/v8/iana/etypeID"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"
)

// A ticket is a ticket with its session key.
type ticket struct {
	messages.Ticket
	key   types.EncryptionKey
	start time.Time
	end   time.Time

	// tried counts how often SASL has shown it since a server last took it. A server whose
	// key has changed takes none of the old tickets, and does not say why. HTTP's 401 does.
	tried atomic.Int32
}

// maxTried is how often a ticket is shown without success before it is got anew. It is
// less than the refusals after which a mailbox is given up; that several sign-ins at once
// look like it costs a question to the KDC, which is little beside a sign-in.
const maxTried = 2

// wraps reports whether the key makes the messages of RFC 4121, by which SASL's layers
// are agreed upon. Those of older keys (RFC 1964 and 4757) are not written here.
func (t *ticket) wraps() bool {
	switch t.key.KeyType {
	case etypeID.RC4_HMAC, etypeID.DES3_CBC_SHA1_KD:
		return false
	}
	return true
}

// fresh reports whether there is enough of the ticket's time left to show it: a sixth
// of it, so that the server's clock may differ and a mailbox does not find a ticket that
// ends at that moment.
func (t *ticket) fresh(now time.Time) bool {
	return t != nil && t.tried.Load() < maxTried && now.Before(t.end.Add(-t.end.Sub(t.start)/6))
}

// service returns a ticket for a service. One goroutine of an identity asks at a time;
// others wait for it, and usually find that they need not ask any more.
func (id *identity) service(ctx context.Context, ask *asker, spn string) (*ticket, error) {
	select {
	case id.turn <- struct{}{}:
		defer func() { <-id.turn }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if t := id.tickets[spn]; t.fresh(ask.now()) {
		return t, nil
	}
	t, err := id.ask(ctx, ask, spn)
	if err == nil {
		id.tickets[spn] = t
		return t, nil
	}
	if e := kdcCode(err); e != 0 {
		// The KDC may have forgotten what it granted: then the next try begins anew.
		if !id.cached {
			clear(id.granted)
		}
		return nil, e.explain(id, spn, ask.conf.fips)
	}
	return nil, err
}

// ask asks the KDCs for a ticket for a service, by way of as many realms as they name.
func (id *identity) ask(ctx context.Context, a *asker, spn string) (*ticket, error) {
	tgt, err := id.grant(ctx, a)
	if err != nil {
		return nil, err
	}
	realm := id.realm
	const maxReferrals = 5
	for range maxReferrals {
		t, next, err := a.tgs(ctx, id, tgt, realm, spn)
		if err != nil || next == "" {
			return t, err
		}
		tgt, realm = t, next
	}
	return nil, protocol("ticket", errReferrals)
}

// grant returns the ticket that gets tickets.
func (id *identity) grant(ctx context.Context, a *asker) (*ticket, error) {
	t := id.granted[id.realm]
	switch {
	case t.fresh(a.now()):
		return t, nil
	case id.cached:
		if t == nil || !a.now().Before(t.end) {
			return nil, refused("credential cache", errExpired, "run kinit or k5start again, or use a keytab, which needs nobody")
		}
		return t, nil
	}
	t, err := a.as(ctx, id)
	if err != nil {
		return nil, err
	}
	id.granted[id.realm] = t
	return t, nil
}
