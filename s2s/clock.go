package s2s

import (
	"fmt"
	"net/http"
	"time"

	"github.com/go-serversync/serversync/internal/tokens"
)

// A Clock tells the time. The root package's Clock is one.
type Clock interface {
	Now() time.Time
}

// now returns the time without the monotonic one, which stands still while a machine sleeps: tokens do not.
func (s *Source) now() time.Time {
	if s.Clock != nil {
		return s.Clock.Now().Round(0)
	}
	return time.Now().Round(0)
}

// readDate learns how far our clock is from the issuer's (TOK-4). Assertions are dated, and certificates and
// tokens judged, by the issuer's.
func (s *Source) readDate(h http.Header, sent, got time.Time) {
	if offset, said := tokens.Offset(h, sent, got); said && offset.Abs() <= mostOffset {
		s.in.offset.Store(int64(offset))
	}
}

// issuerNow returns the issuer's time.
func (s *Source) issuerNow() time.Time { return s.now().Add(s.offset()) }

func (s *Source) offset() time.Duration { return time.Duration(s.in.offset.Load()) }

// mostOffset is how far clocks differ. What is more is no clock's.
const mostOffset = 24 * time.Hour

// tolerable is how far a clock may be wrong without anybody being told. Issuers allow for as much.
const tolerable = 5 * time.Minute

// skew says in words that this machine's clock is wrong, "" if it is not.
func (s *Source) skew() string {
	switch d := s.offset().Round(time.Second); {
	case d > tolerable:
		return fmt.Sprintf("this machine's clock is %s behind", short(d))
	case d < -tolerable:
		return fmt.Sprintf("this machine's clock is %s ahead", short(-d))
	}
	return ""
}

// short writes a time that is long in minutes, and in hours where it is longer.
func short(d time.Duration) string {
	if d = d.Round(time.Minute); d < time.Hour {
		return fmt.Sprintf("%dm", d/time.Minute)
	}
	return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
}

// also puts what there is to say in one line.
func also(text, more string) string {
	if text == "" || more == "" {
		return text + more
	}
	return text + "; " + more
}
