package serversync

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
)

// lineWidth is where lines of a report that is printed end, but for words that are
// longer by themselves.
const lineWidth = 100

// String returns the report as a text for a terminal, with a row for each stage.
func (r TestReport) String() string {
	var b strings.Builder
	line := func(begin, rest string) {
		b.WriteString(strings.TrimRight(begin+fold(rest, utf8.RuneCountInString(begin)), " ") + "\n")
	}
	line("", r.heading())
	side := mailbox.Side("-")
	for _, st := range r.Stages {
		name := ""
		if st.Side != side {
			side, name = st.Side, string(st.Side)
		}
		line(fmt.Sprintf("  %-9s %-12s %-7s %7v  ", name, st.Stage, st.Status, st.Took.Round(time.Millisecond)), st.words(r.Began))
	}
	for _, w := range r.Warnings {
		line("  warning: ", fmt.Sprintf("%s: %s; %s", w.Field, w.Message, w.Remedy))
	}
	if r.Fault != (mailbox.Fault{}) {
		cause, detail := inWords(r.Fault)
		line("  what is wrong: ", cause)
		if detail != "" {
			line("  in detail:     ", detail)
		}
		line("  what to do:    ", r.Fault.Remedy)
	}
	if !r.Again.IsZero() {
		line("  it is tested again by itself after ", r.Again.UTC().Format("15:04:05 UTC"))
	}
	return b.String()
}

// inWords returns what is wrong as an administrator would say it, and the words of
// the driver or the server where they are others.
func inWords(f mailbox.Fault) (cause, detail string) {
	known, ok := mailbox.Lookup(f.Code)
	if !ok || known.Cause == "" || isKindCode(f.Code) || known.Cause == f.Cause {
		return f.Cause, ""
	}
	return known.Cause, f.Cause
}

// heading says what was tested, and how it went.
func (r TestReport) heading() string {
	of := r.Organization
	if r.Mailbox != "" {
		of += fmt.Sprintf("/%s <%s>", r.Mailbox, r.Address)
	}
	result := "failed"
	if r.Passed {
		result = "passed"
	}
	if len(r.Stages) > 0 { // else how long it took is not for whom it is told
		result += fmt.Sprintf(" in %v", r.Took.Round(time.Millisecond))
	}
	return fmt.Sprintf("%s, profile %q: %s", of, r.Profile, result)
}

// words returns what a stage has learned, or why it failed.
func (st StageReport) words(now time.Time) string {
	if st.Status == StageFailed {
		if st.Stage == provider.StageAutodiscover && st.Evidence.Text != "" { // what was tried is what helps
			return st.Fault.Cause + " | " + st.Evidence.Text
		}
		return st.Fault.Cause
	}
	e := st.Evidence
	var parts []string
	add := func(s string) {
		if s != "" {
			parts = append(parts, s)
		}
	}
	add(e.Host)
	add(strings.Join(e.Addresses, " "))
	add(e.TLSVersion) // the cipher suite is in the JSON
	if !e.NotAfter.IsZero() {
		add("certificate good for " + days(e.NotAfter.Sub(now)))
	}
	if len(e.Thumbprints) > 0 {
		add(e.Thumbprints[0])
	}
	add(e.Mechanism)
	add(e.Username)
	switch n := len(e.Capabilities); {
	case n > few:
		add(fmt.Sprintf("%d capabilities", n))
	case n > 0:
		add("it offers " + strings.Join(e.Capabilities, ", "))
	}
	add(e.Text)
	return strings.Join(parts, ", ")
}

// few are the capabilities that are told by name, such as a web server's ways to sign in.
const few = 4

func days(d time.Duration) string {
	switch n := int(d.Hours() / 24); n {
	case 0:
		return "less than a day"
	case 1:
		return "1 day"
	default:
		return fmt.Sprintf("%d days", n)
	}
}

// fold breaks a text between words where lines are full. What goes before it on the
// first line is as wide as the indent of the others.
func fold(text string, indent int) string {
	var b strings.Builder
	at := indent
	for i, word := range strings.Fields(text) {
		wide := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case at+1+wide > lineWidth:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			at = indent
		default:
			b.WriteByte(' ')
			at++
		}
		b.WriteString(word)
		at += wide
	}
	return b.String()
}
