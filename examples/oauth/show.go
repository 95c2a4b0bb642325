package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/go-serversync/serversync/oauth"
	"github.com/go-serversync/serversync/oauth/oauthtest"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

type shower struct {
	ctx    context.Context
	out    io.Writer
	source *oauth.Source
	issuer *oauthtest.Issuer
}

func (s shower) title(text string) { fmt.Fprintf(s.out, "\n== %s\n", text) }

// signIn asks for a token, as a driver does, and signs in with it.
func (s shower) signIn(a provider.Account) {
	token, err := s.source.Token(s.ctx, a, secret.Text{})
	if err == nil {
		err = signIn(s.ctx, s.issuer, a, token)
	}
	if err != nil {
		s.failure(err)
		return
	}
	fmt.Fprintf(s.out, "%s is signed in\n", a.Mailbox.Address)
}

// failure tells what went wrong and what to do.
func (s shower) failure(err error) {
	fmt.Fprintln(s.out, err)
	if e := (*provider.Error)(nil); errors.As(err, &e) {
		fmt.Fprintf(s.out, "  code:   %s\n  remedy: %s\n", e.Code, e.Remedy)
	}
}

// A day is a clock that the example moves, so that nobody waits for an hour.
type day struct {
	mu  sync.Mutex
	now time.Time
}

func newDay() *day { return &day{now: time.Now()} }

// Now tells the time.
func (d *day) Now() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.now
}

// Sleep lets time pass.
func (d *day) Sleep(ctx context.Context, t time.Duration) error {
	d.pass(t)
	return ctx.Err()
}

func (d *day) pass(t time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.now = d.now.Add(t)
}
