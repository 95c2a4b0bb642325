package testserver

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// PostfixOptions says what Postfix to start.
type PostfixOptions struct {
	// Dovecot checks the passwords and gets the mail. Required, and closed after
	// the Postfix.
	Dovecot *Dovecot

	// Cert says what certificate to show; Dovecot's CA issues it. Default: a good
	// one for localhost and 127.0.0.1.
	Cert CertOptions

	// MessageSizeLimit is the most bytes that a message may have, which EHLO
	// announces. Default: 10,240,000, as Postfix has it.
	MessageSizeLimit int64

	// Answers are what the server says to RCPT for some addresses, instead of
	// taking or refusing them by itself: {"full@example.test": "450 4.2.2 Mailbox full"}.
	Answers map[string]string

	// NTLM are the passwords by user whom Cyrus SASL's NTLM signs in, instead of Dovecot,
	// which has none. See MissingCyrus.
	NTLM map[string]string

	// Extra is added to the configuration's end, where it overrides all else.
	Extra string
}

// Postfix is a running Postfix. Its methods may be used by many goroutines.
//
// Mail for a user whom the Dovecot had at [Domain] when the Postfix was started is
// delivered there. Another address
// of that domain is refused at RCPT with 550. Mail for other domains is taken from
// clients that have signed in and thrown away, and refused with 554 from others.
type Postfix struct {
	instance

	SubmissionAddr string // STARTTLS, and AUTH after it
	SMTPSAddr      string // TLS from the first byte, and AUTH
	PlainAddr      string // no TLS, yet AUTH: no client may send a password here

	opt PostfixOptions
}

// StartPostfix starts a Postfix. ctx bounds the start, not the server: the caller
// calls Close.
func StartPostfix(ctx context.Context, o PostfixOptions) (*Postfix, error) {
	if err := lacking(missingPostfix()); err != nil {
		return nil, err
	}
	if o.Dovecot == nil {
		return nil, errors.New("testserver: PostfixOptions.Dovecot is nil")
	}
	o.Answers = maps.Clone(o.Answers)
	if o.NTLM != nil {
		if err := AvailableCyrus(); err != nil {
			return nil, err
		}
		o.NTLM, o.Extra = maps.Clone(o.NTLM), cyrusConf+o.Extra
	}
	for try := 1; ; try++ {
		p, err := newPostfix(o)
		if err != nil {
			return nil, err
		}
		err = p.begin(ctx)
		if err == nil {
			return p, nil
		}
		again := try < 5 && ctx.Err() == nil && p.portTaken()
		_ = p.Close() // the error to tell is the first one
		if !again {
			return nil, err
		}
	}
}

func newPostfix(o PostfixOptions) (*Postfix, error) {
	ports, err := freePorts(3)
	if err != nil {
		return nil, err
	}
	n := ports.numbers
	p := &Postfix{opt: o, SubmissionAddr: loopback(n[0]), SMTPSAddr: loopback(n[1]), PlainAddr: loopback(n[2])}
	p.instance.ports = ports
	p.instance.name, p.instance.addr, p.instance.start = "Postfix", p.PlainAddr, p.launch
	p.instance.dir, err = newFolder("postfix")
	p.banner = filepath.Base(p.dir)
	return p, err
}

// begin writes all files and starts the server for the first time.
func (p *Postfix) begin(ctx context.Context) error {
	cert, key, err := p.opt.Dovecot.CA.IssueWith(p.opt.Cert)
	if err != nil {
		return err
	}
	if err := p.writeFiles(0o600, map[string]string{"cert.pem": string(cert), "key.pem": string(key)}); err != nil {
		return err
	}
	files := map[string]string{"main.cf": p.mainConf(), "master.cf": p.masterConf(), "mailboxes": p.mailboxes(), "answers": p.answers()}
	if err := p.writeFiles(0o644, files); err != nil {
		return err
	}
	// Postfix waits until its files are older than a second before it trusts that
	// nobody is writing them.
	before := time.Now().Add(-time.Minute)
	for name := range files {
		if err := os.Chtimes(filepath.Join(p.dir, name), before, before); err != nil {
			return err
		}
	}
	if err := p.makeQueue(); err != nil {
		return err
	}
	if err := p.makeCyrus(ctx); err != nil {
		return err
	}
	return p.run(ctx)
}

// makeQueue makes the folders of the mail queue, as Postfix's own start script
// would, which works only on the instance that the system's configuration names.
func (p *Postfix) makeQueue() error {
	uid, _, err := lookUp("postfix")
	if err != nil {
		return err
	}
	errs := []error{os.MkdirAll(filepath.Join(p.dir, "queue", "pid"), 0o755)}
	for _, name := range []string{
		"data", "queue/active", "queue/bounce", "queue/corrupt", "queue/defer", "queue/deferred", "queue/flush", "queue/hold",
		"queue/incoming", "queue/maildrop", "queue/private", "queue/public", "queue/saved", "queue/trace",
	} {
		path := filepath.Join(p.dir, name)
		errs = append(errs, os.Mkdir(path, 0o700), os.Chown(path, uid, -1))
	}
	return errors.Join(errs...)
}

// mailboxes lists the addresses that exist.
func (p *Postfix) mailboxes() string {
	var b strings.Builder
	for _, address := range p.opt.Dovecot.addresses() {
		b.WriteString(address + " mailbox\n")
	}
	return b.String()
}

func (p *Postfix) answers() string {
	var lines []string
	for address, answer := range p.opt.Answers {
		lines = append(lines, fmt.Sprintf("%s %s\n", strings.ToLower(address), answer))
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// Idle waits until nothing is left in the queue, or ctx ends: what was taken has been
// delivered, or came back. One that is killed between the delivery of a message and its
// end in the queue delivers it once more.
func (p *Postfix) Idle(ctx context.Context) error {
	for idle := 0; ; {
		left := p.queued()
		if idle++; len(left) > 0 {
			idle = 0
		}
		if idle == 2 { // what goes back from one part of the queue to another may be missed once
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("testserver: Postfix still has %q: %w", left, ctx.Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// queued returns the files of the messages that are not delivered yet.
func (p *Postfix) queued() (files []string) {
	for _, name := range []string{"incoming", "active", "deferred"} {
		_ = filepath.WalkDir(filepath.Join(p.dir, "queue", name), func(path string, entry fs.DirEntry, err error) error {
			if err == nil && !entry.IsDir() { // what is gone meanwhile is an error
				files = append(files, path)
			}
			return nil
		})
	}
	return files
}

// launch starts the server's processes.
func (p *Postfix) launch() (*process, error) {
	path, err := postfixPart("master")
	if err != nil {
		return nil, err
	}
	return startProcess(p.dir, filepath.Join(p.dir, "out"), path, "-c", p.dir)
}
