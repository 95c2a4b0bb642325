package wire

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/provider"
)

// A Spool reads messages into Blobs: small ones into memory, large ones into a
// temporary file. The zero value of a field means its default.
type Spool struct {
	Dir    string // for files. Default: the system's directory for temporary files
	Memory int64  // bytes kept in memory, more go to a file. Default: 1 MiB
	Max    int64  // bytes at most. Default: 150 MiB
}

// trust is how much memory is taken because a server announced it. Beyond it
// memory grows with the bytes that came.
const trust = 1 << 20

// ErrSpool marks a failure of our own disk, for which the server is not to blame.
var ErrSpool = errors.New("the spool file failed")

// Read reads the announced number of bytes from r, or up to its end if announced
// is negative, and not one byte more.
//
// If r ends early the error is io.ErrUnexpectedEOF: what is short is never a Blob.
// If the message is larger than Max the error is an *provider.Error of the kind
// ErrTooLarge, and what r still holds is the caller's to drain. No file is left
// after an error, nor after the Blob is released.
func (s Spool) Read(r io.Reader, announced int64) (*item.Blob, error) {
	return s.read(r, announced, 0)
}

// ReadAbout reads up to r's end, as Read does. about is what was said of the size, which
// may be a lie: memory for so much is taken at once, up to 1 MiB, and given back if it
// was far too much.
func (s Spool) ReadAbout(r io.Reader, about int64) (*item.Blob, error) {
	return s.read(r, -1, about)
}

func (s Spool) read(r io.Reader, announced, about int64) (*item.Blob, error) {
	limits := provider.Limits{Memory: s.Memory, Message: s.Max}.WithDefaults()
	memory, most := min(limits.Memory, limits.Message), limits.Message
	switch {
	case announced > most:
		return nil, tooLarge(most)
	case announced > memory:
		return s.file(nil, io.LimitReader(r, announced), announced, most)
	case announced >= 0 && announced <= trust:
		b := make([]byte, announced)
		if _, err := io.ReadFull(r, b); err != nil {
			return nil, short(err)
		}
		return item.NewBlob(b), nil
	case announced >= 0:
		r = io.LimitReader(r, announced)
	}
	var head bytes.Buffer
	if about > 0 && about <= min(memory, trust) {
		head.Grow(int(about) + bytes.MinRead) // which the last, empty read wants too
	}
	// One byte more than fits tells whether there is more.
	n, err := io.CopyN(&head, r, memory+1)
	switch {
	case err == nil:
		return s.file(head.Bytes(), r, announced, most)
	case err != io.EOF:
		return nil, err
	case announced >= 0 && n < announced:
		return nil, io.ErrUnexpectedEOF
	}
	content := head.Bytes()
	if cap(content) > 2*len(content)+bytes.MinRead {
		content = bytes.Clone(content)
	}
	return item.NewBlob(content), nil
}

// buffers are for copying; 64 KiB keep a file and a hash busy.
var buffers = sync.Pool{New: func() any { return new([64 << 10]byte) }}

// file writes head and what r has to a file. announced may be negative.
func (s Spool) file(head []byte, r io.Reader, announced, most int64) (_ *item.Blob, err error) {
	f, release, err := create(s.Dir)
	if err != nil {
		return nil, broken(err)
	}
	defer func() {
		if err != nil {
			release()
		}
	}()
	buf := buffers.Get().(*[64 << 10]byte)
	defer buffers.Put(buf)
	hash, size := sha256.New(), int64(0)
	for more := head; ; {
		size += int64(len(more))
		if size > most {
			return nil, tooLarge(most)
		}
		hash.Write(more)
		if _, err := f.Write(more); err != nil {
			return nil, broken(err)
		}
		n, err := r.Read(buf[:])
		more = buf[:n]
		if err == nil {
			continue
		}
		if err != io.EOF {
			return nil, err
		}
		if n == 0 {
			break
		}
		r = eof{} // what came with the end is still to be written
	}
	if announced >= 0 && size < announced {
		return nil, io.ErrUnexpectedEOF
	}
	return item.OpenBlob(f, size, [sha256.Size]byte(hash.Sum(nil)), release), nil
}

type eof struct{}

func (eof) Read([]byte) (int, error) { return 0, io.EOF }

// create makes a file without a name, where the system can do that: then a crash
// leaves nothing. Elsewhere release removes it.
func create(dir string) (f *os.File, release func() error, err error) {
	f, err = os.CreateTemp(dir, "serversync-*.spool")
	if err != nil {
		return nil, nil, err
	}
	named := os.Remove(f.Name()) != nil
	return f, func() error {
		err := f.Close()
		if named {
			err = errors.Join(err, os.Remove(f.Name()))
		}
		return err
	}, nil
}

func short(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

func tooLarge(most int64) error {
	return &provider.Error{Op: "spool", Kind: provider.ErrTooLarge, Err: fmt.Errorf("the message has more than %d bytes", most),
		Remedy: "raise Limits.Message if such messages are wanted"}
}

func broken(err error) error {
	return &provider.Error{Op: "spool", Kind: provider.ErrUnavailable, Err: fmt.Errorf("%w: %w", ErrSpool, err),
		Remedy: "check the free space and rights of the directory for temporary files"}
}
