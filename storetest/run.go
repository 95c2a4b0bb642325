package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
)

// tb is what a check needs of a *testing.T, so that the suite's own tests can watch
// it fail. Fatalf and Skipf end the goroutine and are called from the check's alone.
type tb interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Skipf(format string, args ...any)
}

// run is one check of one store.
type run struct {
	tb
	Harness
	t       *testing.T // for the Harness
	batches int
	watched watched
}

// ctx is the context of every call that is not about contexts.
var ctx = context.Background()

// capability returns the Store's T, or skips the check.
func capability[T any](r *run) T {
	r.Helper()
	c, ok := serversync.StoreAs[T](r.Store)
	if !ok {
		r.Skipf("not checked: the Store has no %s", reflect.TypeFor[T]().Name())
	}
	return c
}

// reopen replaces the Store by one over the same data, or skips the check.
func (r *run) reopen() {
	r.Helper()
	if r.Harness.Reopen == nil {
		r.Skipf("not checked: Harness.Reopen is nil, so nothing outlives the Store")
	}
	r.Store = r.Harness.Reopen(r.t)
}

// fail makes the next Commit fail, or skips the check.
func (r *run) fail(at Point) {
	r.Helper()
	if r.Harness.FailNext == nil {
		r.Skipf("not checked: Harness.FailNext is nil, so no Commit can be made to fail %s", at)
	}
	r.Harness.FailNext(r.t, at)
}

func (r *run) load(key mailbox.Key) serversync.Snapshot {
	r.Helper()
	s, err := r.Store.Load(ctx, key)
	if err != nil {
		r.Fatalf("Load(%v) = %v", key, err)
	}
	return s
}

// step returns a batch of the mailbox that starts from what Load returns and moves
// the lane, if it is not zero, to a cursor of its own.
func (r *run) step(key mailbox.Key, lane serversync.LaneKey, records ...serversync.Record) *serversync.Batch {
	r.Helper()
	s := r.load(key)
	r.batches++
	b := &serversync.Batch{
		ID:      fmt.Sprintf("batch-%d", r.batches),
		Mailbox: key,
		Fence:   s.Fence,
		Lane:    lane,
		Records: records,
	}
	if lane != (serversync.LaneKey{}) {
		b.From = s.Cursors[lane]
		b.Next = provider.Cursor(fmt.Sprintf("cursor-%d", r.batches))
	}
	return b
}

// commit commits b, which must succeed.
func (r *run) commit(b *serversync.Batch) serversync.Receipt {
	r.Helper()
	r.watch(b)
	receipt, err := r.Store.Commit(ctx, b)
	if err != nil {
		r.Fatalf("Commit(%s) = %v", b.ID, err)
	}
	return receipt
}

// record commits records in the inbox of key.
func (r *run) record(key mailbox.Key, records ...serversync.Record) serversync.Receipt {
	r.Helper()
	return r.commit(r.step(key, inbox, records...))
}

// fenced commits b, which must be refused and change nothing.
func (r *run) fenced(b *serversync.Batch) {
	r.Helper()
	r.watch(b)
	before := r.image()
	if _, err := r.Store.Commit(ctx, b); !errors.Is(err, serversync.ErrFenced) {
		r.Errorf("Commit(%s) = %v, want ErrFenced", b.ID, err)
	}
	r.unchanged(before, "a batch that was refused with ErrFenced")
}

// definite checks that err says for sure that nothing took effect.
func (r *run) definite(err error) {
	r.Helper()
	switch {
	case err == nil:
		r.Errorf("Commit = nil, want an error")
	case errors.Is(err, serversync.ErrUnknown):
		r.Errorf("Commit = %v, want an error that is not ErrUnknown: it is known that nothing took effect", err)
	}
}

func (r *run) known(key mailbox.Key, folder provider.FolderID, epoch string, ids ...provider.ID) []serversync.Place {
	r.Helper()
	places, err := r.Store.Known(ctx, key, folder, epoch, ids)
	if err != nil {
		r.Fatalf("Known(%v, %q, %q) = %v", key, folder, epoch, err)
	}
	if len(places) != len(ids) {
		r.Fatalf("Known of %d ids returned %d places", len(ids), len(places))
	}
	return places
}

// kind returns what is recorded of an id in the inbox.
func (r *run) kind(key mailbox.Key, id provider.ID) serversync.Place {
	r.Helper()
	return r.known(key, inbox.Folder, epoch, id)[0]
}

func (r *run) messages(organization string) []StoredMessage {
	return r.Harness.Messages(r.t, organization)
}

func (r *run) alerts(key mailbox.Key) []mailbox.Alert {
	r.Helper()
	if r.Harness.Alerts == nil {
		return r.wall(capability[serversync.Walls](r), key.Wall(), false, 1000)
	}
	return r.Harness.Alerts(r.t, key)
}

// equal compares what a Store gave with what it should have given.
func equal[T comparable](r *run, what string, got, want T) {
	r.Helper()
	if got != want {
		r.Errorf("%s = %v, want %v", what, got, want)
	}
}

// together calls f n times at once and returns when all are done. f must not end
// its goroutine.
func together(n int, f func(i int)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			f(i)
		})
	}
	close(start)
	wg.Wait()
}
