package main

import (
	"context"

	"github.com/go-serversync/serversync/profile"
)

// steps are what sets the application up, in order. Each kind of mail system has its own.
func (s *setup) steps() []step {
	here := func() string { return s.subject() }
	first := []step{
		{"certificate", "have a certificate", nil, s.thumbprint, s.certify},
		{"export", "export it without its key", nil, s.thumbprint, s.export},
		{"name", "name application and tenant", s.naming, here, s.name},
	}
	var trust []step
	switch {
	case s.realm != "":
		first[2].title = "name application and realm"
		trust = []step{
			{"publish", "publish what Exchange reads", s.publishing, here, s.publish},
			{"permit", "have Exchange trust this host", s.partner, here, s.permit},
		}
	default:
		trust = []step{{"register", "register the certificate", s.registering, here, func(ctx context.Context) (string, error) { return s.token(ctx, s.home) }}}
		if s.tenant != s.home {
			trust = append(trust, step{"consent", "have the tenant consent", s.consenting, here, func(ctx context.Context) (string, error) { return s.token(ctx, s.tenant) }})
		}
		permitting := s.permitting
		if s.kind == profile.ExchangeServer {
			permitting = s.hybrid
		}
		trust = append(trust, step{"permit", "permit the mailboxes", permitting, here, s.permit})
	}
	return append(append(first, trust...),
		step{"test", "test a mailbox", nil, here, s.test},
		step{"sync", "sync it", nil, here, s.sync})
}
