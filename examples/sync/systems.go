package main

import (
	"crypto/tls"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/go-serversync/serversync/imap"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/pop3"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/smtp"
)

// A system is a kind of server that a flag of its own names.
type system struct {
	flag     string
	help     string
	side     mailbox.Side
	kind     profile.Kind // for the incoming side: the kind of profile it makes
	protocol profile.Protocol
	driver   func(*tls.Config) provider.Driver
}

// systems are all of them. Another driver is another row.
var systems = []system{
	{
		flag: "imap", help: "bring mail in from this IMAP `server`", side: mailbox.Incoming, kind: profile.IMAPSMTP, protocol: profile.IMAP,
		driver: func(c *tls.Config) provider.Driver { return &imap.Driver{TLSConfig: c} },
	},
	{
		flag: "pop3", help: "bring mail in from this POP3 `server`, which has INBOX alone", side: mailbox.Incoming, kind: profile.POP3SMTP, protocol: profile.POP3,
		driver: func(c *tls.Config) provider.Driver { return &pop3.Driver{TLSConfig: c} },
	},
	{
		flag: "smtp", help: "send mail through this SMTP `server`", side: mailbox.Outgoing, protocol: profile.SMTP,
		driver: func(c *tls.Config) provider.Driver { return smtp.Driver{TLSConfig: c} },
	},
}

// startTLS are the ports on which connections begin unprotected.
var startTLS = []int{143, 110, 587, 25}

func flagNames() string {
	var names []string
	for _, s := range systems {
		names = append(names, "-"+s.flag)
	}
	return strings.Join(names, " or ")
}

// server returns the system that a flag names for a side, nil if none does.
func (o options) server(side mailbox.Side) *system {
	for i := range systems {
		if o.servers[&systems[i]] != "" && systems[i].side == side {
			return &systems[i]
		}
	}
	return nil
}

// sources returns how many servers are named to bring mail in from.
func (o options) sources() (n int) {
	for s, server := range o.servers {
		if server != "" && s.side == mailbox.Incoming {
			n++
		}
	}
	return n
}

// method says that a side without a server is not ours to work on.
func (o options) method(side mailbox.Side) mailbox.Method {
	if o.server(side) == nil {
		return mailbox.None
	}
	return mailbox.ServerSide
}

// profile returns the profile that the flags describe.
func (o options) profile() (profile.Profile, error) {
	p := profile.Profile{ID: "flags", Kind: profile.IMAPSMTP}
	incoming, outgoing := o.server(mailbox.Incoming), o.server(mailbox.Outgoing)
	var err error
	if incoming != nil {
		p.Kind = incoming.kind
		if p.Incoming, err = o.endpoint(incoming); err != nil {
			return p, err
		}
	}
	if outgoing != nil {
		if p.Outgoing, err = o.endpoint(outgoing); err != nil {
			return p, err
		}
	}
	return p, nil
}

// endpoint reads what s's flag says: host or host:port.
func (o options) endpoint(s *system) (e profile.Endpoint, err error) {
	server := o.servers[s]
	e.Host = server
	if host, port, splitErr := net.SplitHostPort(server); splitErr == nil {
		e.Host = host
		if e.Port, err = strconv.Atoi(port); err != nil {
			return e, err
		}
	}
	switch {
	case o.tls == "plain":
		e.TLS = profile.Plaintext
	case o.tls == "starttls", o.tls == "" && slices.Contains(startTLS, e.Port):
		e.TLS = profile.StartTLS
	}
	return e, nil
}
