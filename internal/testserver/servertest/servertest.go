// Package servertest gives tests a real mail server, and takes it away when the
// test ends.
//
// Where no server can run, the test is skipped with the reason, unless the
// environment variable CI is set: there it fails, so that a build that was to
// test against real servers cannot pass without them.
package servertest

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/go-serversync/serversync/internal/testserver"
)

// startTime is how long a server may take to start, where others start at the same time
// and the machine is busy.
const startTime = 2 * time.Minute

// Need skips or fails the test if the servers cannot run here.
func Need(t testing.TB) {
	t.Helper()
	need(t, testserver.Available(), os.Getenv("CI"))
}

func need(t testing.TB, err error, ci string) {
	t.Helper()
	switch {
	case err == nil:
	case ci != "":
		t.Fatal(err)
	default:
		t.Skip(err)
	}
}

// Dovecot starts a Dovecot that ends with the test. If the test fails, the end of
// the server's log is part of what it says.
func Dovecot(t testing.TB, o testserver.DovecotOptions) *testserver.Dovecot {
	t.Helper()
	Need(t)
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	d, err := testserver.StartDovecot(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end(t, "Dovecot", d) })
	return d
}

// Postfix starts a Postfix that ends with the test, before its Dovecot does.
func Postfix(t testing.TB, o testserver.PostfixOptions) *testserver.Postfix {
	t.Helper()
	Need(t)
	if o.NTLM != nil {
		need(t, testserver.AvailableCyrus(), os.Getenv("CI"))
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	p, err := testserver.StartPostfix(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end(t, "Postfix", p) })
	return p
}

// Exim starts an Exim that ends with the test.
func Exim(t testing.TB, o testserver.EximOptions) *testserver.Exim {
	t.Helper()
	need(t, testserver.AvailableExim(), os.Getenv("CI"))
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	e, err := testserver.StartExim(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end(t, "Exim", e) })
	return e
}

func end(t testing.TB, name string, server interface {
	Log() string
	Close() error
}) {
	t.Helper()
	if t.Failed() {
		const most = 4000
		log := server.Log()
		t.Logf("%s said:\n%s", name, log[max(0, len(log)-most):])
	}
	if err := server.Close(); err != nil {
		t.Error(err)
	}
}

// KDC starts a Kerberos KDC that ends with the test.
func KDC(t testing.TB, o testserver.KDCOptions) *testserver.KDC {
	t.Helper()
	need(t, testserver.AvailableKDC(), os.Getenv("CI"))
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	k, err := testserver.StartKDC(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end(t, "the KDC", k) })
	return k
}

// Apache starts an Apache that ends with the test, before its KDC does.
func Apache(t testing.TB, o testserver.ApacheOptions) *testserver.Apache {
	t.Helper()
	need(t, testserver.AvailableApache(), os.Getenv("CI"))
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	a, err := testserver.StartApache(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end(t, "Apache", a) })
	return a
}

// NeedDavMail skips or fails the test if DavMail cannot run here.
func NeedDavMail(t testing.TB) {
	t.Helper()
	need(t, testserver.AvailableDavMail(), os.Getenv("CI"))
}

// DavMail starts a DavMail that ends with the test, before its Exchange does.
func DavMail(t testing.TB, o testserver.DavMailOptions) *testserver.DavMail {
	t.Helper()
	NeedDavMail(t)
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	d, err := testserver.StartDavMail(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end(t, "DavMail", d) })
	return d
}
