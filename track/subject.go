package track

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-serversync/serversync/item"
)

// Subject returns subject with a token at its end, in at most as many characters as
// [mailbox.Token.SubjectLimit] says: the subject is cut, and a token that does not fit
// by itself is left out (Microsoft: "OrgDBOrgSettings for server-side
// synchronization", MaximumSubjectLengthOnMailServer). Tokens that the subject has
// already are taken out. What is no character of a line becomes a space. With the token
// "" the subject is only cut.
func (r *Rules) Subject(subject, token string) string {
	subject, token = oneLine(firstRunes(subject, maxSubject)), oneLine(token)
	room := r.settings.Token.SubjectLimit
	size := utf8.RuneCountInString(token)
	if token == "" || size > room {
		return firstRunes(subject, room)
	}
	// Cutting may leave digits that were none of a token before.
	for before := ""; before != subject; {
		before = subject
		subject = strings.TrimRight(firstRunes(r.withoutTokens(subject), max(room-size-1, 0)), " ")
	}
	if subject == "" {
		return token
	}
	return subject + " " + token
}

// oneLine returns s as valid UTF-8 without control characters, and without spaces
// around it.
func oneLine(s string) string {
	return strings.Trim(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD")), " ")
}

// The marks that mail programs put before the subjects of answers and of what is
// forwarded, in lower case (Wikipedia: "List of email subject abbreviations"; RFC 5256,
// section 2.1, has the English ones). VS is a forward in Danish and Norwegian and an
// answer in Finnish; it is taken for an answer, since a forward that is matched does
// less harm than an answer that is not.
const (
	answerMarks  = `|re|aw|antw|sv|vs|r|rif|ref|res|odp|ynt|atb|bls|vá|απ|σχετ|回复|回覆|答复|رد|השב|תשובה|`
	forwardMarks = `|fw|fwd|wg|tr|rv|enc|i|vb|vl|doorst|pd|ilt|trs|továbbítás|yml|fs|πρθ|转发|轉寄|إعادة توجيه|הועבר|`
)

// A subjectMark is what stands before a subject.
type subjectMark int

const (
	noMark subjectMark = iota
	answerMark
	forwardMark
)

// cutMark cuts one mark from the front of a subject: "RE:", "Re[2]:", "AW :".
func cutMark(s string) (mark subjectMark, rest string) {
	s = strings.TrimLeftFunc(s, unicode.IsSpace)
	const longest = 40 // bytes; no mark has as many
	end := strings.IndexAny(s[:min(len(s), longest)], ":\uFF1A[(")
	if end < 1 {
		return noMark, s
	}
	word := strings.TrimRightFunc(s[:end], unicode.IsSpace)
	rest = s[end:]
	if rest[0] == '[' || rest[0] == '(' {
		n := strings.IndexAny(rest, "])")
		if n < 2 || n > 5 || strings.Trim(rest[1:n], "0123456789") != "" {
			return noMark, s
		}
		rest = strings.TrimLeftFunc(rest[n+1:], unicode.IsSpace)
	}
	rest, ok := strings.CutPrefix(rest, ":")
	if !ok {
		if rest, ok = strings.CutPrefix(rest, "\uFF1A"); !ok {
			return noMark, s
		}
	}
	if mark = markOf(word); mark == noMark {
		return noMark, s
	}
	return mark, rest
}

func markOf(word string) subjectMark {
	word = "|" + strings.ToLower(word) + "|"
	switch {
	case strings.Count(word, "|") > 2:
		return noMark
	case strings.Contains(answerMarks, word):
		return answerMark
	case strings.Contains(forwardMarks, word):
		return forwardMark
	}
	return noMark
}

// isForward reports whether m forwards another message: the first mark of its subject
// says so, or Thunderbird, which names what it forwards. Fields of messages that a
// server sends on by itself (Resent-To, X-Forwarded-For) say nothing: those stay the
// answers that they are.
func isForward(m *item.Message) bool {
	if mark, _ := cutMark(firstRunes(m.Subject, maxSubject)); mark == forwardMark {
		return true
	}
	for i := range m.Fields {
		if strings.EqualFold(m.Fields[i].Name, "X-Forwarded-Message-Id") {
			return true
		}
	}
	return false
}
