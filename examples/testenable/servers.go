package main

import (
	"context"
	"crypto/tls"
	"math/rand/v2"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/imap"
	"github.com/go-serversync/serversync/imap/imaptest"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
	"github.com/go-serversync/serversync/smtp"
	"github.com/go-serversync/serversync/smtp/smtptest"
)

// The mailboxes. They all have one password, which Ben gets wrong at first.
var (
	anna     = mailbox.Key{Organization: "northwind", Mailbox: "anna"}
	ben      = mailbox.Key{Organization: "northwind", Mailbox: "ben"}
	cleo     = mailbox.Key{Organization: "northwind", Mailbox: "cleo"}
	dora     = mailbox.Key{Organization: "northwind", Mailbox: "dora"}
	password = secret.New("correct horse")
)

func address(key mailbox.Key) string { return key.Mailbox + "@northwind.example" }

// servers are an SMTP server that delivers to an IMAP server, and an IMAP server
// with a certificate that is not for the name by which it is reached.
type servers struct {
	imap, misnamed *imaptest.Server
	smtp           *smtptest.Server
}

func startServers() servers {
	users := map[string]string{}
	for _, key := range []mailbox.Key{anna, ben, cleo, dora} {
		users[address(key)] = password.Reveal()
	}
	const days90 = 90*24*time.Hour + time.Hour
	s := servers{
		imap:     imaptest.NewServer(imaptest.Options{Users: users, Valid: days90}),
		misnamed: imaptest.NewServer(imaptest.Options{Users: users, Name: "mail.northwind.example"}),
	}
	s.smtp = smtptest.NewServer(smtptest.Options{Users: users, Valid: days90, Deliver: func(_ string, to []string, raw []byte) {
		for _, to := range to {
			if to != address(dora) { // hers goes elsewhere
				s.imap.Add(to, "INBOX", raw)
			}
		}
	}})
	s.imap.Add(address(anna), "INBOX", []byte("From: marta@lindqvist.example\r\nSubject: Where is my order?\r\n\r\nGood morning\r\n"))
	return s
}

func (s servers) close() {
	s.imap.Close()
	s.misnamed.Close()
	s.smtp.Close()
}

// directory holds two profiles and who is reached by them.
func (s servers) directory() *serversync.Directory {
	smtp := netip.MustParseAddrPort(s.smtp.Addr)
	office := profile.Profile{
		ID: "office", Kind: profile.IMAPSMTP, Incoming: s.imap.Endpoint(),
		Outgoing: profile.Endpoint{Host: smtp.Addr().String(), Port: int(smtp.Port())},
	}
	branch := office
	branch.ID, branch.Incoming = "branch", s.misnamed.Endpoint()
	d := new(serversync.Directory)
	d.PutProfile(anna.Organization, office)
	d.PutProfile(anna.Organization, branch)
	for _, key := range []mailbox.Key{anna, ben, cleo, dora} {
		box := mailbox.Mailbox{Key: key, Address: address(key), Profile: office.ID, Password: password}
		switch key {
		case ben:
			box.Password = secret.New("wrong horse")
		case cleo:
			box.Profile = branch.ID
		}
		d.PutMailbox(box)
	}
	return d
}

// drivers trust the servers' throw-away certificates. The zero drivers trust what the
// system trusts.
func (s servers) drivers() map[profile.Protocol]provider.Driver {
	return map[profile.Protocol]provider.Driver{
		profile.IMAP: &imap.Driver{TLSConfig: &tls.Config{RootCAs: s.imap.CertPool()}},
		profile.SMTP: smtp.Driver{TLSConfig: &tls.Config{RootCAs: s.smtp.CertPool()}},
	}
}

// policy allows servers on this machine, which a host in a cloud refuses.
func (s servers) policy() profile.Policy {
	return profile.Policy{AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
}

// plain writes the ports that servers usually have in place of those of this run.
func (s servers) plain() *strings.Replacer {
	port := func(addr string) string { return ":" + addr[strings.LastIndexByte(addr, ':')+1:] }
	return strings.NewReplacer(port(s.imap.Addr()), ":993", port(s.misnamed.Addr()), ":993", port(s.smtp.Addr), ":465")
}

// A clock stands still but for sleeping, which takes no time.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Now()} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Sleep(ctx context.Context, d time.Duration) error {
	c.advance(d)
	return ctx.Err()
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(max(d, 0))
}

// seeded returns chance that is the same each time.
func seeded() func() uint64 {
	var mu sync.Mutex
	rng := rand.New(rand.NewPCG(1, 2))
	return func() uint64 {
		mu.Lock()
		defer mu.Unlock()
		return rng.Uint64()
	}
}
