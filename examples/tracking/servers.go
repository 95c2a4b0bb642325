package main

import (
	"cmp"
	"crypto/tls"
	"net/netip"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/imap"
	"github.com/go-serversync/serversync/imap/imaptest"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/smtp"
	"github.com/go-serversync/serversync/smtp/smtptest"
)

// servers are an IMAP and an SMTP server on this machine's loopback. They speak TLS
// and ask for Anna's password, as real ones do.
type servers struct {
	imap *imaptest.Server
	smtp *smtptest.Server
}

// startServers starts them. Anna has a folder for the harbour.
func startServers() servers {
	users := map[string]string{anna.Address: anna.Password.Reveal()}
	s := servers{
		imap: imaptest.NewServer(imaptest.Options{Users: users}),
		smtp: smtptest.NewServer(smtptest.Options{Users: users}),
	}
	s.imap.CreateFolder(anna.Address, "Harbour", "")
	return s
}

// deliver has the messages come in.
func (s servers) deliver(question serversync.Entry) {
	for _, m := range messages {
		s.imap.Add(anna.Address, cmp.Or(m.folder, "INBOX"), m.raw(question))
	}
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
