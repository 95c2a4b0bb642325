package tokens

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var now = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

// HTTP-18, HTTP-19: whatever Retry-After says, the wait is between a second and an hour.
func TestRetryAfter(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"30": 30 * time.Second, " 2.5 ": 2500 * time.Millisecond, "0": LeastWait, "-5": LeastWait, "NaN": LeastWait, "1e400": MostWait, "-1e400": LeastWait, "99999999999999999999": MostWait, "Inf": MostWait,
		"soon": AssumeWait, "Fri, 27 Nov 2026 12:00:07 GMT": 7 * time.Second, "Fri, 27 Nov 2026 11:00:00 GMT": LeastWait, "Sat, 27 Nov 2027 12:00:00 GMT": MostWait,
	} {
		wait, ok := RetryAfter(http.Header{"Retry-After": {text}}, now)
		require.True(t, ok, text)
		require.Equal(t, want, wait, text)
	}
	for _, h := range []http.Header{nil, {}, {"Retry-After": {""}}, {"Retry-After": {"  "}}} {
		wait, ok := RetryAfter(h, now)
		require.False(t, ok)
		require.Zero(t, wait)
	}
}

// HTTP-15: what nests deeper than an answer does is refused before a parser has it; brackets in texts are none.
func TestShallow(t *testing.T) {
	for _, body := range []string{"", "{}", strings.Repeat("[", 20) + strings.Repeat("]", 20), `{"a":"` + strings.Repeat("[", 1e5) + `"}`, `{"a":"\"` + strings.Repeat("{", 100) + `"}`, strings.Repeat("[]", 1e5), `"\\"`, `"\`} {
		require.NoError(t, Shallow([]byte(body)), "%.20s", body)
	}
	for _, body := range []string{strings.Repeat("[", 21), strings.Repeat(`{"a":`, 1e5), `"\\"` + strings.Repeat("[", 21), `"` + `"` + strings.Repeat("{", 21)} {
		require.ErrorIs(t, Shallow([]byte(body)), ErrNested, "%.20s", body)
	}
}

// TOK-4: how far the clocks differ, of which half the way's time and a second are nobody's.
func TestOffset(t *testing.T) {
	for date, want := range map[string]time.Duration{
		"Fri, 27 Nov 2026 12:00:00 GMT": 0, "Fri, 27 Nov 2026 12:00:01 GMT": 0, "Fri, 27 Nov 2026 11:59:58 GMT": 0,
		"Fri, 27 Nov 2026 12:10:00 GMT": 10*time.Minute + time.Second/2, "Fri, 27 Nov 2026 11:50:00 GMT": -10*time.Minute + time.Second/2, "Thu, 26 Nov 2026 11:00:00 GMT": -25*time.Hour + time.Second/2,
	} {
		offset, ok := Offset(http.Header{"Date": {date}}, now, now)
		require.True(t, ok)
		require.Equal(t, want, offset, date)
	}
	offset, _ := Offset(http.Header{"Date": {"Fri, 27 Nov 2026 12:00:30 GMT"}}, now, now.Add(40*time.Second))
	require.Zero(t, offset, "it took long")
	_, ok := Offset(http.Header{"Date": {"noon"}}, now, now)
	require.False(t, ok)
}

// TOK-B: what repeats a secret is left out, also where only its escaped or its cut form does.
func TestWords(t *testing.T) {
	repeats := func(text string) bool { return strings.Contains(text, "canary") }
	require.Equal(t, "invalid_client: no", Words("invalid_client", " no\r\n", repeats))
	require.Equal(t, "invalid_client", Words("invalid_client", "", repeats))
	for _, said := range [][2]string{{"canary", ""}, {"a", "the canary"}, {"a", strings.Repeat("x", 300) + "canary"}, {"can", "ary canary"}, {"a", "can\r\n ary"}, {"a", "c a\u200bn\u00a0a\tr\x00y"}} {
		require.NotContains(t, Words(said[0], said[1], repeats), "canary")
		require.Contains(t, Words(said[0], said[1], repeats), "left out")
	}
}
