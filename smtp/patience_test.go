package smtp_test

import (
	"testing"
	"time"

	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/smtp"
	"github.com/go-serversync/serversync/smtp/smtptest"
)

// patient are limits that a server meets only by its own fault, however slow the machine.
var patient = provider.Limits{Dial: soon, TLS: soon, Greeting: soon, Command: soon, Terminator: soon}

// hurried opens a session under a limit for commands that only what follows is to meet: a
// machine that is too slow for it even at EHLO gets twice as long.
func hurried(t *testing.T, a provider.Account, limit time.Duration) provider.Provider {
	t.Helper()
	for limits := patient; ; limit *= 2 {
		limits.Command = limit
		p, err := smtp.Driver{Limits: limits}.Open(t.Context(), a)
		if err == nil {
			t.Cleanup(func() { p.Close() })
			return p
		}
		if provider.KindOf(err) != provider.ErrUnavailable || limit > soon {
			t.Fatal(err)
		}
	}
}

// untilQuit waits until the server has QUIT, for which Close does not wait long, and returns
// what it was told.
func untilQuit(t testing.TB, s *smtptest.Server) []string {
	t.Helper()
	for until := time.Now().Add(soon); ; time.Sleep(10 * time.Millisecond) {
		c := s.Commands()
		if len(c) > 0 && c[len(c)-1] == "QUIT" {
			return c
		}
		if time.Now().After(until) {
			t.Fatalf("the last command is no QUIT: %q", c)
		}
	}
}
