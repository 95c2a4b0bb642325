package provider_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"testing"
	"time"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// plain is a Provider and nothing else.
type plain struct{}

func (plain) Check(context.Context) error { return nil }
func (plain) Traits() provider.Traits     { return provider.Traits{} }
func (plain) Close() error                { return nil }

// acting is an Actor too, known by its name.
type acting struct {
	plain
	name string
}

func (acting) Act(context.Context, provider.Act) error { return nil }

// wrapper has the methods of Provider and shows what it wraps.
type wrapper struct{ provider.Provider }

func (w wrapper) Unwrap() provider.Provider { return w.Provider }

// opaque wraps without showing it.
type opaque struct{ provider.Provider }

// actingWrapper wraps and is itself an Actor.
type actingWrapper struct {
	acting
	inner provider.Provider
}

func (w actingWrapper) Unwrap() provider.Provider { return w.inner }

func TestAs(t *testing.T) {
	tests := []struct {
		name string
		p    provider.Provider
		want string // the name of the Actor found, "" for none
	}{
		{name: "nil"},
		{name: "without the ability", p: plain{}},
		{name: "with it", p: acting{name: "a"}, want: "a"},
		{name: "through one wrapper", p: wrapper{acting{name: "a"}}, want: "a"},
		{name: "through three wrappers", p: wrapper{wrapper{wrapper{acting{name: "a"}}}}, want: "a"},
		{name: "the outermost one", p: wrapper{actingWrapper{acting{name: "outer"}, acting{name: "inner"}}}, want: "outer"},
		{name: "not through what shows nothing", p: wrapper{opaque{acting{name: "a"}}}},
		{name: "a wrapper of nothing", p: wrapper{nil}},
		{name: "wrappers without the ability", p: wrapper{wrapper{plain{}}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			actor, ok := provider.As[provider.Actor](tt.p)
			name := ""
			switch a := actor.(type) {
			case acting:
				name = a.name
			case actingWrapper:
				name = a.name
			}
			if ok != (tt.want != "") || name != tt.want || !ok && actor != nil {
				t.Errorf("As = %v, %t, want the Actor %q", actor, ok, tt.want)
			}
		})
	}
}

func TestError(t *testing.T) {
	cause := &provider.Error{Op: "imap: SELECT", Kind: provider.ErrThrottled, RetryAfter: time.Minute, Err: io.ErrUnexpectedEOF}
	if got, want := cause.Error(), "imap: SELECT: throttled: unexpected EOF"; got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
	if got, want := (&provider.Error{Op: "smtp: RCPT", Kind: provider.ErrAuth}).Error(), "smtp: RCPT: sign-in refused"; got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
	wrapped := fmt.Errorf("page 3: %w", cause)
	for _, target := range []error{provider.ErrThrottled, io.ErrUnexpectedEOF, cause} {
		if !errors.Is(wrapped, target) {
			t.Errorf("errors.Is(%v, %v) = false", wrapped, target)
		}
	}
	if errors.Is(wrapped, provider.ErrUnavailable) {
		t.Errorf("errors.Is(%v, %v) = true", wrapped, provider.ErrUnavailable)
	}
}

func TestKindOf(t *testing.T) {
	auth := &provider.Error{Op: "a", Kind: provider.ErrAuth}
	tests := []struct {
		name string
		err  error
		want provider.Kind
	}{
		{"nil", nil, ""},
		{"a bare error", io.EOF, ""},
		{"a context's error", context.Canceled, ""},
		{"a kind alone is no *Error", provider.ErrAuth, ""},
		{"an *Error", auth, provider.ErrAuth},
		{"a wrapped one", fmt.Errorf("x: %w", auth), provider.ErrAuth},
		{"a joined one", errors.Join(io.EOF, auth), provider.ErrAuth},
		{"the outer of two", &provider.Error{Kind: provider.ErrProtocol, Err: auth}, provider.ErrProtocol},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := provider.KindOf(tt.err); got != tt.want {
				t.Errorf("KindOf(%v) = %q, want %q", tt.err, got, tt.want)
			}
		})
	}
}

func TestLimitsWithDefaults(t *testing.T) {
	all := reflect.ValueOf(provider.Limits{}.WithDefaults())
	for i := range all.NumField() {
		if all.Field(i).IsZero() {
			t.Errorf("%s has no default", all.Type().Field(i).Name)
		}
	}
	own := provider.Limits{Message: 1, Memory: 2, Line: 3, Folders: 4, Dial: 5, Floor: 6}.WithDefaults()
	if own.Message != 1 || own.Memory != 2 || own.Line != 3 || own.Folders != 4 || own.Dial != 5 || own.Floor != 6 {
		t.Errorf("WithDefaults changed what was set: %+v", own)
	}
	if own != own.WithDefaults() {
		t.Errorf("WithDefaults done twice = %+v, want %+v", own.WithDefaults(), own)
	}
	if own.Terminator < 10*time.Minute {
		t.Errorf("Terminator is %v by default, RFC 5321, section 4.5.3.2.6 says at least 10m", own.Terminator)
	}
}

func TestAccountCredentials(t *testing.T) {
	box := mailbox.Mailbox{Address: "ann@example.com", Password: secret.New("box")}
	named := box
	named.Username = "ann"
	of := func(c profile.Credentials) profile.Endpoint {
		return profile.Endpoint{Credentials: c, Username: "service", Password: secret.New("service's")}
	}
	tests := []struct {
		name           string
		a              provider.Account
		user, password string
	}{
		{"the mailbox's address", provider.Account{Mailbox: box, Endpoint: of(profile.FromMailbox)}, "ann@example.com", "box"},
		{"the mailbox's user name", provider.Account{Mailbox: named, Endpoint: of(profile.FromMailbox)}, "ann", "box"},
		{"the profile's", provider.Account{Mailbox: named, Endpoint: of(profile.FromProfile)}, "service", "service's"},
		{"none", provider.Account{Mailbox: named, Endpoint: of(profile.Anonymous)}, "", ""},
		{"a certificate", provider.Account{Mailbox: named, Endpoint: of(profile.ServerToServer)}, "", ""},
		{"the process's own", provider.Account{Mailbox: named, Endpoint: of(profile.IntegratedWindows)}, "", ""},
		{"a consent", provider.Account{Mailbox: named, Endpoint: of(profile.OAuth)}, "", ""},
		{"unknown ones", provider.Account{Mailbox: named, Endpoint: of("magic")}, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			user, password := tt.a.Credentials()
			if user != tt.user || password.Reveal() != tt.password {
				t.Errorf("Credentials = %q, %q, want %q, %q", user, password.Reveal(), tt.user, tt.password)
			}
		})
	}
}
