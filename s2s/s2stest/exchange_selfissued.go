package s2stest

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	"github.com/go-serversync/serversync/s2s/internal/jwt"
)

// takeOuter checks a token that an application has put around its actor token ([MS-XOAUTH], sections
// 2.2 and 4.4).
func (e *Exchange) takeOuter(token string, claims map[string]any) (exchangeBearer, exchangeRefusal) {
	var who exchangeBearer
	inside := exchangeText(claims, "actort")
	header, actor, err := jwt.Claims(inside)
	if err != nil || !strings.HasSuffix(token, ".") {
		return who, refusedUnreadable // what nobody has signed has no signature
	}
	partner, why := e.actor(inside, header, actor)
	if why != "" {
		return who, why
	}
	if why := e.current(claims); why != "" {
		return who, why
	}
	switch {
	case !strings.EqualFold(exchangeText(claims, "iss"), exchangeText(actor, "nameid")):
		return who, refusedOtherActor
	case exchangeText(actor, "trustedfordelegation") != "true":
		return who, refusedDelegation
	case !exchangeHas(partner.Roles, "UserApplication"):
		return who, refusedRoles(exchangeParty(actor))
	}
	switch users := e.named(exchangeText(claims, "smtp"), exchangeText(claims, "nameid"), exchangeText(claims, "upn"), exchangeText(claims, "sip")); len(users) {
	case 0:
		return who, refusedNoUser
	case 1:
		return exchangeBearer{address: users[0], partner: true}, ""
	default:
		return who, refusedTwoUsers
	}
}

// takeActor checks an actor token that stands alone, for the application itself (section 4.2).
func (e *Exchange) takeActor(token string, header, claims map[string]any) (exchangeBearer, exchangeRefusal) {
	partner, why := e.actor(token, header, claims)
	if why == "" && !exchangeHas(partner.Roles, "ApplicationImpersonation") {
		why = refusedRoles(exchangeParty(claims))
	}
	if why != "" {
		return exchangeBearer{}, why
	}
	return exchangeBearer{partner: true}, ""
}

// actor checks an actor token, whoever it serves.
func (e *Exchange) actor(token string, header, claims map[string]any) (ExchangePartner, exchangeRefusal) {
	issuer := exchangeText(claims, "iss")
	application, realm, _ := strings.Cut(issuer, "@")
	partner, known := exchangeOf(e.Partners, application)
	trusted := partner.Realm
	if trusted == "" {
		trusted = e.Realm
	}
	switch {
	case !known || partner.Disabled || realm == "" || !strings.EqualFold(realm, trusted):
		return partner, refusedIssuer(issuer)
	case header["alg"] != jwt.RS256 || header["typ"] != "JWT" || !signedByOne(partner.Certificates, exchangeText(header, "x5t"), token):
		return partner, refusedSignature
	case !strings.EqualFold(issuer, exchangeText(claims, "nameid")):
		return partner, refusedOtherSubject
	}
	return partner, e.current(claims)
}

// current checks what both tokens have: when they are good, and for whom.
func (e *Exchange) current(claims map[string]any) exchangeRefusal {
	moment := func(name string) int64 { // all values are text (section 2.2)
		n, _ := strconv.ParseInt(exchangeText(claims, name), 10, 64)
		return max(n, 0)
	}
	if why := e.live(moment("nbf"), moment("exp")); why != "" {
		return why
	}
	service, at, _ := strings.Cut(exchangeText(claims, "aud"), "/")
	host, realm, _ := strings.Cut(at, "@")
	switch {
	case service != exchangeItself || host == "" || realm == "":
		return refusedAudience
	case !exchangeHas(e.Hosts, host):
		return refusedHost(e.host(), host)
	case !strings.EqualFold(realm, e.Realm):
		return refusedRealm(realm)
	}
	return ""
}

// host returns the name that it thinks it has.
func (e *Exchange) host() string {
	if len(e.Hosts) == 0 {
		return ""
	}
	return e.Hosts[0]
}

func exchangeParty(claims map[string]any) string {
	application, _, _ := strings.Cut(exchangeText(claims, "iss"), "@")
	return application
}

// exchangeOf returns the entry of an application.
func exchangeOf[T any](all map[string]T, application string) (one T, ok bool) {
	for id, entry := range all {
		if strings.EqualFold(id, application) {
			return entry, true
		}
	}
	return one, false
}

// signedByOne reports whether the certificate that x5t names has signed a token.
func signedByOne(all []*x509.Certificate, x5t, token string) bool {
	i := slices.IndexFunc(all, func(c *x509.Certificate) bool { return x5t != "" && thumbprintOf(c) == x5t })
	end := strings.LastIndexByte(token, '.')
	if i < 0 || end < 0 {
		return false
	}
	key, ok := all[i].PublicKey.(*rsa.PublicKey)
	signature, err := base64.RawURLEncoding.DecodeString(token[end+1:])
	digest := sha256.Sum256([]byte(token[:end]))
	return ok && err == nil && rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature) == nil
}

// thumbprintOf returns the SHA-1 that a certificate is found by, "" where it may not be computed.
func thumbprintOf(c *x509.Certificate) (x5t string) {
	defer func() {
		if recover() != nil { // which is how it is refused under FIPS 140 alone
			x5t = ""
		}
	}()
	print := sha1.Sum(c.Raw)
	return base64.RawURLEncoding.EncodeToString(print[:])
}
