package s2s_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/s2s"
	"github.com/go-serversync/serversync/s2s/s2stest"
	"github.com/go-serversync/serversync/secret"
)

func parse(form string) url.Values {
	values, _ := url.ParseQuery(form)
	return values
}

func body(text string) s2stest.Fault {
	return s2stest.Fault{Status: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: text}
}

// TOK-A: whatever the issuer says of a token's life, it is between two minutes and a day, and a token that no header can say is none.
func TestTOKAHostileIssuer(t *testing.T) {
	life := func(text string) s2stest.Fault {
		return body(`{"token_type":"Bearer","access_token":"opaque","expires_in":` + text + `}`)
	}
	for name, row := range map[string]struct {
		fault s2stest.Fault
		life  time.Duration // of the token that is taken
		kind  provider.Kind // or why none is
	}{
		"-1":                  {fault: s2stest.ExpiresIn(-1), life: 2 * time.Minute},
		"0":                   {fault: s2stest.ExpiresIn(0), life: 2 * time.Minute},
		`"3600"`:              {fault: s2stest.ExpiresIn("3600"), life: time.Hour},
		"10^12":               {fault: s2stest.ExpiresIn(1e12), life: 24 * time.Hour},
		"10^18":               {fault: life("1000000000000000000"), life: 24 * time.Hour},
		"1e400":               {fault: life("1e400"), kind: provider.ErrUnavailable},
		"10^400":              {fault: life("1" + strings.Repeat("0", 400)), kind: provider.ErrUnavailable},
		"null":                {fault: life("null"), kind: provider.ErrUnavailable},
		"none":                {fault: s2stest.ExpiresIn(nil), kind: provider.ErrUnavailable},
		"an object":           {fault: life("{}"), kind: provider.ErrUnavailable},
		"true":                {fault: life("true"), kind: provider.ErrUnavailable},
		"no token":            {fault: s2stest.NoToken(), kind: provider.ErrUnavailable},
		"1 MiB":               {fault: s2stest.LongToken(1 << 20), kind: provider.ErrTooLarge},
		"without end":         {fault: s2stest.Large(64 << 20), kind: provider.ErrTooLarge},
		"100 KiB":             {fault: s2stest.LongToken(100 << 10), kind: provider.ErrProtocol},
		"a line end":          {fault: s2stest.FoldedToken(), kind: provider.ErrProtocol},
		"a NUL":               {fault: s2stest.Fault{Set: map[string]any{"access_token": "a\x00b"}}, kind: provider.ErrProtocol},
		"a space":             {fault: s2stest.Fault{Set: map[string]any{"access_token": "a b"}}, kind: provider.ErrProtocol},
		"of no text":          {fault: s2stest.Fault{Set: map[string]any{"access_token": 7}}, kind: provider.ErrUnavailable},
		"TOK-D, a million":    {fault: s2stest.Fault{Set: map[string]any{"access_token": strings.Repeat(".", 60<<10)}}, life: time.Hour},
		"HTTP-15, deep":       {fault: body(strings.Repeat("[", 1e5)), kind: provider.ErrUnavailable},
		"deep in a field":     {fault: body(`{"access_token":"opaque","expires_in":3600,"x":` + strings.Repeat(`{"a":`, 1e5) + "1" + strings.Repeat("}", 1e5) + "}"), kind: provider.ErrUnavailable},
		"deep, no end":        {fault: body(strings.Repeat(`{"a":`, 2e5)), kind: provider.ErrUnavailable},
		"two tokens":          {fault: body(`{"access_token":"a\r\nb","expires_in":3600,"access_token":"opaque"}`), life: time.Hour},
		"two, the last odd":   {fault: body(`{"access_token":"opaque","expires_in":3600,"access_token":"a\r\nb"}`), kind: provider.ErrProtocol},
		"two ends":            {fault: body(`{"access_token":"opaque","expires_in":3600,"expires_in":-5}`), life: 2 * time.Minute},
		"TOK-C, a page":       {fault: s2stest.LoginPage(), kind: provider.ErrUnavailable},
		"TOK-C, crashed":      {fault: s2stest.Crashed(), kind: provider.ErrUnavailable},
		"TOK-C, elsewhere":    {fault: s2stest.Redirect("https://evil.example/token"), kind: provider.ErrUnsafe},
		"TOK-C, here":         {fault: s2stest.Redirect("https://login.microsoftonline.com/" + contoso + "/oauth2/v2.0/token"), kind: provider.ErrUnsafe},
		"TOK-C, kept":         {fault: s2stest.Fault{Status: 307, Header: http.Header{"Location": {"https://evil.example/token"}}}, kind: provider.ErrUnsafe},
		"its connection lost": {fault: s2stest.Fault{Lose: true}, kind: provider.ErrUnavailable},
		"an empty answer":     {fault: body(""), kind: provider.ErrUnavailable},
		"201":                 {fault: s2stest.Fault{Status: 201, Body: `{"access_token":"opaque","expires_in":3600}`}, life: time.Hour},
		"a bomb": {fault: s2stest.Fault{Write: func(w http.ResponseWriter) {
			var b bytes.Buffer
			z := gzip.NewWriter(&b)
			z.Write(bytes.Repeat([]byte(" "), 100<<20))
			z.Close()
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(b.Bytes())
		}}, kind: provider.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHostile(t)
			h.issuer.SetFault(row.fault)
			token, err := h.ask(account("ann"))
			h.onlyAuthority()
			require.Equal(t, 1, h.issuer.Counts().Requests)
			if row.kind != "" {
				h.silent(told(isError(t, err, row.kind)))
				_, err = h.ask(account("ann"))
				require.Error(t, err)
				require.Equal(t, 1, h.issuer.Counts().Requests, "nobody asks in a loop")
				return
			}
			require.NoError(t, err)
			require.WithinDuration(t, epoch.Add(row.life), token.Expires, time.Second)
		})
	}
}

// TOK-C, HTTP-18, HTTP-19: how long an issuer wants to be left alone, of whatever it says between a second and an hour.
func TestTOKCThrottled(t *testing.T) {
	for said, want := range map[string]time.Duration{
		"3600": time.Hour, "315360000": time.Hour, "-5": time.Second, "0": time.Second, "1e400": time.Hour, "NaN": time.Second, "soon": time.Minute, "": time.Minute,
		epoch.Add(10 * time.Minute).Format(http.TimeFormat): 10 * time.Minute, epoch.AddDate(10, 0, 0).Format(http.TimeFormat): time.Hour, epoch.AddDate(-1, 0, 0).Format(http.TimeFormat): time.Second,
	} {
		h := newHostile(t)
		h.issuer.SetFault(s2stest.Throttled(said))
		_, err := h.ask(account("ann"))
		require.Equal(t, want, isError(t, err, provider.ErrThrottled).RetryAfter, said)
		h.clock.pass(want - time.Millisecond)
		_, err = h.source.Token(traced(), account("bob"), secret.Text{})
		isError(t, err, provider.ErrThrottled)
		require.Equal(t, 1, h.issuer.Counts().Requests, said)
		h.issuer.SetFault()
		h.clock.pass(2 * time.Millisecond)
		_, err = h.ask(account("ann"))
		require.NoError(t, err, said)
	}
}

// TOK-B: an issuer that repeats what proves us, in whatever form encoders make of it.
func TestTOKBEchoes(t *testing.T) {
	fold := func(s string, n int, with string) string {
		var b strings.Builder
		for len(s) > n {
			b.WriteString(s[:n] + with)
			s = s[n:]
		}
		return b.String() + s
	}
	for name, form := range map[string]func(string) string{
		"as it is":                func(s string) string { return s },
		"in base64":               func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
		"within base64url":        func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte("x:" + s + "y")) },
		"over lines":              func(s string) string { return fold(s, 10, "\r\n") },
		"in base64 over lines":    func(s string) string { return fold(base64.StdEncoding.EncodeToString([]byte(s)), 16, "\n") },
		"with blanks":             func(s string) string { return fold(s, 4, " ") },
		"with spaces of no width": func(s string) string { return fold(s, 4, "\u200b") },
		"in hex":                  func(s string) string { return fmt.Sprintf("%x", s) },
		"escaped":                 url.QueryEscape,
		"cut at the limit":        func(s string) string { return strings.Repeat("x", 200) + s },
		"cut in the middle":       func(s string) string { return s[:len(s)*6/10] },
		"behind a megabyte":       func(s string) string { return strings.Repeat("x", 1e6-1e5) + s },
		"on another line":         func(s string) string { return "no.\r\n" + s },
		"its last part":           func(s string) string { return s[strings.LastIndex(s, ".")+1:] },
		"its last part, in base64": func(s string) string {
			return base64.StdEncoding.EncodeToString([]byte(s[strings.LastIndex(s, ".")+1:]))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, a := range []provider.Account{account("ann"), bySecret()} {
				h := newHostile(t)
				h.source.Transport = h.echoing(form)
				if strings.HasPrefix(name, "its") && !a.Profile.Application.Secret.IsZero() {
					continue // which has no parts
				}
				_, err := h.ask(a)
				text := told(isError(t, err, provider.ErrAuth))
				h.silent(text)
				h.silent(strings.NewReplacer(" ", "", "\n", "", "\\u200b", "", "\r", "").Replace(text))
				require.Contains(t, text, "left out")
			}
		})
	}
}

// TOK-6: what an authority says of itself leads nowhere else, and what has led nowhere is not gone by for a day.
func TestTOK6HostileDiscovery(t *testing.T) {
	const base = "https://login.microsoftonline.com/" + contoso
	names := func(token string) string {
		return `{"token_endpoint":"` + token + `","issuer":"` + base + `/v2.0","authorization_endpoint":"` + base + `/oauth2/v2.0/authorize"}`
	}
	for name, answer := range map[string]string{
		"another host":        names("https://evil.example/token"),
		"a host that ends so": names("https://login.microsoftonline.com.evil.example/token"),
		"userinfo":            names("https://login.microsoftonline.com@evil.example/token"),
		"without TLS":         names("http://login.microsoftonline.com/" + contoso + "/oauth2/v2.0/token"),
		"another port":        names("https://login.microsoftonline.com:8443/token"),
		"no URL":              names("//evil.example/token"),
		"a backslash":         names(`https://login.microsoftonline.com\\@evil.example/token`),
		"none":                names(""),
		"twice":               `{"token_endpoint":"https://evil.example/token","TOKEN_ENDPOINT":"` + base + `/oauth2/v2.0/token","issuer":"` + base + `/v2.0","authorization_endpoint":"` + base + `/a"}`,
		"twice, exact last":   `{"TOKEN_ENDPOINT":"` + base + `/oauth2/v2.0/token","token_endpoint":"https://evil.example/token","issuer":"` + base + `/v2.0","authorization_endpoint":"` + base + `/a"}`,
		"nothing else":        `{"token_endpoint":"` + base + `/oauth2/v2.0/token"}`,
		"another path":        names("https://login.microsoftonline.com/elsewhere"),
		"a page":              "<html>",
		"an array":            "[]",
		"null":                "null",
		"deep":                strings.Repeat("[", 1e5),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, a := range []provider.Account{account("ann"), bySecret()} {
				h := newHostile(t)
				h.issuer.SetFault(s2stest.Fault{Place: s2stest.Discovery, Status: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: answer})
				_, err := h.ask(a)
				h.silent(told(err))
				h.onlyAuthority()
				require.Zero(t, h.issuer.Counts().Requests, "of a token, which the proof would go with")
				h.issuer.SetFault()
				h.clock.pass(5 * time.Minute)
				_, err = h.ask(a)
				require.NoError(t, err, "once it says what is right")
				require.Zero(t, h.issuer.Counts().Visits[s2stest.Instance])
			}
		})
	}
	t.Run("elsewhere", func(t *testing.T) {
		h := newHostile(t)
		h.issuer.SetFault(s2stest.Fault{Place: s2stest.Discovery, Status: 302, Header: http.Header{"Location": {"https://evil.example/"}}})
		_, err := h.ask(account("ann"))
		isError(t, err, provider.ErrUnsafe)
		h.onlyAuthority()
	})
}

// TOK-C: what stands in the environment does not change who is asked.
func TestTOKCEnvironment(t *testing.T) {
	for _, name := range []string{"AZURE_AUTHORITY_HOST", "AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_FEDERATED_TOKEN_FILE", "AZURE_KUBERNETES_TOKEN_PROXY",
		"IDENTITY_ENDPOINT", "IDENTITY_HEADER", "IMDS_ENDPOINT", "MSI_ENDPOINT", "MSI_SECRET", "HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "https_proxy", "REGION_NAME", "AZURE_ADDITIONALLY_ALLOWED_TENANTS"} {
		t.Setenv(name, "https://evil.example/")
	}
	for _, a := range []provider.Account{account("ann"), bySecret()} {
		h := newHostile(t)
		token, err := h.ask(a)
		require.NoError(t, err)
		e, err := h.source.Permission(a, token)
		require.NoError(t, err)
		require.Contains(t, e.Text, "tenant "+contoso+", application "+client)
		h.onlyAuthority()
	}
	for _, name := range []string{"AZURE_REGIONAL_AUTHORITY_NAME", "MSAL_FORCE_REGION"} {
		for _, region := range []string{"westeurope", "evil.example/", "evil.example#", "evil.example\\", "x@evil.example"} {
			t.Setenv(name, region)
			h := newHostile(t)
			_, err := h.ask(bySecret())
			if err != nil { // where the region is no part of a host's name, it is no URL's
				h.silent(told(err))
			}
			h.onlyAuthority()
		}
		t.Setenv(name, "")
	}
}

// TOK-4: an issuer whose clock is far off, or another at each answer, costs no request more than twice, and no wait.
func TestTOK4HostileDate(t *testing.T) {
	for _, off := range []time.Duration{-30 * 24 * time.Hour, -25 * time.Hour, -23 * time.Hour, 23 * time.Hour, 25 * time.Hour, 200 * 365 * 24 * time.Hour} {
		h := newHostile(t)
		date := func() http.Header { return http.Header{"Date": {h.clock.Now().Add(off).Format(http.TimeFormat)}} }
		h.issuer.SetFault(s2stest.Fault{Header: date()}, s2stest.Fault{Place: s2stest.Discovery, Header: date()})
		token, err := h.ask(account("ann"))
		if err == nil {
			require.WithinDuration(t, epoch.Add(time.Hour), token.Expires, time.Second, "as our clock has it")
		}
		require.LessOrEqual(t, h.issuer.Counts().Requests, 2)
	}
	h := newHostile(t)
	sign := time.Duration(1)
	h.source.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
		sign = -sign
		res, err := h.RoundTrip(r)
		if err == nil {
			res.Header.Set("Date", h.clock.Now().Add(sign*20*time.Hour).Format(http.TimeFormat))
		}
		return res, err
	})
	for range 50 {
		_, err := h.ask(account("ann"))
		if err != nil {
			isError(t, err, provider.ErrUnavailable)
		}
		s2s.Settle(h.source)
		h.clock.pass(time.Minute)
	}
	require.LessOrEqual(t, h.issuer.Counts().Requests, 100)
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// echoing refuses requests for tokens, and repeats what proves us in a form.
func (h *hostile) echoing(form func(string) string) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		res, err := h.RoundTrip(r)
		if err != nil || r.Method != http.MethodPost {
			return res, err
		}
		res.Body.Close()
		h.mu.Lock()
		proof := h.sent[len(h.sent)-2] + h.sent[len(h.sent)-1]
		h.mu.Unlock()
		text, err := json.Marshal(map[string]any{"error": "invalid_client", "error_description": "AADSTS7000215: Invalid: " + form(proof), "error_codes": []int{7000215}})
		res.StatusCode, res.Body = http.StatusUnauthorized, io.NopCloser(bytes.NewReader(text))
		return res, err
	})
}
