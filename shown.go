package serversync

import (
	"errors"
	"slices"
	"time"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
)

// Public returns what people of an organization may see where they enter hosts by
// themselves: whether it passed, and of a failure its class and no more, so that a
// test cannot be used to look around in the operator's network. What listens, is
// filtered or is no mail server at all sounds the same; nor is it told whether the
// test is repeated, which depends on what it was.
func (r TestReport) Public() TestReport {
	if r.Fault != (mailbox.Fault{}) {
		r.Fault = publicFault(r.Stages)
	}
	r.Stages, r.Took, r.Again = nil, 0, time.Time{}
	return r
}

func publicFault(stages []StageReport) mailbox.Fault {
	for _, st := range stages {
		if st.Status != StageFailed {
			continue
		}
		switch st.Stage {
		case StageSettings:
			return st.Fault // our own words about what they entered
		case provider.StageCertificate, provider.StageToken, provider.StagePermission:
			if f, ok := ofIssuer(st.Fault.Code); ok {
				return f
			}
			return noToken
		case provider.StageSignIn:
			if f, ok := ofIssuer(st.Fault.Code); ok {
				return f
			}
			return signInFailed
		case provider.StageAutodiscover:
			if st.Fault.Code == kindCodes[provider.ErrAuth] {
				return signInFailed
			}
		case provider.StageTLS:
			if len(st.Evidence.Chain) > 0 {
				return mailbox.Fault{Code: "tls", Cause: "the server's certificate is not to be trusted", Remedy: "check the server's name; its certificate must be for that name, valid, and from a known authority"}
			}
			return cannotConnect
		case StageInbox, StageSend, StageReadBack, StageACT, provider.StageCapabilities:
			return mailbox.Fault{Code: "mail", Cause: "the server was reached, but mail could not be read or sent", Remedy: "ask the operator of this service, who sees the whole report"}
		}
		if st.Fault.Code == kindCodes[provider.ErrUnsafe] {
			return notAllowed
		}
		return cannotConnect
	}
	return cannotConnect
}

var (
	cannotConnect = mailbox.Fault{Code: "cannot-connect", Cause: "no mail server could be reached", Remedy: "check the server's name, port and way of protection"}
	notAllowed    = mailbox.Fault{Code: "address-not-allowed", Cause: "the server's address is not allowed", Remedy: "enter the public name and the usual port of the mail server"}
	noToken       = mailbox.Fault{Code: "token", Cause: "there is no access token for the mailbox", Remedy: "have the mailbox's owner or an administrator consent again; else ask the operator of this service"}
	signInFailed  = mailbox.Fault{Code: "sign-in", Cause: "the server refused the sign-in", Remedy: "check user name and password, and whether the account may use this protocol"}
)

// ofIssuer returns what is known of an error of the service that gives out tokens. It
// is the operator's, so that its name for what is wrong tells nothing of anybody's
// network, and who has to consent again must be told so. Of the certificate that proves
// this host, which is the operator's as well, they are told that there is no token.
func ofIssuer(code string) (mailbox.Fault, bool) {
	k, ok := mailbox.Lookup(code)
	switch {
	case ok && k.Source == mailbox.SourceCertificate:
		return noToken, true
	case !ok || k.Source != mailbox.SourceOAuth:
		return mailbox.Fault{}, false
	}
	return mailbox.Fault{Code: k.Code, Cause: k.Cause, Remedy: k.Remedy}, true
}

// A mailbox's state, walls and journal are shown to its organization. Where
// organizations enter hosts, of a failure on the way to a server they hold its class
// and no more; the operator has the whole of it in the log, in the errors of cycles
// and in Hooks.

// A wayError is an error of opening a session.
type wayError struct{ error }

func (e wayError) Unwrap() error { return e.error }

// shown returns what people of the organization are told of an error.
func (s *Syncer) shown(err error) mailbox.Fault {
	f := fault(err)
	var way wayError
	if !s.cfg.Policy.OrganizationsEnterHosts || !errors.As(err, &way) || errors.Is(err, errHeldBack) {
		return f
	}
	class := cannotConnect
	kind := provider.KindOf(err)
	if known, ok := ofIssuer(f.Code); ok && (kind == provider.ErrAuth || kind == provider.ErrUnsupported) {
		return known
	}
	switch kind {
	case provider.ErrAuth:
		class = signInFailed
	case provider.ErrUnsafe:
		class = mailbox.Fault{Code: "unsafe", Cause: "the server's address is not allowed, or it cannot prove who it is", Remedy: "enter the public name and the usual port of the mail server; its certificate must be for that name"}
	case provider.ErrThrottled, provider.ErrUnsupported, provider.ErrNotFound:
		class.Code, class.Cause = f.Code, "the server did not let us in"
	}
	return class
}

// shown returns what people of the organization are told of how a side failed.
func (t *trial) shown(side mailbox.Side, err error) mailbox.Fault {
	f := fault(err)
	if err == nil || !t.s.cfg.Policy.OrganizationsEnterHosts {
		return f
	}
	own := slices.DeleteFunc(slices.Clone(t.report.Stages), func(st StageReport) bool { return st.Side != side && st.Side != "" })
	if !slices.ContainsFunc(own, func(st StageReport) bool { return st.Status == StageFailed }) {
		own = t.report.Stages // it failed with another side
	}
	return publicFault(own)
}
