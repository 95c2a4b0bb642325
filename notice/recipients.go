package notice

import "strings"

// read takes recipients and diagnoses from the text, and from the original that it
// shows the Message-ID.
func (t *text) read(f *form) {
	end := t.original(t.from)
	action := f.action
	if hasAny(t.lower[t.from:end], f.delayed) {
		action = Delayed
	}
	for i := t.from; i < end && len(t.reports) < maxReports; {
		start, stop, next := t.line(i)
		t.take(f, action, i, start, stop)
		i = next
	}
	t.quoteFrom(t.from)
	t.share(t.text[t.from:end])
	if len(t.reports) == 0 {
		t.reports = []Report{{Recipient: t.first.recipient, Action: action, Status: statusCode(t.text[t.from:end], "45")}}
	}
}

// take reads a line, which begins at i and whose text lies between start and stop.
func (t *text) take(f *form, action Action, i, start, stop int) {
	if start >= stop {
		if t.now >= 0 && t.reports[t.now].Diagnosis != "" {
			t.now = -1
		}
		return
	}
	line := t.text[start:stop]
	addr, rest := "", ""
	if f.labels == nil {
		addr, rest = leading(line)
	}
	for _, label := range f.labels {
		if addr != "" {
			break
		}
		if label == "" {
			addr, rest = leading(line)
		} else if strings.HasPrefix(t.lower[start:stop], label) {
			addr, rest = within(line[len(label):])
		}
	}
	if addr != "" {
		index, known := t.at[addr]
		if !known {
			index = len(t.reports)
			t.at[addr] = index
			t.reports = append(t.reports, Report{Recipient: addr, Action: action})
		}
		t.now = index
		if rest = t.expanded(rest); strings.HasPrefix(rest, "<mailto:") {
			_, rest, _ = strings.Cut(rest, ">") // Outlook writes each address twice
		}
		line = strings.TrimLeft(rest, ">'\"]): .,;-")
	} else if t.now >= 0 {
		line = t.expanded(line)
	}
	heading := strings.HasPrefix(strings.TrimLeft(t.text[i:stop], " \t"), "---")
	const enough = maxDiagnosis - 16 // or else each further line would be tried
	if t.now >= 0 && len(t.reports[t.now].Diagnosis) < enough && !heading && line != "because:" && !strings.HasPrefix(line, "Subject:") {
		r := &t.reports[t.now]
		r.Diagnosis = clean(r.Diagnosis+" "+line, maxDiagnosis)
	}
}

// expanded takes the address that mail was sent to out of "(expanded from <...>)", as
// Postfix and sendmail say of an alias, and returns what follows.
func (t *text) expanded(s string) string {
	const words = "(expanded from"
	at := strings.Index(s, words)
	if at < 0 || len(strings.Trim(s[:at], "> ")) > 0 {
		return s
	}
	addr, rest := within(s[at+len(words):])
	if r := &t.reports[t.now]; addr != "" && r.Final == "" && addr != r.Recipient {
		r.Recipient, r.Final = addr, r.Recipient
	}
	return rest
}

// leading returns the address that a line begins with, if nothing but a reason
// follows, and what follows.
func leading(line string) (addr, rest string) {
	s := strings.TrimLeft(line, `<"'([ `)
	bracketed := len(s) < len(line)
	end := strings.IndexAny(s, " \t<>\"'):;,([")
	if end < 0 {
		end = len(s)
	}
	token := s[:end]
	dots := strings.HasSuffix(token, "...") // sendmail: <anna@example.com>... User unknown
	if strings.Count(token, "@") != 1 || !dots && strings.HasSuffix(token, ".") && end == len(s) {
		return "", ""
	}
	if addr = plainAddress(token); addr == "" {
		return "", ""
	}
	rest = s[end:]
	after := strings.TrimLeft(rest, " \t")
	if bracketed || dots || after == "" || strings.IndexByte(":(<,;-", after[0]) >= 0 || strings.HasPrefix(after, "on ") {
		return addr, rest
	}
	return "", ""
}

// within returns the first address in what follows a label, and what follows it.
func within(s string) (addr, rest string) {
	const around = " \t<>\"'()[]:;,"
	for i := 0; i < len(s); {
		if strings.IndexByte(around, s[i]) >= 0 {
			i++
			continue
		}
		end := strings.IndexAny(s[i:], around)
		if end < 0 {
			end = len(s) - i
		}
		if token := s[i : i+end]; strings.Count(token, "@") == 1 {
			if addr = plainAddress(token); addr != "" {
				return addr, s[i+end:]
			}
		}
		i += end
	}
	return "", ""
}

// share gives recipients that are listed together the diagnosis that follows the
// list, and looks for codes.
func (t *text) share(region string) {
	for i := len(t.reports) - 2; i >= 0; i-- {
		if t.reports[i].Diagnosis == "" {
			t.reports[i].Diagnosis = t.reports[i+1].Diagnosis
		}
	}
	for i := range t.reports {
		r := &t.reports[i]
		if r.Status = statusCode(r.Diagnosis, "45"); r.Status == "" && len(t.reports) == 1 {
			r.Status = statusCode(region, "45")
		}
	}
}

// quoteFrom reads the header of the original where the text shows it, from i on.
func (t *text) quoteFrom(i int) {
	for i < len(t.lower) && t.first.id == "" {
		start, stop, next := t.line(i)
		if hasAnyPrefix(t.lower[start:stop], []string{"message-id:", "> message-id:", ">message-id:"}) {
			value := t.text[start:stop]
			if !strings.Contains(value, ">") || strings.HasPrefix(value, ">") && strings.Count(value, ">") == 1 {
				_, stop, _ = t.line(next) // folded
				value = t.text[start:stop]
			}
			_, value, _ = strings.Cut(value, ":")
			t.first.id = messageID(value)
		}
		if t.first.recipient == "" && strings.HasPrefix(t.lower[start:stop], "to:") {
			if addr, rest := within(t.text[start:min(stop, len(t.text))]); !strings.Contains(rest, "@") {
				t.first.recipient = addr
			}
		}
		i = next
	}
}
