package s2s

import "sync/atomic"

// Stats are how often things have happened since a Source was made, for a host's counters.
type Stats struct {
	Requests   int64 // that an issuer was asked for a token
	Refreshes  int64 // that a token was replaced by another
	Failures   int64 // that no token was had, as often as it was tried
	FromMemory int64 // that a token was handed out without anybody being asked
}

type stats struct{ requests, refreshes, failures, memory atomic.Int64 }

// Stats returns the counters.
func (s *Source) Stats() Stats {
	_ = s.Check()
	n := &s.in.stats
	return Stats{n.requests.Load(), n.refreshes.Load(), n.failures.Load(), n.memory.Load()}
}
