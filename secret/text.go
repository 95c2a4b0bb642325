package secret

import (
	"crypto/subtle"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// Text is text that must not reach a log, an error or a document. Every usual
// way to print or encode it yields REDACTED or fails; only [Text.Reveal] gives it
// up. The zero Text is empty.
//
// The value sits behind a closure because fmt calls no method on an unexported
// field of a struct that it prints: a string there would be shown in clear.
//
// There is no String method: a program that took it for the secret would sign in
// with the word REDACTED.
type Text struct{ reveal func() string }

const redacted = "REDACTED"

// ErrRedacted is returned when REDACTED itself is read back as a secret, so that
// a host which saves a profile as JSON and loads it again notices the loss.
var ErrRedacted = errors.New("secret: the text REDACTED is what a secret prints as, not a secret; store it sealed and set it with secret.New")

// ErrUnsealed is returned when a Text is handed to a database as it is.
var ErrUnsealed = errors.New("secret: a secret does not go to a database in clear; seal it with a secret.Keyring")

// New returns s as a Text.
func New(s string) Text {
	if s == "" {
		return Text{}
	}
	return Text{func() string { return s }}
}

// Reveal returns the text itself, "" for the zero Text.
func (t Text) Reveal() string {
	if t.reveal == nil {
		return ""
	}
	return t.reveal()
}

// IsZero reports whether t is empty.
func (t Text) IsZero() bool { return t.Reveal() == "" }

// Equal reports whether t and other are the same text, in a time that tells
// nothing but whether they are of the same length. reflect.DeepEqual cannot say so.
func (t Text) Equal(other Text) bool {
	return subtle.ConstantTimeCompare([]byte(t.Reveal()), []byte(other.Reveal())) == 1
}

// Format prints REDACTED for every verb.
func (t Text) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// LogValue keeps t out of slog.
func (t Text) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText keeps t out of JSON, XML and every other text encoding. The zero Text
// stays empty there, for nothing is lost with it.
func (t Text) MarshalText() ([]byte, error) {
	if t.IsZero() {
		return []byte{}, nil
	}
	return []byte(redacted), nil
}

// UnmarshalText sets t to text, and refuses REDACTED with [ErrRedacted].
func (t *Text) UnmarshalText(text []byte) error {
	if string(text) == redacted {
		return ErrRedacted
	}
	*t = New(string(text))
	return nil
}

// Value refuses to be stored in a database, with [ErrUnsealed]: in clear it must
// not be, and the word REDACTED in its place would be a loss that nobody notices.
func (t Text) Value() (driver.Value, error) { return nil, ErrUnsealed }
