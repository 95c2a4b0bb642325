package tokens

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/go-serversync/serversync/internal/wire"
)

// The bounds of how long an issuer may have us wait.
const (
	LeastWait  = time.Second
	MostWait   = time.Hour
	AssumeWait = time.Minute // where it does not say for how long, or in no words that we read
)

// MaxBody is how long an answer may be, in bytes.
const MaxBody = 1 << 20

// maxDepth is how deep an answer may be nested. None has more than three levels.
const maxDepth = 20

var (
	// ErrNoJSON says that an answer is of somebody else.
	ErrNoJSON = errors.New("the answer is no JSON object, as of a proxy or a sign-in page")

	// ErrNested says that an answer would take a parser's stack.
	ErrNested = errors.New("the answer is nested too deeply")

	// ErrLarge says that an answer is larger than any token.
	ErrLarge = errors.New("the issuer's answer is too large")
)

// RetryAfter reads the header of that name (RFC 9110, section 10.2.3). ok is false if there is none.
func RetryAfter(h http.Header, now time.Time) (wait time.Duration, ok bool) {
	s := strings.TrimSpace(h.Get("Retry-After"))
	if s == "" {
		return 0, false
	}
	if n, err := strconv.ParseFloat(s, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		if !(n >= 1) {
			return LeastWait, true
		}
		return time.Duration(min(n, MostWait.Seconds()) * float64(time.Second)), true
	}
	if t, err := http.ParseTime(s); err == nil {
		return min(max(t.Sub(now), LeastWait), MostWait), true
	}
	return AssumeWait, true
}

// Shallow returns ErrNested for what would take a parser's stack.
func Shallow(body []byte) error {
	n, quoted := 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if n++; n > maxDepth {
				return ErrNested
			}
		case c == '}' || c == ']':
			n--
		}
	}
	return nil
}

// Words quotes what an issuer says, unless it repeats a secret (TOK-B).
func Words(code, description string, repeats func(string) bool) string {
	text := wire.Quote(code)
	if description != "" {
		text += ": " + wire.Quote(description)
	}
	// Also what the quotation's escapes or its cut would hide from the search.
	if all := code + " " + description; repeats(all) || repeats(text) || repeats(Unfolded(all)) {
		return "something that repeats a secret, which is left out"
	}
	return text
}

// Unfolded returns a text without what separates lines and words, by which encoders fold what is long.
func Unfolded(text string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || unicode.IsSpace(r) || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, text)
}

// Offset returns how far an issuer's clock is ahead of ours, by its header Date. The request went at sent, and the
// answer came at got. The header counts seconds, so a small difference is none. ok is false if it does not say.
func Offset(h http.Header, sent, got time.Time) (offset time.Duration, ok bool) {
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return 0, false
	}
	offset = date.Add(time.Second / 2).Sub(sent.Add(got.Sub(sent) / 2))
	if offset.Abs() < 2*time.Second+got.Sub(sent) {
		offset = 0
	}
	return offset, true
}
