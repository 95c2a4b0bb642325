package s2stest_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"math/big"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/s2s/certificate"
	"github.com/go-serversync/serversync/s2s/internal/jwt"
	"github.com/go-serversync/serversync/s2s/internal/selfissued"
	"github.com/go-serversync/serversync/s2s/s2stest"
)

const (
	exchangeApp   = "c3ab8885-458f-4864-8804-1608145e2ac4"
	exchangeRealm = "example.com"
	exchangeHost  = "mail.example.com"
	exchangeAnna  = "anna@example.com"
)

var exchangeNow = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)

// exchangeCertificate returns the n-th certificate, the same in each run of the process.
var exchangeCertificate = func() func(n int) *certificate.Certificate {
	create := func() *certificate.Certificate {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		template := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "host"}, NotBefore: time.Unix(0, 0), NotAfter: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)}
		der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		if err != nil {
			panic(err)
		}
		leaf, err := x509.ParseCertificate(der)
		if err != nil {
			panic(err)
		}
		c, err := certificate.FromSigner(key, leaf)
		if err != nil {
			panic(err)
		}
		return c
	}
	all := []func() *certificate.Certificate{sync.OnceValue(create), sync.OnceValue(create)}
	return func(n int) *certificate.Certificate { return all[n]() }
}()

// needSHA1 skips a test where no certificate is found.
func needSHA1(t testing.TB) {
	if _, ok := exchangeCertificate(0).SHA1(); !ok {
		t.Skip("this process may not compute SHA-1")
	}
}

func newExchange() *s2stest.Exchange {
	return &s2stest.Exchange{
		Hosts: []string{exchangeHost}, Realm: exchangeRealm,
		Users: map[string][]string{exchangeAnna: {"anna@corp.example.com", "a.smith@example.com"}, "bob@example.com": nil},
		Partners: map[string]s2stest.ExchangePartner{
			exchangeApp: {Certificates: []*x509.Certificate{exchangeCertificate(0).Leaf()}, Roles: []string{"UserApplication"}},
		},
		Clock: func() time.Time { return exchangeNow },
	}
}

// A pair is what a self-issued token is made of.
type pair struct {
	header, actor map[string]any
	outer         map[string]any
	key           crypto.Signer
}

func newPair() *pair {
	print := sha1.Sum(exchangeCertificate(0).DER())
	party, times := exchangeApp+"@"+exchangeRealm, func(d time.Duration) string { return strconv.FormatInt(exchangeNow.Add(d).Unix(), 10) }
	both := map[string]any{"aud": selfissued.Exchange + "/" + exchangeHost + "@" + exchangeRealm, "iss": party, "nbf": times(0), "exp": times(time.Hour)}
	p := &pair{header: map[string]any{"typ": "JWT", "x5t": base64.RawURLEncoding.EncodeToString(print[:])}, actor: maps.Clone(both), outer: maps.Clone(both), key: exchangeCertificate(0).Signer()}
	maps.Copy(p.actor, map[string]any{"nameid": party, "trustedfordelegation": "true"})
	p.outer["smtp"] = exchangeAnna
	return p
}

func (p *pair) inner(t testing.TB) string {
	actor, err := jwt.Sign(jwt.RS256, p.header, p.actor, p.key)
	require.NoError(t, err)
	return actor
}

func (p *pair) token(t testing.TB) string {
	if p.outer["actort"] == nil {
		p.outer["actort"] = p.inner(t)
	}
	token, err := jwt.Sign(jwt.None, map[string]any{"typ": "JWT"}, p.outer, nil)
	require.NoError(t, err)
	return token
}

// refuse verifies that nothing opens with a token, and returns what is said.
func refuse(t testing.TB, e *s2stest.Exchange, token string) string {
	t.Helper()
	address, app, ok := e.Token(token)
	require.False(t, ok)
	require.Empty(t, address)
	require.False(t, app)
	why := e.Refusal(token)
	require.NotEmpty(t, why)
	require.NotContains(t, why, "eyJ")
	return why
}

func TestExchangeTakesWhatTheIssuerMakes(t *testing.T) {
	needSHA1(t)
	e := newExchange()
	a, _, err := selfissued.Issuer{Certificate: exchangeCertificate(0), ClientID: strings.ToUpper(exchangeApp), Realm: "Example.com"}.Actor("Mail.example.com", exchangeNow)
	require.NoError(t, err)
	for user, want := range map[selfissued.User]string{
		{Address: exchangeAnna}:                                         exchangeAnna,
		{Address: "Anna@Corp.example.com"}:                              exchangeAnna,
		{Address: exchangeAnna, Principal: "a.smith@example.com"}:       exchangeAnna,
		{Address: exchangeAnna, Principal: "nobody.knows@example.com"}:  exchangeAnna,
		{Address: "BOB@example.com", Principal: "someone@else.example"}: "bob@example.com",
	} {
		token, err := selfissued.For(a, user)
		require.NoError(t, err)
		address, app, ok := e.Token(token)
		require.True(t, ok, e.Refusal(token))
		require.Equal(t, want, address)
		require.False(t, app)
		require.Empty(t, e.Refusal(token))
		require.True(t, e.Opens(token, "full_access_as_app", want))
		require.False(t, e.Opens(token, "IMAP.AccessAsApp", want))
		require.False(t, e.Opens(token, "full_access_as_app", "carol@example.com"))
	}
	token, err := selfissued.For(a, selfissued.User{Address: exchangeAnna, Principal: "bob@example.com"})
	require.NoError(t, err)
	require.Equal(t, `2000005;reason="The user specified by the user-context in the token is ambiguous.";error_category="invalid_user"`, refuse(t, e, token))
	token, err = selfissued.For(a, selfissued.User{Address: "carol@example.com"})
	require.NoError(t, err)
	require.Equal(t, `2000005;reason="The user specified by the user-context in the token does not exist.";error_category="invalid_user"`, refuse(t, e, token))
}

func TestExchangeRefusesSelfIssuedTokens(t *testing.T) {
	needSHA1(t)
	at := func(d time.Duration) string { return strconv.FormatInt(exchangeNow.Add(d).Unix(), 10) }
	for what, c := range map[string]struct {
		pair func(*pair)
		at   func(*s2stest.Exchange)
		says string // "" for taken
	}{
		"nothing wrong":             {says: ""},
		"clock behind by 4 minutes": {pair: func(p *pair) { p.actor["nbf"], p.outer["nbf"] = at(4*time.Minute), at(4*time.Minute) }},
		"clock ahead by 4 minutes":  {pair: func(p *pair) { p.actor["exp"], p.outer["exp"] = at(-4*time.Minute), at(-4*time.Minute); early(p, at) }},
		"clock behind by 6 minutes": {pair: func(p *pair) { p.actor["nbf"] = at(6 * time.Minute) }, says: "not good yet"},
		"actor expired":             {pair: func(p *pair) { p.actor["exp"] = at(-6 * time.Minute); early(p, at) }, says: "has expired"},
		"outer expired":             {pair: func(p *pair) { p.outer["exp"] = at(-6 * time.Minute); early(p, at) }, says: "has expired"},
		"ends before it begins":     {pair: func(p *pair) { p.actor["exp"] = at(-time.Minute) }, says: "when it begins and ends"},
		"times as numbers":          {pair: func(p *pair) { p.actor["exp"] = exchangeNow.Add(time.Hour).Unix() }, says: "when it begins and ends"},
		"no end":                    {pair: func(p *pair) { delete(p.actor, "exp") }, says: "when it begins and ends"},
		"another key":               {pair: func(p *pair) { p.key = exchangeCertificate(1).Signer() }, says: "2000000;"},
		"another certificate":       {pair: func(p *pair) { wear(p, exchangeCertificate(1)) }, says: "2000000;"},
		"no thumbprint":             {pair: func(p *pair) { delete(p.header, "x5t") }, says: "2000000;"},
		"the key signs in another way": {pair: func(p *pair) {
			p.outer["actort"], _ = jwt.Sign(jwt.PS256, p.header, p.actor, p.key)
		}, says: "2000000;"},
		"the actor is not signed": {pair: func(p *pair) {
			p.outer["actort"], _ = jwt.Sign(jwt.None, p.header, p.actor, nil)
		}, says: "2000000;"},
		"no actor":              {pair: func(p *pair) { p.outer["actort"] = 7 }, says: "2000001;"},
		"actor by other name":   {pair: func(p *pair) { p.outer["actort"], p.outer["actortoken"] = "", "x" }, says: "2000001;"},
		"not a partner":         {at: func(e *s2stest.Exchange) { e.Partners = nil }, says: `2000009;reason="The issuer of the token is unknown. Issuer was 'c3ab8885-458f-4864-8804-1608145e2ac4@example.com'.";error_category="invalid_issuer"`},
		"partner disabled":      {at: alter(func(p *s2stest.ExchangePartner) { p.Disabled = true }), says: "2000009;"},
		"partner without roles": {at: alter(func(p *s2stest.ExchangePartner) { p.Roles = nil }), says: "2000008;"},
		"partner for apps only": {at: alter(func(p *s2stest.ExchangePartner) { p.Roles = []string{"ApplicationImpersonation"} }), says: "2000008;"},
		"partner of a realm":    {at: alter(func(p *s2stest.ExchangePartner) { p.Realm = "other.example" }), says: "2000009;"},
		"issuer of a realm":     {pair: func(p *pair) { p.actor["iss"] = exchangeApp + "@other.example" }, says: "2000009;"},
		"issuer without realm":  {pair: func(p *pair) { p.actor["iss"] = exchangeApp }, says: "2000009;"},
		"realm of audience":     {pair: func(p *pair) { aim(p, selfissued.Exchange+"/"+exchangeHost+"@other.example") }, says: `2000004;reason="The tenant for tenant guid 'other.example' does not exist.";error_category="invalid_tenant"`},
		"host of audience":      {pair: func(p *pair) { aim(p, selfissued.Exchange+"/mail.other.example@"+exchangeRealm) }, says: `2000003;reason="The hostname component of the audience claim value is invalid. Expected 'mail.example.com'. Actual 'mail.other.example'.";error_category="invalid_resource"`},
		"host of outer only":    {pair: func(p *pair) { p.outer["aud"] = selfissued.Exchange + "/mail.other.example@" + exchangeRealm }, says: "2000003;"},
		"another service":       {pair: func(p *pair) { aim(p, "00000003-0000-0ff1-ce00-000000000000/"+exchangeHost+"@"+exchangeRealm) }, says: "2000003;"},
		"no audience":           {pair: func(p *pair) { delete(p.actor, "aud") }, says: "2000003;"},
		"not for delegation":    {pair: func(p *pair) { p.actor["trustedfordelegation"] = "false" }, says: "not trusted for delegation"},
		"delegation as a truth": {pair: func(p *pair) { p.actor["trustedfordelegation"] = true }, says: "not trusted for delegation"},
		"actor about another":   {pair: func(p *pair) { p.actor["nameid"] = selfissued.Exchange + "@" + exchangeRealm }, says: "not about its issuer"},
		"outer of another":      {pair: func(p *pair) { p.outer["iss"] = selfissued.Exchange + "@" + exchangeRealm }, says: "not the actor"},
		"user unknown":          {pair: func(p *pair) { p.outer["smtp"] = "carol@example.com" }, says: "2000005;"},
		"no user":               {pair: func(p *pair) { delete(p.outer, "smtp") }, says: "2000005;"},
		"two users":             {pair: func(p *pair) { p.outer["upn"] = "bob@example.com" }, says: "ambiguous"},
		"issuer that injects":   {pair: func(p *pair) { p.actor["iss"] = "x@y\r\nSet-Cookie: a\";" + strings.Repeat("z", 500) }, says: `2000009;reason="The issuer of the token is unknown. Issuer was 'x@y??Set-Cookie: a?;`},
	} {
		t.Run(what, func(t *testing.T) {
			e, p := newExchange(), newPair()
			if c.pair != nil {
				c.pair(p)
			}
			if c.at != nil {
				c.at(e)
			}
			token := p.token(t)
			if c.says == "" {
				address, app, ok := e.Token(token)
				require.True(t, ok, e.Refusal(token))
				require.Equal(t, exchangeAnna, address)
				require.False(t, app)
				return
			}
			why := refuse(t, e, token)
			require.Contains(t, why, c.says)
			require.NotContains(t, why, "\n")
			require.Less(t, len(why), 700)
			require.False(t, e.Opens(token, "full_access_as_app", exchangeAnna))
		})
	}
}

// early lets both begin long ago.
func early(p *pair, at func(time.Duration) string) {
	p.actor["nbf"], p.outer["nbf"] = at(-time.Hour), at(-time.Hour)
}

// aim gives both an audience.
func aim(p *pair, audience string) { p.actor["aud"], p.outer["aud"] = audience, audience }

// wear has the actor signed by a certificate, and say so.
func wear(p *pair, c *certificate.Certificate) {
	print, _ := c.SHA1()
	p.key, p.header["x5t"] = c.Signer(), base64.RawURLEncoding.EncodeToString(print[:])
}

func alter(f func(*s2stest.ExchangePartner)) func(*s2stest.Exchange) {
	return func(e *s2stest.Exchange) {
		p := e.Partners[exchangeApp]
		f(&p)
		e.Partners = map[string]s2stest.ExchangePartner{exchangeApp: p}
	}
}

// An outer token that was signed is none, and neither is one with more in it.
func TestExchangeRefusesWhatIsNoToken(t *testing.T) {
	needSHA1(t)
	e, token := newExchange(), newPair().token(t)
	for _, bad := range []string{"", "x", "a.b.c", token + "AAAA", token + ".", "." + token, strings.Repeat("a", 1<<17)} {
		require.Contains(t, refuse(t, e, bad), "2000001;")
	}
}

// The actor token alone is the application's own.
func TestExchangeAndActorTokensAlone(t *testing.T) {
	needSHA1(t)
	e, actor := newExchange(), newPair().inner(t)
	require.Equal(t, `2000008;reason="The token should have valid permissions or linked account associated with partner application 'c3ab8885-458f-4864-8804-1608145e2ac4'.";error_category="invalid_grant"`, refuse(t, e, actor))
	alter(func(p *s2stest.ExchangePartner) { p.Roles = append(p.Roles, "ApplicationImpersonation") })(e)
	address, app, ok := e.Token(actor)
	require.True(t, ok, e.Refusal(actor))
	require.True(t, app)
	require.Empty(t, address)
	require.True(t, e.Opens(actor, "full_access_as_app", "bob@example.com"))
	require.False(t, e.Opens(actor, "full_access_as_app", "carol@example.com"))
}

// Whatever it is given, Exchange ends, and takes nothing that holds no actor token which was signed. All
// that were say the same.
func FuzzExchangeToken(f *testing.F) {
	needSHA1(f)
	p := newPair()
	actor := p.inner(f)
	f.Add(p.token(f))
	f.Add(actor)
	f.Add(entra(f, map[string]any{"roles": []string{"full_access_as_app"}}))
	for _, change := range []map[string]any{{"smtp": "bob@example.com"}, {"upn": "bob@example.com"}, {"iss": 1}, {"nbf": "-9223372036854775808"}, {"aud": []string{"a"}}} {
		q := newPair()
		maps.Copy(q.outer, change)
		f.Add(q.token(f))
	}
	f.Add("eyJhbGciOiJub25lIn0.eyJhY3RvcnQiOiIuLiJ9.")
	f.Fuzz(func(t *testing.T, token string) {
		e := newExchange()
		e.Verify = func(string) (map[string]any, error) { return nil, errors.New("Entra ID has signed nothing") }
		address, app, ok := e.Token(token)
		why := e.Refusal(token)
		require.Equal(t, ok, why == "")
		for _, r := range why {
			require.True(t, r >= ' ' && r <= '~')
		}
		if !ok {
			require.False(t, e.Opens(token, "full_access_as_app", exchangeAnna))
			return
		}
		require.False(t, app)
		require.Contains(t, []string{exchangeAnna, "bob@example.com"}, address)
		_, claims, err := jwt.Claims(token)
		require.NoError(t, err)
		inside, _ := claims["actort"].(string)
		_, got, err := jwt.Claims(inside)
		require.NoError(t, err)
		_, want, err := jwt.Claims(actor)
		require.NoError(t, err)
		a, _ := json.Marshal(got)
		b, _ := json.Marshal(want)
		require.JSONEq(t, string(b), string(a))
	})
}
