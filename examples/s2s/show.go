package main

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/provider"
)

// A printer prints for people. After its first error it prints no more.
type printer struct {
	io.Writer
	plain *regexp.Regexp // what is another each time, if that is to be left out
	err   error
}

func (p *printer) say(format string, args ...any) {
	if p.err == nil {
		text := fmt.Sprintf(format, args...)
		if p.plain != nil {
			text = p.plain.ReplaceAllString(text, "…")
		}
		_, p.err = io.WriteString(p, text)
	}
}

func (p *printer) title(text string) { p.say("\n== %s\n\n", text) }

// step tells how a step went.
func (p *printer) step(number int, s step, said string, before bool) {
	if before {
		p.say("%2d. %-28s is done\n", number, s.title)
		return
	}
	p.say("%2d. %-28s %s\n", number, s.title, fold(said, 32))
}

// stopped tells why a step failed, what to do, and what the administrator types for that.
func (p *printer) stopped(s *stopped) {
	p.say("%2d. %-28s failed\n", s.number, s.title)
	cause, remedy := s.err.Error(), ""
	if e := (*provider.Error)(nil); errors.As(s.err, &e) {
		remedy = e.Remedy
	}
	p.say("    what is wrong: %s\n", fold(cause, 19))
	if remedy != "" {
		p.say("    what to do:    %s\n", fold(remedy, 19))
	}
	if s.byHand != nil {
		p.commands(s.byHand())
	}
}

func (p *printer) commands(lines []string) {
	for _, line := range lines {
		p.say("    | %s\n", line)
	}
}

// stages tells which stages of a test passed.
func stages(r serversync.TestReport) string {
	var names []string
	for _, st := range r.Stages {
		if st.Status == serversync.StagePassed {
			names = append(names, string(st.Stage))
		}
	}
	return "passed: " + strings.Join(names, ", ")
}

// fold breaks a text between words where a line is full.
func fold(text string, indent int) string {
	var b strings.Builder
	at := indent
	for i, word := range strings.Fields(text) {
		if i > 0 && at+1+len(word) > 118 {
			b.WriteString("\n" + strings.Repeat(" ", indent))
			at = indent
		} else if i > 0 {
			b.WriteByte(' ')
			at++
		}
		b.WriteString(word)
		at += len(word)
	}
	return b.String()
}
