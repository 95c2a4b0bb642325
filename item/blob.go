package item

import (
	"bytes"
	"crypto/sha256"
	"io"
)

// A Blob is a run of bytes whose size and SHA-256 are known: a message as the
// server gave it. Small ones lie in memory, large ones in a spool file, so that a
// reader of any size is served with little memory. A Blob is safe for use by many
// goroutines until it is released.
type Blob struct {
	size    int64
	sum     [sha256.Size]byte
	at      io.ReaderAt
	bytes   []byte
	release func() error
}

// NewBlob returns b's bytes as a Blob. The caller must not change b afterwards.
func NewBlob(b []byte) *Blob {
	return &Blob{size: int64(len(b)), sum: sha256.Sum256(b), at: bytes.NewReader(b), bytes: b}
}

// OpenBlob returns a Blob over size bytes of at whose SHA-256 is sum. Release
// calls release, which may be nil.
func OpenBlob(at io.ReaderAt, size int64, sum [sha256.Size]byte, release func() error) *Blob {
	return &Blob{size: size, sum: sum, at: at, release: release}
}

// Size returns the number of bytes.
func (b *Blob) Size() int64 { return b.size }

// Sum returns the SHA-256 of the bytes.
func (b *Blob) Sum() [sha256.Size]byte { return b.sum }

// Open returns a reader from the first byte. Each call gives its own.
func (b *Blob) Open() *io.SectionReader { return io.NewSectionReader(b.at, 0, b.size) }

// Bytes returns the bytes and true if they lie in memory. The caller must not
// change them.
func (b *Blob) Bytes() ([]byte, bool) { return b.bytes, b.bytes != nil || b.size == 0 }

// Release frees the spool file, if there is one. Readers fail afterwards. A second
// call, or a call on nil, does nothing.
func (b *Blob) Release() error {
	if b == nil || b.release == nil {
		return nil
	}
	release := b.release
	b.release = nil
	return release()
}
