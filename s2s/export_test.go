package s2s

import (
	"time"

	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/s2s/certificate"
)

// Settle waits until no request is under way.
func Settle(s *Source) {
	if s.Check() == nil {
		s.in.flights.Wait()
	}
}

// An Actor is what a test has instead of package selfissued's.
type Actor func(address string) (provider.Token, error)

// For returns what the function does.
func (a Actor) For(address string) (provider.Token, error) { return a(address) }

// Issue has s issue its tokens by issue.
func Issue(s *Source, issue func(c *certificate.Certificate, client, realm, server string, now time.Time) (Actor, time.Time, error)) {
	_ = s.Check()
	s.in.actor = func(c *certificate.Certificate, client, realm, server string, now time.Time) (actor, time.Time, error) {
		a, expires, err := issue(c, client, realm, server, now)
		return a, expires, err
	}
}

// Kept returns how many entries and tokens s keeps.
func Kept(s *Source) (entries, cells int) {
	s.in.mu.RLock()
	defer s.in.mu.RUnlock()
	return len(s.in.entries), len(s.in.cells)
}

// RefreshAt is refreshAt.
func RefreshAt(share float64, got, expires time.Time) time.Time {
	return refreshAt(share, got, expires)
}
