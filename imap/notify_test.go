package imap_test

import (
	"context"
	"sync/atomic"
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
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Second)
	defer cancel()
	var heard atomic.Int32
	done := make(chan error, 1)
	go func() {
		done <- d.Notify(ctx, []provider.Account{a}, func(mailbox.Key) { heard.Add(1) })
	}()
	added := 0
	for ctx.Err() == nil {
		uid := server.Add("user", "INBOX", mail(1, 100))
		time.Sleep(time.Millisecond) // the server must see it, or there is no news
		server.Remove("user", "INBOX", uid)
		added++
	}
	if err := <-done; err != context.DeadlineExceeded {
		t.Errorf("Notify = %v, want its context's end", err)
	}
	if n := heard.Load(); n != 1 || added < 100 {
		t.Errorf("%d deliveries were %d notices, want 1", added, n)
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
