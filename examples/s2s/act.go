package main

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/s2s/certificate"
	"github.com/go-serversync/serversync/secret"
)

// What the steps do.

// certify has a certificate, the one of a file, the one that was made before, or a new one.
func (s *setup) certify(context.Context) (string, error) {
	c, err := s.kept()
	if err == nil {
		err = c.Check(s.network.now())
	}
	var known *provider.Error
	expired := errors.As(err, &known) && known.Code == certificate.CodeExpired
	if s.file == "" && (expired || errors.Is(err, fs.ErrNotExist)) { // one that cannot be opened may be registered, and stays
		c, err = s.newCertificate()
	}
	if err != nil {
		return "", err
	}
	if _, is := c.Signer().Public().(*rsa.PublicKey); !is {
		return "", problem{"the certificate has no RSA key, and neither Entra ID nor Exchange Server takes another", "use a certificate with an RSA key of 2,048 bits or more"}
	}
	s.certificates = []*certificate.Certificate{c}
	return fmt.Sprintf("%s, good until %s", c.Leaf().Subject, c.NotAfter().UTC().Format(time.DateOnly)), nil
}

// export writes what is registered: the certificate without its key.
func (s *setup) export(context.Context) (string, error) {
	c := s.certificates[0]
	if err := s.folder.write(cerFile, c.CertificatePEM(), 0o644); err != nil {
		return "", err
	}
	return cerFile + ", without the key: " + c.Thumbprints()[0], nil
}

// name checks what was entered, without asking anybody.
func (s *setup) name(context.Context) (string, error) {
	p := s.profile()
	for _, issue := range append(p.Validate(s.policy()), s.mailbox.Validate(p, s.policy())...) {
		if issue.Level == profile.Error {
			return "", problem{issue.Field + ": " + issue.Message, issue.Remedy}
		}
	}
	if s.realm != "" {
		return s.client + " of " + s.realm, nil
	}
	return s.client + " of " + s.tenant, nil
}

// register finds out whether Entra ID gives tokens for the certificate. It is asked as for Exchange Online in the host's
// own tenant, in which the application is registered, so that nothing else can be wrong.
func (s *setup) register(ctx context.Context) (string, error) {
	own := *s
	own.kind, own.url = profile.ExchangeOnline, profile.ExchangeOnlineURL
	own.tenant, own.admit = s.home, admission{s.mailbox.Organization: {s.home}}
	return own.token(ctx, "Entra ID gives tokens for the certificate")
}

// consent finds out whether it does so for the tenant of the mailboxes.
func (s *setup) consent(ctx context.Context) (string, error) {
	return s.token(ctx, "Entra ID gives tokens of the tenant")
}

func (s *setup) token(ctx context.Context, said string) (string, error) {
	source := s.source()
	defer source.Close()
	if _, err := source.Token(ctx, s.account(), secret.Text{}); err != nil {
		return "", err
	}
	return said, nil
}

// permit finds out whether the token permits what it should, and the mailbox opens. Exchange has the last word: it knows
// roles of its own, which stand in no token.
func (s *setup) permit(ctx context.Context) (string, error) {
	source := s.source()
	defer source.Close()
	a := s.account()
	a.Tokens = source
	token, err := source.Token(ctx, a, secret.Text{})
	if err != nil {
		return "", err
	}
	if _, err := source.Permission(a, token); err != nil {
		return "", err
	}
	session, err := s.network.driver().Open(ctx, a)
	if err != nil {
		return "", err
	}
	return "Exchange opens the mailbox", session.Close()
}

// test has the mailbox tested as "Test & Enable" does.
func (s *setup) test(ctx context.Context) (said string, err error) {
	h, err := s.host()
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	report, err := h.TestMailbox(ctx, s.mailbox.Key, serversync.TestOptions{NoMessage: true})
	if err != nil {
		return "", err
	}
	return s.words(report), failed(report.Fault, report.Passed)
}

// sync has the mailbox's mail brought in.
func (s *setup) sync(ctx context.Context) (said string, err error) {
	h, err := s.host()
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	report, err := h.SyncMailbox(ctx, s.mailbox.Key)
	return fmt.Sprintf("%s: %d came in", s.mailbox.Address, report.Tracked), err
}

// failed returns what a test has found as an error.
func failed(f mailbox.Fault, passed bool) error {
	if passed {
		return nil
	}
	return problem{f.Cause, f.Remedy}
}

// A problem is what is wrong, and what to do.
type problem struct{ cause, remedy string }

func (p problem) Error() string { return p.cause }
