package kerberos_test

import (
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-serversync/serversync/auth/kerberos"
	"github.com/go-serversync/serversync/internal/testserver"
	"github.com/go-serversync/serversync/provider"
)

// One client serves many goroutines and asks the KDC once for each of an identity's
// services.
func TestTicketsAreShared(t *testing.T) {
	w := newWorld(t, testserver.KDCOptions{})
	c := &kerberos.Client{Config: w.Conf(), Keytab: w.keytab}
	var wg sync.WaitGroup
	for range 16 {
		for _, p := range []provider.Peer{peer("imap"), anna("imap"), peer("pop")} {
			wg.Add(1)
			go func() {
				defer wg.Done()
				if _, err := c.Begin(t.Context(), p); err != nil {
					t.Error(err)
				}
			}()
		}
	}
	wg.Wait()
	for what, want := range map[string]int{"AS_REQ": 4, "TGS_REQ": 3} { // AS is asked twice, for pre-authentication
		count := func() int { return strings.Count(w.Log(), what+" (") }
		if !logged(func() bool { return count() >= want }) || count() != want {
			t.Errorf("%d of %s, want %d", count(), what, want)
		}
	}
}

// A ticket is renewed before it ends, without anyone's help.
func TestTicketsAreRenewed(t *testing.T) {
	w := newWorld(t, testserver.KDCOptions{MaxLife: "3s"})
	c := &kerberos.Client{Config: w.Conf(), Keytab: w.keytab}
	for until := time.Now().Add(30 * time.Second); strings.Count(w.Log(), "TGS_REQ (") < 3; {
		// On a machine that stands still a ticket may end on its way.
		if _, err := c.Begin(t.Context(), peer("imap")); err != nil && !strings.Contains(err.Error(), "expired") {
			t.Fatal(err)
		}
		if time.Now().After(until) {
			t.Fatal("no ticket was renewed")
		}
	}
}

// A service whose key has changed takes none of the old tickets. After two that led to
// nothing there is a new one.
func TestTicketsForAnOldKeyAreReplaced(t *testing.T) {
	w := newWorld(t, testserver.KDCOptions{})
	c := &kerberos.Client{Config: w.Conf(), Keytab: w.keytab}
	if err := w.signIn(t.Context(), c, peer("imap")); err != nil {
		t.Fatal(err)
	}
	if err := w.Kadmin(t.Context(), "cpw -randkey imap/localhost"); err != nil {
		t.Fatal(err)
	}
	keys, err := w.KDC.Keytab(t.Context(), "imap/localhost")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(keys, w.keys); err != nil {
		t.Fatal(err)
	}
	for try := range 4 {
		err := w.signIn(t.Context(), c, peer("imap"))
		if err == nil {
			if try == 0 {
				t.Error("the old ticket was still good, so that nothing was shown")
			}
			return
		}
		if !errors.Is(err, testserver.ErrRefused) && !errors.Is(err, provider.ErrAuth) {
			t.Fatal(err)
		}
	}
	t.Error("no new ticket was got")
}
