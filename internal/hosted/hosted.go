// Package hosted deals with what a host hands to the library to sign in with, sources of tokens
// and mechanisms, which may have any fault: their errors become the library's own, and
// none repeats a secret.
package hosted

import (
	"cmp"
	"context"
	"errors"

	"github.com/go-serversync/serversync/provider"
)

// ErrRepeats is in place of words that repeat a secret.
var ErrRepeats = errors.New("(words that repeat the password)")

// A Caller is who deals with a host's code.
type Caller struct {
	Op      string            // in front of errors that have none
	Repeats func(string) bool // reports whether a text shows a secret, in any form
}

func (c Caller) fail(kind provider.Kind, remedy string, err error) error {
	return &provider.Error{Op: c.Op, Kind: kind, Remedy: remedy, Err: err}
}

// Own returns an error as ours: with an op, and without words that repeat a secret. The
// error itself is left as it is, for it may be everybody's.
func (c Caller) Own(e *provider.Error) *provider.Error {
	told := *e
	told.Op = cmp.Or(told.Op, c.Op)
	for _, text := range []*string{&told.Op, &told.Code, &told.Remedy} {
		if c.Repeats(*text) {
			*text = ""
		}
	}
	if told.Err != nil && c.Repeats(told.Err.Error()) {
		told.Err = ErrRepeats
	}
	return &told
}

// Foreign returns an error of the host's as an *provider.Error, or as ctx's own.
func (c Caller) Foreign(ctx context.Context, err error) error {
	var known *provider.Error
	switch {
	case ctx.Err() != nil && (errors.Is(err, context.Cause(ctx)) || errors.Is(err, ctx.Err())):
		return context.Cause(ctx)
	case errors.As(err, &known):
		return c.Own(known)
	case c.Repeats(err.Error()):
		err = ErrRepeats
	}
	return c.fail(provider.ErrUnavailable, "", err)
}
