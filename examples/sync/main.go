// Command sync syncs one mailbox of a real mail server with an SQLite file: it
// brings the mail in, sends what is in the outbox, and files the copies. It shows
// all that a host writes around a serversync.Syncer. See go run ./examples/sync -h.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/store/sqlite"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // so that a second signal ends the program at once
	// What is alive at once is a page of mail of some MiB, so the collector's own
	// measure, twice of that, is little. The limit makes it work harder instead of
	// letting the process grow while a page of large messages is at hand.
	// SQLite's own memory and the program itself come on top of it.
	debug.SetMemoryLimit(memory)
	os.Exit(program(ctx, os.Args[1:], os.Stdout, os.Stderr, func(*serversync.Config) {}))
}

// memory is what the collector is to keep the program's own memory below.
const memory = 32 << 20

// program runs the program and returns its exit status: 0 if all is well, 1 if
// something is left to be done or went wrong, 2 if the flags make no sense. tune may
// change what a test needs otherwise.
func program(ctx context.Context, args []string, out, progress io.Writer, tune func(*serversync.Config)) int {
	o, err := parse(args, progress)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintln(progress, "sync:", err)
		return 2
	}
	c := newConsole(progress)
	clean, err := run(ctx, o, out, c, tune)
	if err != nil {
		c.sayError(err)
	}
	if err != nil || !clean {
		return 1
	}
	return 0
}

// run does what the flags say, and reports whether nothing is left to be done.
func run(ctx context.Context, o options, out io.Writer, c *console, tune func(*serversync.Config)) (clean bool, err error) {
	cfg, err := o.config()
	if err != nil {
		return false, err
	}
	store, err := sqlite.Open(ctx, o.db, sqlite.Options{})
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	cfg.Store, cfg.Hooks.Committed = store, c.committed
	tune(&cfg)

	j := &job{options: o, store: store, out: out, console: c}
	outcomes := make(chan outcome, 16)
	cfg.Hooks.Cycle = j.tell(outcomes)
	if j.syncer, err = serversync.New(cfg); err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, j.syncer.Close()) }()
	if o.test {
		return j.test(ctx)
	}
	if err := j.prepare(ctx); err != nil {
		return false, err
	}
	if o.once {
		report, err := j.syncer.SyncMailbox(ctx, o.key())
		return j.settle(ctx, outcome{report, err})
	}
	return j.forever(ctx, outcomes)
}

// forever syncs until ctx ends.
func (j *job) forever(ctx context.Context, outcomes chan outcome) (clean bool, err error) {
	ended := make(chan error, 1)
	go func() {
		ended <- j.syncer.Run(ctx)
		close(outcomes)
	}()
	// What is told about the last cycles may take a moment longer than ctx.
	calm, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	context.AfterFunc(ctx, func() { time.AfterFunc(10*time.Second, cancel) })
	j.say("syncing %s until interrupted", j.key().Mailbox)
	clean = true
	for o := range outcomes {
		if clean, err = j.settle(calm, o); err != nil {
			j.sayError(err) // the next cycle may do better
			clean = false
		}
	}
	return clean, <-ended
}
