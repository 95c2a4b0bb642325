package kerberos

import (
	"errors"
	"fmt"
	"time"

	"github.com/jcmturner/gokrb5/v8/credentials"
	"github.com/jcmturner/gokrb5/v8/messages"
)

var errExpired = errors.New("the credential cache has no ticket that is still good")

// fromCCache reads a credential cache. Of its tickets only those for getting others are
// used, since those for services may be for a key that the service had once.
func fromCCache(b []byte) (*identity, error) {
	var cache credentials.CCache
	if err := contain(func() error { return cache.Unmarshal(b) }); err != nil {
		return nil, unsupported("credential cache", fmt.Errorf("%w: %w", errUnreadable, err), "make the credential cache anew with kinit")
	}
	id := newIdentity(cache.GetClientPrincipalName(), cache.GetClientRealm())
	id.cached = true
	for _, c := range cache.GetEntries() {
		names := c.Server.PrincipalName.NameString
		if len(names) != 2 || names[0] != "krbtgt" || names[1] != id.realm {
			continue
		}
		t := &ticket{key: c.Key, start: c.StartTime, end: c.EndTime}
		if contain(func() (err error) {
			var m messages.Ticket
			err = m.Unmarshal(c.Ticket)
			t.Ticket = m
			return err
		}) != nil {
			continue
		}
		if old := id.granted[id.realm]; old == nil || old.end.Before(t.end) {
			if t.start.Before(time.Unix(1, 0)) {
				t.start = c.AuthTime
			}
			id.granted[id.realm] = t
		}
	}
	if id.granted[id.realm] == nil {
		return nil, refused("credential cache", errExpired, "run kinit, or use a keytab")
	}
	return id, nil
}
