package certificate

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/internal/canarytest"
)

// P6: no way to print a certificate, or what holds one, shows the key.
func TestP6NoKeyIsPrinted(t *testing.T) {
	for _, key := range []crypto.Signer{rsaKeyOf(), ecKeyOf()} {
		c, err := FromSigner(key, maker{name: "leaf"}.of(key))
		require.NoError(t, err)
		var numbers []string
		switch k := key.(type) {
		case *rsa.PrivateKey:
			numbers = []string{k.D.String(), k.D.Text(16), k.Primes[0].String(), k.Primes[1].Text(16), string(k.D.Bytes()), fmt.Sprint(k.D.Bits()), fmt.Sprint(k.Primes[0].Bits())}
		case *ecdsa.PrivateKey:
			numbers = []string{k.D.String(), k.D.Text(16), string(k.D.Bytes()), fmt.Sprint(k.D.Bits())}
		}
		type host struct {
			Name    string
			Value   Certificate
			Pointer *Certificate
			hidden  Certificate
			more    map[string]*Certificate
		}
		h := host{"host", *c, c, *c, map[string]*Certificate{"one": c}}
		for _, v := range []any{c, *c, &c, h, &h, []*Certificate{c}, []Certificate{*c}, map[string]Certificate{"one": *c}, c.Registration(""), opener{password: right}, &parts{}} {
			text := canarytest.Printed(v)
			for _, number := range numbers {
				canarytest.None(t, number, fmt.Sprintf("%T", v), text)
				require.NotContains(t, text, strings.Trim(number, "[]"))
			}
			canarytest.None(t, canary, fmt.Sprintf("%T", v), text)
		}
		// And the test can fail.
		require.Contains(t, canarytest.Printed(struct{ Key any }{key}), numbers[0])
	}
}

// What it prints names the certificate, on one line, whoever made it.
func TestPrintedItIsNamed(t *testing.T) {
	c, err := FromSigner(rsaKeyOf(), maker{name: "evil\r\n2026-11-21 INFO admin logged in \x1b[31m%s%n\u202e" + strings.Repeat("x", 5000)}.of(rsaKeyOf()))
	require.NoError(t, err)
	for _, text := range []string{c.String(), fmt.Sprintf("%v", c), fmt.Sprintf("%#v", c), c.LogValue().String(), c.Registration("").Certificate} {
		require.NotContains(t, text, "\n")
		require.NotContains(t, text, "\r")
		require.NotContains(t, text, "\x1b")
		require.NotContains(t, text, "\u202e")
		require.Contains(t, text, "CN=evil")
		require.Less(t, len(text), 512)
	}
	require.Contains(t, c.String(), c.Thumbprints()[0])
	require.Contains(t, c.String(), "2026-11-27")
	doc, err := json.Marshal(map[string]any{"certificate": c})
	require.NoError(t, err)
	require.Contains(t, string(doc), "CN=evil")
	require.Equal(t, "no certificate", (*Certificate)(nil).String())
	require.Equal(t, "no certificate", fmt.Sprint(&Certificate{}))
}
