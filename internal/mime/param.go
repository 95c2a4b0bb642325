package mime

import (
	"strconv"
	"strings"
)

// A Param is a parameter of a field, decoded (RFC 2045, section 5.1; RFC 2231).
type Param struct {
	Name  string // in lower case
	Value string
}

// Get returns the value of the first parameter called name, or "".
func Get(params []Param, name string) string {
	for _, p := range params {
		if p.Name == name {
			return p.Value
		}
	}
	return ""
}

// parseValue splits a field such as `text/plain; charset=utf-8` in its value, in
// lower case, and its parameters.
func parseValue(field []byte, most int) (string, []Param, Flags) {
	s := Text(field)
	end := 0
	for end < len(s) && s[end] != ';' && s[end] != '(' {
		end++
	}
	value := intern(strings.ToLower(strings.TrimSpace(s[:end])))
	for end < len(s) && s[end] != ';' {
		if s[end] == '(' {
			end = skipComment(s, end)
			continue
		}
		end++
	}
	if end == len(s) {
		return value, nil, 0
	}
	params, flags := Params(s[end:], most)
	return value, params, flags
}

// intern returns s, or a constant equal to it, so that s need not be kept.
func intern(s string) string {
	for _, known := range [...]string{
		"text/plain", "text/html", "multipart/mixed", "multipart/alternative",
		"multipart/related", "application/pdf", "application/octet-stream",
		"image/png", "image/jpeg", "message/rfc822", "attachment", "inline",
	} {
		if s == known {
			return known
		}
	}
	return s
}

// Params parses `;name=value;…`. At most most are read. A name given twice stands
// twice; [Get] takes the first. Pieces of RFC 2231 are put together and stand where
// the first piece stood; they win over a plain parameter of that name.
func Params(s string, most int) ([]Param, Flags) {
	var pieces [8]piecedParam
	found := pieces[:0]
	var flags Flags
	for i := 0; ; {
		for i < len(s) && (s[i] == ';' || isBlank(s[i])) {
			i++
		}
		if i == len(s) {
			break
		}
		if len(found) == most {
			flags |= BadParameter
			break
		}
		name, value, next, ok := nextParam(s, i)
		i = next
		if !ok {
			flags |= BadParameter
			continue
		}
		found = append(found, splitName(name, value))
	}
	params, joined := join(found)
	return params, flags | joined
}

// nextParam reads one parameter that starts at s[i]. ok is false if it has no "=".
func nextParam(s string, i int) (name, value string, next int, ok bool) {
	start := i
	for i < len(s) && s[i] != '=' && s[i] != ';' {
		if s[i] == '(' {
			i = skipComment(s, i)
			start = i
			continue
		}
		i++
	}
	if i == len(s) || s[i] == ';' {
		return "", "", i, false
	}
	name = strings.ToLower(strings.TrimSpace(s[start:i]))
	i++
	for i < len(s) && isBlank(s[i]) {
		i++
	}
	if i < len(s) && s[i] == '"' {
		value, i = quotedString(s, i)
		for i < len(s) && s[i] != ';' && isBlank(s[i]) {
			i++
		}
		return name, value, i, name != ""
	}
	start = i
	for i < len(s) && s[i] != ';' && s[i] != '"' {
		i++
	}
	value = strings.TrimSpace(s[start:i])
	if open := strings.Index(value, " ("); open >= 0 && strings.HasSuffix(value, ")") {
		value = value[:open] // a comment
	}
	if i < len(s) && s[i] == '"' { // a stray quote, as in name=a.pdf"
		i++
	}
	return name, value, i, name != ""
}

// quotedString reads the quoted string at s[i] (RFC 5322, section 3.2.4). Without
// its closing quote it goes on to the end. A backslash before anything but a quote
// or a backslash stays: people write paths.
func quotedString(s string, i int) (value string, next int) {
	i++
	start := i
	for i < len(s) && s[i] != '"' && s[i] != '\\' {
		i++
	}
	if i == len(s) || s[i] == '"' {
		return s[start:i], min(i+1, len(s))
	}
	b := []byte(s[start:i])
	for ; i < len(s) && s[i] != '"'; i++ {
		if s[i] == '\\' && i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\') {
			i++
		}
		b = append(b, s[i])
	}
	return string(b), min(i+1, len(s))
}

// skipComment returns where the comment at s[i] ends. Comments nest; we count.
func skipComment(s string, i int) int {
	depth := 0
	for ; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(s)
}

// A piecedParam is a parameter as it stands: `name*2*=` has piece 2 and is encoded.
type piecedParam struct {
	name, value string
	piece       int // -1 without a number
	encoded     bool
	used        bool
}

func splitName(name, value string) piecedParam {
	p := piecedParam{name: name, value: value, piece: -1}
	p.name, p.encoded = strings.CutSuffix(p.name, "*")
	star := strings.LastIndexByte(p.name, '*')
	if star < 0 {
		return p
	}
	n, err := strconv.ParseUint(p.name[star+1:], 10, 16)
	if err != nil {
		return p
	}
	p.name, p.piece = p.name[:star], int(n)
	return p
}

// join puts pieces together. There are few enough to compare each with each.
func join(found []piecedParam) ([]Param, Flags) {
	var params []Param
	var flags Flags
	for i := range found {
		f := &found[i]
		if f.used {
			flags |= f.repeated()
			continue
		}
		if params == nil {
			params = make([]Param, 0, len(found))
		}
		value, bad := f.assemble(found)
		flags |= bad
		params = append(params, Param{f.name, value})
		// A second boundary is worth knowing; of other names, the first counts.
		for j := i + 1; j < len(found); j++ {
			same := found[j].name == f.name
			if same && (f.name != "boundary" || found[j].piece >= 0) {
				found[j].used = true
			}
		}
	}
	return params, flags
}

// repeated flags a parameter that stands twice in one form.
func (p *piecedParam) repeated() Flags {
	if p.piece < 0 && !p.encoded {
		return BadParameter
	}
	return 0
}

// assemble returns the value for p's name: RFC 2231's forms first, encoded before
// numbered, then the plain one.
func (p *piecedParam) assemble(found []piecedParam) (string, Flags) {
	numbered := false
	for _, f := range found {
		if f.name == p.name && f.piece < 0 && f.encoded {
			return extended(f.value)
		}
		numbered = numbered || f.name == p.name && f.piece == 0
	}
	if numbered {
		return p.concat(found)
	}
	value, flags := Words(p.value)
	return value, flags
}

// concat puts the numbered pieces together, up to the first gap.
func (p *piecedParam) concat(found []piecedParam) (string, Flags) {
	var raw []byte
	charset := ""
	for n := 0; ; n++ {
		i := 0
		for i < len(found) && (found[i].name != p.name || found[i].piece != n) {
			i++
		}
		if i == len(found) {
			break
		}
		value := found[i].value
		if !found[i].encoded {
			raw = append(raw, value...)
			continue
		}
		if n == 0 {
			charset, value = cutCharset(value)
		}
		raw = percent(raw, value)
	}
	if charset == "" {
		return Words(Text(raw)) // some number the pieces of an encoded word
	}
	text, known := DecodeCharset(charset, raw)
	return clean(text), badCharset(known)
}

// extended decodes charset'language'%41%42.
func extended(value string) (string, Flags) {
	charset, value := cutCharset(value)
	text, known := DecodeCharset(charset, percent(nil, value))
	return clean(text), badCharset(known)
}

func badCharset(known bool) Flags {
	if known {
		return 0
	}
	return BadCharset
}

func cutCharset(value string) (charset, rest string) {
	charset, rest, ok := strings.Cut(value, "'")
	if !ok {
		return "", value
	}
	if _, text, ok := strings.Cut(rest, "'"); ok {
		return charset, text
	}
	return charset, rest
}

// percent appends s to b with %41 decoded. A % that encodes nothing stays.
func percent(b []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) && hexDigit(s[i+1]) >= 0 && hexDigit(s[i+2]) >= 0 {
			b = append(b, byte(hexDigit(s[i+1])<<4|hexDigit(s[i+2])))
			i += 2
			continue
		}
		b = append(b, s[i])
	}
	return b
}

func hexDigit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	}
	return -1
}
