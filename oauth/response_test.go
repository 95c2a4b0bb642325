package oauth

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/internal/tokens"
	"github.com/go-serversync/serversync/mailbox"
)

// FuzzDecode holds that no answer makes the decoder panic, that a token it gives can
// stand in a header, and that its life is within bounds (TOK-A).
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{`{"access_token":"a","expires_in":3600}`, `{"expires_in":"1e999"}`, `{"access_token":"\ud800"}`, `[[[[`, `{"scope":null,"interval":-1}`, `{"error":"x","error_description":7}`, "\xff{"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		a, err := decode(body, "owner")
		if err != nil {
			return
		}
		for _, s := range []string{a.access.Reveal(), a.refresh.Reveal(), a.deviceCode.Reveal()} {
			require.False(t, len(s) > maxToken || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }))
		}
		require.True(t, a.life >= tokens.LeastLife && a.life <= tokens.MostLife)
		require.True(t, a.interval >= time.Second && a.interval <= 5*time.Minute)
	})
}

// TOK-D: a token is opaque. One of a million dots costs what any text does, and is
// refused by its length alone.
func TestTOK_D(t *testing.T) {
	_, err := decode([]byte(`{"access_token":"`+strings.Repeat(".", 1e6)+`"}`), "")
	require.ErrorIs(t, err, tokens.ErrLarge)
	a, err := decode([]byte(`{"access_token":"eyJhbGciOiJub25lIn0.e30."}`), "")
	require.NoError(t, err)
	require.Equal(t, "eyJhbGciOiJub25lIn0.e30.", a.access.Reveal())
}

// TOK-2: when a token is refreshed, by its life.
func TestTOK2When(t *testing.T) {
	got := time.Unix(0, 0)
	for life, ahead := range map[time.Duration]time.Duration{
		time.Hour: 6 * time.Minute, 30 * time.Minute: 5 * time.Minute, 24 * time.Hour: 144 * time.Minute,
	} {
		least, most := life, time.Duration(0)
		for n := range 1000 {
			key := mailbox.Key{Organization: "o", Mailbox: strings.Repeat("a", n%7) + string(rune('a'+n%26)) + time.Duration(n).String()}
			d := refreshAt(key, got, got.Add(life)).Sub(got)
			require.Equal(t, d, refreshAt(key, got, got.Add(life)).Sub(got))
			least, most = min(least, d), max(most, d)
		}
		tenth := ahead / 10
		require.InDelta(t, float64(life-ahead-tenth), float64(least), float64(tenth)/10)
		require.InDelta(t, float64(life-ahead+tenth), float64(most), float64(tenth)/10)
	}
	require.Equal(t, time.Minute, refreshAt(mailbox.Key{}, got, got.Add(2*time.Minute)).Sub(got))
}
