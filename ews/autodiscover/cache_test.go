package autodiscover_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/provider"
)

// A counted world has one server, which counts.
func counted(t *testing.T) (*world, *atomic.Int32) {
	w, n := newWorld(t), new(atomic.Int32)
	w.mailServer()
	serve := exchange(mail, "")
	w.web("northwind.example", func(rw http.ResponseWriter, r *http.Request) {
		n.Add(1)
		serve(rw, r)
	})
	return w, n
}

func TestAResultIsRememberedForADay(t *testing.T) {
	w, n := counted(t)
	f, now := w.finder(), time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	f.Now = func() time.Time { return now }
	first, err := w.find(f, w.account())
	require.NoError(t, err)
	require.False(t, first.Remembered)
	require.Equal(t, now, first.Time)
	asked := n.Load()
	now = now.Add(24*time.Hour - time.Second)
	again, err := w.find(f, w.account())
	require.NoError(t, err)
	require.True(t, again.Remembered)
	require.Equal(t, first.URL, again.URL)
	require.Equal(t, first.Steps, again.Steps)
	require.Equal(t, asked, n.Load())
	now = now.Add(time.Second)
	again, err = w.find(f, w.account())
	require.NoError(t, err)
	require.False(t, again.Remembered)
	require.Greater(t, n.Load(), asked)
}

func TestWhatARememberedResultDependsOn(t *testing.T) {
	w, n := counted(t)
	f := w.finder()
	look := func(change func(*provider.Account)) bool {
		a, before := w.account(), n.Load()
		change(&a)
		f.Find(t.Context(), a)
		return n.Load() > before
	}
	require.True(t, look(func(*provider.Account) {}))
	require.False(t, look(func(*provider.Account) {}))
	require.False(t, look(func(a *provider.Account) { a.Mailbox.Address = "ANNA@northwind.example" }))
	require.False(t, look(func(a *provider.Account) { a.Mailbox.Mailbox = "another side or record of the same" }))
	require.True(t, look(func(a *provider.Account) { a.Mailbox.Address = "annabel@northwind.example" }))
	require.True(t, look(func(a *provider.Account) { a.Mailbox.Organization = "another" }))
	require.True(t, look(func(a *provider.Account) { a.Profile.ID = "another" }))
	require.True(t, look(func(a *provider.Account) { a.Mailbox.Username = "another" }))
	require.True(t, look(func(a *provider.Account) { a.Policy.AllowPrivate = true }))

	f.Forget("Anna@Northwind.example")
	require.True(t, look(func(*provider.Account) {}))
	require.False(t, look(func(a *provider.Account) { a.Mailbox.Address = "annabel@northwind.example" }), "others are not forgotten")
}

func TestAFailureIsRememberedForAMinute(t *testing.T) {
	w := newWorld(t)
	f, now := w.finder(), time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	f.Now = func() time.Time { return now }
	_, err := w.find(f, w.account())
	kind(t, provider.ErrNotFound, err)
	asked := len(w.asked)
	now = now.Add(59 * time.Second)
	result, err := w.find(f, w.account())
	kind(t, provider.ErrNotFound, err)
	require.True(t, result.Remembered)
	require.Len(t, w.asked, asked)
	w.mailServer()
	w.web("northwind.example", exchange(mail, ""))
	now = now.Add(time.Second)
	_, err = w.find(f, w.account())
	require.NoError(t, err)
}

// A server that is down as it is found is no reason to believe in its address for a day.
func TestALocationWhereNobodyIsIsRememberedForAMinute(t *testing.T) {
	w := newWorld(t)
	w.web("northwind.example", exchange(mail, ""))
	f, now := w.finder(), time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	f.Now = func() time.Time { return now }
	result, err := w.find(f, w.account())
	require.NoError(t, err)
	require.Equal(t, mail, result.URL)
	now = now.Add(time.Minute)
	result, err = w.find(f, w.account())
	require.NoError(t, err)
	require.False(t, result.Remembered)
}

// What waits for a person is asked for again as soon as there is one to ask.
func TestAConfirmationCountsAtOnce(t *testing.T) {
	w := newWorld(t)
	w.web("northwind.example", exchange("https://ews.hoster.example"+ewsPath, ""))
	w.web("ews.hoster.example", says("", ""))
	f, yes := w.finder(), false
	f.Confirm = func(context.Context, string, string) bool { return yes }
	_, err := w.find(f, w.account())
	kind(t, provider.ErrUnsafe, err)
	yes = true
	result, err := w.find(f, w.account(), "hoster.example")
	require.NoError(t, err)
	require.Equal(t, "https://ews.hoster.example"+ewsPath, result.URL)
	require.Zero(t, w.shownTo("ews.hoster.example"))
}

func TestOneSearchServesAllWhoWait(t *testing.T) {
	w, n := newWorld(t), new(atomic.Int32)
	w.mailServer()
	serve, gate := exchange(mail, ""), make(chan struct{})
	w.web("northwind.example", func(rw http.ResponseWriter, r *http.Request) {
		n.Add(1)
		<-gate
		serve(rw, r)
	})
	f := w.finder()
	ctx, cancel := context.WithCancelCause(t.Context())
	led := make(chan error)
	go func() {
		_, err := f.Find(ctx, w.account())
		led <- err
	}()
	require.Eventually(t, func() bool { return n.Load() == 1 }, time.Minute, time.Millisecond)
	short, stop := context.WithCancel(t.Context())
	stop()
	_, err := f.Find(short, w.account())
	require.ErrorIs(t, err, context.Canceled, "who waits can leave")
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			result, err := f.Find(t.Context(), w.account())
			require.NoError(t, err)
			require.Equal(t, mail, result.URL)
		})
	}
	gone := errors.New("gone")
	cancel(gone) // who leads goes away, and another leads
	require.Equal(t, gone, <-led)
	require.Eventually(t, func() bool { return n.Load() == 2 }, time.Minute, time.Millisecond)
	close(gate)
	wg.Wait()
	require.LessOrEqual(t, n.Load(), int32(3), "one search: a question, and one with the credential; and the one that was broken off")
}

func TestASearchThatIsForgottenMeanwhileIsNotRemembered(t *testing.T) {
	w, n := newWorld(t), new(atomic.Int32)
	w.mailServer()
	f, serve := w.finder(), exchange(mail, "")
	w.web("northwind.example", func(rw http.ResponseWriter, r *http.Request) {
		if n.Add(1) == 1 {
			f.Forget(anna)
		}
		serve(rw, r)
	})
	_, err := w.find(f, w.account())
	require.NoError(t, err)
	result, err := w.find(f, w.account())
	require.NoError(t, err)
	require.False(t, result.Remembered)
	result, err = w.find(f, w.account())
	require.NoError(t, err)
	require.True(t, result.Remembered)
}

// P8: as many mailboxes as there may be.
func TestWhatIsRememberedIsBounded(t *testing.T) {
	f := newWorld(t).finder()
	for i := range 10_000 {
		f.Remember(fmt.Sprintf("m%d@northwind.example", i))
	}
	require.Equal(t, 4096, f.Remembered())
	require.True(t, f.Remembers("m9999@northwind.example"))
	require.False(t, f.Remembers("m0@northwind.example"))
}
