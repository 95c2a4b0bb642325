package signin

import (
	"errors"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/bidi"
	"golang.org/x/text/unicode/norm"
)

var errForbidden = errors.New("it has characters that are not allowed")

// prepare returns s as both sides of an exchange write it (SASLprep, RFC 4013), for a
// query: characters that Unicode 3.2 did not have yet are allowed.
func prepare(s string) (string, error) {
	if !utf8.ValidString(s) {
		return "", errForbidden
	}
	s = norm.NFKC.String(strings.Map(mapped, s))
	if s == "" || strings.ContainsFunc(s, forbidden) || !oneWay(s) {
		return "", errForbidden
	}
	return s, nil
}

// A span is a range of characters.
type span struct{ first, last rune }

func within(r rune, spans []span) bool {
	for _, s := range spans {
		if r >= s.first && r <= s.last {
			return true
		}
	}
	return false
}

// spaces are RFC 3454's table C.1.2, nothing its table B.1.
var (
	spaces  = []span{{0xa0, 0xa0}, {0x1680, 0x1680}, {0x2000, 0x200b}, {0x202f, 0x202f}, {0x205f, 0x205f}, {0x3000, 0x3000}}
	nothing = []span{{0xad, 0xad}, {0x34f, 0x34f}, {0x1806, 0x1806}, {0x180b, 0x180d}, {0x200c, 0x200d}, {0x2060, 0x2060}, {0xfe00, 0xfe0f}, {0xfeff, 0xfeff}}
)

// mapped is RFC 4013, section 2.1.
func mapped(r rune) rune {
	switch {
	case r < 0x80:
		return r
	case within(r, spaces):
		return ' '
	case within(r, nothing):
		return -1
	}
	return r
}

// prohibited are RFC 3454's tables C.2.1 to C.9, as RFC 4013, section 2.3 has them.
var prohibited = []span{
	{0, 0x1f}, {0x7f, 0x9f}, {0x6dd, 0x6dd}, {0x70f, 0x70f}, {0x180e, 0x180e}, {0x200c, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x2063}, {0x206a, 0x206f},
	{0x340, 0x341}, {0x2ff0, 0x2ffb}, {0xd800, 0xf8ff}, {0xfdd0, 0xfdef}, {0xfeff, 0xfeff}, {0xfff9, 0xfffd},
	{0x1d173, 0x1d17a}, {0xe0001, 0xe0001}, {0xe0020, 0xe007f}, {0xf0000, 0x10ffff},
}

func forbidden(r rune) bool {
	return within(r, prohibited) || within(r, spaces) || r&0xfffe == 0xfffe
}

// oneWay reports whether s does not mix directions of writing (RFC 3454, section 6).
func oneWay(s string) bool {
	var left, right bool
	for _, r := range s {
		left = left || class(r) == bidi.L
		right = right || fromRight(r)
	}
	if !right {
		return true
	}
	first, _ := utf8.DecodeRuneInString(s)
	last, _ := utf8.DecodeLastRuneInString(s)
	return !left && fromRight(first) && fromRight(last)
}

func class(r rune) bidi.Class {
	p, _ := bidi.LookupRune(r)
	return p.Class()
}

func fromRight(r rune) bool { c := class(r); return c == bidi.R || c == bidi.AL }
