package s2s

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-serversync/serversync/internal/tokens"
	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/provider"
)

// The codes of errors that a host acts upon. Those of Entra ID, such as "AADSTS700016", and those of
// package certificate stand beside them.
const (
	// CodeRefused says that the server refuses tokens which are new.
	CodeRefused = "token_refused"

	// CodeAdmission says that the organization may not use this host's application in the tenant.
	CodeAdmission = "tenant_not_admitted"

	// CodeAudience, CodeTenant and CodeExpired say that a token is for another server, of another tenant, or not good any more.
	CodeAudience = "token_audience"
	CodeTenant   = "token_tenant"
	CodeExpired  = "token_expired"

	// CodePermission says that a token lacks a role that the endpoint needs.
	CodePermission = "token_permission"
)

// The ops of errors.
const (
	opToken       = "token"
	opCertificate = "certificate"
	opPermission  = "permission"
)

const (
	remedyWay     = "check this machine's network, name service and proxy, and whether the operator has set the tenant's cloud; it goes on by itself once the issuer can be reached"
	remedyWait    = "nothing: it goes on by itself once the issuer answers"
	remedyRefused = "see whether the application may use this service for the mailbox: its roles and an administrator's consent in Entra ID, its service principal and the mailbox's permissions in Exchange"
	remedyHost    = "see to the host's Proof, Transport and certificate's key"
	remedyTLS     = "use TLS in the profile"
)

var (
	errPlaintext  = errors.New("an access token would cross the network unprotected (RFC 6750, section 5.3)")
	errHost       = errors.New("the server is none that the tokens are for")
	errUnknown    = errors.New("it is not known yet which server the token is for")
	errTenant     = errors.New("no tenant is named, or what is named is no GUID")
	errClient     = errors.New("no application is named")
	errLongClient = errors.New("the application's id is too long to be one")
	errResource   = errors.New("the application's resource is no https URL of a host")
	errNothing    = errors.New("there is nothing that proves the application: no certificate, no Proof, and no secret in the profile")
	errRefused    = errors.New("the server refuses tokens that the issuer has only just given")
	errTime       = errors.New("the issuer did not answer in time")
	errEnded      = errors.New("what is the host's has ended the goroutine that asked it")
	errClosed     = errors.New("the source of tokens was closed")
	errGone       = errors.New("the certificate was replaced by another while a token was signed with it")
	errShort      = errors.New("the tokens that are given are about to expire")
)

// fail returns an error of the package.
func fail(op string, kind provider.Kind, code, remedy string, err error) *provider.Error {
	return &provider.Error{Op: "s2s: " + op, Kind: kind, Code: code, Remedy: remedy, Err: err}
}

// misconfigured says what is wrong with what the host has set.
func misconfigured(err error) *provider.Error {
	return fail("configuration", provider.ErrUnsupported, "", "have the operator mend it", err)
}

// named says whom an error is about.
func (w *want) named(err *provider.Error) *provider.Error {
	told := *err
	who := fmt.Sprintf("tenant %s, application %s", w.tenant, wire.Quote(w.client))
	if w.realm != "" {
		who = fmt.Sprintf("realm %s, application %s", wire.Quote(w.realm), wire.Quote(w.client))
	}
	if told.Err == nil {
		told.Err = errors.New(who)
	} else {
		told.Err = fmt.Errorf("%s: %w", who, err.Err)
	}
	return &told
}

// about returns an error of Entra ID's with what to do about it for w's own service, where that is an Exchange Server.
func (w *want) about(err *provider.Error, cloud Cloud) *provider.Error {
	if err.Code != "AADSTS500011" || w.audience == exchangeOnline || tokens.For(cloud.Hosts, hostOf(w.audience)) {
		return err
	}
	told := *err
	told.Remedy = "make " + w.audience + " a service principal name of Office 365 Exchange Online in the tenant (hybrid modern authentication), or enter the name that is one as the application's resource"
	return &told
}

// ours returns err as an *provider.Error.
func ours(err error) *provider.Error {
	var known *provider.Error
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return fail(opToken, provider.ErrUnavailable, "TimedOut", remedyWait, errTime)
	}
	return fail(opToken, provider.ErrUnavailable, "", remedyWait, err)
}
