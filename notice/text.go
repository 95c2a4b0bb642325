package notice

import (
	"html"
	"strings"

	"github.com/go-serversync/serversync/item"
)

// A text is the readable part of what may be a notice.
type text struct {
	text  string
	lower string // the same with ASCII letters in lower case, byte for byte
	from  int    // where the form begins

	reports []Report
	at      map[string]int // index of a recipient's report
	now     int            // index of the report whose diagnosis is being read, -1 for none
	first   about          // what it quotes of the original
}

func newText(m *item.Message) *text {
	s := m.Text[:min(len(m.Text), maxText)]
	if strings.TrimSpace(s) == "" {
		s = plain(m.HTML[:min(len(m.HTML), maxHTML)])
	}
	s = strings.NewReplacer("\u2019", "'", "\u00a0", " ", "\r", " ").Replace(s)
	return &text{text: s, lower: lowerASCII(s), at: make(map[string]int), now: -1}
}

// lowerASCII returns s with its letters A to Z in lower case, of the same length.
func lowerASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// line returns the bounds of the line that begins at i, without what is left out at
// its sides: white space and rules. Next is where the next one begins.
func (t *text) line(i int) (start, end, next int) {
	next = len(t.lower)
	if n := strings.IndexByte(t.lower[i:], '\n'); n >= 0 {
		next = i + n + 1
	}
	const rules = " \t\n-|*=#"
	s := strings.TrimLeft(t.lower[i:next], rules)
	start = next - len(s)
	return start, start + len(strings.TrimRight(s, " \t\n")), next
}

// form returns the form that the text is in, and where it says so. What a person
// quotes or forwards does not count.
func (t *text) form() (*form, int) {
	for i, lines := 0, 0; i < len(t.lower) && lines < maxMarker; {
		start, end, next := t.line(i)
		line := t.lower[start:end]
		if line != "" {
			lines++
		}
		if strings.HasPrefix(line, ">") || strings.HasPrefix(line, "from:") || strings.HasPrefix(line, "forwarded message") ||
			strings.HasPrefix(line, "original message") || strings.HasPrefix(line, "begin forwarded message") {
			break
		}
		for k := range forms {
			if f := &forms[k]; f.begun(line) {
				return f, i
			}
		}
		i = next
	}
	return nil, 0
}

func (f *form) begun(line string) bool {
	return hasAnyPrefix(line, f.begins) && (f.has == nil || hasAny(line, f.has))
}

// unknown returns a form for a text that no program known writes, if it is from a
// mail system in so many words, names a recipient at the start of a line, says with a
// code what became of the message, and shows that message.
func (t *text) unknown(h *header) *form {
	if !h.daemon || !h.null {
		return nil
	}
	action := ofClass(t.code(t.text[:t.original(0)]))
	if action == "" {
		return nil
	}
	f := &form{name: "unknown", action: action}
	probe := *t
	probe.at = make(map[string]int)
	probe.read(f)
	if len(probe.at) == 0 || probe.first.id == "" && len(h.message.InReplyTo) == 0 {
		return nil
	}
	return f
}

// code returns the first status code in s, or else the first reply code.
func (t *text) code(s string) string {
	if c := statusCode(s, "45"); c != "" {
		return c
	}
	return replyCode(s)
}

// around returns the line that a code stands in.
func (t *text) around(code string) string {
	i := strings.Index(t.text, code)
	if i < 0 {
		return ""
	}
	start := strings.LastIndexByte(t.text[:i], '\n') + 1
	line, _, _ := strings.Cut(t.text[start:], "\n")
	return clean(line, maxDiagnosis)
}

// original returns where, after i, the message that came back is shown, or the end.
func (t *text) original(i int) int {
	_, _, i = t.line(i) // not the line that says which form it is
	for i < len(t.lower) {
		start, end, next := t.line(i)
		if hasAnyPrefix(t.lower[start:end], separators) {
			return i
		}
		i = next
	}
	return len(t.lower)
}

// plain returns the text of HTML: enough to find lines and addresses in it.
func plain(s string) string {
	var b strings.Builder
	for s != "" {
		before, rest, ok := strings.Cut(s, "<")
		b.WriteString(strings.ReplaceAll(before, "\n", " "))
		if !ok {
			break
		}
		tag, after, ok := strings.Cut(rest, ">")
		if !ok {
			break
		}
		s = after
		name := strings.Trim(tag, "/ \n")
		if i := strings.IndexAny(name, " \t\n/"); i >= 0 {
			name = name[:i]
		}
		if isOneOf(name, []string{"br", "p", "div", "tr", "td", "li", "table", "h1", "h2", "h3", "pre", "hr"}) {
			b.WriteByte('\n')
		}
	}
	return html.UnescapeString(b.String())
}

func hasAnyPrefix(s string, list []string) bool {
	for _, prefix := range list {
		if strings.HasPrefix(s, prefix) {
			return true
		}
	}
	return false
}

func hasAny(s string, list []string) bool {
	for _, part := range list {
		if strings.Contains(s, part) {
			return true
		}
	}
	return false
}
