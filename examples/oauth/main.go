// Command oauth shows how the owners of mailboxes consent, and how their mail is synced
// then: consent in a browser, and by a code on another device, a refresh, consent that is
// taken back, and a new one. It needs nothing but Go, for the issuer and the IMAP server,
// which asks the issuer whose each token is, run inside it. Read main.go first; browser.go
// plays the owners, and servers.go holds what stands elsewhere in life.
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/imap"
	"github.com/go-serversync/serversync/imap/imaptest"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/oauth"
	"github.com/go-serversync/serversync/oauth/oauthtest"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
	"github.com/go-serversync/serversync/store/memory"
)

// back is the page that the issuer sends browsers back to, as it was registered.
const back = "https://crm.northwind.example/consent/back"

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, out io.Writer) (err error) {
	day := newDay()
	issuer := oauthtest.New(oauthtest.Options{Now: day.Now})
	defer issuer.Close()
	server := startServer(issuer)
	defer server.Close()
	keyring, err := newKeyring()
	if err != nil {
		return err
	}
	store := memory.New() // yours would be your database
	source := &oauth.Source{
		Grants:    store,
		Keyring:   keyring,
		Issuers:   []oauth.Issuer{issuer.Issuer()}, // yours would be oauth.Google(), oauth.Microsoft("")
		TLSConfig: &tls.Config{RootCAs: issuer.CertPool()},
		Policy:    policy(),
		Clock:     day,
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	p := mailProfile(issuer, server.Endpoint())
	anna, bob := account(p, "anna"), account(p, "bob")
	mailboxes := serversync.Static(p, anna.Mailbox, bob.Mailbox)
	syncer, err := newSyncer(store, source, server, mailboxes)
	if err != nil {
		return err
	}
	defer syncer.Close()
	show := shower{ctx, out, syncer}
	// A host tells the Syncer of a consent as it tells of a password: the mailbox has
	// another Revision, and is tried at once.
	consented := func(a provider.Account) error {
		return mailboxes.Edit(ctx, a.Mailbox.Key, func(*mailbox.Mailbox) {})
	}

	show.title("Nobody has consented yet")
	show.sync(anna)

	show.title("Anna consents in her browser")
	if err := errors.Join(consent(ctx, source, issuer, anna), consented(anna)); err != nil {
		return err
	}
	show.sync(anna)

	show.title("Bob has no browser here: he enters a code on his telephone")
	begun, err := source.BeginDevice(ctx, bob)
	if err != nil {
		return err
	}
	if err := telephone(issuer, begun, bob.Mailbox.Address); err != nil {
		return err
	}
	if err := errors.Join(source.Wait(ctx, bob, begun.Session), consented(bob)); err != nil {
		return err
	}
	show.sync(bob)

	show.title("Anna's consent is tried for Bob's mailbox")
	show.failure(consentAs(ctx, source, issuer, bob, anna.Mailbox.Address))

	show.title("A day goes by, with a look each five minutes")
	for range 24 * 12 {
		day.pass(5 * time.Minute)
		if _, err := source.Token(ctx, anna, secret.Text{}); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "the issuer was asked %d times; refresh tokens used twice: %d\n", issuer.Calls("refresh_token"), issuer.Reuses())
	deliver(server, anna, "a letter of the next day")
	show.sync(anna)

	show.title("Anna takes her consent back, in her account")
	issuer.RevokeUser(anna.Mailbox.Address)
	day.pass(time.Hour)
	show.sync(anna)

	show.title("She consents again")
	deliver(server, anna, "a letter that came meanwhile")
	if err := errors.Join(consent(ctx, source, issuer, anna), consented(anna)); err != nil {
		return err
	}
	show.sync(anna)

	show.title("Bob leaves: his grant is given back")
	if err := source.Revoke(ctx, bob); err != nil {
		return err
	}
	show.sync(bob)
	return nil
}

// newSyncer makes the Syncer: Tokens is what consent adds to it.
func newSyncer(store serversync.Store, source *oauth.Source, server *imaptest.Server, mailboxes serversync.Mailboxes) (*serversync.Syncer, error) {
	return serversync.New(serversync.Config{
		Store:     store,
		Drivers:   map[profile.Protocol]provider.Driver{profile.IMAP: &imap.Driver{TLSConfig: &tls.Config{RootCAs: server.CertPool()}}},
		Tokens:    map[profile.Credentials]provider.TokenSource{profile.OAuth: source},
		Mailboxes: mailboxes,
		Policy:    policy(),

		IdleSessions: -1, // so that each sync of the example signs in
	})
}
