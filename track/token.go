package track

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What is looked at in a subject, so that none takes long.
const (
	maxSubject = 1000 // characters
	maxTokens  = 5
)

// How many digits a token has after its prefix: base, user and counter have one each
// at least, and as many as their numbers need at most.
const (
	minTokenDigits = 3
	maxTokenDigits = 10 + 19 + 9
)

// Token returns the tracking token of a user's email: prefix, number of the
// deployment, number of the user and counter (Microsoft: "Configure email tracking").
// The counter goes round: with three digits 1000 follows on 999 as 000. It is "" where
// tokens are off. Numbers below zero count as zero.
func (r *Rules) Token(user, counter int64) string {
	t := r.settings.Token
	if t.Off {
		return ""
	}
	round := int64(1)
	for range t.CounterDigits {
		round *= 10
	}
	b := make([]byte, 0, len(t.Prefix)+maxTokenDigits)
	b = append(b, t.Prefix...)
	b = strconv.AppendInt(b, t.Base, 10)
	b = appendPadded(b, max(user, 0), t.UserDigits)
	return string(appendPadded(b, max(counter, 0)%round, t.CounterDigits))
}

func appendPadded(b []byte, n int64, digits int) []byte {
	s := strconv.FormatInt(n, 10)
	for range digits - len(s) {
		b = append(b, '0')
	}
	return append(b, s...)
}

// A tokenPrefix is a prefix of tokens, taken literally. Tokens are found by their
// digits, so a prefix is split where its own begin, if it ends in some.
type tokenPrefix struct {
	text   string
	head   string // text without digits
	digits string
}

func newTokenPrefix(text string) tokenPrefix {
	head := strings.TrimRight(text, "0123456789")
	return tokenPrefix{text, head, text[len(head):]}
}

// before returns where a token begins whose digits are s[i:end], -1 if they are none
// of p's.
func (p *tokenPrefix) before(s string, i, end int) int {
	n := end - i - len(p.digits)
	if n < minTokenDigits || n > maxTokenDigits || !strings.HasPrefix(s[i:], p.digits) {
		return -1
	}
	start := foldSuffix(s[:i], p.head)
	if start < 0 {
		return -1
	}
	if first, _ := utf8.DecodeRuneInString(p.text); inWord(first) {
		if last, _ := utf8.DecodeLastRuneInString(s[:start]); inWord(last) {
			return -1 // the end of a longer word
		}
	}
	return start
}

// nextToken returns the first token of s that begins at from or later. Start is -1 if
// there is none. Only ASCII digits count, and none may follow of another script.
func (r *Rules) nextToken(s string, from int) (start, digits, end int) {
	for i := from; i < len(s); i++ {
		if !isDigit(s[i]) {
			continue
		}
		end = i + 1
		for end < len(s) && isDigit(s[end]) {
			end++
		}
		if next, _ := utf8.DecodeRuneInString(s[end:]); !inWord(next) {
			for p := range r.prefixes {
				if start = r.prefixes[p].before(s, i, end); start >= from {
					return start, i, end
				}
			}
		}
		i = end
	}
	return -1, -1, -1
}

// tokensIn returns the tokens in a subject, spelled as they are made. A prefix that is
// there in two spellings has both looked up.
func (r *Rules) tokensIn(subject string) (tokens []string) {
	s := firstRunes(subject, maxSubject)
	for n, from := 0, 0; n < maxTokens; n++ {
		start, i, end := r.nextToken(s, from)
		if start < 0 {
			break
		}
		for k := range r.prefixes {
			p := &r.prefixes[k]
			at := p.before(s, i, end)
			if at < from {
				continue
			}
			if strings.HasPrefix(s[at:], p.text) {
				tokens = appendNew(tokens, s[at:end])
			} else {
				tokens = appendNew(tokens, p.text+s[i+len(p.digits):end])
			}
		}
		from = end
	}
	return tokens
}

// withoutTokens returns s without the tokens in it, and s itself if there is none. Its
// parts are joined by a space, so that they make no token.
func (r *Rules) withoutTokens(s string) string {
	start, _, end := r.nextToken(s, 0)
	if start < 0 {
		return s
	}
	var b strings.Builder
	for from := 0; ; {
		if start < 0 {
			b.WriteString(strings.TrimLeft(s[from:], " "))
			return strings.Trim(b.String(), " ")
		}
		if kept := strings.Trim(s[from:start], " "); kept != "" {
			b.WriteString(kept)
			b.WriteByte(' ')
		}
		from = end
		start, _, end = r.nextToken(s, from)
	}
}

// foldSuffix returns where s, but for case, ends with suffix, -1 if it does not.
func foldSuffix(s, suffix string) int {
	for suffix != "" {
		a, n := utf8.DecodeLastRuneInString(s)
		b, m := utf8.DecodeLastRuneInString(suffix)
		if n == 0 || a != b && unicode.ToLower(a) != unicode.ToLower(b) {
			return -1
		}
		s, suffix = s[:len(s)-n], suffix[:len(suffix)-m]
	}
	return len(s)
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// inWord reports whether a token does not stand by itself next to r. Letters of other
// scripts do not count, for some of them are written without spaces.
func inWord(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || unicode.IsNumber(r)
}

// firstRunes returns the first n characters of s.
func firstRunes(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

func appendNew(list []string, s string) []string {
	for _, known := range list {
		if known == s {
			return list
		}
	}
	return append(list, s)
}
