package s2s

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The bounds of how long an issuer may have us wait.
const (
	leastWait  = time.Second
	mostWait   = time.Hour
	assumeWait = time.Minute
)

// retryAfter reads the header of that name (RFC 9110, section 10.2.3).
func retryAfter(h http.Header, now time.Time) (time.Duration, bool) {
	s := strings.TrimSpace(h.Get("Retry-After"))
	if s == "" {
		return 0, false
	}
	if n, err := strconv.ParseFloat(s, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		if !(n >= 1) {
			return leastWait, true
		}
		return time.Duration(min(n, mostWait.Seconds()) * float64(time.Second)), true
	}
	if t, err := http.ParseTime(s); err == nil {
		return min(max(t.Sub(now), leastWait), mostWait), true
	}
	return assumeWait, true
}

// offsetIn returns how far the clock of whoever answered with h is ahead of ours (TOK-4), if h says so. The
// Date header counts seconds, so a small difference is none.
func offsetIn(h http.Header, sent, got time.Time) (time.Duration, bool) {
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return 0, false
	}
	offset := date.Add(time.Second / 2).Sub(sent.Add(got.Sub(sent) / 2))
	if offset.Abs() < 2*time.Second+got.Sub(sent) {
		offset = 0
	}
	return offset, true
}
