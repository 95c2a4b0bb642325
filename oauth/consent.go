package oauth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/internal/tokens"
	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// A Consent is one that was begun. URL is for the owner's browser. Session is for the
// host's session with that browser, and nobody else: it is sealed, and opens for the
// mailbox alone.
type Consent struct {
	URL     string
	Session string
	Expires time.Time // when Finish takes it no more
}

// consentTime is how long an owner may take.
const consentTime = 15 * time.Minute

// A session is what Consent.Session holds.
type session struct {
	Issuer, Client, Tenant string
	Redirect               string
	State, Verifier        string
	DeviceCode             string
	Interval               time.Duration
	Needed                 []string
	Expires                time.Time
}

const fieldSession = "oauth-session"

var (
	errSession = errors.New("the consent was not begun here, or not for this mailbox")
	errLate    = errors.New("the consent took too long")
	errState   = errors.New("the state that came back is not the one that was sent")
	errCode    = errors.New("no code came back")
	errOffline = errors.New("the issuer gave no refresh token, so that the mailbox would be shut within the hour")
)

const remedyBegin = "begin the consent again"

// Begin begins a consent in a browser, by authorization code with PKCE (RFC 6749,
// section 4.1; RFC 7636). a is the mailbox with the side that its server is taken from;
// what both sides of the profile need is asked for. redirect is the host's own page, as
// it is registered with the issuer. It asks nobody. The error is ErrUnsupported where
// there is no issuer for a's server.
func (s *Source) Begin(ctx context.Context, a provider.Account, redirect string) (Consent, error) {
	c, scopes, needed, err := s.begin(ctx, a, opConsent)
	if err != nil {
		return Consent{}, err
	}
	if c.issuer.AuthURL == "" {
		return Consent{}, fail(opConsent, provider.ErrUnsupported, "", "use the device flow", errNoIssuer)
	}
	state, verifier := rand.Text(), oauth2.GenerateVerifier()
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(verifier), oauth2.SetAuthURLParam("login_hint", a.Mailbox.Address)}
	for name, value := range c.issuer.Params {
		options = append(options, oauth2.SetAuthURLParam(name, value))
	}
	expires := s.now().Add(consentTime)
	return Consent{
		URL:     c.config(redirect, scopes).AuthCodeURL(state, options...),
		Expires: expires,
		Session: s.seal(a.Mailbox.Key, session{
			Issuer: c.issuer.Name, Client: c.app.ClientID, Tenant: c.tenant, Redirect: redirect,
			State: state, Verifier: verifier, Needed: needed, Expires: expires,
		}),
	}, nil
}

// Finish ends a consent: query is what the browser brought back to the redirect page,
// consented the Session of [Source.Begin] from the session of that very browser. The
// grant is saved, in place of one that is there.
//
// The error is ErrAuth where the owner refused or something needed is missing, with a
// Code of this package or the issuer's own; ErrUnsafe where what came back is no answer to
// what was begun.
func (s *Source) Finish(ctx context.Context, a provider.Account, consented string, query url.Values) error {
	c, in, err := s.resume(ctx, a, opConsent, consented)
	if err != nil {
		return err
	}
	if subtle.ConstantTimeCompare([]byte(query.Get("state")), []byte(in.State)) != 1 {
		return fail(opConsent, provider.ErrUnsafe, CodeState, remedyBegin+"; if it goes on, somebody may be sending browsers here with answers of their own", errState)
	}
	code := secret.New(query.Get("code"))
	c.secrets = []secret.Text{code, secret.New(in.Verifier)}
	if said := (answer{code: query.Get("error"), description: query.Get("error_description")}); said.code != "" {
		return byCode(c.op, said.code, errors.New("the issuer says "+words(said, append(c.secrets, c.app.Secret))))
	}
	if code.IsZero() {
		return fail(opConsent, provider.ErrUnsafe, CodeState, remedyBegin, errCode)
	}
	got, err := s.through(ctx, c, func(ctx context.Context) error {
		_, err := c.config(in.Redirect, nil).Exchange(ctx, code.Reveal(), oauth2.VerifierOption(in.Verifier))
		return err
	})
	if err != nil {
		return codeSpent(err)
	}
	return s.consented(ctx, a, c, in, got)
}

// codeSpent says what to do about a code that is of no use (any more): the words for a
// grant would be wrong, for there is none yet.
func codeSpent(err error) error {
	if e := (*provider.Error)(nil); errors.As(err, &e) && e.Code == CodeConsent {
		e.Remedy = remedyBegin + ": the code was used before, or is too old"
	}
	return err
}

// begin prepares a consent for a.
func (s *Source) begin(ctx context.Context, a provider.Account, op string) (c *call, scopes, needed []string, err error) {
	if err := s.ready(ctx); err != nil {
		return nil, nil, nil, err
	}
	issuer := s.issuerFor(tokens.Server(a))
	if issuer == nil {
		return nil, nil, nil, fail(op, provider.ErrUnsupported, "", "use a mail server of an issuer that this host knows, or have the operator add its issuer", errNoIssuer)
	}
	c = &call{op: op, issuer: issuer, app: a.Profile.Application, tenant: a.Profile.Tenant(a.Policy)}
	scopes, needed = issuer.scopes(a)
	return c, scopes, needed, nil
}

// resume opens a session that was begun for a.
func (s *Source) resume(ctx context.Context, a provider.Account, op, sealed string) (*call, session, error) {
	var in session
	if err := s.ready(ctx); err != nil {
		return nil, in, err
	}
	raw, err := base64.RawURLEncoding.DecodeString(sealed)
	if err == nil {
		var plain secret.Text
		if plain, err = s.Keyring.Open(raw, binding(a.Mailbox.Key, fieldSession)); err == nil {
			err = json.Unmarshal([]byte(plain.Reveal()), &in)
		}
	}
	issuer := s.issuer(in.Issuer)
	if err != nil || issuer == nil || in.Client != a.Profile.Application.ClientID {
		return nil, in, fail(op, provider.ErrUnsafe, CodeState, remedyBegin, errSession)
	}
	if !s.now().Before(in.Expires) {
		return nil, in, fail(op, provider.ErrAuth, CodeState, remedyBegin, errLate)
	}
	return &call{op: op, issuer: issuer, app: a.Profile.Application, tenant: in.Tenant}, in, nil
}

func (s *Source) seal(key mailbox.Key, in session) string {
	plain, _ := json.Marshal(in) // of strings and times, which cannot fail
	return base64.RawURLEncoding.EncodeToString(s.Keyring.Seal(secret.New(string(plain)), binding(key, fieldSession)))
}

// consented saves what an owner consented to.
func (s *Source) consented(ctx context.Context, a provider.Account, c *call, in session, got answer) error {
	switch missing := lacking(got.scope, in.Needed); {
	case got.refresh.IsZero():
		return fail(c.op, provider.ErrUnsupported, "no_refresh_token", "have the issuer's data ask for offline access (access_type=offline and prompt=consent, or the scope offline_access)", errOffline)
	case got.owner != "" && !strings.EqualFold(got.owner, a.Mailbox.Address):
		return fail(c.op, provider.ErrAuth, CodeOwner, "sign out of the other account and consent as the mailbox's owner", fmt.Errorf("%s consented, and the mailbox is another's", wire.Quote(got.owner)))
	case missing != "":
		return fail(c.op, provider.ErrAuth, CodeScope, "consent again and leave all boxes ticked", fmt.Errorf("the owner has not consented to %s", missing))
	}
	for {
		old, err := s.load(ctx, a.Mailbox.Key)
		if err != nil && old.Version == 0 { // one that cannot be read is replaced
			return err
		}
		g := grant{Version: old.Version, Issuer: c.issuer.Name, Client: c.app.ClientID, Tenant: in.Tenant}
		g.take(got, s.issuerNow(c.issuer))
		g, err = s.replace(ctx, a.Mailbox.Key, g)
		if errors.Is(err, serversync.ErrFenced) {
			continue
		}
		if err == nil {
			s.settle(a.Mailbox.Key, s.entry(a.Mailbox.Key), c.issuer, g)
		}
		return err
	}
}

// lacking returns the first of the needed scopes that is not among those given, "" if
// all are or nobody said. Some issuers leave out what stands before the last slash.
func lacking(given, needed []string) string {
	short := func(scope string) string { return scope[strings.LastIndexByte(scope, '/')+1:] }
	for _, scope := range needed {
		if given != nil && !slices.ContainsFunc(given, func(g string) bool {
			return strings.EqualFold(g, scope) || short(scope) != "" && strings.EqualFold(g, short(scope))
		}) {
			return scope
		}
	}
	return ""
}
