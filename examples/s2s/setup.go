package main

import (
	"cmp"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/s2s/certificate"
	"github.com/go-serversync/serversync/secret"
)

// A setup is what an administrator says of the application and the mailboxes, and what comes of it.
type setup struct {
	kind       profile.Kind
	deployment profile.Deployment // where this host is
	home       string             // the tenant that the application is registered in, which is the host's own
	tenant     string             // that of the mailboxes
	client     string             // the application (client) id
	realm      string             // of tokens that this host issues itself
	url        string             // of Exchange's web services
	mailbox    mailbox.Mailbox

	file     string // of a certificate that there is already
	password secret.Text
	folder   folder

	admit   admission // which organization may use the application in which tenant
	network network   // how servers are reached

	certificates []*certificate.Certificate // the preferred first
	verbose      bool                       // a test tells all that it found
}

// profile is how the mailbox is reached.
func (s *setup) profile() profile.Profile {
	return profile.Profile{
		ID: "s2s", Kind: s.kind, TenantID: s.tenant,
		Application: profile.Application{ClientID: s.client, Realm: s.realm},
		Incoming:    profile.Endpoint{URL: s.url, Credentials: profile.ServerToServer},
	}
}

// policy is the operator's.
func (s *setup) policy() profile.Policy {
	p := s.network.policy
	p.Deployment, p.TenantID = s.deployment, s.home
	return p
}

// account is the mailbox as sources of tokens and drivers are told of it.
func (s *setup) account() provider.Account {
	p := s.profile()
	return provider.Account{Mailbox: s.mailbox, Profile: p, Endpoint: p.Endpoint(profile.Incoming), Policy: s.policy()}
}

// subject is what a step was done for. One with another certificate is done again in any case, for its first step is.
func (s *setup) subject() string {
	return strings.Join([]string{string(s.kind), s.home, s.tenant, s.client, s.realm, s.url, s.mailbox.Address}, " ")
}

// barred reports whether this process cannot go the way: Exchange Server finds the certificate of tokens that the host
// issues by its SHA-1, which one that is held to FIPS 140 may not compute.
func (s *setup) barred() bool {
	_, ok := s.certificates[0].SHA1()
	return s.realm != "" && !ok
}

// thumbprint names the certificate, "" if there is none.
func (s *setup) thumbprint() string {
	if len(s.certificates) == 0 {
		return ""
	}
	return fmt.Sprintf("%x", s.certificates[0].SHA256())
}

// resume has the certificate of an earlier walk. Where it cannot be had, or has expired, the first step is not done.
func (s *setup) resume() {
	if c, err := s.kept(); err == nil && c.Check(s.network.now()) == nil {
		s.certificates = []*certificate.Certificate{c}
	}
}

// kept returns the certificate that there is.
func (s *setup) kept() (*certificate.Certificate, error) {
	return s.load(cmp.Or(s.file, s.folder.path(keyFile)))
}

func (s *setup) load(file string) (*certificate.Certificate, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return certificate.Load(text, s.password)
}

// newCertificate makes one, for evaluation: in production one of your own authority's is better, or a key that a vault
// keeps (certificate.FromSigner). It is kept as PEM, which every process can write: PFX takes SHA-1, which one
// that is held to FIPS 140 may not compute.
func (s *setup) newCertificate() (*certificate.Certificate, error) {
	c, err := certificate.SelfSigned(certificate.SelfSignedOptions{NotBefore: s.network.now().Add(-10 * time.Minute)})
	if err != nil {
		return nil, err
	}
	text, err := c.PEM(s.password)
	if err != nil {
		return nil, err
	}
	return c, s.folder.write(keyFile, text, 0o600)
}
