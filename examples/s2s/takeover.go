package main

import (
	"context"
	"errors"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/s2s/certificate"
)

// takeover shows how a second certificate takes over from the first, while mail goes on coming in.
func takeover(ctx context.Context, show *printer, at *scene, s *setup) (err error) {
	later, first := *s, s.certificates[0]
	second, err := later.newCertificate()
	if err != nil {
		return err
	}
	later.certificates = []*certificate.Certificate{second, first} // the preferred one first
	h, err := later.host()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	show.say("    A new certificate takes over: the host is given both, the new one first, and runs on.\n")
	sync := func(what string) error {
		report, err := h.SyncMailbox(ctx, s.mailbox.Key)
		if err != nil {
			return err
		}
		proof, err := h.proof(ctx, s.mailbox.Key)
		show.say("    %-40s %d came in, proved by %s\n", what, report.Tracked, proof)
		at.deliver(s.mailbox.Address, "Thank you")
		at.day.pass(life) // so that a new token is needed
		return err
	}
	if err := sync("Entra ID does not know the new one:"); err != nil {
		return err
	}
	if err := errors.Join(at.register(second), sync("it knows both:"), at.RemoveCertificate(client, first.Leaf())); err != nil {
		return err
	}
	return sync("the old one is removed:")
}

// proof tells which certificate proves the host, as a test does.
func (h *host) proof(ctx context.Context, key mailbox.Key) (string, error) {
	report, err := h.TestMailbox(ctx, key, serversync.TestOptions{TestOnly: true, NoMessage: true})
	for _, st := range report.Stages {
		if st.Stage == provider.StageCertificate {
			return st.Evidence.Text, err
		}
	}
	return "", err
}

// impersonated tells whether requests said whose mailbox is meant, beside the token.
func impersonated(_ context.Context, show *printer, at *scene, _ *setup) error {
	show.say("    Requests with ExchangeImpersonation: %d. The token says whose mailbox is meant.\n", at.impersonations.Load())
	return nil
}
