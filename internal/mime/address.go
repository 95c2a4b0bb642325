package mime

import "strings"

// Addresses calls add for each mailbox in the value of an address field, UTF-8 and
// unfolded, and stops after most. name is decoded; addr is as written, without
// white space, and not always an address.
//
// It reads what RFC 5322, section 3.4 and 4.4 allow (groups, comments, quoted
// strings, routes) and what people write: missing commas and brackets, semicolons,
// names with unquoted dots and colons. Each byte is looked at a fixed number of
// times.
func Addresses(s string, most int, add func(name, addr string)) Flags {
	a := addresses{s: s, most: most, add: add}
	for a.i < len(s) && !a.full {
		a.token()
	}
	if !a.full {
		a.end()
	}
	return a.flags
}

type addresses struct {
	s     string
	i     int
	most  int
	add   func(name, addr string)
	flags Flags
	full  bool

	// The mailbox being read.
	name    []byte // its phrase, unquoted, words parted by one space
	bare    []byte // the same as written: it may turn out to be the address
	comment string
	angle   string // what stood in <>
	closed  bool   // angle is set
	at      bool   // bare has an "@" outside quotes
	gap     bool   // white space stands before the next token
}

// token reads the next token.
func (a *addresses) token() {
	switch c := a.s[a.i]; c {
	case ' ', '\t', '\r', '\n':
		a.gap = true
		a.i++
	case ',':
		a.end()
		a.i++
	case ';':
		a.end()
		a.i++
	case ':':
		if a.at || a.closed {
			a.text(":", ":")
			a.i++
			break
		}
		a.flags |= Group
		a.name, a.bare, a.comment, a.gap = a.name[:0], a.bare[:0], "", false
		a.i++
	case '(':
		end := skipComment(a.s, a.i)
		if a.comment == "" {
			a.comment = strings.TrimSuffix(a.s[a.i+1:end], ")")
		}
		a.i, a.gap = end, true
	case '"':
		start := a.i
		var text string
		text, a.i = quotedString(a.s, a.i)
		a.text(text, a.s[start:a.i])
	case '<':
		if a.closed {
			a.flags |= BadAddress
			a.end()
		}
		a.brackets()
	case '>', ']':
		a.flags |= BadAddress
		a.i++
	case '[':
		end := a.i + 1
		for end < len(a.s) && !strings.ContainsRune(" \t,;<>", rune(a.s[end])) && a.s[end-1] != ']' {
			end++
		}
		a.text(a.s[a.i:end], a.s[a.i:end])
		a.i = end
	default:
		a.atom()
	}
}

// atom reads a run of ordinary characters.
func (a *addresses) atom() {
	start := a.i
	for a.i < len(a.s) && !special[a.s[a.i]] {
		a.at = a.at || a.s[a.i] == '@'
		a.i++
	}
	if a.i == start { // a special that token leaves to us: a backslash
		a.i++
		if a.i < len(a.s) {
			start = a.i
			a.i++
		}
		for a.i < len(a.s) && a.s[a.i]&0xC0 == 0x80 {
			a.i++ // the rest of a rune
		}
	}
	a.text(a.s[start:a.i], a.s[start:a.i])
}

var special = func() (t [256]bool) {
	for _, c := range " \t\r\n,;:()\"<>[]\\" {
		t[c] = true
	}
	return t
}()

// text adds a token to the phrase, and as written to what may be the address.
func (a *addresses) text(name, written string) {
	if a.gap && len(a.name) > 0 {
		a.name = append(a.name, ' ')
	}
	a.name = append(a.name, name...)
	if n := len(a.bare); a.gap && n > 0 && a.bare[n-1] != '@' && a.bare[n-1] != '.' &&
		written != "" && written[0] != '@' && written[0] != '.' {
		a.bare = append(a.bare, ' ')
	}
	a.bare = append(a.bare, written...)
	a.gap = false
}

// brackets reads <...>. Without its ">" it ends at the next separator.
func (a *addresses) brackets() {
	a.i++
	start := a.i
	route := a.i < len(a.s) && a.s[a.i] == '@'
	spaced := false
	for a.i < len(a.s) {
		switch c := a.s[a.i]; c {
		case '>':
			a.bracketed(a.s[start:a.i], spaced)
			a.i++
			return
		case '"':
			_, a.i = quotedString(a.s, a.i)
			continue
		case ',', ';':
			if !route {
				a.flags |= BadAddress
				a.bracketed(a.s[start:a.i], spaced)
				return
			}
		case ':':
			if route {
				start, route = a.i+1, false
			}
		case ' ', '\t', '(', '<':
			spaced = true
		}
		a.i++
	}
	a.flags |= BadAddress
	a.bracketed(a.s[start:], spaced)
}

// bracketed takes what stood in <>. spaced says that it may need cleaning.
func (a *addresses) bracketed(addr string, spaced bool) {
	a.closed, a.gap = true, true
	if !spaced {
		a.angle = addr
		return
	}
	var b strings.Builder
	for i := 0; i < len(addr); {
		switch c := addr[i]; c {
		case ' ', '\t':
			i++
		case '<':
			a.flags |= BadAddress
			b.Reset() // as in <<a@b>>
			i++
		case '(':
			i = skipComment(addr, i)
		case '"':
			_, end := quotedString(addr, i)
			b.WriteString(addr[i:end])
			i = end
		default:
			b.WriteByte(c)
			i++
		}
	}
	a.angle = b.String()
}

// end hands on the mailbox read, if there is one.
func (a *addresses) end() {
	name, addr := "", ""
	switch {
	case a.closed:
		name, addr = string(a.name), a.angle
		if name == "" {
			name = a.comment
		}
	case a.at:
		name, addr = splitBare(string(a.bare))
		if name != "" {
			a.flags |= BadAddress
		} else {
			name = a.comment
		}
	case len(a.bare) > 0:
		a.flags |= BadAddress
		if bare := string(a.bare); strings.ContainsAny(bare, " \"") || strings.Contains(bare, "=?") {
			name = string(a.name)
		} else {
			addr = bare
		}
	}
	a.name, a.bare, a.comment, a.angle = a.name[:0], a.bare[:0], "", ""
	a.closed, a.at, a.gap = false, false, false
	if name == "" && addr == "" {
		return
	}
	name, flags := Words(name)
	a.flags |= flags
	name, addr = strings.TrimSpace(name), strings.TrimSpace(clean(addr))
	switch {
	case name == "" && addr == "":
	case a.most <= 0:
		a.full = true
		a.flags |= TooManyAddresses
	default:
		a.most--
		a.add(name, addr)
	}
}

// splitBare takes the word with the "@" out of `Jo Doe jo@example.com`.
func splitBare(s string) (name, addr string) {
	if s[0] == '"' { // a quoted local part, or a quoted name
		if _, end := quotedString(s, 0); end < len(s) && s[end] == '@' {
			return "", s
		}
	}
	for rest := s; rest != ""; {
		word, after, _ := strings.Cut(rest, " ")
		if strings.IndexByte(word, '@') >= 0 {
			before := strings.TrimSpace(s[:len(s)-len(rest)])
			return strings.TrimSpace(strings.Trim(before, `"`) + " " + after), word
		}
		rest = after
	}
	return "", s
}
