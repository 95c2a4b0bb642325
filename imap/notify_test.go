package imap_test

import (
	"context"
	"testing"
	"time"

	"github.com/go-serversync/serversync/imap/imaptest"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
)

// TestIdleStorm is IMAP-28: much news at once is one notice in five seconds.
func TestIdleStorm(t *testing.T) {
	t.Parallel()
	server, d, a := start(t, imaptest.Options{})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	heard := make(chan time.Time, 1000)
	done := make(chan error, 1)
	go func() {
		done <- d.Notify(ctx, []provider.Account{a}, func(mailbox.Key) { heard <- time.Now() })
	}()
	added := 0
	deliver := func() {
		uid := server.Add("user", "INBOX", mail(1, 100))
		time.Sleep(time.Millisecond) // the server must see it, or there is no news
		server.Remove("user", "INBOX", uid)
		added++
	}
	for until := time.Now().Add(soon); len(heard) == 0 && time.Now().Before(until); { // until it listens
		deliver()
	}
	for end := time.Now().Add(4 * time.Second); added < 100 || time.Now().Before(end); {
		deliver()
	}
	cancel()
	if err := <-done; err != context.Canceled {
		t.Errorf("Notify = %v, want its context's end", err)
	}
	close(heard)
	var notices []time.Time
	for at := range heard {
		// What is measured is when a notice was noted, which may be late.
		if n := len(notices); n > 0 && at.Sub(notices[n-1]) < 3*time.Second {
			t.Errorf("a notice came %v after the last one", at.Sub(notices[n-1]))
		}
		notices = append(notices, at)
	}
	if len(notices) == 0 {
		t.Errorf("of %d deliveries there was no news", added)
	}
}

func TestNotifyWithoutIdle(t *testing.T) {
	server, d, a := start(t, imaptest.Options{Without: []string{"IDLE"}})
	err := d.Notify(context.Background(), []provider.Account{a, a}, func(mailbox.Key) { t.Error("there is no news") })
	if n := server.Counts().Connections; err != nil || n != 2 {
		t.Errorf("Notify = %v after %d connections, want nil after one for each account", err, n)
	}
}

// TestNotifyRefused never hammers a server with a password that it refuses.
func TestNotifyRefused(t *testing.T) {
	t.Parallel()
	server, d, a := start(t, imaptest.Options{})
	server.Refuse()
	err := d.Notify(context.Background(), []provider.Account{a}, func(mailbox.Key) {})
	wantKind(t, "Notify", err, provider.ErrAuth)
	if n := server.Counts().Connections; n != 2 {
		t.Errorf("the password was tried %d times, want 2", n)
	}
}
