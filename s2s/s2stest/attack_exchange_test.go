package s2stest_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/s2s/internal/jwt"
	"github.com/go-serversync/serversync/s2s/internal/selfissued"
	"github.com/go-serversync/serversync/s2s/s2stest"
)

// withHeader puts another header before a token's claims, and signs both in a way.
func withHeader(token, header string, sign func(text string) []byte) string {
	text := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + strings.Split(token, ".")[1]
	return text + "." + base64.RawURLEncoding.EncodeToString(sign(text))
}

// An Exchange believes no actor token that is signed by what everybody has, by nothing, or by another actor.
func TestExchangeTakesNoConfusedActor(t *testing.T) {
	needSHA1(t)
	leaf := exchangeCertificate(0).Leaf()
	spki, err := x509.MarshalPKIXPublicKey(leaf.PublicKey)
	require.NoError(t, err)
	nothing := func(string) []byte { return nil }
	mac := func(key []byte) func(string) []byte {
		return func(text string) []byte {
			h := hmac.New(sha256.New, key)
			h.Write([]byte(text))
			return h.Sum(nil)
		}
	}
	x5t, _ := newPair().header["x5t"].(string)
	good := newPair().inner(t)
	confused := map[string]string{}
	for _, alg := range []string{"none", "None", "nOnE", "NONE", "", "HS256", "hs256", "RS256 ", "rs256", "ES256", "PS256", "RS384"} {
		header := `{"typ":"JWT","x5t":"` + x5t + `","alg":"` + alg + `"}`
		confused[alg+" by nothing"] = withHeader(good, header, nothing)
		confused[alg+" by the public key"] = withHeader(good, header, mac(spki))
		confused[alg+" by its PEM"] = withHeader(good, header, mac(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki})))
		confused[alg+" by the certificate"] = withHeader(good, header, mac(leaf.Raw))
	}
	confused["two algorithms"] = withHeader(good, `{"typ":"JWT","x5t":"`+x5t+`","alg":"RS256","alg":"none"}`, nothing)
	confused["a key of its own"] = withHeader(good, `{"typ":"JWT","x5t":"`+x5t+`","alg":"RS256","jwk":{"kty":"oct","k":"AAAA"},"jku":"https://evil.example","x5u":"https://evil.example","x5c":["AAAA"]}`, mac(spki))
	confused["the good one's signature"] = strings.Join(append(strings.Split(withHeader(good, `{"typ":"JWT","x5t":"`+x5t+`","alg":"RS256","a":1}`, nothing), ".")[:2], strings.Split(good, ".")[2]), ".")
	for name, actor := range confused {
		t.Run(name, func(t *testing.T) {
			p := newPair()
			p.outer["actort"] = actor
			refuse(t, newExchange(), p.token(t))
			e := newExchange()
			alter(func(p *s2stest.ExchangePartner) { p.Roles = []string{"UserApplication", "ApplicationImpersonation"} })(e)
			refuse(t, e, actor)
		})
	}

	// An actor in an actor, one of another server, and a token of Entra ID for an actor.
	whole := newPair().token(t)
	p := newPair()
	p.outer["actort"] = whole
	refuse(t, newExchange(), p.token(t))
	p = newPair()
	p.actor["actort"] = good
	p.actor["smtp"] = "bob@example.com"
	p.outer["actort"] = p.inner(t)
	address, _, ok := newExchange().Token(p.token(t))
	require.True(t, ok)
	require.Equal(t, exchangeAnna, address, "whom the outer one names")

	elsewhere, _, err := selfissued.Issuer{Certificate: exchangeCertificate(0), ClientID: exchangeApp, Realm: exchangeRealm}.Actor("evil.example", exchangeNow)
	require.NoError(t, err)
	p = newPair()
	p.outer["actort"] = elsewhere
	require.Contains(t, refuse(t, newExchange(), p.token(t)), "2000003;")
	token, err := selfissued.For(elsewhere, selfissued.User{Address: exchangeAnna})
	require.NoError(t, err)
	require.Contains(t, refuse(t, newExchange(), token), "2000003;", "replayed")

	i, err := s2stest.NewInMemory(s2stest.Options{})
	require.NoError(t, err)
	defer i.Close()
	entra, err := jwt.Sign(jwt.RS256, map[string]any{"typ": "JWT", "x5t": x5t}, map[string]any{"aud": selfissued.Exchange, "iss": "https://sts.windows.net/" + s2stest.Contoso + "/", "tid": s2stest.Contoso, "appid": exchangeApp, "roles": []string{"full_access_as_app"}, "nbf": exchangeNow.Unix(), "exp": exchangeNow.Unix() + 3600}, exchangeCertificate(0).Signer())
	require.NoError(t, err)
	e := newExchange()
	e.Verify = i.Verify
	refuse(t, e, entra)
	p = newPair()
	p.outer["actort"] = entra
	refuse(t, e, p.token(t))
}
