package tokens_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/internal/tokens"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// For Exchange the server is the URL's, whatever stands in Host; for others it is Host, whatever stands in URL.
func TestServer(t *testing.T) {
	for _, row := range []struct {
		kind     profile.Kind
		endpoint profile.Endpoint
		server   string
		bare     bool
	}{
		{profile.ExchangeServer, profile.Endpoint{Host: "a.example", URL: "https://b.example:8443/EWS"}, "b.example", false},
		{profile.ExchangeServer, profile.Endpoint{URL: "http://b.example/EWS"}, "b.example", true},
		{profile.ExchangeServer, profile.Endpoint{URL: "ftp://b.example/EWS"}, "b.example", true},
		{profile.ExchangeServer, profile.Endpoint{URL: "//b.example/EWS"}, "b.example", true},
		{profile.ExchangeServer, profile.Endpoint{}, "", false},
		{profile.ExchangeServer, profile.Endpoint{URL: "https://a b\x00"}, "", false},
		{profile.ExchangeOnline, profile.Endpoint{}, "outlook.office365.com", false},
		{profile.ExchangeOnlineHybrid, profile.Endpoint{URL: "https://outlook.office365.us/EWS"}, "outlook.office365.us", false},
		{profile.IMAPSMTP, profile.Endpoint{Host: "a.example", URL: "http://b.example"}, "a.example", false},
		{profile.POP3SMTP, profile.Endpoint{Host: "a.example", TLS: profile.Plaintext}, "a.example", true},
	} {
		a := provider.Account{Profile: profile.Profile{Kind: row.kind}, Endpoint: row.endpoint}
		require.Equal(t, row.server, tokens.Server(a), row)
		require.Equal(t, row.bare, tokens.Bare(a), row)
	}
}

func TestFor(t *testing.T) {
	hosts := []string{"office.example", "mail.example"}
	for host, want := range map[string]bool{"office.example": true, "a.Office.example.": true, "xoffice.example": false, "": false, "example": false, "office.example.evil": false, "mail.example": true} {
		require.Equal(t, want, tokens.For(hosts, host), host)
	}
	require.False(t, tokens.For(nil, "office.example"))
}

func TestLife(t *testing.T) {
	for raw, want := range map[string]time.Duration{"": time.Hour, "null": time.Hour, `"soon"`: time.Hour, "3600": time.Hour, `"1800"`: 30 * time.Minute, "-1": 2 * time.Minute, "1e999": 24 * time.Hour, "NaN": time.Hour} {
		require.Equal(t, want, tokens.Life(json.RawMessage(raw)), raw)
	}
}

// Shares are spread, and always the same.
func TestShare(t *testing.T) {
	var low int
	for n := range 1000 {
		s := tokens.Share("acme", string(rune('a'+n)))
		require.Equal(t, s, tokens.Share("acme", string(rune('a'+n))))
		require.True(t, s >= 0 && s < 1)
		if s < 0.5 {
			low++
		}
	}
	require.InDelta(t, 500, low, 100)
	require.NotEqual(t, tokens.Share("a", "bc"), tokens.Share("ab", "c"))
}

func TestIsGUID(t *testing.T) {
	for s, want := range map[string]bool{
		"11111111-2222-3333-4444-555555555555": true, "ABCDEFab-2222-3333-4444-555555555555": true, "": false,
		"11111111-2222-3333-4444-55555555555": false, "{1111111-2222-3333-4444-55555555555}": false, "11111111/2222-3333-4444-555555555555": false,
		"1111111g-2222-3333-4444-555555555555": false, "111111112222-3333-4444-5555555555555": false, "11111111-2222-3333-4444-55555555555\n": false,
	} {
		require.Equal(t, want, tokens.IsGUID(s), s)
	}
}
