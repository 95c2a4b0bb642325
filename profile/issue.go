package profile

import (
	"errors"
	"fmt"
)

// A Level says how bad something is.
type Level string

// The levels.
const (
	Error   Level = "error"   // it will not work, or is not allowed
	Warning Level = "warning" // it may work; the sentence says what to expect
	Info    Level = "info"    // for your information
)

// An Issue is one mistake in a profile or a mailbox, or a warning about it.
type Issue struct {
	Code     string `json:"code"`               // stable, for programs, such as "incoming-host-missing"
	Original string `json:"original,omitempty"` // what Dynamics 365 calls it, such as "8005E24B"
	Rule     string `json:"rule,omitempty"`     // of the support matrix in docs/profiles.md, such as "V3"
	Level    Level  `json:"level"`
	Side     Side   `json:"side,omitempty"` // the side it concerns; "" for both
	Field    string `json:"field"`          // such as "Incoming.Host"
	Message  string `json:"message"`        // what is wrong
	Remedy   string `json:"remedy"`         // what to do about it
}

// Error returns the field, what is wrong and what to do.
func (i Issue) Error() string { return fmt.Sprintf("%s: %s; %s", i.Field, i.Message, i.Remedy) }

// Issues are all that was found at once.
type Issues []Issue

// Of returns the issues that concern a side: its own and those of both.
func (all Issues) Of(side Side) (some Issues) {
	for _, i := range all {
		if i.Side == side || i.Side == "" {
			some = append(some, i)
		}
	}
	return some
}

// Err returns the errors among the issues as one, nil if there is none.
func (all Issues) Err() error {
	var errs []error
	for _, i := range all {
		if i.Level == Error {
			errs = append(errs, i)
		}
	}
	return errors.Join(errs...)
}
