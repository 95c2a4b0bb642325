package wire

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/provider"
)

func TestSpool(t *testing.T) {
	s := Spool{Dir: t.TempDir(), Memory: 1000, Max: 200_000}
	for _, size := range []int{0, 1, 999, 1000, 1001, 65536, 65537, 199_999, 200_000} {
		data := noise(size)
		for _, announced := range []int64{int64(size), -1} {
			for name, wrap := range map[string]func(io.Reader) io.Reader{"plain": func(r io.Reader) io.Reader { return r }, "one byte": iotest.OneByteReader, "end with data": iotest.DataErrReader} {
				rest := "the rest"
				r := io.Reader(bytes.NewReader(data))
				if announced >= 0 {
					r = io.MultiReader(r, strings.NewReader(rest))
				} else {
					rest = ""
				}
				r = wrap(r)
				b, err := s.Read(r, announced)
				if err != nil {
					t.Fatalf("%s, %d bytes, announced %d: %v", name, size, announced, err)
				}
				got, err := io.ReadAll(b.Open())
				if err != nil || !bytes.Equal(got, data) || b.Size() != int64(size) || b.Sum() != sha256.Sum256(data) {
					t.Errorf("%s, %d bytes, announced %d: other bytes came back (%v)", name, size, announced, err)
				}
				if _, inMemory := b.Bytes(); inMemory != (size <= 1000) {
					t.Errorf("%d bytes in memory: %t", size, inMemory)
				}
				if left, _ := io.ReadAll(r); string(left) != rest {
					t.Errorf("announced %d: the reader has %q left, want %q", announced, left, rest)
				}
				if err := b.Release(); err != nil {
					t.Error(err)
				}
			}
		}
	}
	empty(t, s.Dir)
}

func TestSpoolRefusesShortAndLarge(t *testing.T) {
	s := Spool{Dir: t.TempDir(), Memory: 1000, Max: 10_000}
	broke := errors.New("broke")
	for _, size := range []int{0, 5, 1000, 5000} {
		for _, announced := range []int64{1, 6, 1001, 5001, 10_000} {
			if announced <= int64(size) {
				continue
			}
			if b, err := s.Read(bytes.NewReader(noise(size)), announced); b != nil || err != io.ErrUnexpectedEOF {
				t.Errorf("%d bytes of %d: %v, %v", size, announced, b, err)
			}
			r := io.MultiReader(bytes.NewReader(noise(size)), iotest.ErrReader(broke))
			if b, err := s.Read(r, announced); b != nil || err != broke {
				t.Errorf("%d bytes of %d and an error: %v, %v", size, announced, b, err)
			}
		}
	}
	for _, announced := range []int64{-1, 10_001, 1 << 60} {
		_, err := s.Read(bytes.NewReader(noise(20_000)), announced)
		wantKind(t, err, provider.ErrTooLarge)
	}
	_, err := Spool{Dir: s.Dir + "/none", Memory: 10}.Read(bytes.NewReader(noise(100)), 100)
	wantKind(t, err, provider.ErrUnavailable)
	if !errors.Is(err, ErrSpool) {
		t.Errorf("%v does not say that it is ours", err)
	}
	empty(t, s.Dir)
}

// Memory is taken for bytes that came, not for bytes that were announced.
func TestSpoolDoesNotTrustTheSize(t *testing.T) {
	s := Spool{Memory: 1 << 40, Max: 1 << 40}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := s.Read(strings.NewReader("short"), 1<<39); err != io.ErrUnexpectedEOF {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 8<<20 {
		t.Errorf("an announced size took %d bytes", grown)
	}
}

func empty(t *testing.T, dir string) {
	t.Helper()
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("%d files are left (%v)", len(left), err)
	}
}

func noise(n int) []byte {
	b := make([]byte, n)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func BenchmarkSpool(b *testing.B) {
	for name, size := range map[string]int{"30KB": 30 << 10, "10MB": 10 << 20} {
		data := noise(size)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(size))
			b.ReportAllocs()
			s := Spool{Dir: b.TempDir()}
			for b.Loop() {
				blob, err := s.Read(bytes.NewReader(data), int64(size))
				if err != nil {
					b.Fatal(err)
				}
				blob.Release()
			}
		})
	}
}

// ReadAbout gives the same whatever was said of the size, and keeps little more memory
// than the message has.
func TestReadAbout(t *testing.T) {
	s := Spool{Dir: t.TempDir(), Memory: 100_000, Max: 200_000}
	for _, size := range []int{0, 1, 511, 512, 30_000, 100_000, 100_001, 150_000} {
		content := bytes.Repeat([]byte{'x'}, size)
		for _, about := range []int64{-5, 0, 1, int64(size) - 1, int64(size), int64(size) + 1, 99_999, 100_000, 1 << 40} {
			blob, err := s.ReadAbout(bytes.NewReader(content), about)
			if err != nil {
				t.Fatalf("%d bytes, said to be %d: %v", size, about, err)
			}
			got, err := io.ReadAll(blob.Open())
			if err != nil || !bytes.Equal(got, content) {
				t.Errorf("%d bytes, said to be %d: read %d, %v", size, about, len(got), err)
			}
			blob.Release()
		}
	}
	if _, err := s.ReadAbout(bytes.NewReader(make([]byte, 200_001)), 5); provider.KindOf(err) != provider.ErrTooLarge {
		t.Errorf("too large: %v", err)
	}
	if _, err := s.ReadAbout(io.MultiReader(strings.NewReader("half"), iotest.ErrReader(io.ErrUnexpectedEOF)), 50_000); err != io.ErrUnexpectedEOF {
		t.Errorf("cut: %v", err)
	}
	const many = 50
	held := make([]*item.Blob, many)
	before := heap()
	for i := range held {
		held[i], _ = Spool{}.ReadAbout(strings.NewReader("short"), 1<<20)
	}
	if grown := heap() - before; grown > many<<10 {
		t.Errorf("%d short messages that were said to be large hold %d bytes", many, grown)
	}
	runtime.KeepAlive(held)
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
