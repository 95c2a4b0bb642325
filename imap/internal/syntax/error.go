package syntax

import (
	"fmt"

	"github.com/go-serversync/serversync/provider"
)

// An Error says what is wrong with what the peer sent.
type Error struct {
	Kind provider.Kind // ErrTooLarge or ErrProtocol
	What string
}

// Error returns what is wrong.
func (e *Error) Error() string { return e.What }

// Unwrap returns the kind.
func (e *Error) Unwrap() error { return e.Kind }

// Malformed returns an error that says what is no IMAP.
func Malformed(what string) error { return &Error{provider.ErrProtocol, what} }

// TooLarge returns an error that says what is over a limit.
func TooLarge(format string, n any) error {
	return &Error{provider.ErrTooLarge, fmt.Sprintf(format, n)}
}
