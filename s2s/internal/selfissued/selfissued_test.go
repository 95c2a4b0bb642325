package selfissued

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/s2s/certificate"
	"github.com/go-serversync/serversync/s2s/internal/jwt"
)

const (
	client = "c3ab8885-458f-4864-8804-1608145e2ac4"
	realm  = "example.com"
)

var now = time.Date(2026, 7, 1, 12, 0, 0, 500, time.UTC)

var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// certify returns a certificate of a key that is good from a day before now until the time given.
func certify(t testing.TB, key crypto.Signer, until time.Time) *certificate.Certificate {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "host"}, NotBefore: now.Add(-24 * time.Hour), NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	leaf, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	c, err := certificate.FromSigner(key, leaf)
	require.NoError(t, err)
	return c
}

// issuer returns one that can issue tokens. Under FIPS 140 alone there is none: see TestWithoutSHA1.
func issuer(t testing.TB) Issuer {
	i := Issuer{certify(t, rsaKey(), now.Add(24*time.Hour)), client, realm}
	if _, ok := i.Certificate.SHA1(); !ok {
		t.Skip("this process may not compute SHA-1")
	}
	return i
}

// hold verifies that err is this package's, of a kind, with a remedy, and shows no token.
func hold(t testing.TB, err error, kind provider.Kind) {
	t.Helper()
	var e *provider.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, kind, e.Kind)
	require.NotEmpty(t, e.Remedy)
	require.NotContains(t, err.Error()+e.Remedy, "eyJ")
}

// The claims are those of the document's own example of a token that a client issues itself: the same
// names, the same values, all of them text (MS-XOAUTH, section 4.2). Its audience is a SharePoint and its
// issuer an Exchange, which ours are not.
func TestActorIsTheDocuments(t *testing.T) {
	party := "00000002-0000-0ff1-ce00-000000000000@EXHB-88371dom.extest.contoso.com"
	both := shared("00000003-0000-0ff1-ce00-000000000000/contoso.com@EXHB-88371dom.extest.contoso.com", party, time.Unix(1323380605, 0), time.Unix(1323409405, 0))
	require.Equal(t, map[string]any{
		"aud":                  "00000003-0000-0ff1-ce00-000000000000/contoso.com@EXHB-88371dom.extest.contoso.com",
		"iss":                  "00000002-0000-0ff1-ce00-000000000000@EXHB-88371dom.extest.contoso.com",
		"nbf":                  "1323380605",
		"exp":                  "1323409405",
		"nameid":               "00000002-0000-0ff1-ce00-000000000000@EXHB-88371dom.extest.contoso.com",
		"trustedfordelegation": "true",
	}, inner(both))
}

// The outer claims are those of the document's example of one that a client issues itself, with what it
// tells of the user (MS-XOAUTH, section 4.4), but for sip and msexchuid, which nobody tells us.
func TestOuterIsTheDocuments(t *testing.T) {
	party := "00000002-0000-0ff1-ce00-000000000000@EXHB-88371dom.extest.contoso.com"
	both := shared("00000003-0000-0ff1-ce00-000000000000/contoso.com@EXHB-88371dom.extest.contoso.com", party, time.Unix(1323380605, 0), time.Unix(1323409405, 0))
	user := User{Address: "ewsuser-55a83300@EXHB-88371dom.extest.contoso.com", Principal: "ewsuser-55a83300@EXHB-88371dom.extest.contoso.com"}
	require.Equal(t, map[string]any{
		"aud":    "00000003-0000-0ff1-ce00-000000000000/contoso.com@EXHB-88371dom.extest.contoso.com",
		"iss":    "00000002-0000-0ff1-ce00-000000000000@EXHB-88371dom.extest.contoso.com",
		"nbf":    "1323380605",
		"exp":    "1323409405",
		"nameid": "ewsuser-55a83300@EXHB-88371dom.extest.contoso.com",
		"smtp":   "ewsuser-55a83300@exhb-88371dom.extest.contoso.com",
		"actort": "..actor token..",
	}, outer(both, "..actor token..", user))
}

func TestTokensOfAnIssuer(t *testing.T) {
	i := issuer(t)
	i.ClientID = strings.ToUpper(i.ClientID)
	signed, expires, err := i.Actor("Mail.Example.com", now)
	require.NoError(t, err)
	require.Equal(t, now.Add(time.Hour).Truncate(time.Second), expires)
	raw, err := For(signed, User{Address: "Anna@Example.com"})
	require.NoError(t, err)
	require.Equal(t, signed, ActorOf(raw))
	require.Empty(t, ActorOf(signed))
	require.Empty(t, ActorOf("x"))

	require.True(t, strings.HasSuffix(raw, "."), "it is not signed")
	header, claims, err := jwt.Claims(raw)
	require.NoError(t, err)
	require.Equal(t, map[string]any{"typ": "JWT", "alg": "none"}, header)
	actor, _ := claims["actort"].(string)
	delete(claims, "actort")
	require.Equal(t, map[string]any{
		"aud": "00000002-0000-0ff1-ce00-000000000000/mail.example.com@example.com", "iss": client + "@example.com",
		"nbf": fmt.Sprint(now.Unix() - 300), "exp": fmt.Sprint(now.Unix() + 3600), "smtp": "anna@example.com",
	}, claims)

	header, claims, err = jwt.Claims(actor)
	require.NoError(t, err)
	print, ok := i.Certificate.SHA1()
	require.True(t, ok)
	require.Equal(t, map[string]any{"typ": "JWT", "alg": "RS256", "x5t": base64.RawURLEncoding.EncodeToString(print[:])}, header)
	require.Len(t, header["x5t"], len("mH-TTlt-HAXC9-vjKVFtX6bAsR0"), "as in section 4.2")
	require.Equal(t, client+"@example.com", claims["nameid"])
	require.Equal(t, "true", claims["trustedfordelegation"])
	parts := strings.Split(actor, ".")
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	require.NoError(t, err)
	require.NoError(t, rsa.VerifyPKCS1v15(&rsaKey().PublicKey, crypto.SHA256, digest[:], signature))
}

// The tokens of one actor differ in the user only: signing is once for all mailboxes of a server.
func TestActorServesEveryMailbox(t *testing.T) {
	i, signer := issuer(t), &counting{Signer: rsaKey()}
	i.Certificate = certify(t, signer, now.Add(24*time.Hour))
	a, _, err := i.Actor("mail.example.com", now)
	require.NoError(t, err)
	before := signer.n
	seen := make(map[string]bool)
	for n := range 50 {
		token, err := For(a, User{Address: fmt.Sprintf("u%d@example.com", n)})
		require.NoError(t, err)
		_, claims, err := jwt.Claims(token)
		require.NoError(t, err)
		seen[claims["smtp"].(string)] = true
	}
	require.Len(t, seen, 50)
	require.Equal(t, before, signer.n)
}

type counting struct {
	crypto.Signer
	n int
}

func (c *counting) Sign(r io.Reader, digest []byte, o crypto.SignerOpts) ([]byte, error) {
	c.n++
	return c.Signer.Sign(r, digest, o)
}

// A token is not good for longer than the certificate that vouches for it.
func TestActorEndsWithItsCertificate(t *testing.T) {
	i := issuer(t)
	i.Certificate = certify(t, rsaKey(), now.Add(10*time.Minute))
	_, expires, err := i.Actor("mail.example.com", now)
	require.NoError(t, err)
	require.Equal(t, now.Add(10*time.Minute).Truncate(time.Second), expires)

	_, _, err = Issuer{certify(t, rsaKey(), now.Add(-time.Minute)), client, realm}.Actor("mail.example.com", now)
	hold(t, err, provider.ErrAuth)
	var e *provider.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, certificate.CodeExpired, e.Code)
}

// Where SHA-1 may not be computed, nothing is issued, and it is said why.
func TestWithoutSHA1(t *testing.T) {
	i := Issuer{certify(t, rsaKey(), now.Add(24*time.Hour)), client, realm}
	if _, ok := i.Certificate.SHA1(); ok {
		run := exec.Command(os.Args[0], "-test.run=^TestWithoutSHA1$", "-test.v")
		run.Env = append(os.Environ(), "GODEBUG=fips140=only")
		out, err := run.CombinedOutput()
		require.NoError(t, err, string(out))
		require.Contains(t, string(out), "--- PASS: TestWithoutSHA1")
		return
	}
	_, _, err := i.Actor("mail.example.com", now)
	hold(t, err, provider.ErrUnsupported)
	require.ErrorIs(t, err, errSHA1)
	_, err = i.Metadata("https://crm.example.com/")
	hold(t, err, provider.ErrUnsupported)
	require.ErrorIs(t, err, errSHA1)
}

type failing struct{ crypto.Signer }

func (failing) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("the vault is shut")
}

func TestIssuersThatCannotIssue(t *testing.T) {
	good := issuer(t)
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	leaf := good.Certificate.Leaf()
	vault, err := certificate.FromSigner(failing{rsaKey()}, leaf)
	require.NoError(t, err)
	for what, c := range map[string]struct {
		issuer Issuer
		server string
		kind   provider.Kind
		says   string
	}{
		"no certificate":   {Issuer{nil, client, realm}, "mail.example.com", provider.ErrUnsupported, "no certificate"},
		"no RSA":           {Issuer{certify(t, ec, now.Add(time.Hour)), client, realm}, "mail.example.com", provider.ErrUnsupported, "RSA only"},
		"no client":        {Issuer{good.Certificate, "", realm}, "mail.example.com", provider.ErrUnsupported, "GUID"},
		"client with more": {Issuer{good.Certificate, client + "@other", realm}, "mail.example.com", provider.ErrUnsupported, "GUID"},
		"client of signs":  {Issuer{good.Certificate, strings.Replace(client, "-", "/", 1), realm}, "mail.example.com", provider.ErrUnsupported, "GUID"},
		"no realm":         {Issuer{good.Certificate, client, ""}, "mail.example.com", provider.ErrUnsupported, "realm"},
		"realm with @":     {Issuer{good.Certificate, client, "a@b"}, "mail.example.com", provider.ErrUnsupported, "realm"},
		"realm with quote": {Issuer{good.Certificate, client, `a","iss":"b`}, "mail.example.com", provider.ErrUnsupported, "realm"},
		"realm wildcard":   {Issuer{good.Certificate, client, "*"}, "mail.example.com", provider.ErrUnsupported, "realm"},
		"no server":        {good, "", provider.ErrUnsupported, "server"},
		"server with /":    {good, "mail.example.com/x", provider.ErrUnsupported, "server"},
		"server with @":    {good, "mail.example.com@evil", provider.ErrUnsupported, "server"},
		"server with port": {good, "mail.example.com:443", provider.ErrUnsupported, "server"},
		"server not ASCII": {good, "m\u00e4il.example.com", provider.ErrUnsupported, "server"},
		"server control":   {good, "mail\r\nx", provider.ErrUnsupported, "server"},
		"server over-long": {good, strings.Repeat("a", 254), provider.ErrUnsupported, "server"},
		"key out of reach": {Issuer{vault, client, realm}, "mail.example.com", provider.ErrUnavailable, "vault is shut"},
	} {
		t.Run(what, func(t *testing.T) {
			token, expires, err := c.issuer.Actor(c.server, now)
			require.Empty(t, token)
			require.Zero(t, expires)
			hold(t, err, c.kind)
			require.Contains(t, err.Error(), c.says)
		})
	}
}

func TestAddressesThatNoTokenNames(t *testing.T) {
	a, _, err := issuer(t).Actor("mail.example.com", now)
	require.NoError(t, err)
	for _, address := range []string{
		"", "anna", "@example.com", "anna@", "a@b@example.com", `anna","smtp":"bob@example.com`, "anna @example.com",
		"anna@example.com\n", "anna\x00@example.com", "anna@example.com,bob@example.com", "<anna@example.com>", "smtp:anna@example.com",
		"anna\u202e@example.com", "anna\xff@example.com", `"anna"@example.com`, `a\b@example.com`, "änna@example.com", "\uff41nna@example.com", "boo\u212a@example.com", "adm\u0130n@example.com", "anna\uff20example.com", "anna@exämple.com", strings.Repeat("a", 320) + "@example.com",
	} {
		_, err := For(a, User{Address: address})
		hold(t, err, provider.ErrUnsupported)
		if address != "" {
			_, err = For(a, User{Address: "anna@example.com", Principal: address})
			hold(t, err, provider.ErrUnsupported)
		}
	}
	for _, address := range []string{"o'brien+crm@example.com", "a/b=c@example.com", "anna&co@example.com", "anna@xn--exmple-cua.com"} {
		token, err := For(a, User{Address: address})
		require.NoError(t, err, address)
		_, claims, err := jwt.Claims(token)
		require.NoError(t, err)
		require.Equal(t, address, claims["smtp"])
		require.Len(t, claims, 6)
	}
}

// Nothing goes into a token but an actor token.
func TestForWantsAnActor(t *testing.T) {
	for _, actor := range []string{"", "x", "a.b.c", "eyJhbGciOiJub25lIn0.e30."} {
		_, err := For(actor, User{Address: "anna@example.com"})
		hold(t, err, provider.ErrUnsupported)
	}
}

// P6: an issuer shows no key, however it is printed.
func TestP6IssuerShowsNoKey(t *testing.T) {
	i := issuer(t)
	doc, err := json.Marshal(i)
	require.NoError(t, err)
	printed := fmt.Sprintf("%v %+v %#v %s", i, i, i, doc)
	require.Contains(t, printed, client)
	require.NotContains(t, printed, rsaKey().D.String()[:20])
	require.NotContains(t, printed, rsaKey().Primes[0].String()[:20])
}

func TestMetadata(t *testing.T) {
	i := issuer(t)
	next := certify(t, rsaKey(), now.Add(48*time.Hour))
	text, err := i.Metadata("https://crm.example.com/metadata/json/1", next)
	require.NoError(t, err)
	again, err := i.Metadata("https://crm.example.com/metadata/json/1", next)
	require.NoError(t, err)
	require.Equal(t, text, again)

	var doc map[string]any
	require.NoError(t, json.Unmarshal(text, &doc))
	require.Regexp(t, `^_[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`, doc["id"])
	delete(doc, "id")
	key := func(c *certificate.Certificate) map[string]any {
		x5t, err := thumbprint(c)
		require.NoError(t, err)
		return map[string]any{"usage": "signing", "keyinfo": map[string]any{"x5t": x5t}, "keyvalue": map[string]any{"type": "x509Certificate", "value": base64.StdEncoding.EncodeToString(c.DER())}}
	}
	// The names are those of Exchange's own document ("Validate an Exchange identity token").
	require.Equal(t, map[string]any{
		"version": "1.0", "name": client, "realm": realm, "serviceName": client, "issuer": client + "@" + realm,
		"allowedAudiences": []any{client + "@" + realm},
		"keys":             []any{key(i.Certificate), key(next)},
		"endpoints":        []any{map[string]any{"location": "https://crm.example.com/metadata/json/1", "protocol": "OAuth2", "usage": "metadata"}},
	}, doc)
	require.NotContains(t, string(text), "PRIVATE")

	for _, location := range []string{"", "http://crm.example.com/", "https://", "https://u:p@crm.example.com/", "file:///x", "https://a b/"} {
		_, err := i.Metadata(location)
		hold(t, err, provider.ErrUnsupported)
	}
	_, err = i.Metadata("https://crm.example.com/", nil)
	hold(t, err, provider.ErrUnsupported)
}

// What a token says does not depend on when in a second it was made, nor on where.
func TestActorIsAFunctionOfTime(t *testing.T) {
	i := issuer(t)
	for _, at := range []time.Time{now, now.In(time.FixedZone("", 3600)), now.Truncate(time.Second)} {
		a, _, err := i.Actor("mail.example.com", at)
		require.NoError(t, err)
		_, claims, err := jwt.Claims(a)
		require.NoError(t, err)
		require.Equal(t, strconv.FormatInt(now.Unix()-300, 10), claims["nbf"])
		require.Equal(t, strconv.FormatInt(now.Unix()+3600, 10), claims["exp"])
	}
}

func BenchmarkActor(b *testing.B) {
	i := issuer(b)
	for b.Loop() {
		if _, _, err := i.Actor("mail.example.com", now); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFor(b *testing.B) {
	a, _, err := issuer(b).Actor("mail.example.com", now)
	require.NoError(b, err)
	for b.Loop() {
		if _, err := For(a, User{Address: "anna@example.com"}); err != nil {
			b.Fatal(err)
		}
	}
}
