package certificate

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"software.sslmate.com/src/go-pkcs12"

	"github.com/go-serversync/serversync/internal/canarytest"
)

// Whatever is read, it is a certificate that could prove something or an error with a code, and no more
// iterations are done than may be.
func FuzzLoad(f *testing.F) {
	key, leaf := rsaKeyOf(), maker{name: "leaf"}.of(rsaKeyOf())
	small := func(e *pkcs12.Encoder) []byte {
		return made(e.WithIterations(1).Encode(ecKeyOf(), maker{name: "ec"}.of(ecKeyOf()), nil, canary))
	}
	if !onlyFIPS() {
		for _, e := range []*pkcs12.Encoder{pkcs12.Modern2023, pkcs12.Modern2026, pkcs12.LegacyDES, pkcs12.LegacyRC2} {
			f.Add(small(e))
		}
		f.Add(made(pkcs12.Passwordless.Encode(ecKeyOf(), maker{name: "ec"}.of(ecKeyOf()), nil, "")))
	}
	sealedKey := encryptedKey{modern(one), made((&opener{password: right}).sealFor(pkcs8(key)))}
	f.Add(sealed(der([]contentInfo{part(certificateBag(leaf), bag(oidShroudedBag, der(sealedKey)))}), nil))
	f.Add(append(inPEMOf("CERTIFICATE", leaf.Raw), inPEMOf(typeEncrypted, der(sealedKey))...))
	f.Add(append(inPEMOf("CERTIFICATE", leaf.Raw), inPEMOf(typePKCS8, pkcs8(key))...))
	f.Add([]byte("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\nAAAA\n-----END RSA PRIVATE KEY-----\n"))
	f.Add(leaf.Raw)
	f.Add(bytes.Repeat([]byte{0x30, 0x80}, 100))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Load(data, right)
		if err != nil {
			require.Contains(t, reasons, codeOf(err))
			canarytest.None(t, canary, "the error", canarytest.Told(err))
			return
		}
		require.NoError(t, strong(c.Signer().Public()))
		require.NotContains(t, c.String(), "\n")
		o := &opener{password: right}
		o.pfx(data)
		o.pem(data)
		require.LessOrEqual(t, o.done, maxIterations)
	})
}
