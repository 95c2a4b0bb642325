package syntax

import (
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// mutf7 is the base64 of modified UTF-7 (RFC 3501, section 5.1.3). It is never
// changed.
var mutf7 = base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,").WithPadding(base64.NoPadding)

// DecodeName returns a folder's name from modified UTF-7, and false if it is none.
// A name in plain UTF-8, which some servers use against the rules, is taken as it
// is.
func DecodeName(name string) (string, bool) {
	if !utf8.ValidString(name) {
		return "", false
	}
	var b strings.Builder
	for len(name) > 0 {
		plain, rest, shifted := strings.Cut(name, "&")
		b.WriteString(plain)
		if !shifted {
			break
		}
		code, after, ended := strings.Cut(rest, "-")
		if !ended {
			return "", false
		}
		name = after
		if code == "" {
			b.WriteByte('&')
			continue
		}
		raw, err := mutf7.DecodeString(code)
		if err != nil || len(raw) == 0 || len(raw)%2 != 0 || strings.ContainsAny(code, "\r\n") {
			return "", false
		}
		units := make([]uint16, len(raw)/2)
		for i := range units {
			units[i] = uint16(raw[2*i])<<8 | uint16(raw[2*i+1])
		}
		for _, r := range utf16.Decode(units) {
			if r == utf8.RuneError || r == 0 {
				return "", false
			}
			b.WriteRune(r)
		}
	}
	return b.String(), true
}

// EncodeName returns name in modified UTF-7.
func EncodeName(name string) string {
	var b strings.Builder
	var run []rune
	flush := func() {
		if len(run) == 0 {
			return
		}
		var raw []byte
		for _, u := range utf16.Encode(run) {
			raw = append(raw, byte(u>>8), byte(u))
		}
		b.WriteString("&" + mutf7.EncodeToString(raw) + "-")
		run = run[:0]
	}
	for _, r := range name {
		if r < ' ' || r > '~' {
			run = append(run, r)
			continue
		}
		flush()
		if r == '&' {
			b.WriteString("&-")
			continue
		}
		b.WriteRune(r)
	}
	flush()
	return b.String()
}

// Quote returns s as a quoted string (RFC 3501). It returns false if s cannot be
// one and needs a literal.
func Quote(s string) (string, bool) {
	for i := range len(s) {
		if c := s[i]; c == 0 || c == '\r' || c == '\n' || c >= utf8.RuneSelf {
			return "", false
		}
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`, true
}

// Literal returns s as a literal that waits for no answer (RFC 7888) or, where
// plus is false, the part of it that goes before the wait.
func Literal(s string, plus bool) string {
	if plus {
		return fmt.Sprintf("{%d+}\r\n%s", len(s), s)
	}
	return fmt.Sprintf("{%d}\r\n", len(s))
}
