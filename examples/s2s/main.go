// Command s2s sets up server-to-server sign-in, step by step: a certificate proves this host as an
// application, and an administrator of the mailboxes permits that once, for all of them. Each path stops
// at a step that is not right yet, says what to do, and goes on from there once that is done. It needs nothing but Go,
// for Entra ID and Exchange run inside it; with -tenant, -client and -mailbox the same is done with the real ones.
// Read main.go first, then act.go, which has what the steps do; the rest sets the scene.
package main

import (
	"context"
	"errors"
	"io"
	"log"
	"os"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/s2s/s2stest"
)

func main() {
	o, err := parse(os.Args[1:])
	if err != nil {
		log.Fatal(err)
	}
	if err := run(context.Background(), os.Stdout, o); err != nil {
		log.Fatal(err)
	}
}

// A path is a way to set server-to-server sign-in up, with what goes wrong at first.
type path struct {
	title string
	setup setup
	mends []mend                                                // one for each time that it stops
	then  func(context.Context, *printer, *scene, *setup) error // what is shown at the end
}

// A mend is what administrators do about a step that failed.
type mend struct {
	who string
	do  func(*scene, *setup) error
}

// paths are the ways that there are.
func paths() []path {
	own := setup{
		kind: profile.ExchangeOnline, url: profile.ExchangeOnlineURL,
		home: s2stest.Contoso, tenant: s2stest.Contoso, client: client,
		mailbox: box("contoso", "anna", anna), admit: admission{"contoso": {s2stest.Contoso}},
	}
	onPremises := own // the host beside its users, the mailboxes in the cloud
	onPremises.kind, onPremises.deployment = profile.ExchangeOnlineHybrid, profile.SelfHosted
	cross := own // an application of Contoso's, for mailboxes of Fabrikam's
	cross.tenant, cross.mailbox, cross.admit = s2stest.Fabrikam, box("fabrikam", "ben", ben), admission{}
	issuing := own // Exchange Server trusts the certificate itself
	issuing.kind, issuing.deployment, issuing.url = profile.ExchangeServer, profile.SelfHosted, "https://mail.contoso.example/EWS/Exchange.asmx"
	issuing.realm, issuing.home, issuing.tenant, issuing.admit = s2stest.ContosoDomain, "", "", admission{"contoso": {s2stest.ContosoDomain}}
	modern := issuing // Exchange Server takes Entra ID's tokens
	modern.realm, modern.home, modern.tenant, modern.admit = "", s2stest.Contoso, s2stest.Contoso, own.admit

	return []path{
		{"Exchange Online, in the host's own tenant", own, []mend{
			{"Contoso's administrator uploads the certificate", registered},
			{"and permits the application Anna's mailbox", permitted},
		}, takeover},
		{"Hybrid: the host on premises, the mailboxes in Exchange Online", onPremises, []mend{
			{"the certificate is uploaded", registered},
			{"Contoso's administrator chooses the wider way, and consents to full_access_as_app", consented},
		}, nil},
		{"Mailboxes of another tenant: Contoso's application, Fabrikam's mailboxes", cross, []mend{
			{"Contoso's administrator uploads the certificate", registered},
			{"Contoso's operator admits Fabrikam", admitted},
			{"Fabrikam's administrator opens the page, and accepts", agreed},
			{"and permits the application Ben's mailbox", permitted},
		}, nil},
		{"Exchange Server on premises, by tokens that the host issues itself", issuing, []mend{
			{"Contoso's administrator does so", trusted},
		}, nil},
		{"Exchange Server on premises, by Entra ID (hybrid modern authentication)", modern, []mend{
			{"the certificate is uploaded", registered},
			{"Contoso's administrator adds the server's address", addressed},
			{"and grants the permission", consented},
		}, nil},
	}
}

// box is a mailbox whose mail comes in. Another organization of the host's has others.
func box(organization, name, address string) mailbox.Mailbox {
	return mailbox.Mailbox{
		Key: mailbox.Key{Organization: organization, Mailbox: name}, Address: address, Profile: "s2s",
		Methods: mailbox.Methods{Outgoing: mailbox.None},
	}
}

func run(ctx context.Context, out io.Writer, o options) error {
	show := &printer{Writer: out}
	if o.real {
		return o.run(ctx, show)
	}
	for _, p := range paths() {
		show.title(p.title)
		if err := demonstrate(ctx, show, p); err != nil {
			return err
		}
	}
	return show.err
}

// demonstrate walks a path. Each time that it stops, the administrators of the scene mend what it says.
func demonstrate(ctx context.Context, show *printer, p path) error {
	scene, err := newScene()
	if err != nil {
		return err
	}
	defer scene.close()
	s, done := &p.setup, new(forgetful)
	s.network = scene.network()
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
		show.say("\n    -> %s.\n\n", m.who)
		if err := m.do(scene, s); err != nil {
			return err
		}
	}
	return nil
}
