package ews

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-serversync/serversync/provider"
)

// What a server can ask us to wait.
const (
	leastWait = time.Second
	mostWait  = time.Hour
)

func clampWait(d time.Duration) time.Duration { return min(max(d, leastWait), mostWait) }

// backOff returns how long a BackOffMilliseconds asks to wait, 0 if it is none. Exchange says 0
// and means it will not say.
func backOff(values map[string]string) time.Duration {
	text, ok := values["BackOffMilliseconds"]
	if !ok {
		return 0
	}
	return waitOf(text, time.Millisecond)
}

// waitOf reads a number of units, in whatever form, 0 if it is none.
func waitOf(text string, unit time.Duration) time.Duration {
	n, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if math.IsNaN(n) || err != nil && !math.IsInf(n, 0) {
		return 0
	}
	most := float64(mostWait) / float64(unit)
	return clampWait(time.Duration(min(max(n, 0), most) * float64(unit)))
}

// retryAfter returns how long an answer asks to wait (RFC 9110, section 10.2.3), 0 if it does
// not say. The longest counts where it says so more than once.
func retryAfter(h http.Header, now time.Time) (wait time.Duration) {
	const most = 8
	fields := h.Values("Retry-After")
	if at, err := http.ParseTime(h.Get("Date")); err == nil {
		now = at // by the server's own clock
	}
	for _, text := range fields[:min(len(fields), most)] {
		if at, err := http.ParseTime(strings.TrimSpace(text)); err == nil {
			wait = max(wait, clampWait(at.Sub(now)))
			continue
		}
		wait = max(wait, waitOf(text, time.Second))
	}
	return wait
}

// throttled says whom a wait concerns, and how long it is where only the header says so. What the
// budget of the account that signs in was used up by concerns all mailboxes that it
// serves; a mailbox's own is counted against that one, which with impersonation is the
// whole of it.
func (c *client) throttled(e *provider.Error, h http.Header) {
	if e.RetryAfter == 0 {
		e.RetryAfter = retryAfter(h, time.Now())
	}
	switch e.Code {
	case "ErrorExceededConnectionCount":
		e.Shared = c.profiles() && !c.impersonates()
	case "HTTP 429", "HTTP 503":
		e.Shared = c.profiles()
	}
}
