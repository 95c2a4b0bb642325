package profile

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSSRF06Homographs(t *testing.T) {
	for host, want := range map[string]error{
		"outl\u043e\u043ek.com": errHostASCII, // Cyrillic
		"b\u00fccher.example":   errHostASCII,
		"\uff11\uff12.example":  errHostASCII, // full-width digits
		"xn--outlk-myea.com":    errHostScripts,
		"XN--PYPAL-4VE.com":     errHostScripts,
		"mail.xn--bc-b9b.com":   errHostScripts, // Greek
		"xn--bcher-kva.example": nil,
		"xn--80ak6aa92e.com":    nil, // one script: seen as what it is, since it is shown in ASCII
		"xn--mnchen-ost-9db.de": nil,
		"xn---abc-p63cv06p.jp":  nil, // Japanese writes several
		"xn--4dkua4c386q.jp":    nil,
		"xn--3e0b707e.kr":       nil,
		"xn--e1afmkfd.example":  nil,
		"xn--.example":          errHostScripts, // encodes nothing
		"xn--a-.example":        errHostScripts,
		"xn--99999999.example":  errHostScripts,
		"xn--a.b!.example":      errHostScripts,
		"mail.example.com":      nil,
		"127.0.0.1":             nil,
		"2001:db8::1":           nil,
		"127.1":                 errHostForm,
		"\uff11\uff12\uff17.1":  errHostForm,
		"a b":                   errHostForm,
		"a\u202eb.example":      errHostForm,
		"":                      errHostForm,
	} {
		require.Equal(t, want, CheckHost(host), "%q", host)
	}
	require.Equal(t, errHostScripts, CheckHost("xn--"+strings.Repeat("a", 60)+"-kva.example"), "longer than a label")
}

func TestPunycode(t *testing.T) {
	for encoded, want := range map[string]string{
		"bcher-kva": "bücher", "80ak6aa92e": "аррӏе", "-abc-p63cv06p": "例え-abc", "mnchen-ost-9db": "münchen-ost", "e1afmkfd": "пример",
	} {
		got, ok := punycode(encoded)
		require.True(t, ok, encoded)
		require.Equal(t, want, string(got))
	}
}

func FuzzPunycode(f *testing.F) {
	for _, s := range []string{"bcher-kva", "80ak6aa92e", "-", "99999999", "a-b-c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if label, ok := punycode(s); ok && len(label) == 0 {
			t.Error("nothing was decoded")
		}
	})
}

func TestSSRF05URLForms(t *testing.T) {
	for _, bad := range []string{
		"https://good.example@evil.example/", "https://good.example:443@evil.example/", "https://evil.example#good.example", `https://good.example\@evil.example`,
		"https:evil.example", "//evil.example", "https:/evil.example", "https://good%2eexample/", "https://good.example%2f@evil.example/", "https://%65vil.example/",
		"https://good.example%00.evil.example/", "https://xn--outlk-myea.com/", "https://outl\u043e\u043ek.com/", "file:///etc/passwd", "gopher://evil.example/", "https://good.example,evil.example@x/",
	} {
		_, ok := parseURL(bad)
		require.False(t, ok, bad)
	}
}
