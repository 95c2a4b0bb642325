package main

import (
	"crypto/rand"
	"fmt"
	"net/netip"

	"github.com/go-serversync/serversync/imap/imaptest"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/oauth/oauthtest"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// startServer starts an IMAP server that takes tokens alone, with a letter for Anna and
// one for Bob. It asks the issuer whose each token is, and lets the mailbox's owner in and
// nobody else.
func startServer(issuer *oauthtest.Issuer) *imaptest.Server {
	server := imaptest.NewServer(imaptest.Options{
		Users:      map[string]string{address("anna"): rand.Text(), address("bob"): rand.Text()}, // passwords that nobody knows
		Mechanisms: []string{"XOAUTH2", "OAUTHBEARER"},
		Token:      func(username, token string) bool { return issuer.User(token) == username },
	})
	deliver(server, account(profile.Profile{}, "anna"), "a letter")
	deliver(server, account(profile.Profile{}, "bob"), "a letter")
	return server
}

func deliver(server *imaptest.Server, a provider.Account, subject string) {
	server.Add(a.Mailbox.Address, "INBOX", fmt.Appendf(nil, "From: carl@example.com\r\nTo: %s\r\nSubject: %s\r\n\r\nHello.\r\n", a.Mailbox.Address, subject))
}

// mailProfile is how the mailboxes are reached. An administrator of a real system would
// write profile.Gmail, or name their own server.
func mailProfile(issuer *oauthtest.Issuer, server profile.Endpoint) profile.Profile {
	server.Credentials = profile.OAuth
	return profile.Profile{
		ID: "mail", Kind: profile.IMAPSMTP, Application: issuer.Application(),
		Incoming: server, Outgoing: profile.Endpoint{Host: "127.0.0.1", Credentials: profile.OAuth},
	}
}

func address(name string) string { return name + "@northwind.example" }

// account is a mailbox with its profile, whose mail is read and not sent.
func account(p profile.Profile, name string) provider.Account {
	return provider.Account{
		Mailbox: mailbox.Mailbox{
			Key: mailbox.Key{Organization: "northwind", Mailbox: name}, Address: address(name),
			Methods: mailbox.Methods{Outgoing: mailbox.None},
		},
		Profile: p, Endpoint: p.Endpoint(profile.Incoming),
	}
}

// newKeyring makes a key. Yours comes from a vault, and stays.
func newKeyring() (*secret.Keyring, error) {
	key := make([]byte, 32)
	rand.Read(key)
	return secret.NewKeyring("2026-11", map[string][]byte{"2026-11": key})
}

// policy allows servers on this machine, which a host in a cloud does not dial.
func policy() profile.Policy {
	return profile.Policy{AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
}
