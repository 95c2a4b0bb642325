package smtp

import (
	"bytes"
	"strings"
	"testing"

	"github.com/go-serversync/serversync/item"
)

func render(t testing.TB, message string, piece int) (string, *body) {
	var out bytes.Buffer
	b := newBody(&out, new([bodyBuffer]byte))
	for rest := []byte(message); len(rest) > 0; {
		n := min(piece, len(rest))
		if _, err := b.Write(rest[:n]); err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
	}
	end, err := b.finish()
	if err != nil {
		t.Fatal(err)
	}
	return out.String() + end, b
}

func TestBody(t *testing.T) {
	tests := []struct{ in, out string }{
		{"", ".\r\n"},
		{"a", "a\r\n.\r\n"},
		{"a\r\n", "a\r\n.\r\n"},
		{"a\n", "a\r\n.\r\n"},
		{"a\r", "a \r\n.\r\n"},
		{"\r\n", "\r\n.\r\n"},
		{"\n\n", "\r\n\r\n.\r\n"},
		{".", "..\r\n.\r\n"},
		{".\r\n", "..\r\n.\r\n"},
		{"..", "...\r\n.\r\n"},
		{"a\r\n.b", "a\r\n..b\r\n.\r\n"},
		{"a\n.\nb", "a\r\n..\r\nb\r\n.\r\n"},
		{"a\r.\rb", "a . b\r\n.\r\n"},
		{"a\r\r\nb", "a \r\nb\r\n.\r\n"},
		{"a\r\n.\r\n", "a\r\n..\r\n.\r\n"},
		{"a.\r\nb", "a.\r\nb\r\n.\r\n"},
	}
	for _, tt := range tests {
		for _, piece := range []int{1, 2, 3, 100} {
			if got, _ := render(t, tt.in, piece); got != tt.out {
				t.Errorf("%q in pieces of %d = %q, want %q", tt.in, piece, got, tt.out)
			}
		}
	}
}

func FuzzBody(f *testing.F) {
	f.Add("a\r\n.\r\nMAIL FROM:<x>", 3)
	f.Add("\r.\r\n\n.\n.\r", 1)
	f.Add(strings.Repeat("0123456789\r\n", 4000), 1000)
	f.Fuzz(func(t *testing.T, message string, piece int) {
		if piece < 1 {
			piece = 1
		}
		got, b := render(t, message, piece)
		whole, _ := render(t, message, len(message)+1)
		if got != whole {
			t.Fatalf("%q in pieces of %d differs", message, piece)
		}
		text, ok := strings.CutSuffix(got, ".\r\n")
		if !ok || text != "" && !strings.HasSuffix(text, "\r\n") {
			t.Fatalf("%q does not end as it must", got)
		}
		if strings.Contains("\r\n"+text, "\r\n.\r\n") {
			t.Fatalf("%q ends before its end", got)
		}
		if bare := strings.ReplaceAll(text, "\r\n", ""); strings.ContainsAny(bare, "\r\n") {
			t.Fatalf("%q has a bare CR or LF", got)
		}
		undone := strings.ReplaceAll("\r\n"+text, "\r\n.", "\r\n")[2:]
		if b.size != int64(len(undone)) {
			t.Fatalf("size = %d, want %d", b.size, len(undone))
		}
	})
}

func BenchmarkBody(b *testing.B) {
	message := []byte(strings.Repeat(strings.Repeat("x", 76)+"\r\n", 400))
	blob := item.NewBlob(message)
	b.SetBytes(int64(len(message)))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := measure(blob); err != nil {
			b.Fatal(err)
		}
	}
}
