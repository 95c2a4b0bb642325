package s2s_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/log"
	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/s2s"
	"github.com/go-serversync/serversync/s2s/s2stest"
	"github.com/go-serversync/serversync/secret"
)

// A token's life is within bounds whatever an issuer says, and no token is taken that no header can say.
func TestTOKA(t *testing.T) {
	token := func(token string, life string) s2stest.Fault {
		text, _ := json.Marshal(token)
		return said(200, `{"token_type":"Bearer","access_token":`+string(text)+`,"expires_in":`+life+`}`)
	}
	for life, want := range map[string]time.Duration{"-1": 2 * time.Minute, "0": 2 * time.Minute, `"3600"`: time.Hour, "1000000000000": 24 * time.Hour, "90": 2 * time.Minute} {
		w := newWorld(t)
		w.issuer.SetFault(token("opaque", life))
		got, err := w.source.Token(context.Background(), account("ann"), secret.Text{})
		require.NoError(t, err, life)
		require.Equal(t, epoch.Add(want), got.Expires, life)
	}
	for name, row := range map[string]struct {
		answer s2stest.Fault
		kind   provider.Kind
	}{
		"no token":   {said(200, `{"token_type":"Bearer","expires_in":3600}`), provider.ErrUnavailable},
		"1 MiB":      {token(strings.Repeat("x", 1<<20), "3600"), provider.ErrTooLarge},
		"100 KiB":    {token(strings.Repeat("x", 100<<10), "3600"), provider.ErrProtocol},
		"line end":   {token("a\r\nb", "3600"), provider.ErrProtocol},
		"no JSON":    {said(200, "<html>sign in</html>"), provider.ErrUnavailable},
		"odd life":   {token("opaque", `"soon"`), provider.ErrUnavailable},
		"redirect":   {said(302, "", "Location", "https://evil.example/"), provider.ErrUnsafe},
		"busy":       {said(429, "", "Retry-After", "3600"), provider.ErrThrottled},
		"a proxy":    {said(407, "<html>"), provider.ErrUnavailable},
		"a fault":    {said(500, `{"error":"server_error"}`), provider.ErrUnavailable},
		"not now":    {said(400, `{"error":"temporarily_unavailable"}`), provider.ErrUnavailable},
		"no consent": {said(400, `{"error":"unauthorized_client","error_description":"AADSTS700016: not found","error_codes":[700016]}`), provider.ErrAuth},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.issuer.SetFault(row.answer)
			e := w.refused(row.kind)
			require.Contains(t, e.Error(), "tenant "+contoso+", application "+client)
			require.Equal(t, 1, w.issuer.asked())
		})
	}
}

// A long body is not read to its end, and what the authority says of itself leads nowhere else.
func TestTOKCAuthority(t *testing.T) {
	w := newWorld(t)
	w.issuer.SetFault(s2stest.Fault{Place: s2stest.Discovery, Set: map[string]any{"token_endpoint": "https://login.microsoftonline.com.evil.example/" + contoso + "/oauth2/v2.0/token"}})
	e := w.refused(provider.ErrUnsafe)
	require.Contains(t, e.Error(), "names no token endpoint of its own")
	require.Zero(t, w.issuer.asked())

	t.Setenv("AZURE_REGIONAL_AUTHORITY_NAME", "westeurope")
	w = newWorld(t)
	e = w.refused(provider.ErrUnsafe)
	require.Contains(t, e.Remedy, "AZURE_REGIONAL_AUTHORITY_NAME")
	require.Zero(t, w.issuer.asked())
}

// TOK-B and P6: no assertion, secret, key or token in an error, a log, a trace or a print, also where the issuer repeats them.
func TestTOKBCanary(t *testing.T) {
	var out bytes.Buffer
	log.SetListener(func(_ log.Event, text string) { fmt.Fprintln(&out, text) })
	defer log.SetListener(nil)
	w := newWorld(t)
	logger := slog.New(slog.NewJSONHandler(&out, nil))
	echo := s2stest.Fault{Code: 50027, Text: "cannot read {assertion} {secret}"}
	print := func(a provider.Account, t provider.Token, err error) {
		e, failed := w.source.Permission(a, t)
		c, refused := w.source.Certificate(a)
		for _, v := range []any{err, e, failed, c, refused, w.source, t, w.source.Stats(), w.source.Expiries(epoch)} {
			fmt.Fprintf(&out, "%v %+v %#v %s\n", v, v, v, v)
			logger.Info("said", "v", v)
			text, _ := json.Marshal(v)
			out.Write(text)
			if known, is := v.(*provider.Error); is {
				fmt.Fprintln(&out, known.Remedy, known.Code)
			}
		}
	}
	a := account("ann")
	t1, err := w.source.Token(traced(), a, secret.Text{})
	require.NoError(t, err)
	print(a, t1, err)
	w.issuer.SetFault(echo)
	w.clock.pass(2 * time.Minute)
	_, err = w.source.Token(traced(), a, t1.Value)
	isError(t, err, provider.ErrAuth)
	print(a, t1, err)
	a.Profile.Application.Secret = secret.New("xJ8~Qw2ZpVf4Lk9TtRb7" + "Ny3Hs6Dm1Gc5")
	_, err = w.source.Token(traced(), a, secret.Text{})
	isError(t, err, provider.ErrAuth)
	print(a, t1, err)
	var canaries []secret.Text
	for n, field := range []string{"client_assertion", "client_assertion", "client_secret"} {
		form, _, _ := w.issuer.proof(n)
		require.NotEmpty(t, form.Get(field))
		canaries = append(canaries, secret.New(form.Get(field)))
	}
	canaries = append(canaries, t1.Value, secret.New(keys()[0].D.String()), secret.New(fmt.Sprint(keys()[0].Primes[0])))
	require.Contains(t, out.String(), "something that repeats a secret")
	for n, c := range canaries {
		require.False(t, c.In(out.String()), "canary %d is shown", n)
	}
	for _, text := range []string{fmt.Sprint(w.source), fmt.Sprintf("%+v", w.source)} {
		require.Equal(t, "a source of tokens", text)
	}
	require.Equal(t, s2s.CodeRefused, "token_refused")
}
