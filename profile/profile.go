// Package profile holds the email server profile: how to reach a mail system and
// how to prove who we are. A profile is described once by an administrator and
// used by many mailboxes.
//
// The package is pure: it opens no connection. [Profile.Validate] finds an
// administrator's mistakes before one is opened.
package profile

import (
	"cmp"
	"strconv"
	"time"

	"github.com/go-serversync/serversync/secret"
)

// ID names a profile within its organization.
type ID string

// Kind says what mail system a profile reaches.
type Kind string

// The kinds of mail system.
const (
	IMAPSMTP Kind = "imap/smtp" // any server that speaks IMAP for incoming and SMTP for outgoing mail
)

// Protocol names a driver.
type Protocol string

// The protocols that drivers exist for. A host may bring a driver of its own
// under a name of its own.
const (
	IMAP Protocol = "imap"
	SMTP Protocol = "smtp"
)

// Incoming returns the protocol that brings mail in, "" for an unknown kind.
func (k Kind) Incoming() Protocol {
	if k == IMAPSMTP {
		return IMAP
	}
	return ""
}

// Outgoing returns the protocol that takes mail out, "" for an unknown kind.
func (k Kind) Outgoing() Protocol {
	if k == IMAPSMTP {
		return SMTP
	}
	return ""
}

// TLS says how a connection is protected. The zero value is the safest.
type TLS string

// The ways to protect a connection.
const (
	ImplicitTLS TLS = ""          // TLS from the first byte (RFC 8314, section 3)
	StartTLS    TLS = "starttls"  // STARTTLS, and nothing else if the server refuses it
	Plaintext   TLS = "plaintext" // no protection; needs Policy.AllowPlaintext as well
)

// Credentials says where the user name and password of a connection come from.
type Credentials string

// The sources of credentials.
const (
	FromMailbox Credentials = ""          // each mailbox has its own
	FromProfile Credentials = "profile"   // one account in the profile
	Anonymous   Credentials = "anonymous" // none; outgoing SMTP only
)

// Endpoint is one direction of a profile.
type Endpoint struct {
	Host        string // host name or IP address, without a port
	Port        int    // 1 to 65535; 0 means the usual port of protocol and TLS
	TLS         TLS
	Credentials Credentials
	Username    string      // for FromProfile
	Password    secret.Text // for FromProfile
}

// Profile is an email server profile. The zero value of a field means its default.
type Profile struct {
	ID          ID
	Name        string // for people, at most 100 characters
	Description string
	Kind        Kind
	Incoming    Endpoint
	Outgoing    Endpoint

	// Revision changes whenever the host changes the profile, such as the time of
	// the last edit. What was stopped is tried again when it is another.
	Revision string

	// MaxConnections is how many connections may be open at once, 1 to 300,
	// counted per profile where the credentials are in the profile and per
	// mailbox where they are in the mailbox. Default: 10.
	MaxConnections int

	// MinPollInterval is the least time between two looks for new mail, 0 to 24
	// hours. Default: 0, which leaves it to the Syncer's own interval.
	MinPollInterval time.Duration

	// ProcessAfter bounds how far back mail is brought in: what the server
	// received earlier is left alone. Zero means no bound.
	ProcessAfter time.Time
}

// usualPorts are the ports of RFC 8314, sections 3.2 and 3.3, and RFC 6409.
var usualPorts = map[Protocol]map[TLS]int{
	IMAP: {ImplicitTLS: 993, StartTLS: 143, Plaintext: 143},
	SMTP: {ImplicitTLS: 465, StartTLS: 587, Plaintext: 25},
}

// Address returns host:port, with the usual port of p if none is set.
func (e Endpoint) Address(p Protocol) string {
	port := strconv.Itoa(cmp.Or(e.Port, usualPorts[p][e.TLS]))
	host := e.Host
	for _, c := range host {
		if c == ':' { // an IPv6 address
			return "[" + host + "]:" + port
		}
	}
	return host + ":" + port
}
