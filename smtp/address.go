package smtp

import (
	"net/netip"
	"strings"
	"unicode/utf8"
)

// validAddress reports whether address can stand between the angle brackets of
// MAIL and RCPT and be read as one address by any server (RFC 5321, section 4.1.2).
// Addresses with a literal in place of the domain are refused: an organization has
// no business naming them, and they reach hosts inside. So are quoted local parts
// with an angle bracket or a control character in them, which servers read apart
// (CVE-2025-59937).
func validAddress(address string) bool {
	at := strings.LastIndexByte(address, '@')
	if at < 1 || len(address) > 320 || !utf8.ValidString(address) {
		return false
	}
	local, domain := address[:at], address[at+1:]
	if strings.HasPrefix(local, `"`) {
		return validQuoted(local) && validName(domain)
	}
	return validAtoms(local) && validName(domain)
}

// validAtoms checks a dot-string; with RFC 6531 it may hold UTF-8.
func validAtoms(local string) bool {
	for _, atom := range strings.Split(local, ".") {
		if atom == "" {
			return false
		}
		for _, r := range atom {
			if !letterOrDigit(r) && !strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", r) && !other(r) {
				return false
			}
		}
	}
	return true
}

// validQuoted checks a quoted string.
func validQuoted(local string) bool {
	if len(local) < 3 || local[len(local)-1] != '"' {
		return false
	}
	escaped := false
	for _, r := range local[1 : len(local)-1] {
		switch {
		case r < ' ' || r == 0x7f || r == '<' || r == '>' || r > 0x7f && !other(r):
			return false
		case escaped:
			escaped = false
		case r == '\\':
			escaped = true
		case r == '"':
			return false
		}
	}
	return !escaped
}

// validName checks a domain name, in its UTF-8 or its ASCII form.
func validName(domain string) bool {
	if domain == "" || len(domain) > 255 {
		return false
	}
	for _, label := range strings.Split(domain, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, r := range label {
			if !letterOrDigit(r) && r != '-' && r != '_' && !other(r) {
				return false
			}
		}
	}
	return true
}

// validDomain checks what we call ourselves: an ASCII name or an address literal.
func validDomain(name string) bool {
	if literal, ok := strings.CutPrefix(name, "["); ok {
		literal, ok = strings.CutSuffix(literal, "]")
		addr, err := netip.ParseAddr(strings.TrimPrefix(literal, "IPv6:"))
		return ok && err == nil && addr.Zone() == ""
	}
	return ascii(name) && validName(name)
}

func letterOrDigit(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
}

// other reports whether r is a character beyond ASCII that prints or joins: no C1
// control, no line separator, nothing that turns the direction of writing.
func other(r rune) bool {
	return r >= 0xa1 && r != utf8.RuneError && (r < 0x2028 || r > 0x202e) && (r < 0x2066 || r > 0x2069) && r != 0xfeff
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// validEnvelopeID checks an ENVID, which may have up to 100 characters once it is
// written as xtext (RFC 3461, sections 4 and 4.4).
func validEnvelopeID(id string) bool {
	n := len(id)
	for i := range len(id) {
		if id[i] < ' ' || id[i] > '~' {
			return false
		}
		if id[i] == '+' || id[i] == '=' || id[i] == ' ' {
			n += 2
		}
	}
	return n <= 100
}
