package main

import (
	"crypto/tls"
	"embed"
	"io/fs"
	"net/netip"
	"time"

	"github.com/go-serversync/serversync/imap"
	"github.com/go-serversync/serversync/imap/imaptest"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/smtp"
	"github.com/go-serversync/serversync/smtp/smtptest"
)

//go:embed mail/*.eml
var mail embed.FS

// servers are an IMAP and an SMTP server on this machine's loopback. They speak TLS
// and ask for Anna's password, as real ones do.
type servers struct {
	imap *imaptest.Server
	smtp *smtptest.Server
}

// startServers starts them, with the messages of the folder mail in Anna's inbox.
func startServers() servers {
	users := map[string]string{anna.Address: anna.Password.Reveal()}
	s := servers{
		imap: imaptest.NewServer(imaptest.Options{Users: users}),
		smtp: smtptest.NewServer(smtptest.Options{Users: users}),
	}
	names, _ := fs.Glob(mail, "mail/*.eml") // the pattern is a good one
	for i, name := range names {
		raw, err := mail.ReadFile(name)
		if err != nil {
			panic(err) // it is part of the program
		}
		s.imap.AddAt(anna.Address, "INBOX", time.Date(2026, 10, 13, 9, i, 0, 0, time.UTC), raw)
	}
	return s
}

func (s servers) close() {
	s.imap.Close()
	s.smtp.Close()
}

// profile tells where the servers are. An administrator of a real system would say
// no more than imap.example.com and smtp.example.com.
func (s servers) profile() profile.Profile {
	smtp := netip.MustParseAddrPort(s.smtp.Addr)
	return profile.Profile{
		ID: "here", Kind: profile.IMAPSMTP,
		Incoming: s.imap.Endpoint(),
		Outgoing: profile.Endpoint{Host: smtp.Addr().String(), Port: int(smtp.Port())},
	}
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
