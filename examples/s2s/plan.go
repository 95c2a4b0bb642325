package main

import "github.com/go-serversync/serversync/profile"

// steps are what sets the application up, in order. Each kind of mail system has its own.
func (s *setup) steps() []step {
	here := func() string { return s.subject() }
	first := []step{
		{"certificate", "have a certificate", nil, s.thumbprint, s.certify},
		{"export", "export it without its key", nil, s.thumbprint, s.export},
		{"name", "name application and tenant", s.naming, here, s.name},
	}
	if s.realm != "" {
		first[2].title = "name application and realm"
	}
	return append(append(first, s.trust(here)...),
		step{"test", "test a mailbox", nil, here, s.test},
		step{"sync", "sync it", nil, here, s.sync})
}

// trust is why Exchange lets the application in.
func (s *setup) trust(here func() string) []step {
	if s.realm != "" {
		return []step{
			{"publish", "publish the certificate", s.publishing, here, s.publish},
			{"permit", "have Exchange trust it", s.partner, here, s.permit},
		}
	}
	steps := []step{{"register", "register the certificate", s.registering, here, s.register}}
	switch {
	case s.kind == profile.ExchangeServer:
		return append(steps, step{"permit", "have Exchange take the tokens", s.hybrid, here, s.permit})
	case s.tenant != s.home:
		steps = append(steps, step{"consent", "have the tenant consent", s.consenting, here, s.consent})
	}
	return append(steps, step{"permit", "permit the mailboxes", s.permitting, here, s.permit})
}
