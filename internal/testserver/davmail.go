package testserver

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// DavMailOptions says what DavMail to start.
type DavMailOptions struct {
	// URL is the endpoint of Exchange Web Services that mailboxes are taken from, on
	// the loopback interface, such as http://127.0.0.1:8080/EWS/Exchange.asmx. The
	// path is that, in whatever case: DavMail knows no other.
	URL string

	// Roots are the certificates, in PEM, of the authorities that the endpoint's
	// certificate may come from, such as CA.PEM returns. DavMail then trusts nobody
	// else. They are needed for https, and for nothing else.
	Roots []byte

	// Wire logs each request and answer, with the passwords.
	Wire bool

	// Extra is added to the properties' end, where it overrides all else.
	Extra string
}

// DavMail is a running DavMail, which lets programs that speak IMAP and SMTP use the
// mailboxes of an Exchange. For a test's Exchange it is a client written by others.
// Its methods may be used by many goroutines.
//
// Users and passwords are those of the Exchange. For each connection DavMail asks for
// the endpoint's URL before it greets, so that without an Exchange nobody is greeted. It
// has memory for messages of 5 MB and not for those of 10 MB.
type DavMail struct {
	instance

	IMAPAddr string // IMAP without TLS
	SMTPAddr string // SMTP without TLS

	opt DavMailOptions
}

// davmailJar is DavMail in Debian's package. It names the libraries that it needs.
const davmailJar = "/usr/share/davmail/davmail.jar"

// MissingDavMail returns what keeps DavMail from running here, one reason each, or
// nothing if it can run.
func MissingDavMail() []string {
	var missing []string
	for _, name := range []string{"java", "keytool"} {
		if _, err := program(name); err != nil {
			missing = append(missing, err.Error())
		}
	}
	if _, err := os.Stat(davmailJar); err != nil {
		missing = append(missing, "DavMail is not installed")
	}
	return missing
}

// AvailableDavMail returns nil if DavMail can run here, or an error that gives every
// reason why it cannot.
func AvailableDavMail() error { return lacking(MissingDavMail()) }

// StartDavMail starts a DavMail. ctx bounds the start, not the server: the caller calls
// Close.
func StartDavMail(ctx context.Context, o DavMailOptions) (*DavMail, error) {
	if err := AvailableDavMail(); err != nil {
		return nil, err
	}
	if err := o.check(); err != nil {
		return nil, err
	}
	for try := 1; ; try++ {
		d, err := newDavMail(o)
		if err != nil {
			return nil, err
		}
		if err = d.begin(ctx); err == nil {
			return d, nil
		}
		again := try < 5 && ctx.Err() == nil && d.portTaken()
		_ = d.Close() // the error to tell is the first one
		if !again {
			return nil, err
		}
	}
}

// check refuses an endpoint that DavMail would not use as it stands, and one outside
// this machine, which no test is to reach.
func (o DavMailOptions) check() error {
	u, err := url.Parse(o.URL)
	if err != nil {
		return fmt.Errorf("testserver: DavMailOptions.URL: %w", err)
	}
	ip := net.ParseIP(u.Hostname())
	switch {
	case u.Hostname() != "localhost" && !ip.IsLoopback():
		return fmt.Errorf("testserver: DavMailOptions.URL %q is not on the loopback interface", o.URL)
	case !strings.EqualFold(u.Path, "/ews/exchange.asmx"):
		return fmt.Errorf("testserver: DavMailOptions.URL %q does not lead to /EWS/Exchange.asmx", o.URL)
	case u.Scheme == "http" && o.Roots == nil, u.Scheme == "https" && o.Roots != nil:
		return nil
	}
	return fmt.Errorf("testserver: DavMailOptions.URL %q is to be http without Roots, or https with them", o.URL)
}

func newDavMail(o DavMailOptions) (*DavMail, error) {
	ports, err := freePorts(2)
	if err != nil {
		return nil, err
	}
	d := &DavMail{opt: o, IMAPAddr: loopback(ports.numbers[0]), SMTPAddr: loopback(ports.numbers[1])}
	d.instance.ports = ports
	d.instance.name, d.instance.addr, d.instance.start, d.instance.ready = "DavMail", d.IMAPAddr, d.launch, d.began
	d.instance.dir, err = newFolder("davmail")
	return d, err
}

// begin writes all files and starts the server for the first time.
func (d *DavMail) begin(ctx context.Context) error {
	if err := d.writeFiles(0o600, map[string]string{"davmail.properties": d.properties()}); err != nil {
		return err
	}
	if d.opt.Roots != nil {
		if err := d.trust(ctx); err != nil {
			return err
		}
	}
	return d.run(ctx)
}

// trust makes the file of the certificates that DavMail's Java trusts.
func (d *DavMail) trust(ctx context.Context) error {
	path, err := program("keytool")
	if err != nil {
		return err
	}
	n := 0
	for block, rest := pem.Decode(d.opt.Roots); block != nil; block, rest = pem.Decode(rest) {
		n++
		root := filepath.Join(d.dir, fmt.Sprintf("root%d.pem", n))
		if err := os.WriteFile(root, pem.EncodeToMemory(block), 0o600); err != nil {
			return err
		}
		args := append(d.java(), "-importcert", "-noprompt", "-alias", fmt.Sprint("root", n), "-file", root,
			"-keystore", d.trusted(), "-storetype", "PKCS12", "-storepass", trustedPassword)
		for i, arg := range args[:len(d.java())] {
			args[i] = "-J" + arg
		}
		cmd := exec.CommandContext(ctx, path, args...)
		cmd.Dir, cmd.WaitDelay = d.dir, time.Minute
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("testserver: keytool: %w: %s", err, strings.TrimSpace(string(out)))
		}
	}
	if n == 0 {
		return errors.New("testserver: DavMailOptions.Roots holds no certificate in PEM")
	}
	return nil
}

// launch starts the server's process.
func (d *DavMail) launch() (*process, error) {
	path, err := program("java")
	if err != nil {
		return nil, err
	}
	// What the last one has written would be taken for this one's.
	for _, name := range []string{"out", "davmail.log"} {
		if err := os.RemoveAll(filepath.Join(d.dir, name)); err != nil {
			return nil, err
		}
	}
	args := append(d.java(), "-jar", davmailJar, "-server", filepath.Join(d.dir, "davmail.properties"))
	return startProcess(d.dir, filepath.Join(d.dir, "out"), path, args...)
}

// began waits until the server says that it listens. A connection would say nothing,
// for another DavMail may have taken the port and would greet with the same words; and
// it would be a request that the Exchange counts.
func (d *DavMail) began(ctx context.Context, p *process) error {
	ctx, cancel := context.WithTimeout(ctx, 2*startTime)
	defer cancel()
	for {
		log := d.Log()
		switch {
		case d.portTaken():
			return errors.New("testserver: DavMail found a port taken")
		case strings.Contains(log, " listening on ") && strings.Contains(log, fmt.Sprintf("IMAP port %d ", d.ports.numbers[0])) &&
			strings.Contains(log, fmt.Sprintf("SMTP port %d ", d.ports.numbers[1])):
			return nil
		}
		select {
		case <-p.done:
			return errors.New("testserver: DavMail ended instead of starting")
		case <-ctx.Done():
			return fmt.Errorf("testserver: DavMail does not start: %w", ctx.Err())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// portTaken tells whether the server did not start because someone else took a port
// of its. It says so, and goes on without it.
func (d *DavMail) portTaken() bool { return strings.Contains(d.Log(), "Unable to bind server socket") }
