package s2stest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/s2s/internal/jwt"
)

// A proof is what an assertion is made of. Tests change one thing of what is right.
type proof struct {
	alg    string
	header map[string]any
	claims map[string]any
	key    *held
}

func (p *proof) form(t *testing.T) url.Values {
	text, err := jwt.Sign(p.alg, p.header, p.claims, p.key.key)
	require.NoError(t, err)
	return asserted(text)
}

func asserted(text string) url.Values {
	return url.Values{"grant_type": {"client_credentials"}, "client_id": {app}, "scope": {exoScope}, "client_assertion_type": {bearerAssertion}, "client_assertion": {text}}
}

func thumbprint(c *x509.Certificate) string {
	sum := (&held{Certificate: c}).sha256()
	return base64url.EncodeToString(sum)
}

func right(i *Issuer, c *held) *proof {
	now := i.now()
	return &proof{alg: jwt.PS256, key: c,
		header: map[string]any{"typ": "JWT", "x5t#S256": thumbprint(c.Certificate)},
		claims: map[string]any{"aud": i.URL + tokenPath, "iss": app, "sub": app, "jti": rand.Text(), "nbf": now.Unix(), "iat": now.Unix(), "exp": now.Add(10 * time.Minute).Unix()}}
}

func withChain(p *proof, chain ...*x509.Certificate) {
	var x5c []string
	for _, c := range chain {
		x5c = append(x5c, base64.StdEncoding.EncodeToString(c.Raw))
	}
	p.header["x5c"] = x5c
}

// What our own writer of assertions makes is taken: by each thumbprint, with each algorithm, for each
// name of the tenant.
func TestAssertionsTaken(t *testing.T) {
	i, c := withApp(t, Options{})
	require.NoError(t, i.Consent(Fabrikam, app))
	taken := map[string]func(*proof){
		"as it is":        func(*proof) {},
		"RS256":           func(p *proof) { p.alg = jwt.RS256 },
		"no typ":          func(p *proof) { delete(p.header, "typ") },
		"a list":          func(p *proof) { p.claims["aud"] = []string{i.URL + tokenPath} },
		"v1 endpoint":     func(p *proof) { p.claims["aud"] = i.URL + "/" + Contoso + "/oauth2/token" },
		"domain":          func(p *proof) { p.claims["aud"] = i.URL + "/" + ContosoDomain + "/oauth2/v2.0/token" },
		"the tenant":      func(p *proof) { p.claims["aud"] = i.URL + "/" + Contoso + "/v2.0" },
		"a slow clock":    func(p *proof) { p.claims["exp"] = i.now().Add(-4 * time.Minute).Unix() },
		"a fast clock":    func(p *proof) { p.claims["nbf"] = i.now().Add(4 * time.Minute).Unix() },
		"no nbf":          func(p *proof) { delete(p.claims, "nbf") },
		"chain unwanted":  func(p *proof) { withChain(p, c.Certificate) },
		"plain base64":    func(p *proof) { p.header["x5t#S256"] = base64.StdEncoding.EncodeToString(c.sha256()) },
		"capital letters": func(p *proof) { p.claims["iss"], p.claims["sub"] = strings.ToUpper(app), strings.ToUpper(app) },
	}
	if sum, ok := sha1Of(c.Raw); ok {
		taken["x5t"] = func(p *proof) {
			delete(p.header, "x5t#S256")
			p.header["x5t"] = base64url.EncodeToString(sum)
		}
		taken["both"] = func(p *proof) { p.header["x5t"] = base64url.EncodeToString(sum) }
	}
	for name, change := range taken {
		t.Run(name, func(t *testing.T) {
			p := right(i, c)
			change(p)
			a := ask(t, i, tokenPath, p.form(t))
			require.Equal(t, http.StatusOK, a.status, a.Text)
			claims, err := i.Verify(a.Token)
			require.NoError(t, err)
			assert.Equal(t, "2", claims["appidacr"])
		})
	}
}

// Each thing that is wrong with an assertion has Entra's number, status and error.
func TestAssertionsRefused(t *testing.T) {
	i, c := withApp(t, Options{})
	now := time.Now()
	expired := certify("crm", rsaKey(), now.Add(-48*time.Hour), now.Add(-24*time.Hour), nil)
	early := certify("crm", rsaKey(), now.Add(24*time.Hour), now.Add(48*time.Hour), nil)
	for _, one := range []*held{expired, early} {
		require.NoError(t, i.AddCertificate(app, one.Certificate))
	}
	stranger := selfSigned("crm", otherKey())
	elliptic := selfSigned("crm", must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)))
	named := func(one *held) func(*proof) {
		return func(p *proof) { p.header["x5t#S256"], p.key = thumbprint(one.Certificate), one }
	}
	type wrong struct {
		code   int
		status int
		error  string
		change func(*proof)
	}
	for name, w := range map[string]wrong{
		"certificate not registered":  {700027, 401, "invalid_client", named(stranger)},
		"signed with another key":     {700027, 401, "invalid_client", func(p *proof) { p.key = stranger }},
		"two thumbprints that differ": {700027, 401, "invalid_client", func(p *proof) { p.header["x5t"] = base64url.EncodeToString(make([]byte, 20)) }},
		"no RSA key": {700027, 401, "invalid_client", func(p *proof) {
			p.header["x5t#S256"] = thumbprint(elliptic.Certificate)
			withChain(p, elliptic.Certificate)
		}},
		"chain of a stranger":       {700027, 401, "invalid_client", func(p *proof) { named(stranger)(p); withChain(p, stranger.Certificate) }},
		"certificate expired":       {1000502, 401, "invalid_client", named(expired)},
		"certificate not yet good":  {1000502, 401, "invalid_client", named(early)},
		"expired":                   {700024, 401, "invalid_client", func(p *proof) { p.claims["exp"] = now.Add(-6 * time.Minute).Unix() }},
		"not yet good":              {700024, 401, "invalid_client", func(p *proof) { p.claims["nbf"] = now.Add(time.Hour).Unix() }},
		"another tenant's endpoint": {700023, 401, "invalid_client", func(p *proof) { p.claims["aud"] = i.URL + "/" + Fabrikam + "/oauth2/v2.0/token" }},
		"another issuer":            {700023, 401, "invalid_client", func(p *proof) { p.claims["aud"] = "https://login.microsoftonline.com" + tokenPath }},
		"two audiences":             {700023, 401, "invalid_client", func(p *proof) { p.claims["aud"] = []string{i.URL + tokenPath, "https://elsewhere.example"} }},
		"another subject":           {700021, 401, "invalid_client", func(p *proof) { p.claims["sub"] = Contoso }},
		"another client":            {700021, 401, "invalid_client", func(p *proof) { p.claims["iss"] = Contoso }},
		"another's issuer":          {70025, 401, "invalid_client", func(p *proof) { p.claims["iss"] = "https://cluster.example" }},
		"no signature":              {5002738, 401, "invalid_client", func(p *proof) { p.alg = jwt.None }},
		"no thumbprint":             {5002723, 401, "invalid_client", func(p *proof) { delete(p.header, "x5t#S256") }},
		"no JWT":                    {5002727, 400, "invalid_request", func(p *proof) { p.header["typ"] = "at+jwt" }},
		"no iss":                    {90014, 400, "invalid_request", func(p *proof) { delete(p.claims, "iss") }},
		"no sub":                    {90014, 400, "invalid_request", func(p *proof) { delete(p.claims, "sub") }},
		"no aud":                    {90014, 400, "invalid_request", func(p *proof) { delete(p.claims, "aud") }},
		"no exp":                    {90014, 400, "invalid_request", func(p *proof) { delete(p.claims, "exp") }},
		"no jti":                    {90014, 400, "invalid_request", func(p *proof) { delete(p.claims, "jti") }},
		"exp no number":             {50027, 400, "invalid_request", func(p *proof) { p.claims["exp"] = "soon" }},
		"exp beyond all time":       {50027, 400, "invalid_request", func(p *proof) { p.claims["exp"] = 1e300 }},
		"iss no text":               {50027, 400, "invalid_request", func(p *proof) { p.claims["iss"] = 7 }},
		"critical":                  {50027, 400, "invalid_request", func(p *proof) { p.header["crit"] = []string{"b64"} }},
		"chain no base64":           {50027, 400, "invalid_request", func(p *proof) { p.header["x5c"] = []string{"-"} }},
		"chain no list":             {50027, 400, "invalid_request", func(p *proof) { p.header["x5c"] = "x" }},
	} {
		t.Run(name, func(t *testing.T) {
			p := right(i, c)
			w.change(p)
			before := i.Counts().Refused[fmt.Sprintf("AADSTS%d", w.code)]
			a := ask(t, i, tokenPath, p.form(t))
			refused(t, i, a, w.code, w.status, w.error)
			assert.Equal(t, before+1, i.Counts().Refused[fmt.Sprintf("AADSTS%d", w.code)])
		})
	}
	assert.Zero(t, i.Counts().Tokens)
}

// refused checks that an answer has everything that Entra's refusals have.
func refused(t *testing.T, i *Issuer, a answer, code, status int, name string) {
	t.Helper()
	require.Equal(t, []int{code}, a.Codes, a.Text)
	assert.Equal(t, status, a.status)
	assert.Equal(t, name, a.Error)
	assert.True(t, strings.HasPrefix(a.Text, fmt.Sprintf("AADSTS%d: ", code)), a.Text)
	assert.Contains(t, a.Text, " Trace ID: "+a.Trace+" Correlation ID: "+a.Same+" Timestamp: "+a.Time)
	assert.Equal(t, "11111111-2222-4333-8444-555555555555", a.Same)
	assert.Equal(t, a.header.Get("x-ms-request-id"), a.Trace)
	assert.Equal(t, fmt.Sprintf("%s/error?code=%d", i.URL, code), a.URI)
	assert.Empty(t, a.Token)
	_, err := time.Parse("2006-01-02 15:04:05Z", a.Time)
	assert.NoError(t, err)
}

// A signature that is damaged anywhere, or is over something else, is none.
func TestSignaturesDamaged(t *testing.T) {
	i, c := withApp(t, Options{})
	for _, alg := range []string{jwt.PS256, jwt.RS256} {
		text, err := jwt.Sign(alg, right(i, c).header, right(i, c).claims, c.key)
		require.NoError(t, err)
		other, err := jwt.Sign(alg, right(i, c).header, map[string]any{"iss": app, "sub": app, "aud": i.URL + tokenPath, "jti": "x", "exp": time.Now().Add(time.Hour).Unix()}, c.key)
		require.NoError(t, err)
		parts, others := strings.Split(text, "."), strings.Split(other, ".")
		refused(t, i, ask(t, i, tokenPath, asserted(parts[0]+"."+others[1]+"."+parts[2])), 700027, 401, "invalid_client")
		flipped := []byte(parts[2])
		if flipped[10] == 'A' {
			flipped[10] = 'B'
		} else {
			flipped[10] = 'A'
		}
		a := ask(t, i, tokenPath, asserted(parts[0]+"."+parts[1]+"."+string(flipped)))
		assert.Equal(t, []int{700027}, a.Codes)
		a = ask(t, i, tokenPath, asserted(parts[0]+"."+parts[1]+"."))
		assert.Equal(t, []int{700027}, a.Codes)
	}
}

// Trust by subject name and issuer: the chain has to be there, to lead to the authority, and to name a
// subject that is allowed.
func TestSubjectNameAndIssuerRefused(t *testing.T) {
	now := time.Now()
	ca, foreign := selfSigned("Contoso CA", otherKey()), selfSigned("Contoso CA", must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)))
	i := start(t, Options{Applications: []Application{{ID: app, Trusts: []Trust{{Name: "crm.contoso.example", Authority: ca.Certificate}}}}})
	good := certify("CRM.contoso.example", rsaKey(), now.Add(-time.Hour), now.Add(time.Hour), ca)
	for name, w := range map[string]struct {
		leaf  *held
		chain bool
		code  int
	}{
		"right":                {good, true, 0},
		"no chain":             {good, false, 700027},
		"another subject":      {certify("mail.contoso.example", rsaKey(), now.Add(-time.Hour), now.Add(time.Hour), ca), true, 700030},
		"another authority":    {certify("crm.contoso.example", rsaKey(), now.Add(-time.Hour), now.Add(time.Hour), foreign), true, 7000213},
		"expired":              {certify("crm.contoso.example", rsaKey(), now.Add(-time.Hour), now.Add(-time.Minute), ca), true, 1000502},
		"self-signed namesake": {selfSigned("crm.contoso.example", rsaKey()), true, 7000213},
	} {
		t.Run(name, func(t *testing.T) {
			p := right(i, w.leaf)
			if w.chain {
				withChain(p, w.leaf.chain...)
			}
			a := ask(t, i, tokenPath, p.form(t))
			if w.code == 0 {
				require.Equal(t, http.StatusOK, a.status, a.Text)
				return
			}
			refused(t, i, a, w.code, 401, "invalid_client")
		})
	}
	p := right(i, good)
	withChain(p, certify("crm.contoso.example", rsaKey(), now.Add(-time.Hour), now.Add(time.Hour), ca).Certificate)
	refused(t, i, ask(t, i, tokenPath, p.form(t)), 700027, 401, "invalid_client")
}

// A jti is good once, unless the issuer is one that lets assertions prove again, as Entra is.
func TestReplay(t *testing.T) {
	for _, replays := range []bool{false, true} {
		i, c := withApp(t, Options{Replays: replays})
		form := right(i, c).form(t)
		require.Equal(t, http.StatusOK, ask(t, i, tokenPath, form).status)
		a := ask(t, i, tokenPath, form)
		counts := i.Counts()
		assert.Equal(t, 1, counts.Distinct)
		assert.Equal(t, 2, counts.Assertions)
		if replays {
			assert.Equal(t, http.StatusOK, a.status)
			continue
		}
		assert.Equal(t, http.StatusUnauthorized, a.status)
		assert.Equal(t, "invalid_client", a.Error)
		assert.Empty(t, a.Codes)
		assert.NotContains(t, a.Text, "AADSTS")
		assert.Equal(t, map[string]int{"replay": 1}, counts.Refused)
	}
}

// RFC 7518 (section 3.5) has one length of salt, and golang-jwt takes any.
func TestSaltOfAnotherLength(t *testing.T) {
	i, c := withApp(t, Options{})
	text, err := jwt.Sign(jwt.PS256, right(i, c).header, right(i, c).claims, c.key)
	require.NoError(t, err)
	signed := text[:strings.LastIndexByte(text, '.')]
	digest := sha256.Sum256([]byte(signed))
	for length, code := range map[int][]int{16: {700027}, sha256.Size: nil} {
		signature, err := rsa.SignPSS(rand.Reader, rsaKey(), crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: length, Hash: crypto.SHA256})
		require.NoError(t, err)
		assert.Equal(t, code, ask(t, i, tokenPath, asserted(signed+"."+base64url.EncodeToString(signature))).Codes)
	}
}
