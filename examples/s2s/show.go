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
	steady bool   // what is another each time is left out
	past   int    // steps that were done before, and are not told yet
	told   string // the step whose commands were told last
	err    error
}

// thumbprint and request are what is another each time: of certificates, and the ids of what was asked.
var (
	thumbprint = regexp.MustCompile(`[0-9A-F]{40,64}`)
	request    = regexp.MustCompile(` \((request-id|trace id) [^)]*\)`)
)

func (p *printer) say(format string, args ...any) {
	if p.err == nil {
		_, p.err = io.WriteString(p, p.plain(fmt.Sprintf(format, args...)))
	}
}

// plain puts what is the same each time in place of what is not.
func (p *printer) plain(text string) string {
	if !p.steady {
		return text
	}
	text = thumbprint.ReplaceAllStringFunc(text, func(of string) string { return strings.Repeat("0123456789ABCDEF", 4)[:len(of)] })
	return request.ReplaceAllString(text, "")
}

func (p *printer) title(text string) {
	p.told = ""
	p.say("\n== %s\n\n", text)
}

// step tells how a step went.
func (p *printer) step(number int, s step, said string, before bool) {
	if before {
		p.past = number
		return
	}
	p.before()
	begin, text := fmt.Sprintf("%2d. %-30s ", number, s.title), fold(said, 35)
	if strings.HasPrefix(text, "\n") {
		begin = strings.TrimRight(begin, " ")
	}
	p.say("%s%s\n", begin, text)
}

// before tells of the steps that are done already.
func (p *printer) before() {
	switch p.past {
	case 0:
	case 1:
		p.say(" 1. is done\n")
	case 2:
		p.say(" 1. and 2. are done\n")
	default:
		p.say(" 1. to %d. are done\n", p.past)
	}
	p.past = 0
}

// stopped tells why a step failed, what to do, and what an administrator types for that.
func (p *printer) stopped(s *stopped) {
	p.before()
	p.say("%2d. %-30s failed\n", s.number, s.title)
	if s.said != "" {
		p.say("%s\n", block(s.said))
	}
	var ours problem
	var e *provider.Error
	cause, remedy := s.err.Error(), ""
	switch {
	case errors.As(s.err, &ours):
		remedy = ours.remedy
	case errors.As(s.err, &e):
		remedy = e.Remedy
	}
	p.say("    what is wrong: %s\n", fold(p.plain(cause), 19))
	if remedy != "" {
		p.say("    what to do:    %s\n", fold(remedy, 19))
	}
	if s.byHand != nil && p.told != s.name {
		p.commands(s.byHand())
	}
	p.told = s.name
}

func (p *printer) commands(lines []string) {
	for _, line := range lines {
		p.say("%s\n", strings.TrimRight("    | "+line, " "))
	}
}

// words tells a test: all that it found, or the stages, which passed.
func (s *setup) words(r serversync.TestReport) string {
	r.Warnings = nil
	if s.verbose || !r.Passed {
		return r.String()
	}
	var names []string
	for _, st := range r.Stages {
		names = append(names, string(st.Stage))
	}
	return strings.Join(names, ", ")
}

const width = 128

// fold breaks a text between words where a line is full.
func fold(text string, indent int) string {
	if strings.Contains(text, "\n") { // it is laid out already
		return "\n" + block(text)
	}
	var b strings.Builder
	at := indent
	for i, word := range strings.Fields(text) {
		if i > 0 && at+1+len(word) > width {
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

// block moves a text that has lines of its own to the right.
func block(text string) string {
	return "      " + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n      ")
}
