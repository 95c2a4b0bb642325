package notice

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// clean returns s for people to read: at most limit bytes of valid UTF-8, runs of
// white space and control characters as one space, and nothing that turns the
// direction of text or cannot be seen.
func clean(s string, limit int) string {
	s = s[:min(len(s), 4*limit)]
	var b strings.Builder
	gap := false
	for _, r := range s {
		if unicode.IsSpace(r) || unicode.IsControl(r) {
			gap = b.Len() > 0
			continue
		}
		if r >= utf8.RuneSelf && unicode.In(r, unicode.Cf, unicode.Co, unicode.Cs) {
			continue
		}
		n := utf8.RuneLen(r)
		if gap {
			n++
		}
		if b.Len()+n > limit {
			break
		}
		if gap {
			b.WriteByte(' ')
			gap = false
		}
		b.WriteRune(r) // U+FFFD for what is not UTF-8
	}
	return b.String()
}

// statusCode returns the first enhanced status code in s of one of the classes
// (RFC 3463, section 2), or "".
func statusCode(s, classes string) string {
	for i := 0; i < len(s); i++ {
		if strings.IndexByte(classes, s[i]) < 0 || i > 0 && (s[i-1] == '.' || isDigit(s[i-1])) {
			continue
		}
		if n := codeLen(s[i:]); n > 0 {
			return s[i : i+n]
		}
	}
	return ""
}

// codeLen returns the length of the status code that s begins with, or 0. What is
// followed by further numbers is a version or an IP address.
func codeLen(s string) int {
	i := 1
	for part := range 2 {
		if i >= len(s) || s[i] != '.' {
			return 0
		}
		i++
		start := i
		for i < len(s) && isDigit(s[i]) {
			i++
		}
		// Subjects are 0 to 7, which tells codes from versions.
		if n := i - start; n == 0 || n > 3 || part == 0 && (n > 1 || s[start] > '7') {
			return 0
		}
	}
	if i+1 < len(s) && s[i] == '.' && isDigit(s[i+1]) {
		return 0
	}
	return i
}

// replyCode returns the first reply code of SMTP in s, 400 to 599, that stands by
// itself (RFC 5321, section 4.2), or "".
func replyCode(s string) string {
	for i := 0; i+3 <= len(s); i++ {
		if s[i] != '4' && s[i] != '5' || !isDigit(s[i+1]) || !isDigit(s[i+2]) || s[i+1] > '5' {
			continue
		}
		if i > 0 && s[i-1] != ' ' && s[i-1] != ':' && s[i-1] != '(' && s[i-1] != '\n' && s[i-1] != ';' {
			continue
		}
		if i+3 == len(s) || s[i+3] == ' ' || s[i+3] == '-' {
			return s[i : i+3]
		}
	}
	return ""
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// ofClass returns what a status or reply code of a class means, "" if nothing.
func ofClass(code string) Action {
	switch {
	case strings.HasPrefix(code, "2"):
		return Delivered
	case strings.HasPrefix(code, "4"):
		return Delayed
	case strings.HasPrefix(code, "5"):
		return Failed
	}
	return ""
}
