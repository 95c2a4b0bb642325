package item

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// longName is the longest file name, in bytes: what file systems take.
const longName = 255

// cleanName makes of what a sender calls a file a name that is no path, shows what
// it is and may be given to a file on any system: what stands before the last slash
// or backslash goes, as do control and formatting characters (a right-to-left
// override makes "exe.pdf" of "fdp.exe"), leading and trailing blanks, and trailing
// dots; characters that Windows forbids become "_", and a "_" stands before a name
// that Windows keeps for devices. Never open a file by it all the same.
func cleanName(s string) string {
	if i := strings.LastIndexAny(s, `/\`); i >= 0 {
		s = s[i+1:]
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Cc, r), unicode.Is(unicode.Cf, r), r == '\u2028', r == '\u2029':
			return -1
		case strings.ContainsRune(`<>:"|?*`, r):
			return '_'
		}
		return r
	}, s)
	s = strings.TrimSpace(s)
	s = strings.TrimRight(s, ". ")
	s = cutName(s)
	stem, _, _ := strings.Cut(s, ".")
	if isDevice(strings.ToUpper(strings.TrimSpace(stem))) {
		s = "_" + s
	}
	return s
}

// cutName shortens s to what, with the "_" of a device, is not too long. It keeps
// the extension, which says what the file is.
func cutName(s string) string {
	const most = longName - 1
	if len(s) <= most {
		return s
	}
	ext := ""
	if i := strings.LastIndexByte(s, '.'); i > 0 && len(s)-i <= 16 {
		s, ext = s[:i], s[i:]
	}
	n := min(len(s), most-len(ext))
	for n > 0 && n < len(s) && !utf8.RuneStart(s[n]) {
		n--
	}
	return strings.TrimRight(s[:n], ". ") + ext
}

func isDevice(stem string) bool {
	switch stem {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$":
		return true
	}
	return len(stem) == 4 && (stem[:3] == "COM" || stem[:3] == "LPT") && stem[3] >= '0' && stem[3] <= '9'
}
