package testserver

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Append adds a message to a user's folder byte for byte, with flags and, unless
// when is zero, with an internal date. The folder is made if there is none.
func (d *Dovecot) Append(ctx context.Context, user, folder string, raw []byte, when time.Time, flags ...string) error {
	args := " (" + strings.Join(flags, " ") + ")"
	if !when.IsZero() {
		args += when.Format(` "02-Jan-2006 15:04:05 -0700"`)
	}
	return d.session(ctx, user, func(s *session) error {
		if err := s.create(folder); err != nil {
			return err
		}
		fmt.Fprintf(s.out, "%s APPEND %s%s", tag, mailboxName(folder), args)
		s.literal(raw)
		return s.end()
	})
}

// Fill adds n messages to a user's folder, in the order in which gen returns them
// for 0 to n-1. The folder is made if there is none; "" is INBOX. A hundred
// thousand small messages take seconds.
//
// Messages go in by the hundred, and those that came together share a modification
// sequence.
func (d *Dovecot) Fill(ctx context.Context, user, folder string, n int, gen func(i int) []byte) error {
	// One command takes so many messages or bytes, whichever is reached first.
	const most, size = 500, 4 << 20
	return d.session(ctx, user, func(s *session) error {
		if err := s.create(folder); err != nil {
			return err
		}
		for i := 0; i < n; {
			fmt.Fprintf(s.out, "%s APPEND %s", tag, mailboxName(folder))
			for end, bytes := min(n, i+most), 0; i < end && bytes < size; i++ {
				raw := gen(i)
				s.literal(raw)
				bytes += len(raw)
			}
			if err := s.end(); err != nil {
				return err
			}
		}
		return nil
	})
}

// IMAP runs commands for a user, one line each without tag, and returns all the
// lines that the server answered. It needs no password. A test sets up a mailbox
// with it, or plays the user's other client: "SELECT INBOX", "UID EXPUNGE 7". Its
// commands hold no literals.
func (d *Dovecot) IMAP(ctx context.Context, user string, commands ...string) ([]string, error) {
	var answers []string
	err := d.session(ctx, user, func(s *session) error {
		for _, command := range commands {
			fmt.Fprintf(s.out, "%s %s", tag, command)
			lines, err := s.answer()
			answers = append(answers, lines...)
			if err != nil {
				return fmt.Errorf("%w, to %s", err, command)
			}
		}
		return nil
	})
	return answers, err
}

// offered returns the capabilities that the server offers after signing in.
func (d *Dovecot) offered(ctx context.Context) ([]string, error) {
	lines, err := d.IMAP(ctx, nobody, "CAPABILITY")
	for _, line := range lines {
		if all, ok := strings.CutPrefix(line, "* CAPABILITY "); ok {
			if d.opt.Compress {
				all += " COMPRESS=DEFLATE" // the plugin names it to the network only
			}
			return strings.Fields(all), nil
		}
	}
	return nil, fmt.Errorf("testserver: Dovecot named no capabilities: %v", err)
}
