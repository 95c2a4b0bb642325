package testserver

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Format is how Dovecot stores mail.
type Format string

// The formats. A client cannot tell them apart but by speed.
const (
	Mdbox   Format = "mdbox"   // many messages a file: quick to fill, to read and to remove
	Sdbox   Format = "sdbox"   // a file a message
	Maildir Format = "maildir" // a file a message, which other programs may add
)

// locations is the configuration's value for each format.
var locations = map[Format]string{Mdbox: "mdbox:~/mdbox", Sdbox: "sdbox:~/sdbox", Maildir: "maildir:~/Maildir"}

// DovecotOptions says what Dovecot to start. The zero value is a Dovecot without
// users.
type DovecotOptions struct {
	// Users are the passwords by user. A name without a domain is one in [Domain],
	// whose users sign in with or without it. Names are not case-sensitive.
	Users map[string]string

	// CA issues the certificate. Default: a new one, found in Dovecot.CA.
	CA *CA

	// Cert says what certificate to show. Default: a good one for localhost,
	// 127.0.0.1 and 127.0.0.2.
	Cert CertOptions

	// Format is how mail is stored. Default: Mdbox.
	Format Format

	// DisableCapabilities are IMAP capabilities that are not to be offered, such as
	// "QRESYNC" or "SPECIAL-USE". Dovecot only hides them: it would still obey a
	// client that uses one without being offered it.
	DisableCapabilities []string

	// RequireTLS makes Dovecot refuse passwords before STARTTLS, which it announces
	// as LOGINDISABLED. The plain ports are then on 127.0.0.2, for Dovecot takes a
	// connection within one address for secure.
	RequireTLS bool

	// Compress offers COMPRESS=DEFLATE, which Dovecot does not by default.
	Compress bool

	// Mechanisms are the SASL mechanisms that are offered. Default: "plain login".
	// Passwords work with scram-sha-256 and cram-md5 as well.
	Mechanisms string

	// Principals are those whom GSSAPI lets act for a user besides the user, such as
	// {"anna": "crm@EXAMPLE.TEST"}.
	Principals map[string]string

	// Hashed makes Dovecot keep hashes of the passwords, with which plain and login
	// work and no other mechanism, though they are offered.
	Hashed bool

	// Issuer knows the tokens of the mechanisms oauthbearer and xoauth2. It is
	// closed after the Dovecot.
	Issuer *Issuer

	// Certificates makes Dovecot ask clients for a certificate of CA's, whose first
	// host is the user that the mechanism external signs in.
	Certificates bool

	// Extra is added to the configuration's end, where it overrides all else.
	Extra string
}

// Dovecot is a running Dovecot. Its methods may be used by many goroutines.
//
// Mailboxes have INBOX and the folders Drafts, Sent, Trash, Junk and Archive, each
// with its special use.
type Dovecot struct {
	instance

	CA        *CA    // the issuer of the certificate
	IMAPAddr  string // plain, with STARTTLS
	IMAPSAddr string
	POP3Addr  string // plain, with STLS
	POP3SAddr string
	LMTPAddr  string
	SASLAddr  string // the authentication service that Postfix asks

	opt          DovecotOptions
	uid, gid     int
	capabilities string // what to offer instead of everything

	passwords sync.Mutex // guards the password file and opt.Users
	changed   time.Time  // the password file's time
}

// StartDovecot starts a Dovecot. ctx bounds the start, not the server: the caller
// calls Close.
func StartDovecot(ctx context.Context, o DovecotOptions) (*Dovecot, error) {
	if err := lacking(missingDovecot()); err != nil {
		return nil, err
	}
	for try := 1; ; try++ {
		d, err := newDovecot(o)
		if err != nil {
			return nil, err
		}
		err = d.begin(ctx)
		if err == nil {
			return d, nil
		}
		again := try < 5 && ctx.Err() == nil && d.portTaken()
		_ = d.Close() // the error to tell is the first one
		if !again {
			return nil, err
		}
	}
}

func newDovecot(o DovecotOptions) (*Dovecot, error) {
	o.Users = maps.Clone(o.Users)
	if o.Users == nil {
		o.Users = map[string]string{}
	}
	if len(o.Cert.Hosts) == 0 {
		o.Cert.Hosts = []string{"localhost", "127.0.0.1", "127.0.0.2"}
	}
	if o.Format == "" {
		o.Format = Mdbox
	}
	if locations[o.Format] == "" {
		return nil, fmt.Errorf("testserver: unknown mail format %q", o.Format)
	}
	d := &Dovecot{opt: o, CA: o.CA}
	var err error
	if d.CA == nil {
		if d.CA, err = NewCA(); err != nil {
			return nil, err
		}
	}
	if d.uid, d.gid, err = lookUp(nobody); err != nil {
		return nil, err
	}
	ports, err := freePorts(6)
	if err != nil {
		return nil, err
	}
	d.instance.ports = ports
	for i, addr := range []*string{&d.IMAPAddr, &d.IMAPSAddr, &d.POP3Addr, &d.POP3SAddr, &d.LMTPAddr, &d.SASLAddr} {
		*addr = loopback(ports.numbers[i])
	}
	if o.RequireTLS {
		d.IMAPAddr, d.POP3Addr = distant(d.IMAPAddr), distant(d.POP3Addr)
	}
	d.instance.name, d.instance.addr, d.instance.start = "Dovecot", d.IMAPAddr, d.launch
	d.instance.dir, err = newFolder("dovecot")
	d.banner = filepath.Base(d.dir)
	return d, err
}

// begin writes all files and starts the server for the first time.
func (d *Dovecot) begin(ctx context.Context) error {
	cert, key, err := d.CA.IssueWith(d.opt.Cert)
	if err != nil {
		return err
	}
	if err := d.writeFiles(0o600, map[string]string{"cert.pem": string(cert), "key.pem": string(key)}); err != nil {
		return err
	}
	if d.opt.Issuer != nil {
		if err := d.writeFiles(0o600, map[string]string{"oauth2": d.opt.Issuer.oauth2Conf()}); err != nil {
			return err
		}
	}
	if err := d.writeFiles(0o644, map[string]string{"ca.pem": string(d.CA.PEM())}); err != nil {
		return err
	}
	if err := d.writeUsers(); err != nil {
		return err
	}
	mail := filepath.Join(d.dir, "mail")
	if err := os.Mkdir(mail, 0o700); err != nil {
		return err
	}
	if err := os.Chown(mail, d.uid, d.gid); err != nil {
		return err
	}
	return d.configure(ctx)
}

// configure starts the server, and if it is to hide capabilities, asks it for all
// of them and starts it once more with the others.
func (d *Dovecot) configure(ctx context.Context) error {
	if err := d.run(ctx); err != nil || len(d.opt.DisableCapabilities) == 0 {
		return err
	}
	all, err := d.offered(ctx)
	if err != nil {
		return err
	}
	d.capabilities = strings.Join(without(all, d.opt.DisableCapabilities), " ")
	d.Kill() // nothing is there yet that a good end would save
	return d.run(ctx)
}

// without returns all but the hidden ones, whose case does not matter.
func without(all, hidden []string) []string {
	var left []string
	for _, c := range all {
		keep := true
		for _, h := range hidden {
			keep = keep && !strings.EqualFold(c, h)
		}
		if keep {
			left = append(left, c)
		}
	}
	return left
}

// launch starts the server's processes.
func (d *Dovecot) launch() (*process, error) {
	if err := d.writeFiles(0o644, map[string]string{"dovecot.conf": d.config()}); err != nil {
		return nil, err
	}
	// A killed server's id may belong to someone else by now, and a new server would
	// take that one for its like.
	if err := os.RemoveAll(filepath.Join(d.dir, "run", "master.pid")); err != nil {
		return nil, err
	}
	path, err := program("dovecot")
	if err != nil {
		return nil, err
	}
	return startProcess(d.dir, filepath.Join(d.dir, "out"), path, "-F", "-c", d.conf())
}

func (d *Dovecot) conf() string { return filepath.Join(d.dir, "dovecot.conf") }

// Doveadm runs doveadm on this server and returns what it prints.
func (d *Dovecot) Doveadm(ctx context.Context, args ...string) (string, error) {
	path, err := program("doveadm")
	if err != nil {
		return "", err
	}
	return output(exec.CommandContext(ctx, path, append([]string{"-c", d.conf()}, args...)...))
}

// Deliver puts a message into a user's folder the way a delivery does, through
// Dovecot's delivery agent, without changing a byte of it but for line ends. The
// folder is made if there is none; "" is INBOX. See Append for flags and a date,
// and Fill for many messages.
func (d *Dovecot) Deliver(ctx context.Context, user, folder string, raw []byte) error {
	path, err := dovecotPart("dovecot-lda")
	if err != nil {
		return err
	}
	if folder == "" {
		folder = "INBOX"
	}
	cmd := exec.CommandContext(ctx, path, "-c", d.conf(), "-d", Address(user), "-m", folder,
		"-f", "sender@"+Domain, "-e", "-o", "lda_mailbox_autocreate=yes")
	cmd.Stdin = bytes.NewReader(raw)
	_, err = output(cmd)
	return err
}

// SetPassword changes a user's password, or makes a user who is not there yet.
// Sessions that are signed in stay so. It takes up to a second, for Dovecot looks
// at its users once in each.
func (d *Dovecot) SetPassword(user, password string) error {
	d.passwords.Lock()
	defer d.passwords.Unlock()
	for name := range d.opt.Users {
		if Address(name) == Address(user) {
			delete(d.opt.Users, name)
		}
	}
	d.opt.Users[user] = password
	if err := d.writeUsers(); err != nil {
		return err
	}
	next := time.Now().Truncate(time.Second).Add(time.Second + 10*time.Millisecond)
	time.Sleep(time.Until(next))
	return nil
}

// addresses returns the mail address of every user, in order.
func (d *Dovecot) addresses() []string {
	d.passwords.Lock()
	defer d.passwords.Unlock()
	var all []string
	for name := range d.opt.Users {
		all = append(all, Address(name))
	}
	slices.Sort(all)
	return all
}

// output runs cmd and returns what it prints. Its error holds what it complains of.
func output(cmd *exec.Cmd) (string, error) {
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	cmd.WaitDelay = time.Minute
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("testserver: %s: %w: %s", filepath.Base(cmd.Path), err, strings.TrimSpace(complaint.String()))
	}
	return string(out), nil
}

// lookUp returns the ids of a user of the system.
func lookUp(name string) (uid, gid int, err error) {
	u, err := user.Lookup(name)
	if err != nil {
		return 0, 0, err
	}
	if uid, err = strconv.Atoi(u.Uid); err != nil {
		return 0, 0, err
	}
	gid, err = strconv.Atoi(u.Gid)
	return uid, gid, err
}
