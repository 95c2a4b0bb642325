package serversync

import (
	"context"
	"errors"
	"unicode/utf8"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// classify says what an error means for the state of a direction. It is of no
// relevance if it lies with the host's Store, or if somebody asked us to stop.
func classify(ctx context.Context, err error) (class mailbox.Class, relevant bool) {
	switch {
	case err == nil:
		return mailbox.Succeeded, true
	case isStoreError(err), ctx.Err() != nil, errors.Is(err, context.Canceled):
		return "", false
	}
	var wrong *invalid
	if errors.As(err, &wrong) {
		return mailbox.Permanent, true
	}
	return meaning(err).Class, true
}

// An invalid is a mistake in a profile or a mailbox as the reason of a failure.
type invalid struct{ issue profile.Issue }

func (e *invalid) Error() string { return e.issue.Error() }

func (e *invalid) fault() mailbox.Fault {
	return mailbox.Fault{Code: e.issue.Code, Cause: e.issue.Message, Remedy: e.issue.Remedy, Scope: mailbox.ScopeMailbox, Level: profile.Error}
}

// kindCodes gives each kind of error its code in the catalogue.
var kindCodes = map[provider.Kind]string{
	provider.ErrAuth:          "sign-in-refused",
	provider.ErrThrottled:     "throttled",
	provider.ErrUnavailable:   "unavailable",
	provider.ErrCursorExpired: "cursor-expired",
	provider.ErrNotFound:      "not-found",
	provider.ErrBadItem:       "bad-item",
	provider.ErrProtocol:      "protocol-error",
	provider.ErrTooLarge:      "too-large",
	provider.ErrUnsafe:        "unsafe",
	provider.ErrUnsupported:   "unsupported",
}

// isKindCode reports whether a code says no more than the kind of an error.
func isKindCode(code string) bool {
	for _, c := range kindCodes { // the order does not matter
		if c == code {
			return true
		}
	}
	return false
}

// ofKind returns what is known of an error by its kind alone.
func ofKind(kind provider.Kind) mailbox.Known {
	code, ok := kindCodes[kind]
	if !ok {
		code = "failed"
	}
	k, _ := mailbox.Lookup(code)
	return k
}

// meaning returns what is known of an error that ended the try of a direction: by
// its name if it has one that is known, by its kind otherwise.
func meaning(err error) mailbox.Known {
	kind := provider.KindOf(err)
	k := ofKind(kind)
	var e *provider.Error
	if !errors.As(err, &e) {
		return k
	}
	named, ok := mailbox.Lookup(e.Code)
	if !ok {
		return k
	}
	signIn := kind == provider.ErrAuth
	if signIn && named.Source == mailbox.SourceSMTP && named.Scope == mailbox.ScopeItem {
		return k // what SMTP says of a message by this code, it says here of a sign-in
	}
	named.Class = refine(k.Class, named, kind)
	return named
}

// refine returns how an error is met whose kind says class and whose name says more.
func refine(class mailbox.Class, named mailbox.Known, kind provider.Kind) mailbox.Class {
	switch {
	case locksNobody(named) && (kind == provider.ErrAuth || kind == provider.ErrUnsafe):
		return named.Class // which can be refused as often as it asks, by an issuer or by the operator's rule
	case kind == provider.ErrThrottled, kind == provider.ErrUnsafe:
		return class // the driver has seen the server ask for a wait; and our own rules are no server's to soften
	case named.Scope == mailbox.ScopeItem, named.Class == "":
		return mailbox.Transient // M4: an item stops no direction
	case named.Source == mailbox.SourceNetwork && named.Class == mailbox.Permanent:
		return class // TLS fails for good, or for a moment, or over our certificate: the driver has looked
	case kind == provider.ErrAuth && named.Class != mailbox.Permanent:
		return class // each refused sign-in counts, so that nobody's account is locked by our trying
	}
	return named.Class
}

// locksNobody reports whether an error is about a token, or the certificate that tokens are had by: there is no account that
// refusals of these could lock.
func locksNobody(k mailbox.Known) bool {
	return k.Source == mailbox.SourceOAuth || k.Source == mailbox.SourceCertificate
}

// serverDown reports whether an error says that the profile's server cannot be
// reached or cannot work, for any mailbox. A mailbox that is full, or is being moved,
// says nothing about the others.
func serverDown(err error) bool {
	if provider.KindOf(err) != provider.ErrUnavailable || isIssuerError(err) {
		return false
	}
	k := meaning(err)
	return k.Class == mailbox.Transient && k.Scope == mailbox.ScopeProfile
}

// fault returns what a person is told of an error. What the driver says goes before
// what is known in general.
func fault(err error) mailbox.Fault {
	if err == nil {
		return mailbox.Fault{}
	}
	var wrong *invalid
	if errors.As(err, &wrong) {
		return wrong.fault()
	}
	var held *withheld
	if errors.As(err, &held) {
		return held.fault
	}
	k := meaning(err)
	f := mailbox.Fault{Code: k.Code, Cause: err.Error(), Remedy: k.Remedy, Scope: k.Scope, Level: k.Level}
	var e *provider.Error
	if errors.As(err, &e) {
		if e.Err == nil {
			f.Cause = k.Cause
		}
		if e.Remedy != "" {
			f.Remedy = e.Remedy
		}
	}
	f.Cause, f.Remedy = bounded(f.Cause), bounded(f.Remedy)
	return f
}

// longText is how long a text is at most that is kept for people: a server's words
// are in some.
const longText = 500

// bounded returns s, cut between two runes if it is long.
func bounded(s string) string {
	if len(s) <= longText {
		return s
	}
	n := longText
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}
