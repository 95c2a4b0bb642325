package sqlite

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-serversync/serversync/item"
)

// A message of 140 MB is committed and read back within 64 MiB. The test runs itself
// in a process of its own, whose memory is its own.
func TestBigMessage(t *testing.T) {
	if testing.Short() {
		t.Skip("left out with -short: it writes 300 MB")
	}
	if path := os.Getenv("SQLITE_BIG_MESSAGE"); path != "" {
		bigMessage(t, path)
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestBigMessage$", "-test.v")
	cmd.Env = append(os.Environ(), "SQLITE_BIG_MESSAGE="+filepath.Join(t.TempDir(), "mail.db"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}

func bigMessage(t *testing.T, path string) {
	s, err := Open(t.Context(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	const size = 140_000_001
	m := message(1, 3000)
	sum := sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(pattern{}, 0, size)); err != nil {
		t.Fatal(err)
	}
	m.Raw = item.OpenBlob(pattern{}, size, [32]byte(sum.Sum(nil)), nil)
	commit(t, s, batch("b1", "", "c1", tracked("1", m)))

	raw, err := s.Raw(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	got := sha256.New()
	if n, err := io.Copy(got, raw.Open()); n != size || err != nil || [32]byte(got.Sum(nil)) != m.Raw.Sum() {
		t.Errorf("read back %d bytes, %v, want the same %d", n, err, size)
	}
	// Not Rusage.Maxrss: a process that is started takes that over from the one that starts it.
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	var peak int
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	if _, err := fmt.Sscan(after, &peak); err != nil {
		t.Fatal(err)
	}
	t.Logf("peak RSS %d KiB", peak)
	if peak > 64<<10 && !race {
		t.Errorf("peak RSS is %d KiB, want at most 65536", peak)
	}
}

// pattern is a reader of any length.
type pattern struct{}

func (pattern) ReadAt(p []byte, at int64) (int, error) {
	for i := range p {
		n := at + int64(i)
		p[i] = byte(n ^ n>>8 ^ n>>16)
	}
	return len(p), nil
}
