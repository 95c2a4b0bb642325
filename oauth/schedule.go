package oauth

import (
	"hash/fnv"
	"time"

	"github.com/go-serversync/serversync/mailbox"
)

// leastLeft is what a token has left when it is handed out (TOK-2).
const leastLeft = time.Minute

// refreshAt returns when a token is to be refreshed: ahead of its end by 5 minutes or a
// tenth of its life, whichever is more, give or take a tenth of that, always the same
// for one mailbox. A token of a short life is not refreshed before half of it.
func refreshAt(key mailbox.Key, got, expires time.Time) time.Time {
	life := expires.Sub(got)
	ahead := max(5*time.Minute, life/10)
	ahead += time.Duration((2*share(key) - 1) * float64(ahead) / 10)
	return expires.Add(-min(ahead, life/2))
}

// earlyFrom returns from when on a token may be refreshed if there is a crowd: so many
// grants due at one time that they could not be served one after another.
func earlyFrom(got, expires time.Time) time.Time { return got.Add(expires.Sub(got) / 4) }

// share returns a number from 0 up to 1 that is always the same for a mailbox.
func share(key mailbox.Key) float64 {
	h := fnv.New64a()
	h.Write([]byte(key.Organization))
	h.Write([]byte{0})
	h.Write([]byte(key.Mailbox))
	x := h.Sum64()
	x ^= x >> 33 // FNV's high bits hardly move for names that differ in their last letter
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	return float64(x>>11) / (1 << 53)
}
