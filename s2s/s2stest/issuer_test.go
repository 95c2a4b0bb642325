package s2stest

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	app      = "c0ffee00-1111-4222-8333-444455556666"
	exoScope = "https://outlook.office365.com/.default"
)

// A held certificate comes with its key.
type held struct {
	*x509.Certificate
	key   crypto.Signer
	chain []*x509.Certificate
}

// keys are made once: each costs a tenth of a second.
var rsaKey = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
var otherKey = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// certify makes a certificate for key, signed by by, or by itself.
func certify(name string, key crypto.Signer, from, until time.Time, by *held) *held {
	template := &x509.Certificate{SerialNumber: serial(), Subject: pkix.Name{CommonName: name}, NotBefore: from, NotAfter: until,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, IsCA: by == nil, BasicConstraintsValid: true}
	parent, signer := template, key
	if by != nil {
		parent, signer = by.Certificate, by.key
	}
	c := must(x509.ParseCertificate(must(x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer))))
	h := &held{Certificate: c, key: key, chain: []*x509.Certificate{c}}
	if by != nil {
		h.chain = append(h.chain, by.chain...)
	}
	return h
}

func selfSigned(name string, key crypto.Signer) *held {
	return certify(name, key, time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour), nil)
}

func (h *held) pem(t *testing.T) []byte {
	der, err := x509.MarshalPKCS8PrivateKey(h.key)
	require.NoError(t, err)
	out := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	for _, c := range h.chain {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	return out
}

func start(t *testing.T, o Options) *Issuer {
	i, err := NewIssuer(o)
	require.NoError(t, err)
	t.Cleanup(i.Close)
	return i
}

// withApp starts an issuer with an application that has a certificate and a secret.
func withApp(t *testing.T, o Options) (*Issuer, *held) {
	c := selfSigned("crm", rsaKey())
	o.Applications = append(o.Applications, Application{ID: app, Name: "crm", Multitenant: true,
		Certificates: []*x509.Certificate{c.Certificate}, Secrets: []Secret{{Value: "correct horse"}}})
	i := start(t, o)
	require.NoError(t, i.Grant(Contoso, app, ExchangeOnline, "full_access_as_app"))
	return i, c
}

func options(i *Issuer) azcore.ClientOptions {
	return azcore.ClientOptions{Cloud: cloud.Configuration{ActiveDirectoryAuthorityHost: i.URL}, Transport: i.Client(), Retry: policy.RetryOptions{MaxRetries: -1}}
}

func withCertificate(t *testing.T, i *Issuer, tenant string, c *held, chain bool) *azidentity.ClientCertificateCredential {
	certs, key, err := azidentity.ParseCertificates(c.pem(t), nil)
	require.NoError(t, err)
	cred, err := azidentity.NewClientCertificateCredential(tenant, app, certs, key, &azidentity.ClientCertificateCredentialOptions{
		ClientOptions: options(i), SendCertificateChain: chain, DisableInstanceDiscovery: true})
	require.NoError(t, err)
	return cred
}

func scope(s string) policy.TokenRequestOptions {
	return policy.TokenRequestOptions{Scopes: []string{s}}
}

// An answer is the issuer's.
type answer struct {
	status int
	header http.Header
	Error  string
	Text   string `json:"error_description"`
	Codes  []int  `json:"error_codes"`
	Time   string `json:"timestamp"`
	Trace  string `json:"trace_id"`
	Same   string `json:"correlation_id"`
	URI    string `json:"error_uri"`
	Claims string
	Token  string `json:"access_token"`
	Type   string `json:"token_type"`
	In     any    `json:"expires_in"`
	On     any    `json:"expires_on"`
}

// ask posts a form to a path.
func ask(t *testing.T, i *Issuer, path string, form url.Values) answer {
	req, err := http.NewRequest(http.MethodPost, i.URL+path, strings.NewReader(form.Encode()))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("client-request-id", "11111111-2222-4333-8444-555555555555")
	return do(t, i, req)
}

func do(t *testing.T, i *Issuer, req *http.Request) (a answer) {
	res, err := i.Client().Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(body, &a), "%s", body)
	a.status, a.header = res.StatusCode, res.Header
	return a
}

func bySecret(secret string) url.Values {
	return url.Values{"grant_type": {"client_credentials"}, "client_id": {app}, "scope": {exoScope}, "client_secret": {secret}}
}

const tokenPath = "/" + Contoso + "/oauth2/v2.0/token"

// azidentity, unchanged, gets tokens with a certificate, with and without its chain, as it does from Entra.
func TestAzidentityCertificate(t *testing.T) {
	for _, chain := range []bool{false, true} {
		i, c := withApp(t, Options{})
		for _, tenant := range []string{Contoso, ContosoDomain} {
			token, err := withCertificate(t, i, tenant, c, chain).GetToken(context.Background(), scope(exoScope))
			require.NoError(t, err)
			claims, err := i.Verify(token.Token)
			require.NoError(t, err)
			assert.Equal(t, "https://outlook.office365.com", claims["aud"])
			assert.Equal(t, "https://sts.windows.net/"+Contoso+"/", claims["iss"])
			assert.Equal(t, Contoso, claims["tid"])
			assert.Equal(t, app, claims["appid"])
			assert.Equal(t, "2", claims["appidacr"])
			assert.Equal(t, "1.0", claims["ver"])
			assert.Equal(t, []any{"full_access_as_app"}, claims["roles"])
			assert.Equal(t, claims["oid"], claims["sub"])
			for _, name := range []string{"iat", "nbf", "exp", "idp", "uti"} {
				assert.Contains(t, claims, name)
			}
			left := time.Until(token.ExpiresOn)
			assert.True(t, left > 59*time.Minute && left <= 90*time.Minute, "%s", left)
		}
		counts := i.Counts()
		assert.Equal(t, 2, counts.Requests)
		assert.Equal(t, 2, counts.Distinct)
		assert.Equal(t, 2, i.RequestsOf(Contoso, app))
		assert.Equal(t, 2, counts.Visits[Discovery])
		assert.LessOrEqual(t, counts.Longest, 10*time.Minute)
	}
}

// Trust by subject name and issuer needs the chain, and then no registered certificate.
func TestAzidentitySubjectNameAndIssuer(t *testing.T) {
	i := start(t, Options{})
	ca := selfSigned("Contoso CA", otherKey())
	c := certify("crm.contoso.example", rsaKey(), time.Now().Add(-time.Hour), time.Now().Add(time.Hour), ca)
	require.NoError(t, i.Register(Application{ID: app, Trusts: []Trust{{Name: "crm.contoso.example", Authority: ca.Certificate}}}))
	_, err := withCertificate(t, i, Contoso, c, true).GetToken(context.Background(), scope(exoScope))
	require.NoError(t, err)
	_, err = withCertificate(t, i, Contoso, c, false).GetToken(context.Background(), scope(exoScope))
	require.ErrorContains(t, err, "AADSTS700027")
	require.ErrorContains(t, err, "x5c")
}

func TestAzidentitySecret(t *testing.T) {
	i, _ := withApp(t, Options{Life: time.Hour})
	cred, err := azidentity.NewClientSecretCredential(Contoso, app, "correct horse", &azidentity.ClientSecretCredentialOptions{ClientOptions: options(i), DisableInstanceDiscovery: true})
	require.NoError(t, err)
	token, err := cred.GetToken(context.Background(), scope(exoScope))
	require.NoError(t, err)
	claims, err := i.Verify(token.Token)
	require.NoError(t, err)
	assert.Equal(t, "1", claims["appidacr"])
	assert.WithinDuration(t, time.Now().Add(time.Hour), token.ExpiresOn, time.Minute)
}

// With instance discovery azidentity asks a well-known host whether the authority is a known one. The
// issuer plays that host too.
func TestAzidentityInstanceDiscovery(t *testing.T) {
	i, c := withApp(t, Options{Hosts: []string{"login.microsoftonline.com"}})
	certs, key, err := azidentity.ParseCertificates(c.pem(t), nil)
	require.NoError(t, err)
	for _, host := range []string{i.URL, "https://login.microsoftonline.com"} {
		o := options(i)
		o.Cloud.ActiveDirectoryAuthorityHost = host
		cred, err := azidentity.NewClientCertificateCredential(Contoso, app, certs, key, &azidentity.ClientCertificateCredentialOptions{ClientOptions: o})
		require.NoError(t, err)
		_, err = cred.GetToken(context.Background(), scope(exoScope))
		require.NoError(t, err, host)
	}
	assert.Positive(t, i.Counts().Visits[Instance])
}

// TOK-1, as azidentity holds it: who asks at once while there is no token share one request.
func TestAzidentityColdCrowd(t *testing.T) {
	i, c := withApp(t, Options{})
	cred := withCertificate(t, i, Contoso, c, false)
	var all sync.WaitGroup
	tokens := make([]string, 50)
	for n := range tokens {
		all.Go(func() {
			token, err := cred.GetToken(context.Background(), scope(exoScope))
			assert.NoError(t, err)
			tokens[n] = token.Token
		})
	}
	all.Wait()
	for _, token := range tokens {
		assert.Equal(t, tokens[0], token)
	}
	counts := i.Counts()
	assert.Equal(t, 1, counts.Requests)
	assert.Equal(t, 1, counts.Most)
	assert.Zero(t, counts.InFlight)
}

// A workload's federated assertion comes from a file, and proves the application again and again.
func TestAzidentityWorkload(t *testing.T) {
	i := start(t, Options{Applications: []Application{{ID: app, Federations: []Federation{{Subject: "system:serviceaccount:crm:sync"}}}}})
	ask := func(subject, audience string, life time.Duration) error {
		text, err := i.Federated(subject, audience, life)
		require.NoError(t, err)
		cred, err := azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{
			ClientOptions: options(i), ClientID: app, TenantID: Contoso, TokenFilePath: write(t, text), DisableInstanceDiscovery: true})
		require.NoError(t, err)
		for _, s := range []string{exoScope, "https://graph.microsoft.com/.default"} {
			if _, err := cred.GetToken(context.Background(), scope(s)); err != nil {
				return err
			}
		}
		return nil
	}
	require.NoError(t, ask("system:serviceaccount:crm:sync", "", 0))
	require.ErrorContains(t, ask("system:serviceaccount:crm:other", "", 0), "AADSTS700213")
	require.ErrorContains(t, ask("system:serviceaccount:crm:sync", "api://other", 0), "AADSTS700212")
	require.ErrorContains(t, ask("system:serviceaccount:crm:sync", "", -time.Hour), "AADSTS700024")
	assert.Equal(t, 2, i.Counts().Federated)
}

// Managed identities are had as on a host of App Service, and as on a virtual machine. azidentity keeps their
// tokens for the whole process: the names are others each time, and the machine's own, which has none, is had once.
func TestAzidentityManaged(t *testing.T) {
	run := managedRuns.Add(1)
	id := func(n int) string { return fmt.Sprintf("d0d0d0d0-0000-4000-%04x-%012x", run, n) }
	own, given, resource := id(1), id(2), fmt.Sprint("/subscriptions/s/given", run)
	ways := map[azidentity.ManagedIDKind]string{azidentity.ClientID(given): given, azidentity.ResourceID(resource): given}
	if run == 1 {
		ways[nil] = own
	}
	i := start(t, Options{Identities: []Identity{{ClientID: own, System: true}, {ClientID: given, Resource: resource}}})
	require.NoError(t, i.Grant("", given, ExchangeOnline, "IMAP.AccessAsApp"))
	for name, value := range i.Environment() {
		t.Setenv(name, value)
	}
	for id, want := range ways {
		cred, err := azidentity.NewManagedIdentityCredential(&azidentity.ManagedIdentityCredentialOptions{ClientOptions: options(i), ID: id})
		require.NoError(t, err)
		token, err := cred.GetToken(context.Background(), scope(exoScope))
		require.NoError(t, err)
		claims, err := i.Verify(token.Token)
		require.NoError(t, err)
		assert.Equal(t, want, claims["appid"])
		assert.Equal(t, want == given, claims["roles"] != nil)
	}
	cred, err := azidentity.NewManagedIdentityCredential(&azidentity.ManagedIdentityCredentialOptions{ClientOptions: options(i), ID: azidentity.ClientID(app)})
	require.NoError(t, err)
	_, err = cred.GetToken(context.Background(), scope(exoScope))
	require.ErrorContains(t, err, "Identity not found")

	t.Setenv("IDENTITY_ENDPOINT", "")
	t.Setenv("IDENTITY_HEADER", "")
	other := id(3)
	inMemory, err := NewInMemory(Options{Identities: []Identity{{ClientID: other}}})
	require.NoError(t, err)
	defer inMemory.Close()
	cred, err = azidentity.NewManagedIdentityCredential(&azidentity.ManagedIdentityCredentialOptions{ClientOptions: options(inMemory), ID: azidentity.ClientID(other)})
	require.NoError(t, err)
	token, err := cred.GetToken(context.Background(), scope(exoScope))
	require.NoError(t, err)
	_, err = inMemory.Verify(token.Token)
	require.NoError(t, err)
}

// managedRuns counts the runs of TestAzidentityManaged.
var managedRuns atomic.Int32

// Only keys that Entra takes can be registered.
func TestKeysThatAreNotTaken(t *testing.T) {
	i := start(t, Options{})
	c := selfSigned("crm", must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)))
	require.ErrorIs(t, i.Register(Application{ID: app, Certificates: []*x509.Certificate{c.Certificate}}), errKey)
	require.NoError(t, i.Register(Application{ID: app}))
	require.ErrorIs(t, i.AddCertificate(app, c.Certificate), errKey)
	require.ErrorIs(t, i.Register(Application{ID: app}), errRegistered)
}

func write(t *testing.T, text string) string {
	name := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	return name
}

func (h *held) sha256() []byte {
	sum := sha256.Sum256(h.Raw)
	return sum[:]
}
