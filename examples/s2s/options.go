package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/secret"
)

// Options are what the command line says. The zero options have all of it shown on this machine.
type options struct {
	setup
	passwordFile string
	print        bool
}

func parse(args []string, to io.Writer) (o options, err error) {
	f := flag.NewFlagSet("s2s", flag.ContinueOnError)
	f.SetOutput(to)
	f.StringVar(&o.tenant, "tenant", "", "directory (tenant) `ID` of the mailboxes")
	f.StringVar(&o.client, "client", "", "application (client) `ID`; with -realm the ApplicationIdentifier of the partner application")
	f.StringVar(&o.file, "cert", "", "certificate with its key, a `FILE` of PFX or PEM; without it one is made in -dir")
	f.StringVar(&o.passwordFile, "password-file", "", "`FILE` with the password of the key")
	f.StringVar(&o.mailbox.Address, "mailbox", "", "`ADDRESS` of a mailbox to test and sync")
	f.StringVar(&o.url, "url", profile.ExchangeOnlineURL, "`URL` of Exchange's web services, of Exchange Server")
	f.StringVar(&o.realm, "realm", "", "`DOMAIN` of the trust, where Exchange Server takes tokens that this host issues itself")
	f.StringVar((*string)(&o.folder), "dir", "", "`DIR` that keeps which steps are done, so that the next run goes on; alone, for the first path of the demonstration")
	f.BoolVar(&o.print, "print", false, "print what an administrator does by hand, and do nothing")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	o.home, o.kind = o.tenant, profile.ExchangeOnline
	if o.url != profile.ExchangeOnlineURL || o.realm != "" {
		o.kind, o.deployment = profile.ExchangeServer, profile.SelfHosted
	}
	o.mailbox = box("here", "mailbox", o.mailbox.Address)
	o.admit = admission{o.mailbox.Organization: {cmp.Or(o.realm, o.tenant)}} // whoever runs this is the operator
	o.verbose = true
	return o, o.check(f)
}

var guid = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// check says what is missing. What is wrong a step tells.
func (o *options) check(f *flag.FlagSet) (err error) {
	switch {
	case !o.real():
	case !guid.MatchString(o.client):
		err = errors.New("-client is no GUID: give the application (client) ID")
	case o.tenant == "" && o.realm == "":
		err = errors.New("give -tenant or -realm")
	case o.realm != "" && o.url == profile.ExchangeOnlineURL:
		err = errors.New("give the -url of Exchange Server with -realm")
	case o.print:
	case o.mailbox.Address == "":
		err = errors.New("give -mailbox")
	case o.file == "" && o.folder == "":
		err = errors.New("give -cert, or -dir to have a certificate made and kept there")
	}
	if err == nil && f.NArg() > 0 {
		err = fmt.Errorf("%q is no flag", f.Arg(0))
	}
	if err != nil {
		fmt.Fprintln(f.Output(), err)
		f.Usage()
	}
	return err
}

// real reports whether the real Entra ID and Exchange are meant.
func (o *options) real() bool {
	return o.print || o.tenant != "" || o.client != "" || o.realm != "" || o.mailbox.Address != "" || o.file != ""
}

// given reports whether there is something to do besides the demonstration.
func (o *options) given() bool { return o.real() || o.folder != "" }

func (o *options) run(ctx context.Context, show *printer) error {
	if o.passwordFile != "" {
		text, err := os.ReadFile(o.passwordFile)
		if err != nil {
			return err
		}
		o.password = secret.New(strings.TrimRight(string(text), "\r\n"))
	}
	switch {
	case o.print:
		return o.printAll(show)
	case o.real():
		return o.once(ctx, show, &o.setup)
	}
	s := paths()[0].setup
	scene, err := newScene(s.kind)
	if err != nil {
		return err
	}
	defer scene.close()
	s.folder, s.password, s.network, s.verbose = o.folder, o.password, scene.network(), true
	if err := permitted(scene, &s); err != nil {
		return err
	}
	if s.resume(); len(s.certificates) > 0 {
		show.say("\nContoso's administrator has uploaded the certificate meanwhile.\n")
		if err := registered(scene, &s); err != nil {
			return err
		}
	}
	return o.once(ctx, show, &s)
}

// once walks as far as it goes, and tells where the next run goes on.
func (o *options) once(ctx context.Context, show *printer, s *setup) error {
	s.resume()
	var done notebook = new(forgetful)
	if s.folder != "" {
		done = s.folder
	}
	show.title(fmt.Sprintf("%s, for %s", s.kind, s.mailbox.Address))
	err := walk(ctx, s.steps(), done, show.step)
	var stop *stopped
	if !errors.As(err, &stop) {
		show.before()
		return errors.Join(err, show.err)
	}
	show.stopped(stop)
	if s.folder != "" {
		show.say("\nOnce that is done, run this again: it goes on with step %d.\n", stop.number)
	}
	return fmt.Errorf("it stopped at step %d of %d", stop.number, stop.of)
}
