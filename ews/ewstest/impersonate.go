package ewstest

import (
	"net/http"
	"slices"
	"strings"
)

// impersonate finds out as whom a request acts.
func (s *Server) impersonate(q *request, who identity, header *node) error {
	if header == nil {
		if who.app {
			return &failure{code: "ErrorInvalidExchangeImpersonationHeaderData", text: "ExchangeImpersonation SOAP header must be present for this type of OAuth token.", fault: true}
		}
		return nil
	}
	as, err := s.impersonated(header.child("ConnectingSID"))
	if err != nil {
		return err
	}
	if !s.mayImpersonate(who, as) {
		return &failure{code: "ErrorImpersonateUserDenied", text: "The account does not have permission to impersonate the requested user.", fault: true}
	}
	q.acting = as.address
	return nil
}

// impersonated returns who is to be impersonated.
func (s *Server) impersonated(sid *node) (*account, error) {
	if len(sid.elements()) != 1 {
		return nil, &failure{code: "ErrorImpersonationFailed", text: "Exchange Impersonation failed. Please check the ConnectingSID element.", fault: true}
	}
	which := sid.children[0]
	name := strings.TrimSpace(which.text)
	var as *account
	switch which.name.Local {
	case "PrincipalName":
		as = s.directory.named(name)
	case "SID":
		as = s.directory.bySID(name)
	case "SmtpAddress":
		as = s.directory.find(name)
	case "PrimarySmtpAddress":
		as = s.directory.find(name)
		if as != nil && lowered(name) != as.address {
			return nil, &failure{code: "ErrorNonPrimarySmtpAddress", text: "The primary SMTP address must be specified when referencing a mailbox.", values: map[string]string{"Primary": as.address}, fault: true}
		}
	}
	switch {
	case as == nil && which.name.Local == "PrincipalName":
		return nil, &failure{code: "ErrorInvalidUserPrincipalName", text: "The user principal name (UPN) is not valid.", fault: true}
	case as == nil && which.name.Local == "SID":
		return nil, &failure{code: "ErrorInvalidUserSid", text: "The user SID is not valid.", fault: true}
	case as == nil || !as.mailbox:
		return nil, &failure{code: "ErrorNonExistentMailbox", text: "The SMTP address has no mailbox associated with it.", fault: true}
	}
	return as, nil
}

func (s *Server) mayImpersonate(who identity, as *account) bool {
	if who.app {
		return s.options.Apps == nil || slices.ContainsFunc(s.options.Apps, func(a string) bool { return lowered(a) == as.address })
	}
	for by, whom := range s.options.Impersonators {
		if lowered(by) == who.address() && slices.ContainsFunc(whom, func(a string) bool { return a == "*" || lowered(a) == as.address }) {
			return true
		}
	}
	return false
}

// anchored checks where a request was meant to go.
func (s *Server) anchored(q *request, r *http.Request) error {
	if s.options.Anchor == AnchorIgnored {
		return nil
	}
	if a := s.directory.find(r.Header.Get("X-AnchorMailbox")); a != nil && s.isAbout(q, a.address) {
		return nil
	}
	if s.options.Anchor == Anchor449 {
		return &plainly{status: 449, text: "Retry With"}
	}
	return &failure{code: "ErrorProxyRequestNotAllowed", text: "Proxying is not allowed.", fault: true}
}

// isAbout reports whether a request concerns a mailbox: that of whose rights count, or
// another one that it names.
func (s *Server) isAbout(q *request, address string) bool {
	if q.acting == address {
		return true
	}
	about := false
	q.body.walk(func(n *node) {
		if n.name.Local == "EmailAddress" && len(n.children) == 0 {
			if a := s.directory.find(n.text); a != nil && a.address == address {
				about = true
			}
		}
	})
	return about
}

// walk calls f for n and all that is in it.
func (n *node) walk(f func(*node)) {
	f(n)
	for _, c := range n.children {
		c.walk(f)
	}
}
