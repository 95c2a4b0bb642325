package certificate

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"software.sslmate.com/src/go-pkcs12"
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
	bags := der([]safeBag{certificateBag(leaf), bag(oidShroudedBag, der(sealedKey))})
	f.Add(bags)
	f.Add(der([]contentInfo{content(bags)}))
	f.Add(der([]contentInfo{encryptedPart(modern(one), make([]byte, 64)), encryptedPart(tripleDES(one), make([]byte, 64)), part(shrouded(rc2(one), make([]byte, 64)))}))
	all := (&opener{password: right}).passwords()
	f.Fuzz(func(t *testing.T, data []byte) {
		load(t, data)
		if len(data) < maxData/4 {
			load(t, sealed(data, all[0])) // behind a good code: what is mutated gets to what reads it
			load(t, sealed(der([]contentInfo{encryptedPart(modern(one), sealWith(t, right, data))}), all[0]))
			load(t, sealed(der([]contentInfo{part(certificateBag(leaf), shrouded(modern(one), sealWith(t, right, data)))}), all[0]))
		}
	})
}

func load(t *testing.T, data []byte) {
	c, err := Load(data, right)
	if err != nil {
		require.Contains(t, reasons, codeOf(err))
		require.NotContains(t, err.Error(), canary)
		return
	}
	require.NoError(t, strong(c.Signer().Public()))
	require.NotContains(t, c.String(), "\n")
	for _, again := range []func(*opener) error{func(o *opener) error { _, err := o.pfx(data); return err }, func(o *opener) error { _, err := o.pem(data); return err }} {
		o := &opener{password: right}
		again(o) // one of them reads it
		require.LessOrEqual(t, o.done, maxIterations)
	}
}
