package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
)

// A printer prints for people. After its first error it prints no more.
type printer struct {
	io.Writer
	plain  *strings.Replacer // of what is another each time
	asked  bool              // somebody asked for the test that is under way
	warned bool              // the warnings were printed
	steps  int
	err    error
}

func (p *printer) say(format string, args ...any) {
	if p.err == nil {
		_, p.err = p.plain.WriteString(p, fmt.Sprintf(format, args...))
	}
}

func (p *printer) title(format string, args ...any) {
	p.steps++
	p.say("\n%d. %s\n\n", p.steps, fmt.Sprintf(format, args...))
}

// test prints a report as an administrator would read it, but warnings only once.
func (p *printer) test(r serversync.TestReport, err error) {
	if p.err == nil {
		p.err = err
	}
	if p.warned {
		r.Warnings = nil
	}
	p.warned = p.warned || len(r.Warnings) > 0
	for line := range strings.Lines(steady(r).String()) {
		p.say("   %s\n", strings.TrimRight(line, " \n"))
	}
}

// repeated prints a report that nobody asked for.
func (p *printer) repeated(r serversync.TestReport) {
	if !p.asked {
		p.say("\n   Tested again by itself:\n\n")
		p.test(r, nil)
	}
}

// synced prints what a sync did, or why it did nothing.
func (p *printer) synced(r serversync.Report, err error) {
	if p.err == nil {
		p.err = err
	}
	p.say("\n   sync: %d came in", r.Tracked)
	for _, side := range []mailbox.Side{mailbox.Incoming, mailbox.Outgoing} {
		if why, closed := r.Closed[side]; closed {
			p.say("; no %s mail: %s", side, why.Code)
		}
	}
	p.say("\n")
}

// brief prints the first line of a report.
func (p *printer) brief(r serversync.TestReport, err error) {
	if p.err == nil {
		p.err = err
	}
	line, _, _ := strings.Cut(r.String(), "\n")
	p.say("   %s\n   enabled: %s\n", line, r.Enabled)
}

// json prints a report for programs, but for what went well.
func (p *printer) json(r serversync.TestReport) {
	r = steady(r)
	r.Warnings = nil
	r.Stages = slices.DeleteFunc(slices.Clone(r.Stages), func(st serversync.StageReport) bool { return st.Status == serversync.StagePassed })
	doc, err := json.MarshalIndent(r, "   ", "  ")
	if p.err == nil {
		p.err = err
	}
	p.say("   %s\n", doc)
}

func words(err error) string {
	if err == nil {
		return ""
	}
	return ", which failed: " + err.Error()
}

// steady returns the report as if the test had begun on a certain morning, so that
// each run prints the same.
func steady(r serversync.TestReport) serversync.TestReport {
	later := time.Date(2026, 10, 13, 9, 0, 0, 0, time.UTC).Sub(r.Began)
	shift := func(t time.Time) time.Time {
		if t.IsZero() {
			return t
		}
		return t.Add(later).UTC()
	}
	r.Began, r.Again = shift(r.Began), shift(r.Again)
	r.Stages = slices.Clone(r.Stages)
	for i := range r.Stages {
		r.Stages[i].Evidence.NotAfter = shift(r.Stages[i].Evidence.NotAfter).Round(time.Hour)
	}
	return r
}
