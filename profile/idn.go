package profile

import (
	"errors"
	"strings"
	"unicode"
)

var (
	errHostForm    = errors.New("it is not a bare host name")
	errHostASCII   = errors.New("the name is not ASCII: letters of other scripts look like Latin ones")
	errHostScripts = errors.New("a label of the name mixes scripts, as names that are to be mistaken for others do")
)

// CheckHost returns nil if host is a host name or an IP address and nothing else.
// Names of other scripts are taken in ASCII, as "xn--..." (RFC 5891), so that who
// sees one sees that it is none of those that it looks like. The error repeats
// nothing of host.
func CheckHost(host string) error {
	switch {
	case isForeign(host):
		return errHostASCII
	case !isHost(host):
		return errHostForm
	case mixesScripts(host):
		return errHostScripts
	}
	return nil
}

// isForeign reports whether host would be a host name but for characters that are
// not ASCII.
func isForeign(host string) bool {
	ascii := strings.Map(func(r rune) rune {
		if r >= 0x80 && unicode.IsPrint(r) && r != unicode.ReplacementChar {
			return 'x'
		}
		return r
	}, host)
	return ascii != host && isHost(ascii)
}

// mixesScripts reports whether a label of host that stands for another name mixes
// scripts, or is none that stands for one (RFC 5891, section 4.2.3; Unicode Technical
// Standard 39, section 5.2, where this is about "highly restrictive").
func mixesScripts(host string) bool {
	for label := range strings.SplitSeq(host, ".") {
		if len(label) < 4 || !strings.EqualFold(label[:4], "xn--") {
			continue
		}
		decoded, ok := punycode(label[4:])
		if !ok || len(label) > 63 || mixed(decoded) {
			return true
		}
	}
	return false
}

// mixed reports whether a label has letters of several scripts that no language
// writes together.
func mixed(label []rune) bool {
	has := make(map[string]bool)
	for _, r := range label {
		if !unicode.In(r, unicode.L, unicode.M, unicode.Nd) && !strings.ContainsRune("-·・׳״\u200c\u200d", r) {
			return true // no letter of any
		}
		if unicode.In(r, unicode.Common, unicode.Inherited) {
			continue
		}
		for name, script := range unicode.Scripts {
			if unicode.Is(script, r) {
				has[name] = true
				break
			}
		}
	}
	for _, together := range [...]string{"Latin Han Hiragana Katakana", "Latin Han Bopomofo", "Latin Han Hangul"} {
		fits := true
		for name := range has {
			fits = fits && strings.Contains(" "+together+" ", " "+name+" ")
		}
		if fits {
			return false
		}
	}
	return len(has) > 1
}

// punycode decodes what follows "xn--" (RFC 3492, section 6.2). It fails for what
// encodes nothing, and for what no encoder makes.
func punycode(s string) ([]rune, bool) {
	const base, tMin, tMax, skew, damp = 36, 1, 26, 38, 700
	var label []rune
	n, i, bias := 128, 0, 72
	if at := strings.LastIndexByte(s, '-'); at > 0 {
		label, s = []rune(s[:at]), s[at+1:]
	}
	if s == "" {
		return nil, false
	}
	adapt := func(delta, points int, first bool) int {
		if delta /= 2; first {
			delta = delta * 2 / damp
		}
		delta += delta / points
		k := 0
		for ; delta > (base-tMin)*tMax/2; k += base {
			delta /= base - tMin
		}
		return k + (base-tMin+1)*delta/(delta+skew)
	}
	for s != "" {
		old, weight := i, 1
		for k := base; ; k += base {
			if s == "" {
				return nil, false
			}
			digit := strings.IndexByte("abcdefghijklmnopqrstuvwxyz0123456789", s[0]|0x20)
			if s[0] >= '0' && s[0] <= '9' {
				digit = int(s[0]-'0') + 26
			}
			s = s[1:]
			if digit < 0 || digit > (1<<31-1-i)/weight {
				return nil, false
			}
			i += digit * weight
			t := min(max(k-bias, tMin), tMax)
			if digit < t {
				break
			}
			if weight *= base - t; weight > 1<<31-1 {
				return nil, false
			}
		}
		points := len(label) + 1
		bias = adapt(i-old, points, old == 0)
		n, i = n+i/points, i%points
		if n > unicode.MaxRune {
			return nil, false
		}
		label = append(label[:i], append([]rune{rune(n)}, label[i:]...)...)
		i++
	}
	return label, true
}
