package main

import (
	"crypto/tls"
	"net/netip"
	"time"

	"github.com/go-serversync/serversync/ews"
	"github.com/go-serversync/serversync/ews/ewstest"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// account is who may act for every mailbox (role ApplicationImpersonation).
const account = "crm@northwind.example"

// startExchange starts an Exchange on this machine's loopback, with mail in Anna's inbox.
func startExchange() *ewstest.Server {
	s := ewstest.NewServer(ewstest.Options{
		Users:         map[string]string{account: "correct horse"},
		Mailboxes:     []string{anna.Address, ben.Address},
		Impersonators: map[string][]string{account: {"*"}},
	})
	at := func(minute int) time.Time { return time.Date(2026, 10, 13, 9, minute, 0, 0, time.UTC) }
	s.AddAt(anna.Address, "inbox", at(1), letter("Marta Lindqvist <marta@lindqvist.example>", "Where is my order 4711?", "I am waiting for the lanterns."))
	s.AddAt(anna.Address, "inbox", at(2), letter("NAS <nas@northwind.example>", "Backup finished", "All is well."))
	bad := s.AddBad(anna.Address, "inbox", letter("Bob Okafor <bob@okafor.example>", "Photos from the fair", "See the stand."))
	s.SetFlags(bad, ewstest.FlagRead)
	return s
}

func letter(from, subject, text string) []byte {
	return []byte("From: " + from + "\r\nTo: anna@northwind.example\r\nSubject: " + subject +
		"\r\nDate: Tue, 13 Oct 2026 08:00:00 +0200\r\nMessage-ID: <" + subject[:5] + "@mail.example>\r\n\r\n" + text + "\r\n")
}

// exchange tells where the server is, and who acts in the mailboxes' names. An administrator of
// a real one would say no more than its URL, or have it found by autodiscover.
func exchange(s *ewstest.Server) profile.Profile {
	return profile.Profile{
		ID: "here", Kind: profile.ExchangeServer,
		Incoming: profile.Endpoint{
			URL: s.URL(), Credentials: profile.FromProfile, Username: account, Password: secret.New("correct horse"),
			Impersonate: true,
		},
	}
}

// drivers trusts the server's throw-away certificate. The zero Driver trusts what the system
// trusts.
func drivers(s *ewstest.Server) map[profile.Protocol]provider.Driver {
	return map[profile.Protocol]provider.Driver{profile.EWS: &ews.Driver{TLSConfig: &tls.Config{RootCAs: s.CertPool()}}}
}

// policy allows servers on this machine, which a host in a cloud refuses.
func policy() profile.Policy {
	return profile.Policy{AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
}
