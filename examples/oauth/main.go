// Command oauth shows how the owners of mailboxes consent, and what becomes of their
// tokens: in a browser, by a code on another device, a refresh, consent that is taken
// back, and a new one. It needs nothing but Go, for the issuer runs inside it. Read main.go
// first; browser.go plays the owner, and signin.go the mail server.
package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net/netip"
	"os"
	"time"

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
	keyring, err := newKeyring()
	if err != nil {
		return err
	}
	source := &oauth.Source{
		Grants:    memory.New(), // yours would be your database
		Keyring:   keyring,
		Issuers:   []oauth.Issuer{issuer.Issuer()}, // yours would be oauth.Google(), oauth.Microsoft("")
		TLSConfig: &tls.Config{RootCAs: issuer.CertPool()},
		Policy:    profile.Policy{AllowNetworks: networks()},
		Clock:     day,
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	show := shower{ctx, out, source, issuer}
	anna, bob := account(issuer, "anna"), account(issuer, "bob")

	show.title("Nobody has consented yet")
	show.signIn(anna)

	show.title("Anna consents in her browser")
	if err := consent(ctx, source, issuer, anna); err != nil {
		return err
	}
	show.signIn(anna)

	show.title("Bob has no browser here: he enters a code on his telephone")
	begun, err := source.BeginDevice(ctx, bob)
	if err != nil {
		return err
	}
	if err := telephone(issuer, begun, bob.Mailbox.Address); err != nil {
		return err
	}
	if err := source.Wait(ctx, bob, begun.Session); err != nil {
		return err
	}
	show.signIn(bob)

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
	show.signIn(anna)

	show.title("Anna takes her consent back, in her account")
	issuer.RevokeUser(anna.Mailbox.Address)
	day.pass(time.Hour)
	show.signIn(anna)

	show.title("She consents again")
	if err := consent(ctx, source, issuer, anna); err != nil {
		return err
	}
	show.signIn(anna)

	show.title("Bob leaves: his grant is given back")
	if err := source.Revoke(ctx, bob); err != nil {
		return err
	}
	show.signIn(bob)
	return nil
}

// account is a mailbox with its profile. An administrator of a real system would write
// profile.Gmail, or name their own servers.
func account(issuer *oauthtest.Issuer, name string) provider.Account {
	p := profile.Profile{
		ID: "mail", Kind: profile.IMAPSMTP, Application: issuer.Application(),
		Incoming: profile.Endpoint{Host: "127.0.0.1", Credentials: profile.OAuth},
		Outgoing: profile.Endpoint{Host: "127.0.0.1"},
	}
	return provider.Account{
		Mailbox: mailbox.Mailbox{Key: mailbox.Key{Organization: "northwind", Mailbox: name}, Address: name + "@northwind.example"},
		Profile: p, Endpoint: p.Endpoint(profile.Incoming),
	}
}

// newKeyring makes a key. Yours comes from a vault, and stays.
func newKeyring() (*secret.Keyring, error) {
	key := make([]byte, 32)
	rand.Read(key)
	return secret.NewKeyring("2026-11", map[string][]byte{"2026-11": key})
}

// networks is this machine, which a host in a cloud does not dial.
func networks() []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} }
