package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/store/sqlite"
)

// A job is one run of the program.
type job struct {
	options
	*console
	store    *sqlite.Store
	syncer   *serversync.Syncer
	out      io.Writer
	sent     []string // the outbox entries that -send made, until they are done
	exported int64    // the last message that was exported
}

// An outcome is how a cycle ended.
type outcome struct {
	report serversync.Report
	err    error
}

// prepare does what is to be done before the first cycle.
func (j *job) prepare(ctx context.Context) error {
	if j.options.resolve != "" {
		if err := j.resolve(ctx, j.options.resolve); err != nil {
			return err
		}
	}
	for _, file := range j.send {
		id, err := j.enqueue(ctx, file)
		if err != nil {
			return err
		}
		j.sent = append(j.sent, id)
	}
	return nil
}

// test tests the servers, and changes nothing.
func (j *job) test(ctx context.Context) (passed bool, err error) {
	report, err := j.syncer.TestMailbox(ctx, j.key(), serversync.TestOptions{TestOnly: true, Operator: true})
	if err != nil {
		return false, err
	}
	j.say("%s", strings.TrimSuffix(report.String(), "\n"))
	if j.json {
		err = encode(j.out, report)
	}
	return report.Passed, err
}

// tell returns a hook that hands over how each cycle of [job.forever] ended: a hook
// must not block, and to tell of it takes time.
func (j *job) tell(outcomes chan<- outcome) func(context.Context, mailbox.Key) (context.Context, func(serversync.Report, error)) {
	if j.once {
		return nil
	}
	return func(ctx context.Context, _ mailbox.Key) (context.Context, func(serversync.Report, error)) {
		return ctx, func(r serversync.Report, err error) { outcomes <- outcome{r, err} }
	}
}

// settle tells people and programs how a cycle ended, exports what came in, and
// reports whether nothing is left to be done.
func (j *job) settle(ctx context.Context, o outcome) (clean bool, err error) {
	wrong := problems(o.report)
	if o.err != nil {
		j.sayError(o.err)
	}
	for _, w := range wrong {
		j.say("%s", w)
	}
	switch did := summary(o.report); {
	case did != "":
		j.say("%s: %s", j.key().Mailbox, did)
	case o.err == nil && j.once:
		j.say("%s: nothing new", j.key().Mailbox)
	}
	// A cycle that was interrupted is told of all the same.
	ctx = context.WithoutCancel(ctx)
	if err := j.tellSent(ctx); err != nil {
		return false, err
	}
	open, err := j.tellOutbox(ctx)
	if err != nil {
		return false, err
	}
	if err := j.exportNew(ctx); err != nil {
		return false, err
	}
	clean = o.err == nil && len(wrong) == 0 && open == 0
	if j.json {
		err = printJSON(j.out, o, clean)
	}
	return clean, err
}

// printJSON prints a line for programs.
func printJSON(w io.Writer, o outcome, clean bool) error {
	line := struct {
		serversync.Report
		Clean bool   `json:"clean"` // the exit status says the same
		Error string `json:"error,omitempty"`
	}{Report: o.report, Clean: clean}
	if o.err != nil {
		line.Error = o.err.Error()
	}
	return encode(w, line)
}

func encode(w io.Writer, line any) error {
	if err := json.NewEncoder(w).Encode(line); err != nil {
		return fmt.Errorf("standard output: %w", err)
	}
	return nil
}
