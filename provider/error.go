package provider

import (
	"errors"
	"fmt"
	"time"
)

// A Kind says what a caller should do about an error. It is itself an error, so
// that errors.Is(err, provider.ErrThrottled) works and no one can reassign it.
type Kind string

// Error returns k's text.
func (k Kind) Error() string { return string(k) }

// The ten kinds, with what the Syncer does about each.
const (
	ErrAuth          Kind = "sign-in refused"    // stop after few tries until credential or profile changes
	ErrThrottled     Kind = "throttled"          // wait RetryAfter; it is no failure
	ErrUnavailable   Kind = "unavailable"        // back off, then try again
	ErrCursorExpired Kind = "cursor expired"     // list the folder again, reconcile by content
	ErrNotFound      Kind = "not found"          // the folder or item is gone
	ErrBadItem       Kind = "bad item"           // this item only: retry a few times, then quarantine
	ErrProtocol      Kind = "protocol error"     // the server does not keep to its protocol: reconnect, back off
	ErrTooLarge      Kind = "too large"          // over a limit: quarantine the item, or stop if it is no item
	ErrUnsafe        Kind = "refused for safety" // our own rule; stop, never retry with weaker rules
	ErrUnsupported   Kind = "unsupported"        // the server cannot do what is needed; stop
)

// Error is what a Provider returns. It holds no secret and no message content.
type Error struct {
	Op         string        // the call that failed, such as "imap: SELECT"
	Kind       Kind          // what to do about it
	Code       string        // the server's or its maker's own name for it, such as "ErrorQuotaExceeded" or "550 5.7.1"; may be empty
	RetryAfter time.Duration // how long the server asked us to wait; 0 if it did not say
	Shared     bool          // of ErrThrottled: the wait is for all mailboxes of the profile, whose account it is about
	Remedy     string        // what a person can do about it, in words; may be empty
	Err        error         // the cause, already redacted; may be nil
}

// Error returns the op, the kind and the cause.
func (e *Error) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("%s: %s", e.Op, e.Kind)
	}
	return fmt.Sprintf("%s: %s: %v", e.Op, e.Kind, e.Err)
}

// Unwrap lets errors.Is and errors.As see both the kind and the cause.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Err}
}

// KindOf returns the kind of the first *Error in err, "" if there is none.
func KindOf(err error) Kind {
	if err == nil {
		return "" // without the garbage of a look
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return ""
}
