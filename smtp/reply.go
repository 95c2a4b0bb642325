package smtp

import (
	"fmt"
	"strings"

	gosmtp "github.com/emersion/go-smtp"
)

// A reply is what the server answered (RFC 5321, section 4.2).
type reply struct {
	code  int
	lines []string // without the code
}

// add takes a line of a reply in and reports whether there are more.
func (r *reply) add(line string) (more bool, err error) {
	if len(line) < 3 || strings.Trim(line[:3], "0123456789") != "" || line[0] == '0' {
		return false, errGarbled
	}
	code := int(line[0]-'0')*100 + int(line[1]-'0')*10 + int(line[2]-'0')
	text := ""
	if len(line) > 3 {
		if line[3] != ' ' && line[3] != '-' {
			return false, errGarbled
		}
		more, text = line[3] == '-', line[4:]
	}
	if len(r.lines) > 0 && code != r.code {
		return false, errGarbled
	}
	r.code, r.lines = code, append(r.lines, text)
	return more, nil
}

// replyOf returns the reply in an error of go-smtp's, which may have read another
// since.
func replyOf(e *gosmtp.SMTPError) reply {
	text := e.Message
	if e.EnhancedCode != (gosmtp.EnhancedCode{}) {
		text = fmt.Sprintf("%d.%d.%d %s", e.EnhancedCode[0], e.EnhancedCode[1], e.EnhancedCode[2], text)
	}
	return reply{code: e.Code, lines: strings.Split(text, "\n")}
}

// class returns the first digit, which says it all.
func (r reply) class() int { return r.code / 100 }

// enhanced returns the status code of RFC 3463 in front of the text, such as
// "5.7.1", or "".
func (r reply) enhanced() string {
	if len(r.lines) == 0 {
		return ""
	}
	word, _, _ := strings.Cut(r.lines[0], " ")
	if len(word) < 5 || len(word) > 9 || word[1] != '.' || strings.Count(word, ".") != 2 || strings.Trim(word, "0123456789.") != "" {
		return ""
	}
	return word
}

// status returns the code with the enhanced one, such as "535 5.7.8".
func (r reply) status() string {
	return strings.TrimSpace(fmt.Sprintf("%03d %s", r.code, r.enhanced()))
}

// text returns what the server says, on one line, its code not included.
func (r reply) text() string { return strings.Join(r.lines, " ") }

// offers reports whether the reply to EHLO names an extension.
func (r reply) offers(keyword string) bool {
	for _, line := range r.lines[1:] {
		word, _, _ := strings.Cut(line, " ")
		if strings.EqualFold(word, keyword) {
			return true
		}
	}
	return false
}

// wire returns r for go-smtp, which wants lines below 2,000 bytes and a space after
// each code. In the reply to EHLO keywords are in capitals, as go-smtp knows
// them, though RFC 5321, section 4.1.1.1 leaves their case to the server, and
// there is one AUTH, where old servers say "AUTH LOGIN" and "AUTH=LOGIN" both.
func (r reply) wire(hello bool) string {
	lines := r.lines
	if hello && r.code == 250 {
		lines = capitals(lines)
	}
	var b strings.Builder
	for i, line := range lines {
		sep := '-'
		if i == len(lines)-1 {
			sep = ' '
		}
		fmt.Fprintf(&b, "%03d%c%s\r\n", r.code, sep, line[:min(len(line), 1900)])
	}
	return b.String()
}

func capitals(lines []string) []string {
	out := lines[:1:1]
	auth := ""
	for _, line := range lines[1:] {
		keyword, rest, _ := strings.Cut(line, " ")
		keyword = strings.ToUpper(keyword)
		if mechanism, ok := strings.CutPrefix(keyword, "AUTH="); ok {
			auth += " " + mechanism + " " + rest
			continue
		}
		if keyword == "AUTH" {
			auth += " " + rest
			continue
		}
		out = append(out, strings.TrimSpace(keyword+" "+rest))
	}
	if auth != "" {
		out = append(out, "AUTH "+strings.Join(strings.Fields(strings.ToUpper(auth)), " "))
	}
	return out
}
