package certificate

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/secret"
)

// PEM is read as people have it: together and apart, in any order, with text, from any editor.
func TestPEMIsReadAsPeopleHaveIt(t *testing.T) {
	ca := maker{name: "CA", use: x509.KeyUsageCertSign}.of(otherKey())
	key := rsaKeyOf()
	leaf := maker{name: "leaf", by: ca, byKey: otherKey()}.of(key)
	k8, k1 := inPEMOf(typePKCS8, pkcs8(key)), inPEMOf(typePKCS1, x509.MarshalPKCS1PrivateKey(key))
	c, cc := inPEMOf("CERTIFICATE", leaf.Raw), inPEMOf("CERTIFICATE", ca.Raw)
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	wide := func(order binary.ByteOrder, mark string, text []byte) []byte {
		out := []byte(mark)
		for _, u := range utf16.Encode([]rune(string(text))) {
			out = binary.BigEndian.AppendUint16(out, map[bool]uint16{true: u, false: u>>8 | u<<8}[order == binary.BigEndian])
		}
		return out
	}
	text := []byte("Bag Attributes\n    localKeyID: 01 02\nsubject=CN = leaf\n\n")
	for name, files := range map[string][][]byte{
		"together":          {join(c, cc, k8)},
		"key first":         {join(k8, c, cc)},
		"chain first":       {join(cc, k1, c)},
		"apart":             {k8, c, cc},
		"apart, other way":  {join(cc, c), k1},
		"key in both":       {join(k8, c), join(cc, k8)},
		"text":              {join(text, c, text, k8, text, cc, text)},
		"CRLF":              {bytes.ReplaceAll(join(text, c, k8, cc), []byte("\n"), []byte("\r\n"))},
		"mark":              {join([]byte("\ufeff"), c), join([]byte("\ufeff"), k8), cc},
		"no end of line":    {bytes.TrimSpace(join(c, cc, k8))},
		"UTF-16":            {wide(binary.LittleEndian, "\xff\xfe", join(c, k8)), wide(binary.BigEndian, "\xfe\xff", cc)},
		"DER":               {leaf.Raw, ca.Raw, k8},
		"others":            {join(inPEMOf("EC PARAMETERS", []byte("x")), c, inPEMOf("PUBLIC KEY", []byte("x")), k8, cc)},
		"the same, repeats": {join(c, c, cc, cc, k8, k8)},
	} {
		t.Run(name, func(t *testing.T) {
			loaded, err := LoadPEM(right, files...)
			require.NoError(t, err)
			require.True(t, key.Equal(loaded.Signer()))
			require.Equal(t, []*x509.Certificate{leaf, ca}, loaded.Chain())
			if len(files) == 1 {
				for _, data := range [][]byte{files[0], []byte(base64.StdEncoding.EncodeToString(files[0]))} {
					loaded, err = Load(data, secret.Text{})
					require.NoError(t, err)
					require.True(t, leaf.Equal(loaded.Leaf()))
				}
			}
		})
	}
	ec := maker{name: "ec"}.of(ecKeyOf())
	for _, k := range [][]byte{inPEMOf(typeSEC1, made(x509.MarshalECPrivateKey(ecKeyOf()))), inPEMOf(typePKCS8, pkcs8(ecKeyOf()))} {
		_, err := LoadPEM(right, k, inPEMOf("CERTIFICATE", ec.Raw))
		require.NoError(t, err)
	}

	for name, c := range map[string]struct {
		code  string
		files [][]byte
	}{
		"no file":         {CodeNoKey, nil},
		"no PEM":          {CodeMalformed, [][]byte{[]byte("hello"), k8}},
		"cut":             {CodeMalformed, [][]byte{join(k8, c[:len(c)-40])}},
		"damaged":         {CodeMalformed, [][]byte{join(k8, bytes.Replace(c, []byte("M"), []byte("*"), 1))}},
		"no certificate":  {CodeNone, [][]byte{k8}},
		"no key":          {CodeNoKey, [][]byte{c, cc}},
		"two keys":        {CodeTwoKeys, [][]byte{join(k8, c, inPEMOf(typePKCS8, pkcs8(otherKey())))}},
		"another's":       {CodeMismatch, [][]byte{join(k8, cc)}},
		"SSH":             {CodeUnsupported, [][]byte{join(c, inPEMOf("OPENSSH PRIVATE KEY", []byte("x")))}},
		"DSA":             {CodeWeak, [][]byte{join(c, inPEMOf("DSA PRIVATE KEY", []byte("x")))}},
		"no key in it":    {CodeMalformed, [][]byte{join(c, inPEMOf(typePKCS1, []byte("x")))}},
		"another type":    {CodeMalformed, [][]byte{join(c, inPEMOf(typePKCS1, pkcs8(key)))}},
		"trailing":        {CodeMalformed, [][]byte{join(c, inPEMOf(typePKCS1, append(x509.MarshalPKCS1PrivateKey(key), 0)))}},
		"large together":  {CodeTooLarge, [][]byte{join(k8, c), make([]byte, maxData)}},
		"many":            {CodeTooLarge, [][]byte{bytes.Repeat(c, 100)}},
		"many beginnings": {CodeTooLarge, [][]byte{bytes.Repeat([]byte("-----BEGIN \n"), 80_000)}},
	} {
		t.Run(name, func(t *testing.T) {
			within(t, 32<<20, func() {
				_, err := LoadPEM(right, c.files...)
				refused(t, c.code, err)
			})
		})
	}
}

// A file may hold many certificates of one name, and who signed which is found by trying.
func TestChainsCostBoundedWork(t *testing.T) {
	key := rsaKeyOf()
	all := []*x509.Certificate{}
	for range maxParts {
		all = append(all, maker{name: "same", use: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}.of(ecKeyOf()))
	}
	leaf := maker{name: "leaf", by: maker{name: "same", use: x509.KeyUsageCertSign}.of(otherKey()), byKey: otherKey()}.of(key) // signed by none of them
	c, err := FromSigner(key, append(all, leaf)...)
	require.NoError(t, err)
	require.Equal(t, []*x509.Certificate{leaf}, c.Chain())

	leaf = maker{name: "leaf", by: all[0], byKey: ecKeyOf()}.of(key) // signed by all of them, who signed each other
	c, err = FromSigner(key, append(all, leaf)...)
	require.NoError(t, err)
	require.LessOrEqual(t, len(c.Chain()), mostVerified+1)
	seen := make(map[string]bool)
	for _, one := range c.Chain() {
		require.False(t, seen[string(one.Raw)], "each stands there once")
		seen[string(one.Raw)] = true
	}
}
