package s2s_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/s2s"
	"github.com/go-serversync/serversync/s2s/certificate"
	"github.com/go-serversync/serversync/s2s/s2stest"
	"github.com/go-serversync/serversync/secret"
)

// An assertion is dated by the issuer's clock, lives ten minutes and is used once (TOK-4).
func TestTOK4Assertion(t *testing.T) {
	w := newWorld(t, func(s *s2s.Source) { s.SendChain = true })
	w.issuer.SetClock(42 * time.Minute)
	w.token()
	w.clock.pass(time.Hour)
	w.token()
	require.Equal(t, 2, w.issuer.Counts().Distinct)
	_, header, claims := w.issuer.proof(0)
	_, _, second := w.issuer.proof(1)
	require.Equal(t, "PS256", header["alg"])
	require.NotContains(t, header, "x5t")
	require.Len(t, header["x5c"], 1)
	now := epoch.Add(42 * time.Minute)
	require.InDelta(t, float64(now.Add(-5*time.Minute).Unix()), claims["nbf"], 1)
	require.InDelta(t, float64(now.Add(5*time.Minute).Unix()), claims["exp"], 1)
	require.Equal(t, "https://login.microsoftonline.com/"+contoso+"/oauth2/v2.0/token", claims["aud"])
	require.NotEqual(t, claims["jti"], second["jti"])

	w = newWorld(t)
	w.token()
	_, header, _ = w.issuer.proof(0)
	require.NotContains(t, header, "x5c")
}

// Of two certificates the one that the issuer does not know yet costs one request more, once.
func TestOverlap(t *testing.T) {
	w := newWorld(t)
	next, old := goodCertificate(t, 1), w.source.Certificates[0]
	w.source.Certificates = []*certificate.Certificate{next, old}
	w.token()
	require.Equal(t, 2, w.issuer.asked())
	e, err := w.source.Certificate(account("ann"))
	require.NoError(t, err)
	require.Equal(t, "CN=crm.example 0, 2 of 2", e.Text)
	require.Equal(t, old.Thumbprints(), e.Thumbprints)
	w.clock.pass(time.Hour)
	w.token()
	require.Equal(t, 3, w.issuer.asked(), "what worked is remembered")
	w.clock.pass(24 * time.Hour)
	w.token()
	require.Equal(t, 5, w.issuer.asked(), "the preferred one is tried again each day")
	w.issuer.register(next)
	w.clock.pass(25 * time.Hour)
	w.token()
	require.Equal(t, 6, w.issuer.asked())
	e, err = w.source.Certificate(account("ann"))
	require.NoError(t, err)
	require.Equal(t, "CN=crm.example 1, 1 of 2", e.Text, "it was registered since")
	w = newWorld(t)
	next, old = goodCertificate(t, 1), w.source.Certificates[0]
	w.source.Certificates = []*certificate.Certificate{next, old}
	w.token()
	w.clock.pass(time.Hour)
	w.token()
	require.Equal(t, 3, w.issuer.asked())
	w.issuer.remove(old)
	w.issuer.register(next)
	w.clock.pass(time.Hour)
	w.token()
	require.Equal(t, 5, w.issuer.asked(), "the old one was taken off")
	require.Zero(t, w.source.Stats().Failures)
	w.issuer.remove(next)
	w.clock.pass(time.Hour)
	require.Contains(t, w.refused(provider.ErrAuth).Error(), "AADSTS700027")
	require.Equal(t, 7, w.issuer.asked())
}

// What is told is the certificate that worked last, also on the day on which the preferred one is to be tried again: an
// alert must not come and go with it.
func TestOverlapIsToldSteadily(t *testing.T) {
	w := newWorld(t)
	next, old := newCertificate(t, 1, "next\x1b[31m\r\n"+strings.Repeat("x", 3000), epoch.Add(-time.Hour), epoch.AddDate(2, 0, 0)), w.source.Certificates[0]
	w.source.Certificates = []*certificate.Certificate{next, old}
	for range 120 {
		w.token()
		w.clock.pass(30 * time.Minute)
		e, err := w.source.Certificate(account("ann"))
		require.NoError(t, err)
		require.Equal(t, "CN=crm.example 0, 2 of 2", e.Text, w.clock.Now())
	}
	w.issuer.register(next)
	w.clock.pass(25 * time.Hour)
	w.token()
	e, err := w.source.Certificate(account("ann"))
	require.NoError(t, err)
	for _, text := range append(e.Chain, e.Text, w.source.Expiries(w.clock.Now())[0].Subject) {
		require.Regexp(t, `^[ -~]+$`, strings.ReplaceAll(text, "…", "..."), "whoever made a certificate may have written anything")
		require.Less(t, len(text), 300)
	}
}

// A certificate that has expired is passed over; where none is good that is said, and nobody is asked.
func TestCertificateExpires(t *testing.T) {
	w := newWorld(t)
	old := newCertificate(t, 1, "old", epoch.AddDate(-1, 0, 0), epoch.Add(30*time.Minute))
	w.issuer.register(old)
	w.source.Certificates = []*certificate.Certificate{old, w.source.Certificates[0]}
	w.token()
	e, err := w.source.Certificate(account("ann"))
	require.NoError(t, err)
	require.Equal(t, "CN=old, 1 of 2", e.Text)
	require.Equal(t, old.NotAfter(), e.NotAfter)
	w.clock.pass(time.Hour)
	w.token()
	require.Equal(t, 2, w.issuer.asked())
	e, err = w.source.Certificate(account("ann"))
	require.NoError(t, err)
	require.Equal(t, "CN=crm.example 0, 2 of 2", e.Text)
	left := w.source.Expiries(w.clock.Now())
	require.Len(t, left, 2)
	require.Equal(t, -30*time.Minute, left[0].Left)
	require.False(t, left[0].Good)
	require.True(t, left[1].Good)

	w = newWorld(t)
	w.source.Certificates[0] = old
	w.clock.pass(time.Hour)
	_, err = w.source.Certificate(account("ann"))
	require.Equal(t, certificate.CodeExpired, isError(t, err, provider.ErrAuth).Code)
	require.Equal(t, certificate.CodeExpired, w.refused(provider.ErrAuth).Code)
	require.Zero(t, w.issuer.asked())
}

// A secret of the profile's own proves it, and there is no certificate to look at.
func TestSecretProves(t *testing.T) {
	w := newWorld(t, func(s *s2s.Source) { s.Certificates = nil })
	w.issuer.secret("s3cret of the profile")
	a := account("ann")
	_, err := w.source.Token(context.Background(), a, secret.Text{})
	isError(t, err, provider.ErrUnsupported)
	_, err = w.source.Certificate(a)
	isError(t, err, provider.ErrUnsupported)
	a.Profile.Application.Secret = secret.New("s3cret of the profile")
	_, err = w.source.Token(context.Background(), a, secret.Text{})
	require.NoError(t, err)
	e, err := w.source.Certificate(a)
	require.NoError(t, err)
	require.Zero(t, e)
	a.Profile.Application.Secret = secret.New("an old s3cret")
	_, err = w.source.Token(context.Background(), a, secret.Text{})
	require.Equal(t, "AADSTS7000215", isError(t, err, provider.ErrAuth).Code)
}

func TestAssertionProves(t *testing.T) {
	give, fail := "", error(nil)
	w := newWorld(t, func(s *s2s.Source) {
		s.Proof = s2s.Assertion(func(context.Context) (string, error) { return give, fail })
	})
	give = w.issuer.federated("somebody")
	w.token()
	w.clock.pass(time.Hour)
	fail = errors.New("the vault is sealed")
	require.Contains(t, w.refused(provider.ErrUnavailable).Error(), "the vault is sealed")
	w.clock.pass(time.Hour)
	fail = &provider.Error{Op: "vault", Kind: provider.ErrAuth, Err: errors.New("not for us")}
	require.Contains(t, w.refused(provider.ErrAuth).Error(), "not for us")
	e, err := w.source.Certificate(account("ann"))
	require.NoError(t, err)
	require.Zero(t, e)
}

func TestWorkloadIdentityProves(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	w := newWorld(t, func(s *s2s.Source) { s.Proof = s2s.WorkloadIdentity(file) })
	require.NoError(t, os.WriteFile(file, []byte(w.issuer.federated("system:serviceaccount:crm:sync")), 0o600))
	w.token()
	require.NoError(t, os.Remove(file))
	w.clock.pass(time.Hour)
	w.refused(provider.ErrUnavailable)
	require.Equal(t, 1, w.issuer.asked())
}

// A managed identity has its tokens of the machine, and of its own tenant alone.
func TestManagedIdentityProves(t *testing.T) {
	var random [6]byte
	_, _ = rand.Read(random[:])
	identity := fmt.Sprintf("77777777-aaaa-4bbb-8ccc-%x", random) // azidentity keeps tokens of identities for the whole process
	w := newWorld(t, func(s *s2s.Source) {
		s.Proof, s.Clock = s2s.ManagedIdentity(identity), nil // azidentity's own caches go by the system's
		s.Admit = func(context.Context, provider.Account, string) error { return nil }
	})
	w.clock.now = time.Now()
	machine := httptest.NewServer(w.issuer.Issuer)
	defer machine.Close()
	t.Setenv("IDENTITY_ENDPOINT", machine.URL+"/msi/token")
	t.Setenv("IDENTITY_HEADER", w.issuer.Environment()["IDENTITY_HEADER"])
	asked := func() int { return w.issuer.Counts().Visits[s2stest.IdentityPoint] }
	require.Contains(t, w.refused(provider.ErrAuth).Error(), "Identity not found")
	require.NoError(t, w.issuer.AddIdentity(s2stest.Identity{ClientID: identity, Tenant: contoso}))
	w.issuer.SetLife(24 * time.Hour)
	token, err := w.source.Token(traced(), account("ann"), secret.Text{})
	require.NoError(t, err)
	_, err = w.issuer.Verify(token.Value.Reveal())
	require.NoError(t, err)
	before := asked()
	w.token()
	require.Equal(t, before, asked())

	// Who was admitted to one tenant is not given a token of another.
	a := account("eve")
	a.Profile.TenantID = fabrikam
	_, err = w.source.Token(context.Background(), a, secret.Text{})
	e := isError(t, err, provider.ErrUnsafe)
	require.Equal(t, s2s.CodeTenant, e.Code)
}

// A credential is a host's own credential of Azure's SDK.
type credential func(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error)

func (c credential) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return c(ctx, o)
}

func TestCredentialProves(t *testing.T) {
	var w *world
	give := func(tenant, audience string, life time.Duration) (azcore.AccessToken, error) {
		end := w.clock.Now().Add(life)
		return azcore.AccessToken{Token: unsigned(t, tenant, audience, end), ExpiresOn: end}, nil
	}
	for name, row := range map[string]struct {
		get  func(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error)
		kind provider.Kind
		not  string
	}{
		"gives": {get: func(_ context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
			require.Equal(t, []string{outlook + "/.default"}, o.Scopes)
			return give(o.TenantID, outlook, time.Hour)
		}},
		"of another tenant": {get: func(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
			return give(fabrikam, outlook, time.Hour)
		}, kind: provider.ErrUnsafe},
		"opaque": {get: func(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
			return azcore.AccessToken{Token: "opaque", ExpiresOn: w.clock.Now().Add(time.Hour)}, nil
		}, kind: provider.ErrUnsafe},
		"nearly over": {get: func(_ context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
			return give(o.TenantID, outlook, 59*time.Second)
		}, kind: provider.ErrUnavailable},
		"empty": {get: func(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
			return azcore.AccessToken{}, nil
		}, kind: provider.ErrProtocol},
		"fails": {get: func(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
			return azcore.AccessToken{}, errors.New("the answer was: s3cret")
		}, kind: provider.ErrUnavailable, not: "s3cret"},
		"repeats what it was shown": {get: func(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
			own, err := azidentity.NewClientSecretCredential(contoso, client, "xJ8~Qw2ZpVf4Lk9TtRb7", &azidentity.ClientSecretCredentialOptions{
				ClientOptions: policy.ClientOptions{Transport: &http.Client{Transport: w.issuer}, Retry: policy.RetryOptions{MaxRetries: -1}}, DisableInstanceDiscovery: true})
			require.NoError(t, err)
			w.issuer.SetFault(said(401, `{"error":"invalid_client","error_description":"AADSTS7000215: not xJ8~Qw2ZpVf4Lk9TtRb7","error_codes":[7000215]}`))
			return own.GetToken(ctx, o)
		}, kind: provider.ErrAuth, not: "xJ8"},
		"panics": {get: func(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) { panic("s3cret") }, kind: provider.ErrUnavailable, not: "s3cret"},
		"never ends": {get: func(ctx context.Context, _ policy.TokenRequestOptions) (azcore.AccessToken, error) {
			<-ctx.Done()
			return azcore.AccessToken{}, ctx.Err()
		}, kind: provider.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			w = newWorld(t, func(s *s2s.Source) {
				s.Proof = s2s.Credential(credential(row.get))
				if name == "never ends" {
					s.Timeout = 20 * time.Millisecond
				}
			})
			if row.kind == "" {
				w.token()
				return
			}
			e := w.refused(row.kind)
			if row.not != "" {
				require.NotContains(t, e.Error()+e.Remedy, row.not)
			}
		})
	}
}

// A keyStore signs as a security module does: with errors of its own.
type keyStore struct {
	*rsa.PrivateKey
	err error
}

func (k *keyStore) Sign(r io.Reader, digest []byte, o crypto.SignerOpts) ([]byte, error) {
	if k.err != nil {
		return nil, k.err
	}
	return k.PrivateKey.Sign(r, digest, o)
}

// Any crypto.Signer proves the host; what it fails by is told.
func TestKeyStore(t *testing.T) {
	w := newWorld(t)
	store := &keyStore{PrivateKey: keys()[0]}
	c, err := certificate.FromSigner(store, w.source.Certificates[0].Leaf())
	require.NoError(t, err)
	w.source.Certificates[0] = c
	w.token()
	store.err = errors.New("the module is locked")
	w.clock.pass(time.Hour)
	require.Contains(t, w.refused(provider.ErrUnavailable).Error(), "the module is locked")
}

// What is wrong with a Source is told when it starts, all of it.
func TestCheck(t *testing.T) {
	s := &s2s.Source{Certificates: []*certificate.Certificate{nil, onCurve(t)}, Cloud: s2s.Cloud{Authority: "http://login.example", Hosts: []string{"*"}}}
	e := isError(t, s.Check(), provider.ErrUnsupported)
	for _, words := range []string{"number 0 is nil", "number 1: the key is no RSA key", "Authority", "Resource", `"*" is no host name`} {
		require.Contains(t, e.Error(), words)
	}
	_, err := s.Token(context.Background(), account("ann"), secret.Text{})
	require.Equal(t, error(e), err)
	require.NoError(t, s.Close())
	require.ErrorContains(t, (&s2s.Source{Proof: s2s.Credential(nil)}).Check(), "Credential")
	require.ErrorContains(t, (&s2s.Source{Proof: s2s.Assertion(nil)}).Check(), "Assertion")
	require.NoError(t, (&s2s.Source{Certificates: []*certificate.Certificate{goodCertificate(t, 0)}}).Check())
	for _, c := range []s2s.Cloud{s2s.WorldWide(), s2s.USGovernment(), s2s.USDefense(), s2s.China()} {
		require.NoError(t, c.Check())
	}
}
