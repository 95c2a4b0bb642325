package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/go-serversync/serversync/ews"
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
	sides    []mailbox.Side
	kind     profile.Kind // for the incoming side: the kind of profile it makes
	protocol profile.Protocol
	driver   func(*tls.Config) provider.Driver
}

// systems are all of them. Another driver is another row.
var systems = []system{
	{
		flag: "imap", help: "bring mail in from this IMAP `server`", sides: incoming, kind: profile.IMAPSMTP, protocol: profile.IMAP,
		driver: func(c *tls.Config) provider.Driver { return &imap.Driver{TLSConfig: c} },
	},
	{
		flag: "pop3", help: "bring mail in from this POP3 `server`, which has INBOX alone", sides: incoming, kind: profile.POP3SMTP, protocol: profile.POP3,
		driver: func(c *tls.Config) provider.Driver { return &pop3.Driver{TLSConfig: c} },
	},
	{
		flag: "smtp", help: "send mail through this SMTP `server`", sides: outgoing, protocol: profile.SMTP,
		driver: func(c *tls.Config) provider.Driver { return smtp.Driver{TLSConfig: c} },
	},
	{
		flag: "ews", help: "bring mail in from, and send it through, the Exchange Web Services at this `URL`; autodiscover finds it by the address", sides: both, kind: profile.ExchangeServer, protocol: profile.EWS,
		driver: func(c *tls.Config) provider.Driver { return &ews.Driver{TLSConfig: c} },
	},
}

// What a system serves.
var (
	incoming = []mailbox.Side{mailbox.Incoming}
	outgoing = []mailbox.Side{mailbox.Outgoing}
	both     = []mailbox.Side{mailbox.Incoming, mailbox.Outgoing}
)

// byAddress is what -ews says to have the server found by the mailbox's address.
const byAddress = "autodiscover"

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
		if o.servers[&systems[i]] != "" && slices.Contains(systems[i].sides, side) {
			return &systems[i]
		}
	}
	return nil
}

// sources returns how many servers are named for a side.
func (o options) sources(side mailbox.Side) (n int) {
	for s, server := range o.servers {
		if server != "" && slices.Contains(s.sides, side) {
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
	if incoming != nil && incoming.protocol == profile.EWS {
		p.Autodiscover = o.servers[incoming] == byAddress
		if strings.EqualFold(p.Incoming.URL, profile.ExchangeOnlineURL) {
			p.Kind = profile.ExchangeOnline
		}
		return p, nil // it sends as well
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
	if s.protocol == profile.EWS {
		return o.exchange(server)
	}
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

// exchange reads what -ews says: a URL, or that autodiscover finds it. With -impersonate
// the account that signs in acts for somebody else.
func (o options) exchange(server string) (e profile.Endpoint, err error) {
	if o.tls == "plain" {
		e.TLS = profile.Plaintext
	}
	if server != byAddress {
		at, err := url.Parse(server)
		switch {
		case err != nil || at.Host == "" || at.Scheme != "https" && at.Scheme != "http":
			return e, fmt.Errorf("want the URL of the web services, such as https://mail.example.com/EWS/Exchange.asmx, or %s", byAddress)
		case at.Scheme == "http" && e.TLS != profile.Plaintext:
			return e, errors.New("a URL that begins with http, without TLS, needs -tls plain")
		}
		e.URL = server
	}
	if o.impersonate != "" {
		e.Credentials, e.Impersonate, e.Username = profile.FromProfile, true, o.user
		e.Password, err = o.password()
	}
	return e, err
}
