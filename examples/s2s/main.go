// Command s2s sets up server-to-server sign-in, step by step: a certificate proves this host as an
// application, and an administrator permits that application the mailboxes, once for all of them. What
// is not right yet stops at its step and says what to do; once that is done, it goes on from there. It needs
// nothing but Go, for Entra ID and Exchange run inside it. With -tenant, -client and -mailbox the real ones
// are asked (see options.go). Read main.go first, then act.go, which has what the steps do.
package main

import (
	"context"
	"errors"
	"io"
	"log"
	"os"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/s2s/certificate"
	"github.com/go-serversync/serversync/s2s/s2stest"
)

func main() {
	o, err := parse(os.Args[1:], os.Stderr)
	if err != nil {
		os.Exit(2) // it was told
	}
	if err := run(context.Background(), os.Stdout, o); err != nil {
		log.Fatal(err)
	}
}

// A path is a way to set server-to-server sign-in up, with what is wrong at first.
type path struct {
	title string
	setup setup
	ready func(*scene, *setup) error // what administrators have done already; may be nil
	mends []mend                     // one for each time that it stops
	then  func(context.Context, *printer, *scene, *setup) error
}

// A mend is what somebody does about a step that failed.
type mend struct {
	says string
	do   func(*scene, *setup) error
}

// paths are the ways that there are. Northwind's CRM has one application for all of them, and one certificate.
func paths() []path {
	own := setup{ // the tenant is the host's own
		kind: profile.ExchangeOnline, url: profile.ExchangeOnlineURL, home: s2stest.Contoso, tenant: s2stest.Contoso, client: client,
		mailbox: box("contoso", "anna", anna), admit: admission{"contoso": {s2stest.Contoso}},
	}
	hybrid := own // the host is on premises, its mailboxes are in the cloud
	hybrid.kind, hybrid.deployment = profile.ExchangeOnlineHybrid, profile.SelfHosted
	cross := own // an application of Contoso's, for mailboxes of Fabrikam's
	cross.tenant, cross.mailbox = s2stest.Fabrikam, box("fabrikam", "ben", ben)
	modern := hybrid // both are on premises, and Exchange Server takes Entra ID's tokens
	modern.kind, modern.url = profile.ExchangeServer, "https://"+onPremises+"/EWS/Exchange.asmx"
	issuing := modern // Exchange Server takes the host's own
	issuing.tenant, issuing.realm, issuing.admit = "", s2stest.ContosoDomain, admission{"contoso": {s2stest.ContosoDomain}}

	own.verbose = true
	return []path{
		{"Exchange Online, in the host's own tenant", own, permitted, []mend{
			{"Contoso's administrator uploads the certificate; the mailbox is permitted already", registered},
		}, takeover},
		{"Hybrid: the host on premises, the mailboxes in Exchange Online", hybrid, registered, []mend{
			{"Contoso's administrator takes the wider way, and consents to full_access_as_app", consented},
		}, nil},
		{"Another tenant: the host's application, Fabrikam's mailboxes", cross, registered, []mend{
			{"The operator admits Fabrikam to its tenant", admitted},
			{"Fabrikam's administrator opens that page and accepts; then permits the mailbox, as above", agreed},
		}, nil},
		{"Exchange Server on premises, with tokens that the host issues itself", issuing, nil, []mend{
			{"Contoso's administrator does so", trusted},
		}, impersonated},
		{"Exchange Server on premises, with tokens of Entra ID (hybrid modern authentication)", modern, registered, []mend{
			{"Contoso's administrator does so", addressed},
		}, nil},
	}
}

// box is a mailbox whose mail comes in.
func box(organization, name, address string) mailbox.Mailbox {
	return mailbox.Mailbox{
		Key: mailbox.Key{Organization: organization, Mailbox: name}, Address: address, Profile: "s2s",
		Methods: mailbox.Methods{Outgoing: mailbox.None},
	}
}

func run(ctx context.Context, out io.Writer, o options) error {
	if o.given() {
		return o.run(ctx, &printer{Writer: out})
	}
	show := &printer{Writer: out, steady: true}
	done := new(forgetful)
	var certificates []*certificate.Certificate // made in the first path, and known in all the others
	for _, p := range paths() {
		scene, err := newScene(p.setup.kind)
		if err != nil {
			return err
		}
		p.setup.network, p.setup.certificates = scene.network(), certificates
		err = demonstrate(ctx, show, &p, scene, done)
		scene.close()
		if err != nil {
			return err
		}
		certificates = p.setup.certificates
	}
	return show.err
}

// demonstrate walks a path. Each time that it stops somebody does what is said.
func demonstrate(ctx context.Context, show *printer, p *path, scene *scene, done notebook) error {
	show.title(p.title)
	s := &p.setup
	if p.ready != nil {
		if err := p.ready(scene, s); err != nil {
			return err
		}
	}
	for _, m := range append(p.mends, mend{}) {
		err := walk(ctx, s.steps(), done, show.step)
		var stop *stopped
		if err == nil && p.then != nil {
			return p.then(ctx, show, scene, s)
		}
		if !errors.As(err, &stop) || m.do == nil {
			return err
		}
		show.stopped(stop)
		if s.barred() {
			show.say("    This process is held to FIPS 140, so the path ends here.\n")
			return nil
		}
		show.say("    -> %s.\n", m.says)
		if err := m.do(scene, s); err != nil {
			return err
		}
	}
	return nil
}
