// Serve starts a Dovecot, and if asked a Postfix, with a filled mailbox, for
// benchmarks that are run by hand. It prints where they are as KEY=value lines,
// which a shell can eval, and runs until it is interrupted.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/go-serversync/serversync/internal/mailgen"
	"github.com/go-serversync/serversync/internal/testserver"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "serve:", err)
		os.Exit(1)
	}
}

// options are the program's flags.
type options struct {
	dir      string
	user     string
	messages int
	bytes    int64
	tiny     bool
	seed     uint64
	format   string
	postfix  bool
}

func parse(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	flags.StringVar(&o.dir, "dir", ".", "`folder` for the files password and ca.pem")
	flags.StringVar(&o.user, "user", "anna", "the mailbox's user; without a domain, one of "+testserver.Domain)
	flags.IntVar(&o.messages, "messages", 20_000, "how many messages INBOX holds")
	flags.Int64Var(&o.bytes, "bytes", 616_000_000, "how many bytes they have together")
	flags.BoolVar(&o.tiny, "tiny", false, "make each message about 300 bytes instead")
	flags.Uint64Var(&o.seed, "seed", 1, "which messages to generate")
	flags.StringVar(&o.format, "format", "", "how Dovecot stores mail: mdbox, sdbox or maildir")
	flags.BoolVar(&o.postfix, "postfix", false, "start a Postfix too")
	return o, flags.Parse(args)
}

// run serves until ctx ends.
func run(ctx context.Context, args []string, out, progress io.Writer) (err error) {
	o, err := parse(args)
	if err != nil {
		return err
	}
	password := rand.Text()
	d, err := testserver.StartDovecot(ctx, testserver.DovecotOptions{
		Users: map[string]string{o.user: password}, Format: testserver.Format(o.format),
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	if err := fill(ctx, d, o, progress); err != nil {
		return err
	}
	lines := [][2]string{{"IMAP", d.IMAPAddr}, {"IMAPS", d.IMAPSAddr}, {"POP3", d.POP3Addr}, {"POP3S", d.POP3SAddr}}
	if o.postfix {
		p, err := testserver.StartPostfix(ctx, testserver.PostfixOptions{Dovecot: d})
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, p.Close()) }()
		lines = append(lines, [][2]string{{"SUBMISSION", p.SubmissionAddr}, {"SMTPS", p.SMTPSAddr}, {"SMTP", p.PlainAddr}}...)
	}
	passwordFile, caFile := filepath.Join(o.dir, "password"), filepath.Join(o.dir, "ca.pem")
	if err := os.WriteFile(passwordFile, []byte(password+"\n"), 0o600); err != nil {
		return err
	}
	if err := os.WriteFile(caFile, d.CA.PEM(), 0o644); err != nil {
		return err
	}
	lines = append(lines, [][2]string{{"LOGIN", testserver.Address(o.user)}, {"PASSWORD_FILE", passwordFile}, {"CA", caFile}}...)
	for _, line := range lines {
		if _, err := fmt.Fprintf(out, "%s=%s\n", line[0], line[1]); err != nil {
			return err
		}
	}
	<-ctx.Done()
	return nil
}

func fill(ctx context.Context, d *testserver.Dovecot, o options, progress io.Writer) error {
	message := func(i int) []byte { return mailgen.Tiny(o.seed, i) }
	if !o.tiny {
		message = mailgen.NewCorpus(o.seed, o.messages, o.bytes).Message
	}
	began := time.Now()
	var total int64
	err := d.Fill(ctx, o.user, "INBOX", o.messages, func(i int) []byte {
		raw := message(i)
		total += int64(len(raw))
		return raw
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(progress, "filled %d messages, %d bytes, in %.1f s\n", o.messages, total, time.Since(began).Seconds())
	return err
}
