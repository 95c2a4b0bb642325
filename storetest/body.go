package storetest

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"strings"
	"sync/atomic"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/provider"
)

// largest is how much of a body a Store may ask for at once.
const largest = 4 << 20

// S17: bodies arrive as an item.Blob with size and digest; a Store never needs a
// whole one in memory, and what it gives back has the same bytes.
var bodyChecks = []check{
	{name: "the bytes of a message are kept as they are", f: func(r *run) {
		for _, raw := range []string{"", "\n", "a\nb\r\nc\rd", allBytes(), "no line end", strings.Repeat("x", 100<<10), "\xef\xbb\xbfSubject: x\r\n"} {
			m := letter("sum " + raw[:min(len(raw), 10)])
			m.Raw = item.NewBlob([]byte(raw))
			m.Digest = digest(raw)
			r.record(ann, tracked(provider.ID(digest(raw)), m))
			storedAs(r, m)
		}
	}},
	{name: "a message of 20 MB is read in pieces", heavy: true, f: func(r *run) {
		m := letter("large")
		m.Raw = hugeBlob(r)
		r.record(ann, tracked("1", m))
		storedAs(r, m)
	}},
	{name: "a body that cannot be read is a definite error", f: func(r *run) {
		for _, size := range []int64{1, 100, 200 << 10} {
			m := letter("unreadable")
			m.Raw = brokenBlob(size, errors.New("the spool file is gone"))
			bodyRefused(r, m)
		}
	}},
	{name: "a body that ends early is a definite error", f: func(r *run) {
		m := letter("short")
		m.Raw = brokenBlob(100, io.EOF)
		bodyRefused(r, m)
	}},
	{name: "the bytes outlive the blob", f: func(r *run) {
		m := letter("released")
		released := releasedBlob(m.Raw)
		m.Raw = released
		r.record(ann, tracked("1", m))
		if err := released.Release(); err != nil {
			r.Fatalf("Release = %v", err)
		}
		storedAs(r, m)
	}},
	{name: "the bytes outlive the Store", f: func(r *run) {
		m := letter("kept")
		r.record(ann, tracked("1", m))
		r.reopen()
		storedAs(r, m)
	}},
	{name: "the bytes of a quarantined item are kept as they are", f: func(r *run) {
		q := capability[serversync.Quarantine](r)
		bad := decided(serversync.Quarantined, "1")
		bad.Message.Raw = releasedBlob(item.NewBlob([]byte(allBytes())))
		r.record(ann, bad)
		if err := bad.Message.Raw.Release(); err != nil {
			r.Fatalf("Release = %v", err)
		}
		got := r.quarantined(q, ann)
		if len(got) != 1 {
			r.Fatalf("%d quarantined items, want 1", len(got))
		}
		sameBytes(r, got[0].Raw, []byte(allBytes()))
	}},
	{name: "the bytes of an outbox entry are kept as they are", f: func(r *run) {
		o := capability[serversync.Outbox](r)
		e := entry("1")
		e.Raw = releasedBlob(item.NewBlob([]byte(allBytes())))
		r.enqueue(o, e)
		if err := e.Raw.Release(); err != nil {
			r.Fatalf("Release = %v", err)
		}
		sameBytes(r, r.entry(o, "1").Raw, []byte(allBytes()))
	}},
	{name: "an outbox entry of 20 MB is read in pieces", heavy: true, f: func(r *run) {
		o := capability[serversync.Outbox](r)
		e := entry("1")
		e.Raw = hugeBlob(r)
		r.enqueue(o, e)
		got := r.entry(o, "1").Raw
		sum := sha256.New()
		if n, err := io.Copy(sum, got.Open()); err != nil || n != e.Raw.Size() || [32]byte(sum.Sum(nil)) != e.Raw.Sum() {
			r.Errorf("the entry came back with %d bytes %x, %v, want %d bytes %x", n, sum.Sum(nil), err, e.Raw.Size(), e.Raw.Sum())
		}
	}},
}

// storedAs checks that the one message with m's content has m's bytes.
func storedAs(r *run, m *item.Message) {
	r.Helper()
	found := 0
	for _, s := range r.messages(ann.Organization) {
		if s.Content != m.Content() {
			continue
		}
		found++
		if s.Size != m.Raw.Size() || s.Sum != m.Raw.Sum() {
			r.Errorf("a message of %d bytes with SHA-256 %x is stored as %d bytes with %x", m.Raw.Size(), m.Raw.Sum(), s.Size, s.Sum)
		}
	}
	equal(r, "messages with this content", found, 1)
}

// bodyRefused commits m, whose body cannot be read whole.
func bodyRefused(r *run, m *item.Message) {
	r.Helper()
	b := r.step(ann, inbox, tracked("1", m))
	r.watch(b)
	before := r.image()
	_, err := r.Store.Commit(ctx, b)
	r.definite(err)
	r.unchanged(before, "a batch with a body that cannot be read")
}

func sameBytes(r *run, got *item.Blob, want []byte) {
	r.Helper()
	if got == nil {
		r.Errorf("the bytes are not there")
		return
	}
	read, err := io.ReadAll(got.Open())
	if err != nil || !bytes.Equal(read, want) {
		r.Errorf("the bytes came back as %q, %v, want %q", read, err, want)
	}
	if got.Size() != int64(len(want)) || got.Sum() != sha256.Sum256(want) {
		r.Errorf("the blob says %d bytes with SHA-256 %x, want %d with %x", got.Size(), got.Sum(), len(want), sha256.Sum256(want))
	}
}

// readerAt is an io.ReaderAt that is a function.
type readerAt func(p []byte, off int64) (int, error)

func (f readerAt) ReadAt(p []byte, off int64) (int, error) { return f(p, off) }

// watchedBlob returns b's bytes as a blob that does not lie in memory. see is told of
// each request, and its error is the request's.
func watchedBlob(b *item.Blob, see func(n int) error) *item.Blob {
	at := b.Open()
	return item.OpenBlob(readerAt(func(p []byte, off int64) (int, error) {
		if err := see(len(p)); err != nil {
			return 0, err
		}
		return at.ReadAt(p, off)
	}), b.Size(), b.Sum(), nil)
}

// brokenBlob returns a blob of that size which fails half-way with err.
func brokenBlob(size int64, err error) *item.Blob {
	return item.OpenBlob(readerAt(func(p []byte, off int64) (int, error) {
		n := int(max(0, min(size/2-off, int64(len(p)))))
		for i := range p[:n] {
			p[i] = 'x'
		}
		if n < len(p) {
			return n, err
		}
		return n, nil
	}), size, sha256.Sum256([]byte(strings.Repeat("x", int(size)))), nil)
}

// releasedBlob returns b's bytes as a blob that fails once it was released.
func releasedBlob(b *item.Blob) *item.Blob {
	var released atomic.Bool
	at := b.Open()
	return item.OpenBlob(readerAt(func(p []byte, off int64) (int, error) {
		if released.Load() {
			return 0, errors.New("read of a blob that was released")
		}
		return at.ReadAt(p, off)
	}), b.Size(), b.Sum(), func() error { released.Store(true); return nil })
}

// hugeBlob returns 20 MB that forbid being asked for whole.
func hugeBlob(r *run) *item.Blob {
	var told atomic.Bool
	huge := item.NewBlob(bytes.Repeat([]byte("0123456789abcde\n"), 20<<20/16))
	return watchedBlob(huge, func(n int) error {
		if n > largest && !told.Swap(true) {
			r.Errorf("%d bytes of a body were asked for at once, want at most %d: it need not lie in memory whole", n, largest)
		}
		return nil
	})
}
