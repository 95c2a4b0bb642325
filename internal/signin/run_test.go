package signin

import (
	"context"
	"crypto/fips140"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/internal/hosted"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// guest is a mechanism of the host's.
type guest struct {
	name     string
	err      error // of Begin
	next     error
	verified error
	peer     provider.Peer
	rounds   int
}

func (g *guest) Name() string { return g.name }

func (g *guest) Begin(_ context.Context, p provider.Peer) (provider.Exchange, error) {
	g.peer = p
	return g, g.err
}

func (g *guest) Start() (string, []byte, error) { return g.name, []byte("hello"), nil }
func (g *guest) Next([]byte) ([]byte, error)    { g.rounds++; return nil, g.next }
func (g *guest) Verified() error                { return g.verified }

// Every mechanism signs in, and a wrong password is refused once, without a second try.
func TestSignInByEveryMechanism(t *testing.T) {
	for _, name := range []string{scramBare, plainName, command, loginName, cramMD5} {
		t.Run(name, func(t *testing.T) {
			if name == cramMD5 {
				notUnderFIPS(t)
			}
			f := server(name)
			if f.command = name == command; f.command {
				f.offered = nil
			}
			result, err := f.signIn(t, account())
			require.NoError(t, err)
			require.Equal(t, "anna", result.Username)
			require.Equal(t, strings.Replace(name, command, "LOGIN", 1), result.Mechanism)

			f = server(scramBare, plainName, loginName)
			f.command = true
			if name != scramBare {
				f.offered = f.offered[1:]
			}
			a := account()
			a.Mailbox.Password = secret.New("wr0ng-" + canary)
			_, err = f.signIn(t, a)
			wantKind(t, provider.ErrAuth, err)
			require.Equal(t, 1, f.refusals, "accounts get locked")
			require.Len(t, f.begun, 1)
		})
	}
}

// A mechanism that fails before anything was proven makes room for the next one.
func TestNextMechanism(t *testing.T) {
	busy := &provider.Error{Kind: provider.ErrThrottled, Err: errors.New("too many")}
	for _, tt := range []struct {
		name   string
		refuse map[string]error
		drops  bool
		begun  string
		kind   provider.Kind
	}{
		{"SCRAM is refused at once", map[string]error{scramBare: errNo}, false, "SCRAM-SHA-256 PLAIN", ""},
		{"PLAIN has shown the password", map[string]error{scramBare: errNo, plainName: errNo}, false, "SCRAM-SHA-256 PLAIN", provider.ErrAuth},
		{"the server is busy", map[string]error{scramBare: busy}, false, "SCRAM-SHA-256", provider.ErrThrottled},
		{"the server hangs up", map[string]error{scramBare: errNo}, true, "SCRAM-SHA-256 PLAIN", provider.ErrAuth},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := server(scramBare, plainName, loginName)
			f.refuse, f.drops = tt.refuse, tt.drops
			_, err := f.signIn(t, account())
			require.Equal(t, tt.kind, provider.KindOf(err), "%v", err)
			require.Equal(t, tt.begun, strings.Join(f.begun, " "))
		})
	}
	// Over LOGIN the user name alone is no proof, the password is.
	f := server(loginName, "X-HOST")
	f.refuse = map[string]error{loginName: errNo, "X-HOST": errNo}
	x := &guest{name: "X-HOST"}
	_, err := f.signIn(t, account(func(a *provider.Account) { a.Mechanisms = []provider.Mechanism{x} }))
	wantKind(t, provider.ErrAuth, err)
	require.Equal(t, []string{loginName, "X-HOST"}, f.begun)
}

// What SCRAM cannot prepare, the server may know in another way.
func TestUnpreparedPassword(t *testing.T) {
	f := server(scramBare, plainName)
	f.sasl.Password = func(string) (string, bool) { return canary + "\ue000", true }
	a := account()
	a.Mailbox.Password = newText(canary + "\ue000")
	_, err := f.signIn(t, a)
	require.NoError(t, err)
	require.Equal(t, []string{plainName}, f.begun)
}

// O5: nothing that ends a line or a string reaches the wire.
func TestControlsAreRefused(t *testing.T) {
	for _, bad := range []string{"\x00", "\r", "\n"} {
		for _, change := range []func(*provider.Account){
			func(a *provider.Account) { a.Mailbox.Username += bad },
			func(a *provider.Account) { a.Mailbox.Password = newText(canary + bad) },
			func(a *provider.Account) {
				a.Mailbox.Username += bad
				a.Endpoint.Credentials = profile.ClientCertificate
			},
		} {
			f := server(plainName, external)
			_, err := f.signIn(t, account(change))
			wantKind(t, provider.ErrAuth, err)
			require.Empty(t, f.begun)
		}
	}
	f := server(plainName)
	_, err := f.signIn(t, account(func(a *provider.Account) { a.Mailbox.Password = secret.Text{} }))
	wantKind(t, provider.ErrAuth, err)
	require.Empty(t, f.begun)
}

// X4: not over a connection that turned out to have no TLS.
func TestX4RunLooksAtTheConnection(t *testing.T) {
	f := server(plainName)
	s, err := New("test: AUTH", account(), every...)
	require.NoError(t, err)
	require.NoError(t, s.Choose(Server{Offered: f.offered}))
	_, err = s.Run(t.Context(), f)
	wantKind(t, provider.ErrUnsafe, err)
	require.Empty(t, f.begun)
	_, err = (&SignIn{op: "test", account: account(), method: provider.WithPassword, server: Server{Secure: true}}).Run(t.Context(), f)
	wantKind(t, provider.ErrUnsupported, err)
}

// A server cannot make it last for ever, nor hold more than its limits.
func TestP9Rounds(t *testing.T) {
	for name, tt := range map[string]struct {
		challenge []byte
		kind      provider.Kind
	}{"for ever": {[]byte("more"), provider.ErrProtocol}, "too much": {make([]byte, maxChallenge+1), provider.ErrTooLarge}} {
		endless := &endless{challenge: tt.challenge}
		s, err := New("test: AUTH", account(func(a *provider.Account) { a.Mechanisms = []provider.Mechanism{&guest{name: "X-HOST"}} }), every...)
		require.NoError(t, err)
		require.NoError(t, s.Choose(Server{Offered: []string{"X-HOST"}, Secure: true}))
		_, err = s.Run(t.Context(), endless)
		wantKind(t, tt.kind, err)
		require.True(t, endless.cancelled, name)
	}
}

type endless struct {
	fake
	challenge []byte
	cancelled bool
}

func (e *endless) Begin(_, _ string) (Step, error) { return Step{Challenge: encoded(e.challenge)}, nil }
func (e *endless) Say(line string) (Step, error) {
	if line == "*" {
		e.cancelled = true
		return Step{Done: true, Refused: errNo}, nil
	}
	return Step{Challenge: encoded(e.challenge)}, nil
}

// The host's mechanisms: what they are told, and what their errors mean.
func TestHostMechanisms(t *testing.T) {
	if fips140.Enabled() {
		t.Skip("NTLM is never chosen")
	}
	kdc := &provider.Error{Kind: provider.ErrUnavailable, Err: errors.New("no KDC answers")}
	unusable := &provider.Error{Kind: provider.ErrUnsupported, Err: errors.New("no ticket")}
	for _, tt := range []struct {
		name           string
		gssapi, ntlm   *guest
		authentication profile.Authentication
		begun          string
		kind           provider.Kind
	}{
		{"Kerberos", &guest{}, &guest{}, profile.Negotiate, "GSSAPI", ""},
		{"no ticket, so NTLM", &guest{err: unusable}, &guest{}, profile.Negotiate, "NTLM", ""},
		{"no KDC", &guest{err: kdc}, &guest{}, profile.Negotiate, "", provider.ErrUnavailable},
		{"any error", &guest{err: errors.New("broken, with " + canary)}, &guest{}, profile.Negotiate, "", provider.ErrUnavailable},
		{"NTLM alone", &guest{}, &guest{}, profile.NTLM, "NTLM", ""},
		{"a server that is another", &guest{verified: errors.New("the server is another")}, &guest{}, profile.Negotiate, "GSSAPI", provider.ErrUnsafe},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.gssapi.name, tt.ntlm.name = "GSSAPI", "NTLM"
			f := &agreeing{}
			a := account(with(tt.authentication), under(open), func(a *provider.Account) { a.Mechanisms = []provider.Mechanism{tt.ntlm, tt.gssapi} })
			s, err := New("test: AUTH", a, every...)
			require.NoError(t, err)
			require.NoError(t, s.Choose(Server{Service: "imap", Offered: []string{"NTLM", "GSSAPI"}, Secure: true}))
			_, err = s.Run(t.Context(), f)
			require.Equal(t, tt.kind, provider.KindOf(err), "%v", err)
			require.Equal(t, tt.begun, strings.Join(f.begun, " "))
			if err != nil {
				require.NotContains(t, err.Error(), canary)
			}
			if strings.Contains(tt.begun, "GSSAPI") {
				require.Equal(t, "imap anna mail.example.test", tt.gssapi.peer.Service+" "+tt.gssapi.peer.Username+" "+tt.gssapi.peer.Host)
				require.Equal(t, canary, tt.gssapi.peer.Password.Reveal())
			}
		})
	}
	// The process's own identity has no password, and reads for whom the mailbox names.
	for service, user := range map[string]string{"imap": "anna", "pop": "anna", "smtp": ""} {
		x := &guest{name: "GSSAPI"}
		a := account(from(profile.IntegratedWindows), under(open), func(a *provider.Account) { a.Mechanisms = []provider.Mechanism{x} })
		s, err := New("test: AUTH", a, every...)
		require.NoError(t, err)
		require.NoError(t, s.Choose(Server{Service: service, Offered: []string{"GSSAPI"}, Secure: true}))
		_, err = s.Run(t.Context(), &agreeing{})
		require.NoError(t, err)
		require.Equal(t, user, x.peer.Username)
		require.True(t, x.peer.Password.IsZero())
	}
}

// agreeing is a server that takes everything.
type agreeing struct{ fake }

func (f *agreeing) Begin(mechanism, _ string) (Step, error) {
	f.begun = append(f.begun, mechanism)
	return Step{Done: true}, nil
}

// tokens is a source of them.
type tokens struct {
	give  []provider.Token
	err   error
	asked []string // what was said to be refused
}

func (s *tokens) Token(ctx context.Context, _ provider.Account, refused secret.Text) (provider.Token, error) {
	s.asked = append(s.asked, refused.Reveal())
	if err := ctx.Err(); err != nil {
		return provider.Token{}, err
	}
	if len(s.asked) > 1 && s.err != nil {
		return provider.Token{}, s.err
	}
	return s.give[min(len(s.asked), len(s.give))-1], nil
}

func issued(values ...string) *tokens {
	s := &tokens{}
	for _, v := range values {
		s.give = append(s.give, provider.Token{Value: secret.New(v), Expires: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)})
	}
	return s
}

func (s *tokens) account(c profile.Credentials) provider.Account {
	return account(from(c), func(a *provider.Account) { a.Tokens = s; a.Mailbox.Password = secret.Text{} })
}

// TOK-3: a refused token causes one wish for another one, and one replay of it.
func TestTOK3OneReplay(t *testing.T) {
	gone := &provider.Error{Kind: provider.ErrAuth, Err: errors.New("consent is gone")}
	for _, tt := range []struct {
		name   string
		tokens *tokens
		asked  string
		tries  int
		kind   provider.Kind
	}{
		{"a good one", issued("good"), "", 1, ""},
		{"a stale one", issued("stale", "good"), " stale", 2, ""},
		{"two stale ones", issued("stale", "staler", "good"), " stale", 2, provider.ErrAuth},
		{"the same again", issued("stale", "stale"), " stale", 1, provider.ErrAuth},
		{"no other", &tokens{give: issued("stale").give, err: gone}, " stale", 1, provider.ErrAuth},
	} {
		for _, mechanism := range []string{oauth, xoauth2} {
			for _, c := range []profile.Credentials{profile.OAuth, profile.ServerToServer} {
				t.Run(tt.name+" "+mechanism+" "+string(c), func(t *testing.T) {
					source := &tokens{give: tt.tokens.give, err: tt.tokens.err}
					f := server(mechanism)
					result, err := f.signIn(t, source.account(c))
					require.Equal(t, tt.kind, provider.KindOf(err), "%v", err)
					require.Equal(t, tt.asked, strings.Join(source.asked, " "))
					require.Len(t, f.begun, tt.tries)
					require.Equal(t, mechanism, result.Mechanism)
					if tt.kind == provider.ErrAuth && source.err == nil {
						require.Contains(t, err.Error(), "invalid_token")
						require.Contains(t, err.(*provider.Error).Remedy, "consent")
					}
				})
			}
		}
	}
}

// TOK-A, TOK-D: a token that no header can say is refused before it is sent; nothing
// else of it is looked at.
func TestTOKATokens(t *testing.T) {
	for name, tt := range map[string]struct {
		token string
		kind  provider.Kind
	}{
		"a line end": {"good\r\nX: y", provider.ErrUnsafe}, "a NUL": {"good\x00", provider.ErrUnsafe}, "a ^A": {"good\x01", provider.ErrUnsafe}, "a blank": {"go od", provider.ErrUnsafe},
		"8 bit": {"göod", provider.ErrUnsafe}, "1 MiB": {strings.Repeat("x", 1<<20), provider.ErrTooLarge}, "nothing": {"", provider.ErrAuth},
		"10⁵ dots": {strings.Repeat(".", 60_000), provider.ErrAuth}, "the largest": {strings.Repeat("x", hosted.MaxToken), provider.ErrAuth},
	} {
		f := server(oauth)
		_, err := f.signIn(t, issued(tt.token).account(profile.OAuth))
		wantKind(t, tt.kind, err)
		require.Equal(t, len(tt.token) >= 60_000 && len(tt.token) <= hosted.MaxToken, len(f.begun) > 0, name)
	}
	_, err := server(oauth).signIn(t, account(from(profile.OAuth)))
	wantKind(t, provider.ErrUnsupported, err)
	require.ErrorIs(t, err, hosted.ErrNoTokens)
}

// The stage of the token is told, without the token, and without an end that could be
// taken for a certificate's.
func TestStageToken(t *testing.T) {
	for _, tt := range []struct {
		source *tokens
		kind   provider.Kind
		words  string
	}{
		{issued("t0k3n"), "", "a token good until 2030-01-02T03:04:05Z"},
		{&tokens{give: []provider.Token{{Value: secret.New("t0k3n")}}}, "", "without a known end"},
		{issued("a\nb"), provider.ErrUnsafe, ""},
	} {
		var begun, ended []provider.Stage
		var told provider.Evidence
		var failed error
		ctx := provider.WithTrace(t.Context(), &provider.Trace{
			Begin: func(s provider.Stage) { begun = append(begun, s) },
			End:   func(s provider.Stage, e provider.Evidence, err error) { ended, told, failed = append(ended, s), e, err },
		})
		s, err := New("test: AUTH", tt.source.account(profile.OAuth), every...)
		require.NoError(t, err)
		err = s.Prepare(s.Discreet(ctx))
		require.Equal(t, tt.kind, provider.KindOf(err))
		require.Equal(t, err, failed)
		require.Equal(t, []provider.Stage{provider.StageToken}, begun)
		require.Equal(t, begun, ended)
		require.True(t, told.NotAfter.IsZero())
		require.Contains(t, told.Text, tt.words)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s, _ := New("test: AUTH", issued("t0k3n").account(profile.OAuth), every...)
	require.Equal(t, context.Canceled, s.Prepare(ctx))
}

// P6: the tokens are secrets from when they are had, the second one too.
func TestP6SecretsOfASignIn(t *testing.T) {
	source := issued("stale-"+canary, "good-"+canary)
	s, err := New("test: AUTH", source.account(profile.OAuth), every...)
	require.NoError(t, err)
	var told provider.Evidence
	ctx := s.Discreet(provider.WithTrace(t.Context(), &provider.Trace{End: func(_ provider.Stage, e provider.Evidence, _ error) { told = e }}))
	require.False(t, s.Repeats("stale-"+canary))
	require.NoError(t, s.Prepare(ctx))
	require.True(t, s.Repeats("you sent c3RhbGUtY2FuYXJ5LVp4OSFxNw=="))
	require.False(t, s.Repeats("good-"+canary[:3]))
	f := server(oauth)
	f.challenge = func([]byte) []byte { return []byte(`{"status":"stale-` + canary + `"}`) }
	require.NoError(t, s.Choose(Server{Offered: f.offered, Secure: true}))
	_, err = s.Run(ctx, f)
	wantKind(t, provider.ErrAuth, err)
	require.NotContains(t, err.Error(), canary)
	require.True(t, s.Repeats("good-"+canary))
	provider.BeginStage(ctx, provider.StageSignIn)(provider.Evidence{Text: "good-" + canary}, nil)
	require.NotContains(t, told.Text, canary)
}

// A server that complains of a token and takes it all the same is none to believe.
func TestComplaintAndWelcome(t *testing.T) {
	for _, mechanism := range []string{oauth, xoauth2} {
		f := server(mechanism)
		source := issued("bad")
		s, err := New("test: AUTH", source.account(profile.OAuth), every...)
		require.NoError(t, err)
		require.NoError(t, s.Prepare(t.Context()))
		require.NoError(t, s.Choose(Server{Offered: f.offered, Secure: true}))
		_, err = s.Run(t.Context(), &twofaced{})
		wantKind(t, provider.ErrProtocol, err)
	}
}

type twofaced struct{ fake }

func (f *twofaced) Begin(_, _ string) (Step, error) {
	return Step{Challenge: encoded([]byte(`{"status":"400"}`))}, nil
}
func (f *twofaced) Say(string) (Step, error) { return Step{Done: true}, nil }

// OAUTHBEARER as go-sasl's server reads it.
func TestOAUTHBEARERIsReadByGoSASL(t *testing.T) {
	var got sasl.OAuthBearerOptions
	s := sasl.NewOAuthBearerServer(func(o sasl.OAuthBearerOptions) *sasl.OAuthBearerError {
		got = o
		if o.Token == "good" {
			return nil
		}
		return &sasl.OAuthBearerError{Status: "invalid_token", Schemes: "bearer"}
	})
	x := &bearer{username: "anna@example.test", token: "good"}
	_, first, _ := x.Start()
	_, done, err := s.Next(first)
	require.NoError(t, err)
	require.True(t, done)
	require.Equal(t, sasl.OAuthBearerOptions{Username: "anna@example.test", Token: "good"}, got)

	s = sasl.NewOAuthBearerServer(func(sasl.OAuthBearerOptions) *sasl.OAuthBearerError {
		return &sasl.OAuthBearerError{Status: "invalid_token"}
	})
	challenge, done, err := s.Next(first)
	require.NoError(t, err)
	require.False(t, done)
	require.Equal(t, "invalid_token", statusOf(challenge))
	answer, err := x.Next(challenge)
	require.NoError(t, err)
	_, done, err = s.Next(answer)
	require.True(t, done)
	require.Error(t, err, "the dummy response ends it")
}

func FuzzOAUTHBEARERError(f *testing.F) {
	f.Add([]byte(`{"status":"invalid_token","schemes":"bearer","scope":"x"}`))
	f.Add([]byte(`{"status":"` + canary + `"}`))
	f.Add([]byte("{"))
	f.Fuzz(func(t *testing.T, complaint []byte) {
		s := &SignIn{op: "test", account: account(), tokens: issued("token-" + canary).give}
		err := complained(errNo, complaint, s)
		wantKind(t, provider.ErrAuth, err)
		require.False(t, s.Repeats(err.Error()))
		require.Less(t, len(err.Error()), 600)
		require.False(t, strings.ContainsAny(err.Error(), "\r\n\x00\x1b"))
	})
}

// X6: under FIPS 140 nothing panics, and what may not be used is not. The tests run
// once more in a process in which Go enforces it.
func TestX6FIPSOnly(t *testing.T) {
	if fips140.Enabled() {
		return // this is that process
	}
	if testing.Short() {
		t.Skip("-short")
	}
	cmd := exec.Command(os.Args[0], "-test.run=^Test", "-test.skip=Real", "-test.count=1")
	cmd.Env = append(os.Environ(), "GODEBUG=fips140=only")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// inviting is a server without room for an initial response, which it asks for in words.
type inviting struct {
	fake
	invited string
	first   string
}

func (f *inviting) Room(string) int { return 0 }

func (f *inviting) Begin(_, initial string) (Step, error) {
	f.invited = initial
	return Step{Challenge: "go ahead!"}, nil
}

func (f *inviting) Say(line string) (Step, error) {
	f.first = line
	return Step{Done: true}, nil
}

// RFC 4954, section 4, and its like for IMAP and POP3: what invites the initial response
// has nothing to tell, whatever it says.
func TestAnInvitationNeedNotBeBase64(t *testing.T) {
	s, err := New("test: AUTH", account(), every...)
	require.NoError(t, err)
	require.NoError(t, s.Choose(Server{Offered: []string{"PLAIN"}, Secure: true}))
	f := &inviting{}
	_, err = s.Run(t.Context(), f)
	require.NoError(t, err)
	require.Empty(t, f.invited)
	require.Equal(t, encoded([]byte("\x00anna\x00"+canary)), f.first)
}
