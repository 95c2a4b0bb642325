package s2s

import (
	"time"

	"github.com/go-serversync/serversync/provider"
)

// Settle waits until no request is under way.
func Settle(s *Source) {
	if s.Check() == nil {
		s.in.flights.Wait()
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

// AudienceOf returns what the token of an account would be for. Nobody is asked for one.
func AudienceOf(s *Source, a provider.Account) (string, error) {
	if err := s.Check(); err != nil {
		return "", err
	}
	w, err := s.wantOf(a)
	if err != nil {
		return "", err
	}
	return w.audience, nil
}

// Parts returns of how many certificates s keeps tokens that it has issued itself, of one cell at most.
func Parts(s *Source) (most int) {
	s.in.mu.RLock()
	defer s.in.mu.RUnlock()
	for _, c := range s.in.cells {
		c.mu.Lock()
		most = max(most, len(c.parts))
		c.mu.Unlock()
	}
	return most
}
