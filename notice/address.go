package notice

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// typedAddress returns the address in a field such as Original-Recipient, in lower
// case, or "" if it holds none that mail can be sent to (RFC 3464, section 2.3.1;
// RFC 6533, section 3).
func typedAddress(value string) string {
	kind, addr, typed := strings.Cut(value, ";")
	if !typed {
		kind, addr = "", value
	}
	addr = strings.TrimSpace(addr)
	if strings.EqualFold(strings.TrimSpace(kind), "utf-8") {
		addr = unicodeAddress(addr)
	}
	return plainAddress(xtext(addr, false))
}

// plainAddress returns an address in lower case without what may stand around it, or
// "" if it is none.
func plainAddress(s string) string {
	s = strings.TrimSpace(s)
	if open := strings.LastIndexByte(s, '<'); open >= 0 {
		s, _, _ = strings.Cut(s[open+1:], ">")
	}
	if len(s) >= 7 && strings.EqualFold(s[:7], "mailto:") {
		s = s[7:]
	}
	if i := strings.IndexAny(s, " \t("); i >= 0 && !strings.HasPrefix(s, `"`) {
		s = s[:i] // a comment
	}
	s = strings.TrimRight(s, ".,;:>")
	at := strings.LastIndexByte(s, '@')
	if at <= 0 || at == len(s)-1 || len(s) > maxAddress || !utf8.ValidString(s) || strings.IndexFunc(s, notInAddress) >= 0 {
		return ""
	}
	return strings.ToLower(s)
}

func notInAddress(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) || r == '<' || r == '>' || r == utf8.RuneError
}

// xtext decodes the "+2B" of xtext (RFC 3461, section 4). Some programs decode what
// they repeat, others do not, so that only what must have been encoded is taken for
// it: "+" and "=", and outside of addresses what is not printable ASCII. A plus-address
// such as anna+42@ stays as it is.
func xtext(s string, all bool) string {
	if strings.IndexByte(s, '+') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '+' && i+2 < len(s) {
			c, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
			if err == nil && s[i+1:i+3] == strings.ToUpper(s[i+1:i+3]) && (c == '+' || c == '=' || all && (c < '!' || c > '~')) {
				b = append(b, byte(c))
				i += 2
				continue
			}
		}
		b = append(b, s[i])
	}
	return string(b)
}

// unicodeAddress decodes the \x{E9} of utf-8-addr-xtext (RFC 6533, section 3).
func unicodeAddress(s string) string {
	const most = 6 // digits of a code point
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(s, `\x{`)
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		digits, _, ok := strings.Cut(rest[:min(len(rest), most+1)], "}")
		n, err := strconv.ParseUint(digits, 16, 32)
		if !ok || err != nil || !utf8.ValidRune(rune(n)) {
			b.WriteString(`\x{`)
			s = rest
			continue
		}
		b.WriteRune(rune(n))
		s = rest[len(digits)+1:]
	}
}

// localPart returns what stands before the @ of an address, or all of it.
func localPart(addr string) string {
	if at := strings.LastIndexByte(addr, '@'); at >= 0 {
		return addr[:at]
	}
	return addr
}
