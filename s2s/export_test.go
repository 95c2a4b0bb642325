package s2s

import "time"

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
