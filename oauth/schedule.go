package oauth

import (
	"time"

	"github.com/go-serversync/serversync/internal/tokens"
	"github.com/go-serversync/serversync/mailbox"
)

// refreshAt returns when a token is to be refreshed: ahead of its end by 5 minutes or a
// tenth of its life, whichever is more, give or take a tenth of that, always the same
// for one mailbox. A token of a short life is not refreshed before half of it.
func refreshAt(key mailbox.Key, got, expires time.Time) time.Time {
	life := expires.Sub(got)
	ahead := max(5*time.Minute, life/10)
	ahead += time.Duration((2*tokens.Share(key.Organization, key.Mailbox) - 1) * float64(ahead) / 10)
	return expires.Add(-min(ahead, life/2))
}

// earlyFrom returns from when on a token may be refreshed if there is a crowd: so many
// grants due at one time that they could not be served one after another.
func earlyFrom(got, expires time.Time) time.Time { return got.Add(expires.Sub(got) / 4) }
