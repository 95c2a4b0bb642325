package ewstest

import (
	"crypto/fips140"
	"crypto/tls"
	"io"
	"log"
	"time"
)

// Options says what Exchange is wanted. The zero Options is one with TLS, the schema of
// Exchange Server 2016, and a mailbox user@example.com whose owner signs in with that address and
// the password "secret".
type Options struct {
	Behavior Behavior // in what its mailboxes differ from those of others

	Plain   bool   // http without TLS
	Version string // 2010_SP2, 2013_SP1, 2016, 2019, SE or EXO. Default: 2016

	// Users are those who can sign in, passwords by address. Their names at sign-in are the
	// address and, with the domain's first part, such as EXAMPLE\user. Each has a mailbox unless NoMailbox
	// names it.
	Users     map[string]string
	NoMailbox []string
	Mailboxes []string          // addresses of mailboxes that nobody signs in to
	Proxies   map[string]string // further addresses of mailboxes, with the primary one
	Logins    map[string]string // further names at sign-in, such as CORP\svc, with the address

	// Impersonators say who may act as whom by ExchangeImpersonation; "*" is everybody. An
	// application whose token is its own may act as every mailbox that Apps allows.
	Impersonators map[string][]string
	Apps          []string // the mailboxes that applications may act as. Default: all

	// Delegates say who has full access to a mailbox besides its owner.
	Delegates map[string][]string

	// Schemes are the ways to sign in that the server offers, of Basic, NTLM, Negotiate and
	// Bearer. Default: Basic and NTLM, Negotiate and Bearer if those are set; without NTLM in a
	// process that runs in FIPS 140 mode, which has neither of its digests.
	Schemes []string

	// Token says whose an access token is, and whether it is an application's own, which
	// has to impersonate somebody. Many goroutines call it.
	Token func(token string) (address string, app, ok bool)

	// Refusal says in the words of x-ms-diagnostics why Token does not take a token, "" for
	// nothing. Default: that its audience is wrong. Many goroutines call it.
	Refusal func(token string) string

	// Negotiate takes what comes with Negotiate (RFC 4559) and returns what goes back. With
	// "" as the address the exchange goes on, unless reply is nil too. Many goroutines call it.
	Negotiate func(token []byte) (reply []byte, address string)

	// Binding makes NTLM name the channel that it runs in, as Extended Protection asks for: a
	// proxy that ends TLS cannot pass it on.
	Binding bool

	Forgetful bool // NTLM signs in one request only (Persistent-Auth: false)

	// Anchor makes the server refuse a request whose X-AnchorMailbox is not the mailbox
	// that it is about: as a fault ErrorProxyRequestNotAllowed, or with status 449.
	Anchor Anchor

	// Affinity makes the server know a subscription only together with the cookie
	// X-BackEndOverrideCookie, which it gives to those who ask for affinity.
	Affinity bool

	Concurrency int // requests of a mailbox at a time. Default: no limit
	Syncs       int // requests SyncFolderItems of a mailbox at a time. Default: no limit
	Streams     int // streaming connections of a mailbox at a time. Default: 10, 3 for 2013_SP1

	// Heartbeat is how often a streaming connection says that it lives. Default: 45 s.
	Heartbeat time.Duration

	// Minute is how long a minute of a streaming connection's timeout is. Default: 1 min.
	Minute time.Duration

	Latency time.Duration // each request takes so long

	Style    Style // how answers are written
	Lenient  bool  // it takes requests that leave the schema, as other servers do
	NoGzip   bool  // answers are not compressed
	Split    int   // streaming answers are sent in pieces of so many bytes
	MaxBytes int64 // of a request. Default: 64 MiB

	// Plain500 makes a server that does not know the version that is asked for say so in
	// plain text, as old servers behind new ones do.
	Plain500 bool

	Autodiscover Autodiscover // what it says of where mailboxes are

	Certificate *tls.Certificate // Default: a throw-away one, which Server.CertPool vouches for
	Name        string           // the certificate is for this name alone. Default: for localhost and 127.0.0.1
	Expired     bool             // the certificate was good until an hour ago
	Valid       time.Duration    // for how long the certificate is good. Default: a day

	Faults []Fault // as by SetFault
	Seed   uint64  // of the chance in faults and styles
}

// An Anchor is what a server does about X-AnchorMailbox.
type Anchor int

// What is done about a wrong X-AnchorMailbox, or none.
const (
	AnchorIgnored Anchor = iota
	AnchorFault          // ErrorProxyRequestNotAllowed
	Anchor449            // status 449
)

func (o Options) withDefaults() Options {
	if o.Users == nil {
		o.Users = map[string]string{"user@example.com": "secret"}
	}
	if o.Version == "" {
		o.Version = "2016"
	}
	if o.Schemes == nil {
		o.Schemes = []string{"NTLM", "Basic"}
		if fips140.Enabled() {
			o.Schemes = []string{"Basic"}
		}
		if o.Negotiate != nil {
			o.Schemes = append([]string{"Negotiate"}, o.Schemes...)
		}
		if o.Token != nil {
			o.Schemes = append([]string{"Bearer"}, o.Schemes...)
		}
	}
	if o.Streams == 0 {
		o.Streams = 10
		if o.Version == "2013_SP1" {
			o.Streams = 3
		}
	}
	if o.Heartbeat == 0 {
		o.Heartbeat = 45 * time.Second
	}
	if o.Minute == 0 {
		o.Minute = time.Minute
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = 64 << 20
	}
	return o
}

// silent is where net/http says that a client has gone.
func silent() *log.Logger { return log.New(io.Discard, "", 0) }
