package schema

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// XML Schema part 2, chapter 3: what texts of its types look like.
func TestLexicalForms(t *testing.T) {
	for name, row := range map[string]struct{ right, wrong []string }{
		"boolean":            {[]string{"true", "false", "0", "1"}, []string{"True", "", "yes", "2"}},
		"int":                {[]string{"0", "-1", "+7", "007", "2147483647", "-2147483648"}, []string{"2147483648", "-2147483649", "1.0", "", "x", "1 2", "1_000", "0x1"}},
		"short":              {[]string{"-32768", "32767"}, []string{"32768"}},
		"long":               {[]string{"9223372036854775807"}, []string{"9223372036854775808"}},
		"unsignedShort":      {[]string{"65535", "-0"}, []string{"65536", "-1"}},
		"unsignedInt":        {[]string{"4294967295"}, []string{"4294967296", "-1"}},
		"integer":            {[]string{"-123456789012345678901234567890"}, []string{"", "1.", "e"}},
		"nonNegativeInteger": {[]string{"0", "-0", "+3"}, []string{"-1", ""}},
		"double":             {[]string{"1", "-1.5", "1e3", "1E-3", ".5", "5.", "INF", "-INF", "NaN"}, []string{"inf", "+INF", "", "1e", ".", "0x1p3"}},
		"float":              {[]string{"1.25"}, []string{"Infinity"}},
		"language":           {[]string{"en", "de-CH-1996", "x-klingon"}, []string{"en_US", "", "toolonglanguage", "e1-"}},
		"duration":           {[]string{"P1D", "PT1H30M", "-P1Y2M3DT4H5M6.7S"}, []string{"P", "PT", "P1DT", "1D", "P1H", "PT1.5H", "P-1D", "P1M1Y"}},
		"date":               {[]string{"2026-02-28", "2024-02-29+05:30", "2000-02-29Z", "-0044-03-15", "12026-01-01"}, []string{"2026-02-29", "1900-02-29", "2026-13-01", "2026-00-01", "2026-01-00", "26-01-01", "2026-1-1", "2026-01-01T00:00:00", "0000-01-01", "02026-01-01", "2026-01-01+15:00"}},
		"time":               {[]string{"00:00:00", "23:59:59.999", "24:00:00", "24:00:00.0", "12:00:00-14:00"}, []string{"24:00:01", "12:60:00", "12:00", "12:00:00+14:01", "25:00:00"}},
		"dateTime":           {[]string{"2026-01-01T00:00:00Z", "2026-01-01T24:00:00", "2026-12-31T23:59:59.1234567+01:00"}, []string{"2026-01-01", "2026-01-01 00:00:00", "2026-06-31T00:00:00Z", "2026-01-01T00:00:60Z", "2026-01-01T00:00:00z", "2026-01-01T00:00:00.Z", ""}},
		"base64Binary":       {[]string{"QUJD", "QUI=", "QQ==", "", " QU JD\n", "+/+/", "Q Q = ="}, []string{"QQ=", "QR==", "QUJ=", "Q", "=", "====", "Q===", "QQ==QUJD", "QU-D", "QUJDRA"}},
		"string":             {[]string{"", " a\n"}, nil},
	} {
		s := &simple{name: Name{xsdNamespace, name}, builtin: name}
		for _, v := range row.right {
			assert.Empty(t, s.fails(v), "%s %q", name, v)
			if name != "string" {
				assert.Empty(t, s.fails("\r\n "+v+"\t"), "%s: white space around %q means nothing", name, v)
			}
		}
		for _, v := range row.wrong {
			assert.NotEmpty(t, s.fails(v), "%s %q", name, v)
		}
	}
	assert.False(t, builtin("decimal"), "the table names no type that is not known")
}

// A text means the same whole and in pieces.
func TestValuesInPieces(t *testing.T) {
	for space, line := range map[string]string{"a": "string minlen=3", "b": "string len=0", "c": "base64Binary", "d": "string Aa Bb", "e": "int min=1 max=12"} {
		table, err := parse("simple t:"+strings.ToUpper(space)+" "+line, Newest)
		require.NoError(t, err)
		s := table.simples[Name{Types, strings.ToUpper(space)}]
		for _, text := range []string{"", "ab", "äöü", "QUJD", "QUI", "QUI=", "Aa", "12", "13", " 1 "} {
			var v value
			v.reset(s)
			for _, c := range text {
				require.True(t, v.add(string(c)))
			}
			assert.Equal(t, s.fails(text) == "", v.fails() == "", "%s: %q", line, text)
		}
	}
}

// A facet's bounds belong to what it allows.
func TestFacetsAtTheirBounds(t *testing.T) {
	for line, row := range map[string]struct{ right, wrong []string }{
		"int min=-3 max=512": {[]string{"-3", "512", "0512"}, []string{"-4", "513"}},
		"integer max=5":      {[]string{"5", "-99999999999999999999"}, []string{"6", "99999999999999999999"}},
		"string minlen=1":    {[]string{"ä", " "}, []string{""}},
		"string len=2":       {[]string{"äö"}, []string{"ä", "äöü"}},
		"string /[0-9]+/":    {[]string{"12"}, []string{"", "a1", "1\n"}},
		"string One Two":     {[]string{"One", "Two"}, []string{"one", " One", "", "OneTwo"}},
		"int 1 2 max=1":      {[]string{"1"}, []string{"2", "3"}},
	} {
		table, err := parse("simple t:A "+line, Newest)
		require.NoError(t, err)
		s := table.simples[Name{Types, "A"}]
		for _, v := range row.right {
			assert.Empty(t, s.fails(v), "%s %q", line, v)
		}
		for _, v := range row.wrong {
			assert.NotEmpty(t, s.fails(v), "%s %q", line, v)
		}
	}
}
