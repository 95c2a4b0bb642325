package s2s

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/go-serversync/serversync/internal/hosted"
	"github.com/go-serversync/serversync/internal/tokens"
	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/s2s/internal/aadsts"
	"github.com/go-serversync/serversync/secret"
)

// How Entra ID is asked. What is azidentity's is made anew for each request: a credential that lives on keeps
// tokens too, gives one until 5 minutes before its end and so could not be made to refresh it ahead, and makes all
// who ask it wait for one another, whether their contexts have ended or not. What the authority says of itself is
// kept here, so that a request for a token is one request.

// ask has Entra ID give a token.
func (s *Source) ask(ctx context.Context, c *cell) (granted, error) {
	w := c.want
	switch {
	case !w.secret.IsZero():
		return s.request(ctx, w, false, func(x *exchange) (azcore.TokenCredential, error) {
			return azidentity.NewClientSecretCredential(w.tenant, w.client, w.secret.Reveal(),
				&azidentity.ClientSecretCredentialOptions{ClientOptions: s.options(x), DisableInstanceDiscovery: true})
		})
	case s.Proof != nil:
		return s.request(ctx, w, s.Proof.foreign(), func(x *exchange) (azcore.TokenCredential, error) { return s.Proof.credential(s, w, x) })
	}
	now := s.issuerNow()
	good, err := s.good(now, c.worked.Load().before(now))
	if err != nil {
		return granted{}, s.withSkew(err)
	}
	var first error
	for _, p := range good {
		g, err := s.prove(ctx, w, p)
		if err == nil {
			g.by = p.thumbprint
			return g, nil
		}
		if !ofCertificate(err) {
			return granted{}, err
		}
		if first == nil {
			first = err
		}
	}
	return granted{}, first
}

// ofCertificate reports whether an error is about the certificate, so that another may be taken.
func ofCertificate(err error) bool {
	var known *provider.Error
	return errors.As(err, &known) && aadsts.OfCertificate(known)
}

// prove has Entra ID give a token for a certificate. Where it finds the assertion ill-timed, and its answer
// says that our clock is wrong, it is asked once more.
func (s *Source) prove(ctx context.Context, w *want, p *proving) (g granted, err error) {
	for range 2 {
		var dated time.Duration
		g, err = s.request(ctx, w, false, func(x *exchange) (azcore.TokenCredential, error) {
			return s.asserting(w, x, func(context.Context) (secret.Text, error) {
				dated = s.offset()
				return assertion(p.cert, s.SendChain, w.client, x.tokenURL, s.issuerNow())
			})
		})
		if err == nil || ours(err).Code != aadsts.CodeTimes || (s.offset()-dated).Abs() < time.Minute {
			break
		}
	}
	return g, err
}

// asserting returns a credential that proves w's application by assertions.
func (s *Source) asserting(w *want, x *exchange, assert func(context.Context) (secret.Text, error)) (azcore.TokenCredential, error) {
	return azidentity.NewClientAssertionCredential(w.tenant, w.client, func(ctx context.Context) (string, error) {
		text, err := assert(ctx)
		if err != nil {
			x.failed = err
			return "", err
		}
		x.secrets = append(x.secrets, text)
		return text.Reveal(), nil
	}, &azidentity.ClientAssertionCredentialOptions{ClientOptions: s.options(x), DisableInstanceDiscovery: true})
}

// options have azidentity ask once, our authority and nobody else, through x.
func (s *Source) options(x *exchange) policy.ClientOptions {
	return policy.ClientOptions{
		Cloud:     cloud.Configuration{ActiveDirectoryAuthorityHost: s.in.cloud.Authority},
		Transport: x,
		Retry:     policy.RetryOptions{MaxRetries: -1},
		Telemetry: policy.TelemetryOptions{Disabled: true},
	}
}

var (
	errForeign = errors.New("what proves this host gives tokens of another tenant, or such as do not say of which they are")
	errNoToken = errors.New("the issuer's answer holds no token")
	errOdd     = errors.New("the token is too long, or has characters that no header can say")
)

// request makes one request. foreign says that the tenant is the credential's to choose.
func (s *Source) request(ctx context.Context, w *want, foreign bool, with func(*exchange) (azcore.TokenCredential, error)) (granted, error) {
	x := &exchange{s: s, ctx: ctx, tenant: w.tenant, secrets: []secret.Text{w.secret}}
	credential, err := with(x)
	if err != nil {
		return granted{}, fail(opToken, provider.ErrUnsupported, "", "see to what proves this host: the source's Proof and what it needs of the environment", errors.New(wire.Quote(err.Error())))
	}
	start := s.now()
	limited, cancel := ctx, context.CancelFunc(func() {})
	if foreign {
		limited, cancel = context.WithTimeout(ctx, s.timeout())
		s.in.stats.requests.Add(1)
	}
	defer cancel()
	t, err := credential.GetToken(limited, policy.TokenRequestOptions{Scopes: []string{w.audience + "/.default"}, TenantID: w.tenant})
	x.keep(err == nil)
	if err != nil {
		return granted{}, s.refusal(ctx, w, x, err)
	}
	g := granted{token: secret.New(t.Token), got: start, expires: t.ExpiresOn}
	if x.life > 0 { // as our clock has it
		g.got, g.expires = x.sent, x.sent.Add(x.life)
	}
	if most := g.got.Add(tokens.MostLife); g.expires.After(most) {
		g.expires = most
	}
	switch {
	case t.Token == "":
		err = fail(opToken, provider.ErrProtocol, "", "", errNoToken)
	case len(t.Token) > hosted.MaxToken, !hosted.Visible(t.Token):
		err = fail(opToken, provider.ErrProtocol, "", "", errOdd)
	case g.expires.Sub(s.now()) <= tokens.LeastLeft:
		err = fail(opToken, provider.ErrUnavailable, "", "see what sets the life of the issuer's tokens", errShort)
	}
	if err != nil {
		return granted{}, err
	}
	g.claims = claimsOf(t.Token)
	// Who was admitted to one tenant would have a token of another.
	if foreign && (!g.claims.read || g.claims.tenant != w.tenant) {
		return granted{}, fail(opToken, provider.ErrUnsafe, CodeTenant, "enter the tenant that what proves this host belongs to, or prove it by a certificate", errForeign)
	}
	return g, nil
}

// refusal says why no token was given. azidentity's own errors print the answer (TOK-B), so nothing of them is kept.
func (s *Source) refusal(ctx context.Context, w *want, x *exchange, err error) error {
	var failed *azidentity.AuthenticationFailedError
	var known *provider.Error
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case x.failed != nil:
		return x.failed
	case x.status != 0 && x.status != 200:
		return w.about(aadsts.Judge("s2s: "+opToken, x.status, x.header, x.body, x.repeats, s.issuerNow()), s.in.cloud)
	case x.status == 200:
		return fail(opToken, provider.ErrUnavailable, "", "check what stands between this machine and the issuer, such as a proxy", errNoToken)
	case errors.As(err, &known): // of a host's credential
		return known
	case errors.As(err, &failed) && failed.RawResponse != nil:
		body, _ := runtime.Payload(failed.RawResponse) // without one, its status tells what it can
		body = body[:min(len(body), maxBody)]
		if _, own := s.Proof.(managedIdentity); own {
			return ofMachine(failed.RawResponse.StatusCode, failed.RawResponse.Header, body, s.issuerNow())
		}
		unseen := func(string) bool { return true } // what a host's credential has shown is not known here
		return aadsts.Judge("s2s: "+opToken, failed.RawResponse.StatusCode, failed.RawResponse.Header, body, unseen, s.issuerNow())
	case errors.Is(err, context.DeadlineExceeded):
		return fail(opToken, provider.ErrUnavailable, "TimedOut", remedyWay, errTime)
	}
	return fail(opToken, provider.ErrUnavailable, "", "see whether this machine has the identity that the source's Proof names, and whether what gives its tokens can be reached",
		fmt.Errorf("what proves this host gave no token (%T)", err))
}
