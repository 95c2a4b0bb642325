package certificate

import (
	"bytes"
	"crypto/cipher"
	"crypto/des"
	"crypto/sha1"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"software.sslmate.com/src/go-pkcs12"

	"github.com/go-serversync/serversync/internal/canarytest"
	"github.com/go-serversync/serversync/secret"
)

// sealWith encrypts as open decrypts, by PBES2 with one iteration.
func sealWith(t *testing.T, password secret.Text, plain []byte) []byte {
	sealed, err := (&opener{password: password}).sealFor(plain)
	require.NoError(t, err)
	return sealed
}

func (o *opener) sealFor(plain []byte) ([]byte, error) {
	n := 16 - len(plain)%16
	padded := append(bytes.Clone(plain), bytes.Repeat([]byte{byte(n)}, n)...)
	var p pbes2
	if err := unmarshal(modern(one).Parameters.FullBytes, &p); err != nil {
		return nil, err
	}
	key, err := o.stretch(p.KDF, 32)
	if err != nil {
		return nil, err
	}
	cipher.NewCBCEncrypter(made(ciphers[p.Scheme.Algorithm.String()].new(key)), make([]byte, 16)).CryptBlocks(padded, padded)
	return padded, nil
}

// sealLegacy encrypts by Triple DES with one iteration, by a derivation of its own (RFC 7292, appendix B.2).
func sealLegacy(password, plain []byte) []byte {
	derive := func(id byte, size int) (out []byte) {
		in := append(fill(make([]byte, 8), 64), fill(password, 64)...)
		for len(out) < size {
			a := sha1.Sum(append(bytes.Repeat([]byte{id}, 64), in...))
			out = append(out, a[:]...)
			add := new(big.Int).Add(new(big.Int).SetBytes(fill(a[:], 64)[:64]), big.NewInt(1))
			for block := in; len(block) > 0; block = block[64:] {
				sum := new(big.Int).Add(new(big.Int).SetBytes(block[:64]), add)
				sum.And(sum, new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 512), big.NewInt(1))).FillBytes(block[:64])
			}
		}
		return out[:size]
	}
	n := 8 - len(plain)%8
	padded := append(bytes.Clone(plain), bytes.Repeat([]byte{byte(n)}, n)...)
	cipher.NewCBCEncrypter(made(des.NewTripleDESCipher(derive(1, 24))), derive(2, 8)).CryptBlocks(padded, padded)
	return padded
}

var one = big.NewInt(1)

// PFX-01: iterations are counted before they are done, wherever they stand.
func TestPFX01IterationsAreBounded(t *testing.T) {
	key, leaf := rsaKeyOf(), maker{name: "leaf"}.of(rsaKeyOf())
	good := part(certificateBag(leaf), shrouded(modern(one), sealWith(t, right, pkcs8(key))))
	mac := func(iterations *big.Int) []byte {
		var pdu pfxPDU
		require.NoError(t, unmarshal(pfxOf(t, right, good), &pdu))
		pdu.MAC.Iterations = iterations
		return der(pdu)
	}
	pbmac1 := func(iterations *big.Int) []byte {
		var pdu pfxPDU
		require.NoError(t, unmarshal(pfxOf(t, right, good), &pdu))
		var p pbes2
		require.NoError(t, unmarshal(modern(iterations).Parameters.FullBytes, &p))
		var kdf pbkdf2Params
		require.NoError(t, unmarshal(p.KDF.Parameters.FullBytes, &kdf))
		kdf.Length = 32
		p.KDF.Parameters.FullBytes = der(kdf)
		p.Scheme = algorithm(asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 9}, asn1.NullRawValue)
		pdu.MAC.MAC.Algorithm = algorithm(oidPBMAC1, p)
		return der(pdu)
	}
	inside := func(iterations *big.Int) []byte {
		return pfxOf(t, right, encryptedPart(modern(one), sealWith(t, right, der([]safeBag{certificateBag(leaf), shrouded(modern(iterations), make([]byte, 64))}))))
	}
	files := map[string]func(iterations *big.Int) []byte{
		"code":        mac,
		"PBMAC1":      pbmac1,
		"certificate": func(n *big.Int) []byte { return pfxOf(t, right, encryptedPart(modern(n), make([]byte, 64))) },
		"Triple DES":  func(n *big.Int) []byte { return pfxOf(t, right, encryptedPart(tripleDES(n), make([]byte, 64))) },
		"RC2":         func(n *big.Int) []byte { return pfxOf(t, right, encryptedPart(rc2(n), make([]byte, 64))) },
		"key": func(n *big.Int) []byte {
			return pfxOf(t, right, part(certificateBag(leaf), shrouded(modern(n), make([]byte, 64))))
		},
		"legacy key": func(n *big.Int) []byte {
			return pfxOf(t, right, part(certificateBag(leaf), shrouded(rc2(n), make([]byte, 64))))
		},
		"key inside": inside,
		"PEM": func(n *big.Int) []byte {
			return append(inPEMOf("CERTIFICATE", leaf.Raw), inPEMOf(typeEncrypted, der(encryptedKey{modern(n), make([]byte, 64)}))...)
		},
	}
	for name, file := range files {
		for _, n := range []*big.Int{big.NewInt(1<<31 - 1), big.NewInt(maxIterations + 1), new(big.Int).Lsh(one, 63), new(big.Int).Lsh(one, 5000)} {
			o := &opener{password: right}
			err := o.either(file(n))
			refused(t, CodeTooLarge, err, name, n.BitLen())
			require.Contains(t, canarytest.Told(err), "-iter 100000", "what was exported with AES and SHA-256 already is not to be exported so again")
			require.LessOrEqual(t, o.done, 3, "%s: done before it was refused", name)
		}
		for _, n := range []*big.Int{big.NewInt(0), big.NewInt(-1), big.NewInt(-1 << 31)} {
			refused(t, CodeMalformed, (&opener{password: right}).either(file(n)), name, n)
		}
	}

	t.Run("in total", func(t *testing.T) {
		half := big.NewInt(maxIterations/2 + 1)
		o := &opener{password: right}
		_, err := o.pfx(pfxOf(t, right, encryptedPart(modern(half), sealWith(t, right, nil)), encryptedPart(modern(half), make([]byte, 64))))
		require.Error(t, err)
		require.LessOrEqual(t, o.done, maxIterations)
		var pdu pfxPDU
		require.NoError(t, unmarshal(pfxOf(t, secret.Text{}, good), &pdu))
		pdu.MAC.Iterations, pdu.MAC.MAC.Digest = half, make([]byte, 32)
		o = &opener{}
		_, err = o.pfx(der(pdu)) // an empty password is tried in two forms
		refused(t, CodeTooLarge, err)
		require.LessOrEqual(t, o.done, maxIterations)
	})
	t.Run("as many as may be", func(t *testing.T) {
		o := &opener{password: right}
		_, err := o.pfx(mac(big.NewInt(maxIterations)))
		refused(t, CodePassword, err)
		require.Equal(t, maxIterations, o.done)
	})
	t.Run("a key that the library would open", func(t *testing.T) {
		notUnderFIPS(t, "there is no Triple DES")
		all := (&opener{password: right}).passwords()
		for _, n := range []*big.Int{one, big.NewInt(1<<62 - 1)} {
			nested := der([]safeBag{certificateBag(leaf), shrouded(tripleDES(n), make([]byte, 64))})
			_, err := LoadPFX(pfxOf(t, right, encryptedPart(tripleDES(one), sealLegacy(all[0], nested))), right)
			refused(t, CodeUnsupported, err)
		}
	})
	t.Run("a key inside", func(t *testing.T) {
		nested := der([]safeBag{certificateBag(leaf), shrouded(modern(one), sealWith(t, right, pkcs8(key)))})
		c, err := LoadPFX(pfxOf(t, right, encryptedPart(modern(one), sealWith(t, right, nested))), right)
		require.NoError(t, err)
		require.True(t, key.Equal(c.Signer()))
	})
}

// either loads what it is, and counts.
func (o *opener) either(file []byte) (err error) {
	if isDER(file) {
		_, err = o.pfx(file)
	} else {
		_, err = o.pem(file)
	}
	return err
}

// PFX-02: what could not prove anything is refused with the reason.
func TestPFX02ReasonsAreTold(t *testing.T) {
	key, leaf := rsaKeyOf(), maker{name: "leaf"}.of(rsaKeyOf())
	other := maker{name: "other"}.of(otherKey())
	keyBag := func(key any) safeBag { return shrouded(modern(one), sealWith(t, right, pkcs8(key))) }
	number := func(bits int, e int64) []byte { // it is refused before it is found that this is no key
		n := new(big.Int).SetBit(big.NewInt(1), bits-1, 1)
		pkcs1 := der(struct {
			Version                   int
			N, E, D, P, Q, DP, DQ, QI *big.Int
		}{0, n, big.NewInt(e), n, one, one, one, one, one})
		return der(privateKey{0, algorithm(oidRSA, asn1.NullRawValue), pkcs1})
	}
	raw := func(pkcs8 []byte) safeBag { return shrouded(modern(one), sealWith(t, right, pkcs8)) }
	p224 := der(privateKey{0, algorithm(oidEC, asn1.ObjectIdentifier{1, 3, 132, 0, 33}), []byte("x")})
	ed25519 := nobodysKey()
	for name, c := range map[string]struct {
		code string
		bags []safeBag
	}{
		"good":            {"", []safeBag{certificateBag(leaf), keyBag(key)}},
		"twice the same":  {"", []safeBag{certificateBag(leaf), bag(oidKeyBag, pkcs8(key)), bag(oidKeyBag, pkcs8(key))}},
		"nothing":         {CodeNoKey, nil},
		"no key":          {CodeNoKey, []safeBag{certificateBag(leaf)}},
		"only a chain":    {CodeNoKey, []safeBag{certificateBag(leaf), certificateBag(other)}},
		"two keys":        {CodeTwoKeys, []safeBag{certificateBag(leaf), keyBag(key), keyBag(otherKey())}},
		"no certificate":  {CodeNone, []safeBag{keyBag(key)}},
		"another's":       {CodeMismatch, []safeBag{certificateBag(other), keyBag(key)}},
		"RSA-1024":        {CodeWeak, []safeBag{certificateBag(leaf), raw(number(1024, 65537))}},
		"RSA-16384":       {CodeWeak, []safeBag{certificateBag(leaf), raw(number(16384, 65537))}},
		"RSA with e=1":    {CodeWeak, []safeBag{certificateBag(leaf), raw(number(2048, 1))}},
		"RSA with e=2":    {CodeWeak, []safeBag{certificateBag(leaf), raw(number(2048, 2))}},
		"RSA with e=-3":   {CodeWeak, []safeBag{certificateBag(leaf), raw(number(2048, -3))}},
		"no RSA":          {CodeMalformed, []safeBag{certificateBag(leaf), raw(number(2048, 65537))}},
		"EC P-224":        {CodeWeak, []safeBag{certificateBag(leaf), raw(p224)}},
		"Ed25519":         {CodeWeak, []safeBag{certificateBag(leaf), raw(ed25519)}},
		"may not sign":    {CodeUse, []safeBag{certificateBag(maker{name: "x", use: x509.KeyUsageKeyEncipherment}.of(key)), keyBag(key)}},
		"may sign":        {"", []safeBag{certificateBag(maker{name: "x", use: x509.KeyUsageDigitalSignature}.of(key)), keyBag(key)}},
		"EC P-256":        {"", []safeBag{certificateBag(maker{name: "x"}.of(ecKeyOf())), keyBag(ecKeyOf())}},
		"a damaged one":   {CodeMalformed, []safeBag{bag(oidCertBag, der(certBag{oidX509, []byte("x")})), keyBag(key)}},
		"something else":  {"", []safeBag{certificateBag(leaf), keyBag(key), bag(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 5}, der("x"))}},
		"another's first": {"", []safeBag{certificateBag(other), certificateBag(leaf), keyBag(key)}},
	} {
		t.Run(name, func(t *testing.T) {
			loaded, err := LoadPFX(pfxOf(t, right, part(c.bags...)), right)
			if c.code == "" {
				require.NoError(t, err)
				require.NoError(t, loaded.Check(now))
				return
			}
			refused(t, c.code, err)
		})
	}
	for name, c := range map[string]struct {
		from, to time.Time
		code     string
	}{
		"expired":     {now.AddDate(-1, 0, 0), now.Add(-time.Second), CodeExpired},
		"not yet":     {now.Add(time.Minute), now.AddDate(1, 0, 0), CodeNotYet},
		"just begins": {now, now.AddDate(1, 0, 0), ""},
		"just ends":   {now.AddDate(-1, 0, 0), now, ""},
	} {
		t.Run(name, func(t *testing.T) {
			loaded, err := LoadPFX(pfxOf(t, right, part(certificateBag(maker{name: "x", from: c.from, to: c.to}.of(key)), keyBag(key))), right)
			require.NoError(t, err, "a host shows what it has")
			if c.code == "" {
				require.NoError(t, loaded.Check(now))
				return
			}
			refused(t, c.code, loaded.Check(now))
		})
	}
	t.Run("negative serial number", func(t *testing.T) { // of authorities of old, which Go does not read
		odd := bytes.Clone(other.Raw)
		odd[bytes.Index(odd, der(other.SerialNumber))+2] = 0x80
		_, err := LoadPFX(pfxOf(t, right, part(certificateBag(leaf), bag(oidCertBag, der(certBag{oidX509, odd})), keyBag(key))), right)
		refused(t, CodeMalformed, err)
		require.Contains(t, err.Error(), "negative serial number")
	})
	t.Run("renewed", func(t *testing.T) { // with the same key: the newest counts
		old, next := maker{name: "x", from: now.AddDate(-2, 0, 0), to: now.AddDate(-1, 0, 0)}.of(key), maker{name: "x"}.of(key)
		c, err := LoadPFX(pfxOf(t, right, part(certificateBag(old), certificateBag(next), keyBag(key))), right)
		require.NoError(t, err)
		require.True(t, next.Equal(c.Leaf()))
	})
}

// PFX-03: passwords, and what may not be done under FIPS 140.
func TestPFX03Passwords(t *testing.T) {
	key, leaf := rsaKeyOf(), maker{name: "leaf"}.of(rsaKeyOf())
	none := secret.Text{}
	odd := []secret.Text{none, secret.New("\x00"), secret.New("a\x00b"), secret.New("\x00\x00"), secret.New("ß€"), secret.New("\xff\xfe"), secret.New("\xed\xa0\x80"), secret.New("𝄞 and 😀"), secret.New(string(bytes.Repeat([]byte("long"), 5000)))}
	file := func(password secret.Text) []byte {
		return pfxOf(t, password, part(certificateBag(leaf), shrouded(modern(one), sealWith(t, password, pkcs8(key)))))
	}
	for _, p := range odd {
		_, err := LoadPFX(file(p), p)
		require.NoError(t, err, "%q", p.Reveal())
		_, err = LoadPFX(file(p), wrong)
		refused(t, CodePassword, err)
		_, err = LoadPFX(file(right), p)
		refused(t, CodePassword, err, p.Reveal())
	}
	t.Run("empty and none", func(t *testing.T) {
		safe := der([]contentInfo{part(certificateBag(leaf), shrouded(modern(one), sealWith(t, none, pkcs8(key))))})
		for _, password := range [][]byte{{0, 0}, nil} {
			_, err := LoadPFX(sealed(safe, password), none)
			require.NoError(t, err)
			_, err = LoadPFX(sealed(safe, password), wrong)
			refused(t, CodePassword, err)
		}
		notUnderFIPS(t, "there is no Triple DES")
		for _, password := range [][]byte{{0, 0}, nil} {
			safe := der([]contentInfo{
				encryptedPart(tripleDES(one), sealLegacy(password, der([]safeBag{certificateBag(leaf)}))),
				part(shrouded(tripleDES(one), sealLegacy(password, pkcs8(key)))),
			})
			_, err := LoadPFX(sealed(safe, password), none)
			require.NoError(t, err, "%v", password)
		}
	})
	t.Run("no code", func(t *testing.T) { // the password is right if what it decrypts is a key
		var pdu pfxPDU
		require.NoError(t, unmarshal(file(right), &pdu))
		bare := der(struct {
			Version  int
			AuthSafe contentInfo
		}{3, pdu.AuthSafe})
		_, err := LoadPFX(bare, right)
		require.NoError(t, err)
		for _, p := range odd {
			_, err = LoadPFX(bare, p)
			refused(t, CodePassword, err)
		}
	})
	t.Run("legacy", func(t *testing.T) {
		old := map[string]contentInfo{
			"Triple DES": encryptedPart(tripleDES(big.NewInt(2048)), make([]byte, 64)),
			"RC2-40":     encryptedPart(rc2(big.NewInt(2048)), make([]byte, 64)),
			"key":        part(certificateBag(leaf), shrouded(rc2(big.NewInt(2048)), make([]byte, 64))),
		}
		for name, c := range old {
			_, err := LoadPFX(pfxOf(t, right, c), right)
			if !onlyFIPS() {
				refused(t, CodeMalformed, err, name) // the code was right, so that the password is
				continue
			}
			refused(t, CodeUnsupported, err, name)
			require.Contains(t, reasons[CodeUnsupported].remedy, "re-export with AES-256 and SHA-256")
		}
	})
	t.Run("legacy and beyond the first 65,536 characters", func(t *testing.T) { // which the library cannot say
		clef := secret.New("𝄞")
		_, err := LoadPFX(pfxOf(t, clef, encryptedPart(tripleDES(one), make([]byte, 64))), clef)
		refused(t, CodeUnsupported, err)
		c, err := FromSigner(key, leaf)
		require.NoError(t, err)
		_, err = c.PFX(clef)
		refused(t, CodeUnsupported, err)
	})
	t.Run("SHA-1", func(t *testing.T) {
		var pdu pfxPDU
		require.NoError(t, unmarshal(file(right), &pdu))
		pdu.MAC.MAC.Algorithm.Algorithm = asn1.ObjectIdentifier{1, 3, 14, 3, 2, 26}
		_, err := LoadPFX(der(pdu), right)
		refused(t, map[bool]string{true: CodeUnsupported, false: CodePassword}[onlyFIPS()], err)
	})
}

// What go-pkcs12 writes is read, and what it reads we write.
func TestPFXOfTheLibrary(t *testing.T) {
	notUnderFIPS(t, "go-pkcs12 computes SHA-1 when it writes")
	ca := maker{name: "CA", use: x509.KeyUsageCertSign}.of(otherKey())
	key := rsaKeyOf()
	leaf := maker{name: "leaf", by: ca, byKey: otherKey()}.of(key)
	for name, e := range map[string]*pkcs12.Encoder{"2023": pkcs12.Modern2023, "2026": pkcs12.Modern2026, "DES": pkcs12.LegacyDES, "RC2": pkcs12.LegacyRC2, "none": pkcs12.Passwordless} {
		for _, password := range []secret.Text{right, {}, secret.New("a\x00b"), secret.New("ß€")} {
			if name == "none" && !password.IsZero() {
				continue
			}
			file, err := e.Encode(key, leaf, []*x509.Certificate{ca}, password.Reveal())
			require.NoError(t, err)
			for _, data := range [][]byte{file, []byte(base64.StdEncoding.EncodeToString(file)), []byte("\ufeff" + base64.StdEncoding.EncodeToString(file) + "\r\n")} {
				c, err := Load(data, password)
				require.NoError(t, err, "%s %q", name, password.Reveal())
				require.True(t, key.Equal(c.Signer()))
				require.Equal(t, []*x509.Certificate{leaf, ca}, c.Chain())
			}
			if name != "none" {
				_, err = Load(file, wrong)
				refused(t, CodePassword, err, name)
			}
		}
	}
	c, err := FromSigner(key, ca, leaf)
	require.NoError(t, err)
	file, err := c.PFX(right)
	require.NoError(t, err)
	k, l, chain, err := pkcs12.DecodeChain(file, canary)
	require.NoError(t, err)
	require.True(t, key.Equal(k))
	require.Equal(t, []*x509.Certificate{leaf, ca}, append([]*x509.Certificate{l}, chain...))
}

// PFX-04: size, depth, number, what stands behind the end, and other ways to use a password.
func TestPFX04BoundsAreKept(t *testing.T) {
	key, leaf := rsaKeyOf(), maker{name: "leaf"}.of(rsaKeyOf())
	good := part(certificateBag(leaf), shrouded(modern(one), sealWith(t, right, pkcs8(key))))
	many := bytes.Repeat([]byte{0x30, 0}, 500_000)
	sequence := func(inner []byte) []byte {
		return der(asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: inner})
	}
	forms := (&opener{password: right}).passwords()
	wide := forms[0]
	deep := []byte{5, 0}
	for range 5000 {
		deep = sequence(deep)
	}
	kdf := func(id asn1.ObjectIdentifier, parameters any) contentInfo {
		var p pbes2
		require.NoError(t, unmarshal(modern(one).Parameters.FullBytes, &p))
		p.KDF = algorithm(id, parameters)
		return part(certificateBag(leaf), shrouded(algorithm(oidPBES2, p), make([]byte, 64)))
	}
	type scrypt struct {
		Salt    []byte
		N, R, P int
	}
	var bags []safeBag
	for range 1000 {
		bags = append(bags, certificateBag(leaf))
	}
	for name, c := range map[string]struct {
		code string
		data []byte
	}{
		"64 MiB":                {CodeTooLarge, make([]byte, 64<<20)},
		"64 MiB of PFX":         {CodeTooLarge, append(pfxOf(t, right, good), make([]byte, 64<<20)...)},
		"nothing":               {CodeMalformed, nil},
		"one byte":              {CodeMalformed, []byte{0x30}},
		"text":                  {CodeMalformed, []byte("certificate\n")},
		"base64 of nothing":     {CodeMalformed, []byte("AAAA")},
		"indefinite lengths":    {CodeMalformed, bytes.Repeat([]byte{0x30, 0x80}, 100_000)},
		"octets of them":        {CodeMalformed, bytes.Repeat([]byte{0x24, 0x80}, 100_000)},
		"indefinite content":    {CodeMalformed, sealed(bytes.Repeat([]byte{0x30, 0x80}, 100_000), wide)},
		"deep":                  {CodeMalformed, sequence(deep)},
		"deep content":          {CodeMalformed, pfxOf(t, right, contentInfo{oidData, explicit(deep)})},
		"deep bag":              {"", pfxOf(t, right, good, part(bag(asn1.ObjectIdentifier{1, 2, 3}, deep)))},
		"trailing data":         {CodeMalformed, append(pfxOf(t, right, good), 0)},
		"trailing content":      {CodeMalformed, pfxOf(t, right, contentInfo{oidData, explicit(append(der(der([]safeBag{})), 5, 0))})},
		"cut":                   {CodeMalformed, pfxOf(t, right, good)[:700]},
		"many contents":         {CodeTooLarge, sealed(sequence(bytes.Repeat(der(part()), 10_000)), wide)},
		"many empty contents":   {CodeMalformed, sealed(sequence(many), wide)},
		"many empty bags":       {CodeMalformed, pfxOf(t, right, content(sequence(many)))},
		"many bags":             {CodeTooLarge, pfxOf(t, right, part(bags...))},
		"a large certificate":   {CodeTooLarge, pfxOf(t, right, part(bag(oidCertBag, der(certBag{oidX509, make([]byte, 100_000)}))))},
		"a large key":           {CodeTooLarge, pfxOf(t, right, part(bag(oidKeyBag, der(make([]byte, 100_000)))))},
		"a large legacy part":   {CodeTooLarge, pfxOf(t, right, encryptedPart(rc2(one), make([]byte, 500_000)))},
		"scrypt":                {CodeUnsupported, pfxOf(t, right, kdf(asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11591, 4, 11}, scrypt{[]byte("s"), 1 << 30, 1 << 20, 1 << 20}))},
		"Argon2":                {CodeUnsupported, pfxOf(t, right, kdf(asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 50000, 1}, []int{4 << 20, 10, 16}))},
		"signed":                {CodeUnsupported, der(pfxPDU{Version: 3, AuthSafe: contentInfo{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}, explicit(der([]byte("x")))}})},
		"version 4":             {CodeUnsupported, der(pfxPDU{Version: 4, AuthSafe: good})},
		"a certificate":         {CodeNoKey, leaf.Raw},
		"one for another":       {CodeUnsupported, pfxOf(t, right, contentInfo{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 3}, explicit(der([]byte("x")))})},
		"an unknown encryption": {CodeUnsupported, pfxOf(t, right, encryptedPart(algorithm(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 1, 1}, 1), make([]byte, 64)))},
	} {
		t.Run(name, func(t *testing.T) {
			for _, password := range []secret.Text{right, {}} {
				within(t, 32<<20, func() {
					_, err := Load(c.data, password)
					if password.IsZero() { // for which some are refused before
						require.Error(t, err)
						return
					}
					if c.code == "" {
						require.NoError(t, err)
						return
					}
					refused(t, c.code, err)
				})
			}
		})
	}
}
