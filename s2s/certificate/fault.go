package certificate

import (
	"errors"
	"fmt"

	"github.com/go-serversync/serversync/provider"
)

// The codes of errors. They are provider.Error's Code, so that a host can act upon them.
const (
	CodeNoKey       = "certificate-no-key"      // there is no key, or only certificates of others
	CodeTwoKeys     = "certificate-two-keys"    // it is not clear which key is meant
	CodeMismatch    = "certificate-mismatch"    // the key is of none of the certificates
	CodeNone        = "certificate-none"        // there is a key and no certificate
	CodeWeak        = "certificate-weak"        // the key is one that issuers do not take, too short or of another kind
	CodeUse         = "certificate-use"         // the certificate may not be used to sign
	CodeExpired     = "certificate-expired"     // it is not good any more
	CodeNotYet      = "certificate-not-yet"     // it is not good yet
	CodePassword    = "certificate-password"    // the password is wrong, or one is needed
	CodeTooLarge    = "certificate-too-large"   // it is larger, or takes more work, than a certificate does
	CodeMalformed   = "certificate-malformed"   // it is no PFX or PEM, or damaged
	CodeUnsupported = "certificate-unsupported" // it is protected in a way that this process does not know or may not use
	CodeKept        = "certificate-kept"        // the key is kept where it cannot be copied from
	CodeOptions     = "certificate-options"     // a certificate as it is asked for cannot be made
)

const reexport = "re-export with AES-256 and SHA-256 (openssl pkcs12 -export, or Windows' export as PFX with AES256-SHA256)"

// A reason is what a code means.
type reason struct {
	kind   provider.Kind
	words  string
	remedy string
}

var reasons = map[string]reason{
	CodeNoKey:       {provider.ErrUnsupported, "there is no private key", "export the certificate together with its private key (a .cer has none), or give the key's file as well"},
	CodeTwoKeys:     {provider.ErrUnsupported, "there are several private keys, and it is not clear which is meant", "export one certificate with its key"},
	CodeMismatch:    {provider.ErrUnsupported, "the private key is of none of the certificates", "give the certificate and the key that belong together"},
	CodeNone:        {provider.ErrUnsupported, "there is a private key and no certificate", "give the certificate's file as well"},
	CodeWeak:        {provider.ErrUnsupported, "the key is none that issuers take", "use an RSA key of 2,048 to 8,192 bits"},
	CodeUse:         {provider.ErrUnsupported, "the certificate may not be used to sign", "have one made whose key usage is digital signature"},
	CodeExpired:     {provider.ErrAuth, "the certificate has expired", "make a new certificate, register its .cer with the application, and give it to this host"},
	CodeNotYet:      {provider.ErrAuth, "the certificate is not good yet", "wait until it is, or set this machine's clock if that is wrong"},
	CodePassword:    {provider.ErrAuth, "the password is wrong, or there is none where one is needed", "enter the password that it was exported with"},
	CodeTooLarge:    {provider.ErrTooLarge, "it is larger, or takes more work to open, than a certificate does", "export the one certificate with its key and those that vouch for it, and with fewer iterations where it asks for many (openssl pkcs12 -export -iter 100000)"},
	CodeMalformed:   {provider.ErrProtocol, "it is no PFX and no PEM, or it is damaged", "export it anew"},
	CodeUnsupported: {provider.ErrUnsupported, "it is protected in a way that this process does not know, or may not use under FIPS 140", reexport},
	CodeKept:        {provider.ErrUnsupported, "the private key is kept by a key store, a security module or a vault, and cannot be copied", "let it be there, and give this host the same access to it"},
	CodeOptions:     {provider.ErrUnsupported, "such a certificate cannot be made", "ask for a certificate with a name of up to 64 characters that ends after it begins"},
}

// fail returns the error of a code. detail, if there is any, is said behind it.
func fail(code string, detail ...any) error {
	r := reasons[code]
	err := errors.New(r.words)
	if len(detail) > 0 {
		err = fmt.Errorf("%s: %s", r.words, fmt.Sprint(detail...))
	}
	return &provider.Error{Op: "certificate", Kind: r.kind, Code: code, Remedy: r.remedy, Err: err}
}

// codeOf returns the code of an error of this package, "" of any other.
func codeOf(err error) string {
	var e *provider.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}
