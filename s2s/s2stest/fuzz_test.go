package s2stest

import (
	"crypto/x509"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/go-serversync/serversync/s2s/internal/jwt"
	"github.com/stretchr/testify/require"
)

// Whatever comes as an assertion, it is refused or complete, and proves nothing unless it was signed.
func FuzzAssertion(f *testing.F) {
	i, err := NewInMemory(Options{})
	require.NoError(f, err)
	c := selfSigned("crm", rsaKey())
	require.NoError(f, i.Register(Application{ID: app, Certificates: []*x509.Certificate{c.Certificate}, Trusts: []Trust{{Name: "crm", Authority: selfSigned("ca", otherKey()).Certificate}},
		Federations: []Federation{{Subject: "s"}}}))
	header := map[string]any{"typ": "JWT", "x5t#S256": thumbprint(c.Certificate), "x5c": []string{base64.StdEncoding.EncodeToString(c.Raw)}}
	claims := map[string]any{"aud": "https://elsewhere.example", "iss": app, "sub": app, "jti": "1", "nbf": 0, "exp": time.Now().Add(time.Hour).Unix()}
	add := func(text string) {
		var part [3]string
		for n, p := range strings.Split(text, ".") {
			part[n] = string(must(base64url.DecodeString(p)))
		}
		f.Add(part[0], part[1], part[2])
	}
	for _, alg := range []string{jwt.PS256, jwt.RS256, jwt.None} {
		text, err := jwt.Sign(alg, header, claims, c.key)
		require.NoError(f, err)
		add(text)
	}
	federated, err := i.Federated("t", "", 0)
	require.NoError(f, err)
	add(federated)
	f.Add(`{"alg":"RS256","x5c":[null]}`, `{"iss":"a","sub":"a","aud":["a"],"exp":1}`, "")
	f.Add(`null`, `null`, "x")
	f.Add("..", "", "")
	f.Fuzz(func(t *testing.T, header, claims, signature string) {
		parseAssertion(header) // as it is
		text := base64url.EncodeToString([]byte(header)) + "." + base64url.EncodeToString([]byte(claims)) + "." + base64url.EncodeToString([]byte(signature))
		a, r := parseAssertion(text)
		if r != nil {
			return
		}
		if a.issuer == "" || a.subject == "" || len(a.audience) == 0 || a.ends.IsZero() {
			t.Fatal("taken, and not complete")
		}
		i.mu.Lock()
		defer i.mu.Unlock()
		registered := i.dir.applications[app]
		prove := i.prove
		if a.isFederated() {
			prove = func(a *assertion, app *application, _ []string) *refusal { return i.proveFederated(a, app) }
		}
		// Its audience is never one of these, so that nothing at all may be taken.
		if prove(a, registered, []string{"https://issuer.example"}) == nil {
			t.Fatal("proved")
		}
	})
}
