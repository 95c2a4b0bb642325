package selfissued

import (
	"crypto/rsa"
	"errors"
	"strings"

	"github.com/go-serversync/serversync/internal/tokens"
	"github.com/go-serversync/serversync/provider"
)

var (
	errNone      = errors.New("no certificate proves this host to the server")
	errKey       = errors.New("the certificate's key is none that Exchange Server knows: it takes RSA only")
	errSHA1      = errors.New("the server finds a certificate by its SHA-1, which this process may not compute")
	errClient    = errors.New("the application's id is no GUID")
	errActor     = errors.New("what is to be put into the token is no actor token")
	errAddress   = errors.New("the mailbox's address is none that a token can name")
	errPrincipal = errors.New("the user's principal name is none that a token can name")
	errLocation  = errors.New("the address of the metadata is no https URL")
)

// fail returns an error of this package.
func fail(kind provider.Kind, remedy string, err error) error {
	return &provider.Error{Op: "self-issued token", Kind: kind, Remedy: remedy, Err: err}
}

// party returns the issuer as tokens name it, if it can issue any.
func (i Issuer) party() (string, error) {
	if i.Certificate == nil {
		return "", fail(provider.ErrUnsupported, "give this host a certificate, and have Exchange Server trust it by New-PartnerApplication", errNone)
	}
	if _, ok := i.Certificate.Signer().Public().(*rsa.PublicKey); !ok {
		return "", fail(provider.ErrUnsupported, "use a certificate with an RSA key of 2,048 bits or more", errKey)
	}
	if !tokens.IsGUID(i.ClientID) {
		return "", fail(provider.ErrUnsupported, "enter the ApplicationIdentifier of the partner application as the profile's client ID", errClient)
	}
	realm, err := name(i.Realm, "the realm", "enter the realm of the trust: a domain that Exchange Server accepts mail for, or a tenant's GUID")
	if err != nil {
		return "", err
	}
	return strings.ToLower(i.ClientID) + "@" + realm, nil
}

const (
	maxName    = 253 // of DNS
	maxAddress = 320 // 64 before the @ (RFC 5321, section 4.5.3.1), 255 behind it
)

// name returns the name of a host or a realm. It has no character that means anything in a party
// or an audience, where / and @ stand between the parts.
func name(s, what, remedy string) (string, error) {
	odd := func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '.' || r == '_')
	}
	if s == "" || len(s) > maxName || strings.ContainsFunc(s, odd) {
		return "", fail(provider.ErrUnsupported, remedy, errors.New(what+" is none that a token can name"))
	}
	return s, nil
}

// isAddress reports whether s is the address of one mailbox, and nothing besides. What it is made of
// is encoded as JSON, so that nothing in it could change another claim; it is the server that must not
// read it as something else. So it is visible ASCII: the server looks in Active Directory, to which an accent,
// a wide letter or a Kelvin sign makes no other name (MS-ADTS, section 6.5), and Exchange gives no mailbox an address with one.
func isAddress(s string) bool {
	local, domain, ok := strings.Cut(s, "@")
	odd := func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`"\<>(),;:@[]`, r) }
	return ok && len(s) <= maxAddress && local != "" && domain != "" && !strings.ContainsFunc(local, odd) && !strings.ContainsFunc(domain, odd)
}
