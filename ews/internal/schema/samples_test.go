package schema

import (
	"slices"
	"strings"
)

// What is tried as the text of each type of XML Schema: the right, the odd and the wrong. White
// space around a value is not among it, for xmllint does not take it away as it should.
var samples = map[string][]string{
	"string":             {"x", "", "a b", " ", "ü&<", "0x1A2b", "42", "0xZ", "01234567-89ab-CDEF-0123-456789abcdef", "1.2", "15.1.2.3", "a_b"},
	"anyURI":             {"http://a.example/x", "urn:a"},
	"base64Binary":       {"QUJD", "QUI=", "QQ==", "", " QU JD\n", "QQ=", "QR==", "QUJ=", "Q", "=", "QQ==QUJD", "QU-D"},
	"boolean":            {"true", "false", "0", "1", "True", "", "yes"},
	"int":                {"1", "0", "-1", "+7", "007", "200", "512", "513", "1440", "1441", "2629800", "2629801", "1525252321", "2147483647", "2147483648", "-2147483649", "1.0", "", "x", "1 2"},
	"short":              {"1", "-32768", "32768", ""},
	"long":               {"1", "-9223372036854775808", "9223372036854775808", "1e3"},
	"unsignedShort":      {"1", "65535", "65536", "-1", "4149"},
	"unsignedInt":        {"0", "4294967295", "4294967296", "-1"},
	"integer":            {"1", "-5", "+5", "x", "123456789012345678901"},
	"nonNegativeInteger": {"1", "0", "-0", "-1", "+3"},
	"float":              {"1", "-1.5", "1e3", "1E-3", ".5", "5.", "INF", "-INF", "NaN", "inf", "+INF", "", "1e", "."},
	"double":             {"1", "-1.5", "1e3", "INF", "nan", "e1"},
	"language":           {"en", "en-US", "de-CH-1996", "x-klingon", "en_US", "", "toolonglanguage"},
	"duration":           {"P1D", "PT1H30M", "-P1Y2M3DT4H5M6.7S", "PT0S", "P", "PT", "P1DT", "1D", "P1H", "PT1.5H", "P-1D"},
	"date":               {"2026-02-28", "2026-02-28Z", "2024-02-29+05:30", "-0044-03-15", "2026-02-29", "2026-13-01", "26-01-01", "2026-1-1", "2026-01-01T00:00:00", "0000-01-01", "12026-01-01", "02026-01-01"},
	"time":               {"00:00:00", "23:59:59.999", "24:00:00", "12:00:00Z", "24:00:01", "12:60:00", "12:00", "12:00:00+14:01", "12:00:00-14:00"},
	"dateTime":           {"2026-01-01T00:00:00Z", "2026-01-01T00:00:00", "2026-01-01T24:00:00", "2026-12-31T23:59:59.1234567+01:00", "2026-01-01", "2026-01-01 00:00:00", "2026-06-31T00:00:00Z", "2026-01-01T00:00:60Z", "2026-01-01T00:00:00z", "2026-01-01T00:00:00.Z", ""},
}

// value makes up a text of a type: one of its values, or a sample that it allows.
func (g *generator) value(s *simple) string {
	for range 200 {
		if v := g.any(s); s.fails(v) == "" {
			return v
		}
	}
	return g.any(s)
}

// any makes up a text that may or may not be of a type.
func (g *generator) any(s *simple) string {
	switch {
	case s.item != nil:
		return strings.TrimSuffix(strings.Repeat(g.any(s.item)+" ", g.IntN(3)), " ")
	case s.members != nil:
		return g.any(s.members[g.IntN(len(s.members))])
	case s.values != nil && g.IntN(5) > 0:
		values := make([]string, 0, len(s.values))
		for v := range s.values {
			values = append(values, v)
		}
		slices.Sort(values)
		return values[g.IntN(len(values))]
	}
	of := samples[s.builtin]
	return of[g.IntN(len(of))]
}

// sample is a text that is meant for any type.
func (g *generator) sample() string {
	keys := make([]string, 0, len(samples))
	for k := range samples {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	of := samples[keys[g.IntN(len(keys))]]
	return of[g.IntN(len(of))]
}
