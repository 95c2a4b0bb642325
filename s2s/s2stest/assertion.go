package s2stest

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const maxAssertion = 64 << 10

// An assertion is what proves an application (RFC 7523), parsed and not yet believed.
type assertion struct {
	token        *jwt.Token
	claims       jwt.MapClaims
	text         string
	issuer, id   string
	subject      string
	audience     []string
	begins, ends time.Time
	sha256, sha1 []byte // thumbprints in the header, nil if there are none
	chain        []*x509.Certificate
}

func malformed() *refusal { return refuse(50027, "JWT token is invalid or malformed.") }

// parseAssertion reads an assertion, and refuses one that lacks something or is signed in a way that
// proves nothing. It never panics.
func parseAssertion(text string) (*assertion, *refusal) {
	if len(text) > maxAssertion || strings.Count(text, ".") != 2 {
		return nil, malformed()
	}
	a := &assertion{text: text, claims: jwt.MapClaims{}}
	var err error
	a.token, _, err = jwt.NewParser().ParseUnverified(text, a.claims)
	if a.token == nil || a.token.Header == nil {
		return nil, malformed()
	}
	if typ, given := a.token.Header["typ"]; given && typ != "JWT" && typ != "http://openid.net/specs/jwt/1.0" {
		return nil, refuse(5002727, "Invalid JWT header type specified, must be 'JWT' or 'http://openid.net/specs/jwt/1.0'.")
	}
	// PS256 is what Entra wants, and RS256 what it still takes.
	if alg, _ := a.token.Header["alg"].(string); alg != "PS256" && alg != "RS256" {
		return nil, refuse(5002738, "Invalid JWT token. '%.20s' is not a supported signature algorithm. Supported signing algorithms are: 'PS256,RS256'", alg)
	}
	if err != nil || a.token.Header["crit"] != nil || a.token.Header["b64"] != nil {
		return nil, malformed()
	}
	if r := a.readClaims(); r != nil {
		return nil, r
	}
	return a, a.readHeader()
}

// readClaims takes the claims over. Which ones Entra misses by name is known of iss and aud.
func (a *assertion) readClaims() *refusal {
	for name, into := range map[string]*string{"iss": &a.issuer, "sub": &a.subject, "jti": &a.id} {
		value, given := a.claims[name]
		text, ok := value.(string)
		if given && !ok {
			return malformed()
		}
		*into = text
	}
	audience, err := a.claims.GetAudience()
	if err != nil {
		return malformed()
	}
	a.audience = audience
	for _, name := range []string{"exp", "nbf", "iat"} {
		value, given := a.claims[name]
		seconds, ok := value.(float64)
		if given && (!ok || math.IsNaN(seconds) || seconds < 0 || seconds > 253402300799) { // the year 9999
			return malformed()
		}
		switch at := time.Unix(int64(seconds), 0); {
		case name == "exp" && given:
			a.ends = at
		case name == "nbf" && given:
			a.begins = at
		}
	}
	for _, missing := range []struct {
		name string
		is   bool
	}{{"iss", a.issuer == ""}, {"sub", a.subject == ""}, {"aud", len(a.audience) == 0}, {"exp", a.ends.IsZero()}} {
		if missing.is {
			return refuse(90014, "The required field '%s' is missing from the credential. Ensure that you have all the necessary parameters for the login request.", missing.name)
		}
	}
	return nil
}

// readHeader takes over what the header says of the certificate.
func (a *assertion) readHeader() *refusal {
	for name, into := range map[string]*[]byte{"x5t#S256": &a.sha256, "x5t": &a.sha1} {
		value, given := a.token.Header[name]
		text, _ := value.(string)
		// Microsoft's own MSAL for Go writes plain base64 here, and Entra takes it.
		print, err := base64url.DecodeString(strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(text, "=")))
		if given && (err != nil || len(print) == 0) {
			return malformed()
		}
		*into = print
	}
	value, given := a.token.Header["x5c"]
	if !given {
		return nil
	}
	list, ok := value.([]any)
	if !ok || len(list) == 0 || len(list) > 10 {
		return malformed()
	}
	for _, one := range list {
		text, _ := one.(string)
		der, err := base64.StdEncoding.DecodeString(text) // RFC 7515, section 4.1.6: not base64url
		if err != nil {
			return malformed()
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return malformed()
		}
		a.chain = append(a.chain, c)
	}
	return nil
}

// names reports whether the thumbprints in the header, all that there are, are a certificate's.
func (a *assertion) names(c *x509.Certificate) bool {
	if len(a.sha256) == 0 && len(a.sha1) == 0 {
		return false
	}
	of256 := sha256.Sum256(c.Raw)
	if len(a.sha256) > 0 && !bytes.Equal(a.sha256, of256[:]) {
		return false
	}
	if len(a.sha1) == 0 {
		return true
	}
	of1, ok := sha1Of(c.Raw)
	return ok && bytes.Equal(a.sha1, of1)
}

// print returns the thumbprint that the client names, as Entra's texts do.
func (a *assertion) print() string {
	if len(a.sha1) > 0 {
		return strings.ToUpper(hex.EncodeToString(a.sha1))
	}
	return strings.ToUpper(hex.EncodeToString(a.sha256))
}

// signedBy reports whether a key has signed it.
func (a *assertion) signedBy(key *rsa.PublicKey) bool {
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"PS256", "RS256"}), jwt.WithoutClaimsValidation())
	if _, err := parser.ParseWithClaims(a.text, jwt.MapClaims{}, func(*jwt.Token) (any, error) { return key, nil }); err != nil {
		return false
	}
	if a.token.Header["alg"] != "PS256" {
		return true
	}
	// The library takes salts of any length; RFC 7518 (section 3.5) has one.
	last := strings.LastIndexByte(a.text, '.')
	signature, err := base64url.DecodeString(a.text[last+1:])
	digest := sha256.Sum256([]byte(a.text[:last]))
	return err == nil && rsa.VerifyPSS(key, crypto.SHA256, digest[:], signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil
}

// prove judges an assertion that an application has signed with a certificate of its own. i.mu is held.
func (i *Issuer) prove(a *assertion, app *application, audiences []string) *refusal {
	const review = " Review the documentation at https://docs.microsoft.com/azure/active-directory/develop/active-directory-certificate-credentials ."
	if !strings.EqualFold(a.issuer, app.ID) || !strings.EqualFold(a.subject, app.ID) {
		return refuse(700021, "Client assertion application identifier doesn't match 'client_id' parameter."+review)
	}
	if len(a.sha256) == 0 && len(a.sha1) == 0 {
		return refuse(5002723, "Invalid JWT token. No certificate SHA-1 thumbprint, certificate SHA-256 thumbprint, nor keyId specified in token header.")
	}
	certificate, r := i.certificateOf(a, app)
	if r != nil {
		return r
	}
	key, ok := certificate.PublicKey.(*rsa.PublicKey)
	if !ok || !a.signedBy(key) {
		return unsigned("Key was found, but use of the key to verify the signature failed.", a, app)
	}
	if now := i.now(); now.After(certificate.NotAfter) || now.Before(certificate.NotBefore) {
		return refuse(1000502, "The provided certificate is not within its specified validity window. Current time: %s, certificate valid from %s until %s.",
			instant(now), instant(certificate.NotBefore), instant(certificate.NotAfter))
	}
	if len(a.audience) != 1 || !slices.Contains(audiences, a.audience[0]) {
		return refuse(700023, "Client assertion audience claim does not match Realm issuer."+review)
	}
	if r := i.timely(a); r != nil {
		return r
	}
	return i.first(a, app)
}

// timely judges an assertion's times.
func (i *Issuer) timely(a *assertion) *refusal {
	now := i.now()
	if now.Before(a.begins.Add(-i.o.Skew)) || !now.Before(a.ends.Add(i.o.Skew)) {
		begins := a.begins
		if begins.IsZero() {
			begins = time.Unix(0, 0)
		}
		return refuse(700024, "Client assertion is not within its valid time range. Current time: %s, assertion valid from %s, expiry time of assertion %s."+
			" Review the documentation at https://docs.microsoft.com/azure/active-directory/develop/active-directory-certificate-credentials .",
			instant(now), instant(begins), instant(a.ends))
	}
	return nil
}

// first notes an assertion, and refuses one that was used before. By which number Entra would is not
// known, nor that it does. i.mu is held.
func (i *Issuer) first(a *assertion, app *application) *refusal {
	if a.id == "" {
		return refuse(90014, "The required field 'jti' is missing from the credential. Ensure that you have all the necessary parameters for the login request.")
	}
	now, name := i.now(), app.ID+" "+a.id
	i.counts.Longest = max(i.counts.Longest, a.ends.Sub(now))
	for other, ends := range i.used {
		if now.After(ends.Add(i.o.Skew)) {
			delete(i.used, other)
		}
	}
	_, again := i.used[name]
	i.used[name] = a.ends
	if !again {
		i.counts.Distinct++
	} else if !i.o.Replays {
		return unnumbered("replay", "The client assertion was used before. Each request needs one with a 'jti' of its own.")
	}
	return nil
}

// certificateOf returns the certificate that an assertion has to be signed with. i.mu is held.
func (i *Issuer) certificateOf(a *assertion, app *application) (*x509.Certificate, *refusal) {
	for _, c := range app.Certificates {
		if a.names(c) {
			return c, nil
		}
	}
	if len(app.Trusts) == 0 || len(a.chain) == 0 {
		return nil, unsigned("The key was not found.", a, app)
	}
	leaf := a.chain[0]
	if !a.names(leaf) || !usable(leaf) {
		return nil, unsigned("The key was not found.", a, app)
	}
	var found []string
	chained := false
	for _, trust := range app.Trusts {
		if !i.issued(trust.Authority, a.chain) {
			continue
		}
		chained = true
		found = append([]string{leaf.Subject.CommonName}, leaf.DNSNames...)
		if slices.ContainsFunc(found, func(name string) bool { return strings.EqualFold(name, trust.Name) }) {
			return leaf, nil
		}
	}
	if !chained {
		return nil, refuse(7000213, "Invalid certificate chain.")
	}
	return nil, refuse(700030, "Invalid certificate - subject name in certificate is not authorized. SubjectNames/SubjectAlternativeNames (up to 10) in token certificate are: '%s'.",
		strings.Join(found[:min(10, len(found))], ", "))
}

// issued reports whether a chain leads to an authority. Whether the first certificate is good now is
// judged elsewhere, so that its own time is taken where it is not.
func (i *Issuer) issued(authority *x509.Certificate, chain []*x509.Certificate) bool {
	if authority == nil {
		return false
	}
	o := x509.VerifyOptions{Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}, CurrentTime: i.now()}
	if o.CurrentTime.After(chain[0].NotAfter) {
		o.CurrentTime = chain[0].NotAfter
	} else if o.CurrentTime.Before(chain[0].NotBefore) {
		o.CurrentTime = chain[0].NotBefore
	}
	o.Roots.AddCert(authority)
	for _, c := range chain[1:] {
		o.Intermediates.AddCert(c)
	}
	_, err := chain[0].Verify(o)
	return err == nil
}

// unsigned is the refusal of an assertion without a signature that counts.
func unsigned(reason string, a *assertion, app *application) *refusal {
	text := "The certificate with identifier used to sign the client assertion is not registered on application."
	if !strings.HasPrefix(reason, "The key was not") {
		text = "Client assertion contains an invalid signature."
	}
	sni := ""
	if len(app.Trusts) > 0 && len(a.chain) == 0 {
		sni = " Alternatively, SNI may be configured on the app. Please ensure that client assertion is being sent with the x5c claim in the JWT header using MSAL's WithSendX5C() method so that Azure Active Directory can validate the certificate being used."
	}
	return refuse(700027, "%s [Reason - %s, Thumbprint of key used by client: '%s', Please visit the Azure Portal, Graph Explorer or directly use MS Graph to see configured keys for app Id '%s'.]%s",
		text, reason, a.print(), app.ID, sni)
}
