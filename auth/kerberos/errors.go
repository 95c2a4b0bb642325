package kerberos

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jcmturner/gokrb5/v8/iana/errorcode"

	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/provider"
)

var (
	errPolicy  = errors.New("the policy permits neither Negotiate nor NTLM")
	errService = errors.New("there is no Kerberos service of that name")
	errOldKey  = errors.New("the service has only keys of RC4, with which SASL's layers are not agreed upon here")
	errFIPS    = errors.New("the encryption types of FIPS 140 are not permitted by krb5.conf or not in the keytab")
	errNoEtype = errors.New("krb5.conf permits no encryption type that there is code for")
	errPanic   = errors.New("the Kerberos library failed")
)

const remedyFIPS = "under FIPS 140 realm, service and keytab need keys of aes256-cts-hmac-sha384-192 or aes128-cts-hmac-sha256-128 (RFC 8009)"

func failure(kind provider.Kind, op string, err error, remedy string) *provider.Error {
	return &provider.Error{Op: "kerberos: " + op, Kind: kind, Remedy: remedy, Err: err}
}

func unsupported(op string, err error, remedy string) error {
	return failure(provider.ErrUnsupported, op, err, remedy)
}

func refused(op string, err error, remedy string) error {
	return failure(provider.ErrAuth, op, err, remedy)
}

func protocol(op string, err error) error { return failure(provider.ErrProtocol, op, err, "") }

func noKey(fips bool) error {
	if fips {
		return unsupported("keytab", errFIPS, remedyFIPS)
	}
	return unsupported("keytab", errNoKeys, "the keytab needs keys of AES for its principal, or krb5.conf has to name what it has")
}

// internal is for what the library cannot do with what we gave it.
func internal(op string, err error) error {
	if errors.Is(err, errPanic) {
		return unsupported(op, err, "if FIPS 140 is enforced: "+remedyFIPS)
	}
	return failure(provider.ErrProtocol, op, err, "")
}

// contain runs a piece of the library, whose panics are errors: it reads what strangers
// wrote, and GODEBUG=fips140=only makes it panic where it meets SHA-1 or RC4.
func contain(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %s", errPanic, wire.Quote(fmt.Sprint(r)))
		}
	}()
	return f()
}

// contained is contain with an *provider.Error.
func contained(op string, f func() error) error {
	if err := contain(f); err != nil {
		return internal(op, err)
	}
	return nil
}

// A code is an error code of RFC 4120, section 7.5.9.
type code int32

const codeAway = code(errorcode.KDC_ERR_SVC_UNAVAILABLE)

// A kdcError is a KDC's or a server's refusal.
type kdcError struct {
	code code
	data []byte
}

func (e *kdcError) Error() string { return e.code.name() }

// kdcCode returns the code in err, 0 if there is none.
func kdcCode(err error) code {
	var e *kdcError
	if errors.As(err, &e) {
		return e.code
	}
	return 0
}

// name returns the code's name of old, such as KDC_ERR_PREAUTH_FAILED.
func (c code) name() string {
	words := strings.Fields(errorcode.Lookup(int32(c)))
	if len(words) > 1 && strings.HasPrefix(words[1], "K") {
		return words[1]
	}
	return fmt.Sprintf("KRB_ERROR %d", int32(c))
}

// explain says what a refusal means, and what to do about it.
func (c code) explain(id *identity, spn string, fips bool) error {
	kind, words, remedy := c.meaning(id, spn)
	if c == code(errorcode.KDC_ERR_ETYPE_NOSUPP) && fips {
		words, remedy = errFIPS.Error(), remedyFIPS
	}
	return &provider.Error{Op: "kerberos: ticket", Kind: kind, Code: c.name(), Remedy: remedy, Err: errors.New(words)}
}

func (c code) meaning(id *identity, spn string) (kind provider.Kind, words, remedy string) {
	who := wire.Quote(id.cname.PrincipalNameString() + "@" + id.realm)
	switch int32(c) {
	case errorcode.KDC_ERR_PREAUTH_FAILED, errorcode.KRB_AP_ERR_BAD_INTEGRITY:
		if id.keytab != nil {
			return provider.ErrAuth, "the KDC does not take the keytab's key", "make the keytab of " + who + " anew: its keys were changed"
		}
		return provider.ErrAuth, "the KDC does not take the password", "check the password of " + who
	case errorcode.KDC_ERR_C_PRINCIPAL_UNKNOWN, errorcode.KDC_ERR_WRONG_REALM, errorcode.KDC_ERR_NULL_KEY:
		return provider.ErrAuth, "the KDC does not know the user", "check the user name: " + who + " is none of the realm's"
	case errorcode.KDC_ERR_CLIENT_REVOKED, errorcode.KDC_ERR_NAME_EXP, errorcode.KDC_ERR_CLIENT_NOTYET, errorcode.KDC_ERR_POLICY:
		return provider.ErrAuth, "the account is locked, disabled or expired", "have the account of " + who + " looked at"
	case errorcode.KDC_ERR_KEY_EXPIRED:
		return provider.ErrAuth, "the password has expired", "change the password of " + who
	case errorcode.KRB_AP_ERR_TKT_EXPIRED, errorcode.KDC_ERR_TGT_REVOKED:
		return provider.ErrAuth, "the ticket has expired", "run kinit or k5start again, or use a keytab"
	case errorcode.KRB_AP_ERR_SKEW, errorcode.KRB_AP_ERR_TKT_NYV, errorcode.KDC_ERR_NEVER_VALID:
		return provider.ErrUnavailable, "this machine's clock and the KDC's or the server's differ too much", "set the clocks: Kerberos allows five minutes"
	case errorcode.KDC_ERR_S_PRINCIPAL_UNKNOWN, errorcode.KDC_ERR_SERVICE_REVOKED, errorcode.KDC_ERR_SERVICE_EXP, errorcode.KDC_ERR_MUST_USE_USER2USER:
		return provider.ErrUnsupported, "the realm has no service of the server's name", "register the service principal " + wire.Quote(spn) + " (setspn -S, addprinc), or enter the server's name as it is registered"
	case errorcode.KDC_ERR_ETYPE_NOSUPP:
		return provider.ErrUnsupported, "the KDC has no encryption that krb5.conf permits", "give " + who + " and " + wire.Quote(spn) + " keys of AES"
	case errorcode.KDC_ERR_SVC_UNAVAILABLE, errorcode.KRB_ERR_GENERIC:
		return provider.ErrUnavailable, "the KDC cannot answer now", "have the KDC's log looked at"
	}
	return provider.ErrProtocol, "the KDC answers with an error", "have the KDC's log looked at"
}
