package profile

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/go-serversync/serversync/secret"
)

// A Side is one of the things a profile serves: incoming or outgoing mail.
type Side string

// The sides.
const (
	Incoming Side = "incoming"
	Outgoing Side = "outgoing"
)

// TLS says how a connection is protected. The zero value is the safest.
type TLS string

// The ways to protect a connection.
const (
	ImplicitTLS TLS = ""          // TLS from the first byte (RFC 8314, section 3); for Exchange: https
	StartTLS    TLS = "starttls"  // STARTTLS, and nothing else if the server refuses it
	Plaintext   TLS = "plaintext" // no protection; needs Policy.AllowPlaintext as well
)

// Credentials says where what proves us comes from.
type Credentials string

// The sources of credentials.
const (
	FromMailbox       Credentials = ""          // user name and password of the user or queue, in the mailbox
	FromProfile       Credentials = "profile"   // user name and password of one account, in the profile
	ServerToServer    Credentials = "s2s"       // a certificate proves the host itself, as an application
	IntegratedWindows Credentials = "windows"   // the identity this process runs under; with POP3 and IMAP an extension of ours
	Anonymous         Credentials = "anonymous" // none; outgoing SMTP only
	OAuth             Credentials = "oauth"     // what the mailbox's owner, or an administrator, consented to

	// ClientCertificate is the certificate that the host's driver shows in TLS; the
	// mailbox's user name says who is meant. POP3, IMAP and SMTP only.
	ClientCertificate Credentials = "certificate"
)

// Authentication is the protocol by which credentials are presented.
type Authentication string

// The authentication protocols.
const (
	AutoDetect Authentication = ""          // the strongest that server, credentials and policy allow
	Negotiate  Authentication = "negotiate" // Kerberos, or NTLM where there is none (RFC 4559)
	NTLM       Authentication = "ntlm"
	Basic      Authentication = "basic" // user name and password as they are

	// SCRAM and CRAMMD5 prove the password without showing it (RFC 7677, RFC 2195).
	// POP3, IMAP and SMTP only.
	SCRAM   Authentication = "scram"
	CRAMMD5 Authentication = "cram-md5"

	Bearer Authentication = "oauth" // an OAuth 2.0 access token (RFC 6750, RFC 7628)
)

// Endpoint is one side of a profile.
type Endpoint struct {
	Host string // host name or IP address, without a port; not for Exchange
	Port int    // 1 to 65535; 0 means the usual port of protocol and TLS; not for Exchange
	URL  string // for Exchange: where its web services are, such as https://mail.example.com/EWS/Exchange.asmx

	TLS            TLS
	Authentication Authentication
	Credentials    Credentials
	Username       string      // for FromProfile
	Password       secret.Text // for FromProfile

	// Impersonate makes the account of the profile act as each mailbox's owner
	// (Exchange impersonation). Otherwise it acts as a delegate, which serves mail
	// but not appointments, contacts and tasks. Exchange only.
	Impersonate bool

	// GrantDelegate gives the account delegate access where it lacks it. Outgoing
	// and Exchange only.
	GrantDelegate bool
}

// usualPorts are the ports of RFC 8314, sections 3.2 and 3.3, RFC 1939 and RFC 6409.
var usualPorts = map[Protocol]map[TLS]int{
	IMAP: {ImplicitTLS: 993, StartTLS: 143, Plaintext: 143},
	POP3: {ImplicitTLS: 995, StartTLS: 110, Plaintext: 110},
	SMTP: {ImplicitTLS: 465, StartTLS: 587, Plaintext: 25},
}

// Address returns host:port, with the usual port of p if none is set.
func (e Endpoint) Address(p Protocol) string {
	port := strconv.Itoa(cmp.Or(e.Port, usualPorts[p][e.TLS]))
	if strings.Contains(e.Host, ":") { // an IPv6 address
		return "[" + e.Host + "]:" + port
	}
	return e.Host + ":" + port
}
