package s2s

import (
	"time"

	"github.com/go-serversync/serversync/internal/tokens"
	"github.com/go-serversync/serversync/provider"
)

// refreshAt returns when a token is to be refreshed (TOK-2): ahead of its end by 5 minutes or a tenth of its
// life, whichever is more, give or take a tenth of that, always the same for one share; but not before four
// fifths of its life are over, so that a token of a short life is not asked for all the time.
func refreshAt(share float64, got, expires time.Time) time.Time {
	life := expires.Sub(got)
	ahead := max(5*time.Minute, life/10)
	ahead += time.Duration((2*share - 1) * float64(ahead) / 10)
	return expires.Add(-min(ahead, life/5))
}

// A token is handed out until it has LeastLeft. So one with a life of 5 minutes, whose last fifth is just that
// minute, is not refreshed ahead: whoever wants it then waits. A shorter life than
// tokens.LeastLife is taken for that, which makes it one request a minute at most.
func lastAt(expires time.Time) time.Time { return expires.Add(-tokens.LeastLeft) }

// How long nobody asks after a failure. A refusal of what we are stays as it is until somebody
// mends it, and an issuer that is away is not to be met by everybody when it is back.
const (
	restRefused = 30 * time.Second
	restAway    = 5 * time.Second // doubled with each failure
	restAwayEnd = time.Minute
	restAhead   = 30 * time.Second // where the token still serves, doubled too
)

// rest returns how long an error stands, which is the failures-th in a row.
func rest(err *provider.Error, failures int) time.Duration {
	switch {
	case err.RetryAfter > 0:
		return min(err.RetryAfter, tokens.MostWait)
	case err.Kind == provider.ErrThrottled:
		return tokens.AssumeWait
	case err.Kind == provider.ErrUnavailable:
		return min(restAway<<min(failures-1, 6), restAwayEnd)
	}
	return restRefused
}

// How far apart refreshes are that servers force by refusing a token (TOK-3). The time is doubled
// where they go on doing so, for then it did not help, and is the least again once they have stopped for twice as long.
const (
	youngToken  = time.Minute
	leastForced = 5 * time.Minute
	mostForced  = time.Hour
)
