package main

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/auth/ntlm"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

const usage = `Sync keeps a mailbox in an SQLite file, and sends mail.

  sync -imap mail.example.com -smtp mail.example.com -user anna@example.com -password-file FILE
  sync -ews https://mail.example.com/EWS/Exchange.asmx -user anna@example.com -password-file FILE

It runs until it is interrupted, and looks for mail when the server says that there
is some, and every five minutes. With -once it makes one cycle and exits. The exit
status is 0 only if all is well: no error, and nothing that is still to be done, such
as a message that could not be read or one of which nobody knows whether it was sent.

With -test it says what works and what does not, and what to do about it.

A server is given as host or host:port. TLS is chosen by the port: STARTTLS for 143,
110, 587 and 25, else TLS from the first byte, or STARTTLS where the server speaks first.
Certificates are always verified. Servers on this machine and on private networks are
fine, for you name them.

`

const sending = `
-send puts the message in a file into the outbox, from where it is sent, and its copy
filed among the sent mail. Sender and recipients are those in its header: Sender, else
From, and To, Cc and Bcc. The bytes are sent as they are, but that line ends become
CR LF, Bcc is left out, and a missing Message-ID or Date is put in front. The entry's
name comes from the file's content: the same file is sent once, however often it is
given. Change something in it to send it again.

-resolve says what became of a message of which nobody knows whether it was sent:
NAME=sent if it was, NAME=again to send it again, NAME=unsent to give it up.
`

// options are the program's flags.
type options struct {
	servers      map[*system]string // by what its flag says
	tls          string
	user         string
	impersonate  string
	passwordFile string
	ca           string
	folders      string
	accept       string
	contacts     string
	db           string
	deleteAfter  time.Duration
	once         bool
	test         bool
	send         []string
	resolve      string
	export       string
	json         bool
}

func parse(args []string, progress io.Writer) (options, error) {
	o := options{servers: map[*system]string{}}
	flags := flag.NewFlagSet("sync", flag.ContinueOnError)
	flags.SetOutput(progress)
	flags.Usage = func() {
		io.WriteString(progress, usage)
		flags.PrintDefaults()
		io.WriteString(progress, sending)
	}
	for i := range systems {
		s := &systems[i]
		flags.Func(s.flag, s.help, func(server string) error { o.servers[s] = server; return nil })
	}
	flags.StringVar(&o.tls, "tls", "", "protect connections by `mode` instead of by port: implicit, starttls or plain; plain means that anybody on the way reads mail and password")
	flags.StringVar(&o.user, "user", "", "login `name`")
	flags.StringVar(&o.impersonate, "impersonate", "", "with -ews: sync the mailbox of this `address`, for which the user may act (Exchange impersonation)")
	flags.StringVar(&o.passwordFile, "password-file", "", "`file` whose first line is the password")
	flags.StringVar(&o.ca, "ca", "", "`file` of the PEM certificates to trust (default: the system's)")
	flags.StringVar(&o.folders, "folders", "INBOX", "`folders` whose mail is brought in, parted by commas: names, uses such as \\Sent, or * for all but trash, junk and drafts")
	flags.StringVar(&o.accept, "accept", "", "have rules decide `which` mail is tracked: all, replies (to mail that is tracked or was sent with -send), known (from -contacts) or none; with -json each message's verdict and why (default: all, without asking)")
	flags.StringVar(&o.contacts, "contacts", "", "`file` of the addresses that -accept known takes for known, one a line")
	flags.StringVar(&o.db, "db", "mail.db", "SQLite `file` that keeps it all")
	flags.DurationVar(&o.deleteAfter, "delete-after", 0, "delete mail on the server this `long` after it was stored here, 24h or more (default: leave it there)")
	flags.BoolVar(&o.once, "once", false, "make one cycle and exit")
	flags.BoolVar(&o.test, "test", false, "test the servers stage by stage, with a message from the mailbox to itself, tell how it went, and exit; nothing is synced")
	flags.Func("send", "put the message in this `file` into the outbox; may be given again; see below", func(file string) error {
		o.send = append(o.send, file)
		return nil
	})
	flags.StringVar(&o.resolve, "resolve", "", "`NAME=sent`, =again or =unsent: settle a message that is held; see below")
	flags.StringVar(&o.export, "export", "", "write each stored message, byte for byte, into a file of its own in this `folder`")
	flags.BoolVar(&o.json, "json", false, "print each cycle's report as a line of JSON on standard output")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("%q is no flag", flags.Arg(0))
	}
	return o, o.validate()
}

// validate reports everything that is wrong with the flags.
func (o options) validate() error {
	var errs []error
	wrong := func(is bool, format string, args ...any) {
		if is {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	incoming, outgoing := o.server(mailbox.Incoming), o.server(mailbox.Outgoing)
	wrong(incoming == nil && outgoing == nil, "no server is named: give %s", flagNames())
	wrong(o.sources(mailbox.Incoming) > 1, "mail is brought in from one server at a time")
	wrong(o.sources(mailbox.Outgoing) > 1, "mail is sent through one server at a time")
	wrong(o.impersonate != "" && (incoming == nil || incoming.protocol != profile.EWS), "-impersonate is for -ews")
	wrong(len(o.send) > 0 && outgoing == nil, "-send needs a server to send through, such as -smtp")
	wrong(o.test && len(o.send) > 0, "-test syncs and sends nothing: leave out -send")
	wrong(!o.accepts().Valid() || o.accept == "records", "-accept is %q, want all, replies, known or none", o.accept)
	wrong(o.contacts != "" && o.accept != "known", "-contacts is for -accept known")
	wrong(o.deleteAfter != 0 && o.deleteAfter < 24*time.Hour, "-delete-after is less than 24h")
	wrong(o.deleteAfter != 0 && incoming == nil, "-delete-after is for a server that mail is brought in from")
	wrong(o.user == "", "-user is missing")
	wrong(o.passwordFile == "", "-password-file is missing")
	wrong(o.tls != "" && o.tls != "implicit" && o.tls != "starttls" && o.tls != "plain", "-tls is %q, want implicit, starttls or plain", o.tls)
	wrong(o.tls == "starttls" && incoming != nil && incoming.protocol == profile.EWS, "-tls starttls is not for -ews, whose URL says how it is protected")
	for s, server := range o.servers {
		_, err := o.endpoint(s)
		wrong(err != nil, "-%s %s: %v", s.flag, server, err)
	}
	return errors.Join(errs...)
}

func (o options) key() mailbox.Key {
	return mailbox.Key{Organization: "sync", Mailbox: cmp.Or(o.impersonate, o.user)}
}

// config returns the Syncer's configuration, but for the Store.
func (o options) config() (serversync.Config, error) {
	password, err := o.password()
	if err != nil {
		return serversync.Config{}, err
	}
	info, err := os.Stat(o.passwordFile)
	if err != nil {
		return serversync.Config{}, err
	}
	config, err := o.tlsConfig()
	if err != nil {
		return serversync.Config{}, err
	}
	p, err := o.profile()
	if err != nil {
		return serversync.Config{}, err
	}
	tracking, err := o.tracking()
	if err != nil {
		return serversync.Config{}, err
	}
	box := mailbox.Mailbox{
		Key: o.key(), Address: o.address(p), Username: o.user, Password: password,
		Folders: strings.Split(o.folders, ","),
		Accept:  o.accepts(),
		Methods: mailbox.Methods{Incoming: o.method(mailbox.Incoming), Outgoing: o.method(mailbox.Outgoing)},
		// What was stopped, such as for a wrong password, is tried again after a change.
		Revision: fmt.Sprint(info.ModTime().UnixNano(), " ", o.ca, " ", p.Incoming, p.Outgoing),
	}
	if o.deleteAfter > 0 { // only what is nobody's own mailbox is emptied
		box.Kind, box.DeleteProcessed, box.DeleteAfter = mailbox.Queue, true, o.deleteAfter
	}
	cfg := serversync.Config{
		Tracking:     tracking,
		Drivers:      o.drivers(config),
		Mechanisms:   o.mechanisms(),
		Mailboxes:    serversync.Static(p, box),
		Policy:       o.policy(),
		Sending:      serversync.Sending{NoCopy: p.Kind != profile.IMAPSMTP || o.server(mailbox.Incoming) == nil},
		Workers:      1,
		IdleInterval: time.Second, // one mailbox is polled as often when nothing happens
	}
	if o.once {
		// The cycle ends when all is done, and who runs it decides when to try again.
		cfg.CycleTimeout, cfg.Retry.Waits = 30*24*time.Hour, []time.Duration{time.Second}
	}
	return cfg, nil
}

func (o options) tlsConfig() (*tls.Config, error) {
	if o.ca == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(o.ca)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no PEM certificate", o.ca)
	}
	return &tls.Config{RootCAs: roots}, nil
}

// policy allows what the flags name. They are the operator's word: a host whose
// customers enter servers allows less.
func (o options) policy() profile.Policy {
	return profile.Policy{
		Deployment:           profile.SelfHosted,
		AllowPlaintext:       o.tls == "plain",
		AllowBasicWithoutTLS: o.tls == "plain",
		AllowNetworks:        []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")},
	}
}

// password reads the first line of the password's file.
func (o options) password() (secret.Text, error) {
	text, err := os.ReadFile(o.passwordFile)
	first, _, _ := strings.Cut(string(text), "\n")
	return secret.New(strings.TrimRight(first, "\r")), err
}

// address returns the mailbox's address: the user, at the server where that has none.
func (o options) address(p profile.Profile) string {
	if o.impersonate != "" {
		return o.impersonate
	}
	if strings.Contains(o.user, "@") {
		return o.user
	}
	return o.user + "@" + cmp.Or(p.Incoming.Host, p.Outgoing.Host)
}

// mechanisms returns what Exchange may ask for besides a password as it is. A policy
// that is self-hosted permits it.
func (o options) mechanisms() []provider.Mechanism {
	if s := o.server(mailbox.Incoming); s == nil || s.protocol != profile.EWS {
		return nil
	}
	return []provider.Mechanism{ntlm.Mechanism{}}
}

// drivers returns a driver for each protocol.
func (o options) drivers(config *tls.Config) map[profile.Protocol]provider.Driver {
	all := make(map[profile.Protocol]provider.Driver)
	for _, s := range systems {
		all[s.protocol] = s.driver(config)
		if o.tls == "" && s.protocol != profile.EWS {
			all[s.protocol] = &guess{Driver: all[s.protocol]}
		}
	}
	return all
}
