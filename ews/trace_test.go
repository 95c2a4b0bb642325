package ews

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// A trace is what a Trace was told.
type trace struct {
	begun, ended []provider.Stage
	failed       []error
	evidence     map[provider.Stage]provider.Evidence
}

func traced(ctx context.Context) (context.Context, *trace) {
	told := &trace{evidence: make(map[provider.Stage]provider.Evidence)}
	return provider.WithTrace(ctx, &provider.Trace{
		Begin: func(s provider.Stage) { told.begun = append(told.begun, s) },
		End: func(s provider.Stage, e provider.Evidence, err error) {
			told.ended, told.evidence[s] = append(told.ended, s), e
			if err != nil {
				told.failed = append(told.failed, err)
			}
		},
	}), told
}

// The stages of a traced Open, in their order and each once, over HTTP too.
func TestTraceTellsEachStage(t *testing.T) {
	s := newScript(t, well)
	byName := func(a *provider.Account) {
		a.Endpoint.URL = strings.Replace(a.Endpoint.URL, "127.0.0.1", "localhost", 1)
	}
	usual := []provider.Stage{provider.StageTCP, provider.StageTLS, provider.StageCapabilities, provider.StageSignIn}
	for name, tt := range map[string]struct {
		change []func(*provider.Account)
		stages []provider.Stage
		by     string
	}{
		"a password":  {nil, usual, "Basic"},
		"Basic":       {[]func(*provider.Account){func(a *provider.Account) { a.Endpoint.Authentication = profile.Basic }}, usual, "Basic"},
		"a token":     {[]func(*provider.Account){application(new(tokens))}, append([]provider.Stage{provider.StageToken}, usual...), "Bearer"},
		"by its name": {[]func(*provider.Account){byName}, append([]provider.Stage{provider.StageDNS}, usual...), "Basic"},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "a token" {
				s.offers = append(s.offers, `Bearer client_id="x"`)
			}
			ctx, told := traced(t.Context())
			d := s.driver()
			if name == "by its name" {
				d.TLSConfig.ServerName = "example.com" // what is asked for is set whatever it says
				p, err := d.Open(ctx, s.account(tt.change...))
				require.Nil(t, p)
				require.ErrorIs(t, err, provider.ErrUnsafe, "the certificate is of another name")
				require.Equal(t, []provider.Stage{provider.StageDNS, provider.StageTCP, provider.StageTLS}, told.ended)
				require.Equal(t, []error{err}, told.failed)
				require.NotEmpty(t, told.evidence[provider.StageTLS].Chain)
				return
			}
			p, err := d.Open(ctx, s.account(tt.change...))
			require.NoError(t, err)
			require.NoError(t, p.Close())
			require.Equal(t, tt.stages, told.ended)
			require.Equal(t, told.begun, told.ended)
			require.Empty(t, told.failed)
			require.Contains(t, told.evidence[provider.StageCapabilities].Capabilities, "Negotiate")
			require.Equal(t, tt.by, told.evidence[provider.StageSignIn].Mechanism)
			require.Contains(t, told.evidence[provider.StageSignIn].Text, "15.1.2507.6")
			require.NotEmpty(t, told.evidence[provider.StageTLS].Chain)
			require.NotEmpty(t, told.evidence[provider.StageTLS].TLSVersion)
			require.NotContains(t, fmt.Sprint(told.evidence), word)
		})
	}
}

// Where Open fails, the last stage told is the one that failed, with that error.
func TestTraceOfAFailure(t *testing.T) {
	bad := func(a *provider.Account) { a.Mailbox.Password = secret.New("wrong") }
	page := newScript(t, well)
	page.open = true
	page.answer = func(w http.ResponseWriter, _ *http.Request, _ string) {
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, "<html/>")
	}
	gone := newScript(t, well)
	gone.URL = "https://127.0.0.1:1" // a port that was free may be somebody's in a moment
	ntlm := newScript(t, well)
	ntlm.offers = []string{"NTLM"}
	busy := newScript(t, func(w http.ResponseWriter, _ *http.Request, _ string) { give(w, 500, faultOf("ErrorServerBusy", "")) })
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, tt := range map[string]struct {
		s      *script
		ctx    context.Context
		change func(*provider.Account)
		stage  provider.Stage
		kind   provider.Kind
	}{
		"an ended context":          {page, ended, func(*provider.Account) {}, provider.StageTCP, ""},
		"nobody listens":            {gone, t.Context(), func(*provider.Account) {}, provider.StageTCP, provider.ErrUnavailable},
		"a page":                    {page, t.Context(), func(*provider.Account) {}, provider.StageCapabilities, provider.ErrUnavailable},
		"nothing in common":         {ntlm, t.Context(), func(*provider.Account) {}, provider.StageCapabilities, provider.ErrUnsupported},
		"a refused password":        {busy, t.Context(), bad, provider.StageSignIn, provider.ErrAuth},
		"busy":                      {busy, t.Context(), func(*provider.Account) {}, provider.StageSignIn, provider.ErrThrottled},
		"no source of tokens":       {busy, t.Context(), application(nil), provider.StageToken, provider.ErrUnsupported},
		"an address that is no URL": {busy, t.Context(), func(a *provider.Account) { a.Endpoint.URL = "::" }, provider.StageDNS, provider.ErrUnsafe},
		"http":                      {busy, t.Context(), func(a *provider.Account) { a.Endpoint.URL = strings.Replace(a.Endpoint.URL, "https", "http", 1) }, provider.StageTCP, provider.ErrUnsafe},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, told := traced(tt.ctx)
			d := tt.s.driver()
			_, err := d.Open(ctx, tt.s.account(tt.change))
			require.Error(t, err)
			require.Equal(t, tt.kind, provider.KindOf(err), "%v", err)
			require.Len(t, told.failed, 1)
			require.Equal(t, err, told.failed[0])
			require.Equal(t, tt.stage, told.ended[len(told.ended)-1])
			require.NotContains(t, err.Error()+fmt.Sprint(told.evidence), word)
		})
	}
}

// A Probe sends no credential, needs no mailbox, and knows what is no Exchange.
func TestProbe(t *testing.T) {
	s := newScript(t, well)
	nobody := func(a *provider.Account) {
		a.Mailbox.Address, a.Mailbox.Username, a.Mailbox.Password = "", "", secret.Text{}
	}
	ctx, told := traced(t.Context())
	require.NoError(t, s.driver().Probe(ctx, s.account(nobody)))
	require.Equal(t, []provider.Stage{provider.StageTCP, provider.StageTLS, provider.StageCapabilities}, told.ended)
	require.Empty(t, s.all())
	require.NoError(t, s.driver().Probe(t.Context(), s.account()))
	require.Empty(t, s.all(), "no credential came")
	s.offers = []string{"Digest"}
	require.ErrorIs(t, s.driver().Probe(t.Context(), s.account()), provider.ErrUnsupported)
	for status, kind := range map[int]provider.Kind{404: provider.ErrUnsupported, 503: provider.ErrThrottled, 302: provider.ErrUnsafe, 200: provider.ErrUnavailable} {
		other := newScript(t, func(w http.ResponseWriter, _ *http.Request, _ string) {
			w.Header().Set("Content-Type", "text/html")
			w.Header().Set("Location", "https://login.example.test/")
			w.WriteHeader(status)
			io.WriteString(w, "<html>sign in</html>")
		})
		other.open = true
		require.ErrorIs(t, other.driver().Probe(t.Context(), other.account(nobody)), kind, status)
	}
}

// HTTP-05: a server that wants another sign-in of an application gets none, and one whose token it
// refuses is asked once for another.
func TestHTTP05NoDowngrade(t *testing.T) {
	s := newScript(t, well)
	s.offers = []string{`Basic realm="x"`, "Negotiate"}
	for range 50 {
		s.offers = append(s.offers, `Basic realm="y", Digest nonce="z"`)
	}
	source := &tokens{bad: 1000}
	e := s.fails(t, provider.ErrAuth, application(source), func(a *provider.Account) { a.Mailbox.Username, a.Mailbox.Password = "anna", secret.New(word) })
	require.Equal(t, "token_permission", e.Code)
	require.Contains(t, e.Error(), "The token contains no permissions.")
	require.Contains(t, e.Remedy, "full_access_as_app")
	require.Empty(t, s.all(), "no password came")
	require.Equal(t, 2, s.asked)
	require.Equal(t, []string{"bad1000"}, source.refused)

	source = &tokens{bad: 1}
	p, err := s.openWith(t, s.driver(), s.account(application(source)))
	require.NoError(t, err, "a token that was revoked is replaced")
	require.Equal(t, []string{"bad1"}, source.refused)
	require.NoError(t, p.Check(t.Context()))
	require.Equal(t, 3, source.given, "Prepare's, the one in its place, and Check's")
}

// A session that was served and is refused all of a sudden is left alone for a while; refused
// again, it is a refusal.
func TestRefusedWhereItWorked(t *testing.T) {
	s := newScript(t, well)
	p, err := s.openWith(t, s.driver(), s.account())
	require.NoError(t, err)
	s.refusing.Store(true)
	for i, kind := range []provider.Kind{provider.ErrThrottled, provider.ErrAuth, provider.ErrAuth} {
		require.ErrorIs(t, p.Check(t.Context()), kind, "%d", i)
	}
}

// P5: nothing is left of sessions that are closed, whatever became of them.
func TestP5NoGoroutineIsLeft(t *testing.T) {
	s := newScript(t, well)
	http.DefaultClient.CloseIdleConnections()
	begin := runtime.NumGoroutine()
	d := s.driver()
	for i := range 10 {
		ctx := t.Context()
		if i%2 == 0 {
			ctx, _ = traced(ctx)
		}
		p, err := d.Open(ctx, s.account())
		require.NoError(t, err)
		require.NoError(t, p.Close())
		_, err = d.Open(ctx, s.account(func(a *provider.Account) { a.Mailbox.Password = secret.New("wrong") }))
		require.Error(t, err)
		require.NoError(t, d.Probe(ctx, s.account()))
	}
	for until := time.Now().Add(time.Minute); runtime.NumGoroutine() > begin && time.Now().Before(until); {
		time.Sleep(10 * time.Millisecond)
	}
	require.LessOrEqual(t, runtime.NumGoroutine(), begin)
}
