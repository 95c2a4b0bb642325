package s2s

import (
	"time"

	"github.com/go-serversync/serversync/s2s/certificate"
)

// Settle waits until no request is under way.
func Settle(s *Source) {
	if s.Check() == nil {
		s.in.flights.Wait()
	}
}

// Issue has s issue its tokens by what a test has instead of package selfissued.
func Issue(s *Source, actor func(c *certificate.Certificate, client, realm, server string, now time.Time) (string, time.Time, error),
	whole func(actor, address string) (string, error), actorOf func(string) string) {
	_ = s.Check()
	s.in.issuer = selfIssuer{actor, whole, actorOf}
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
