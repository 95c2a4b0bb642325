package mailgen

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"hash/crc32"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestMessageIsTheSameEverywhere(t *testing.T) {
	sum := crc32.NewIEEE()
	for i := range 200 {
		sum.Write(Message(1, i, 200*i))
	}
	// A change of this number changes what every benchmark measures.
	if got, want := sum.Sum32(), uint32(0xf4d267c); got != want {
		t.Errorf("the first 200 messages have the checksum %#x, want %#x", got, want)
	}
	if bytes.Equal(Message(1, 7, 5000), Message(2, 7, 5000)) {
		t.Error("two seeds give one message")
	}
	if got := Append([]byte("before"), 1, 7, 5000); !bytes.Equal(got, append([]byte("before"), Message(1, 7, 5000)...)) {
		t.Error("Append and Message differ")
	}
}

func TestMessageSize(t *testing.T) {
	for i := range 2000 {
		size := i * 80
		got := len(Message(1, i, size))
		if got > max(size, 300)+700 || size >= 3000 && got < size-700 {
			t.Errorf("Message(1, %d, %d) has %d bytes", i, size, got)
		}
		if got := len(Tiny(1, i)); got < 200 || got > 450 {
			t.Errorf("Tiny(1, %d) has %d bytes", i, got)
		}
	}
}

func TestMessageIsWellFormed(t *testing.T) {
	types := map[string]int{}
	ids := map[string]bool{}
	for i := range 1000 {
		raw := Message(3, i, 50*i)
		for _, line := range bytes.SplitAfter(raw, []byte("\n")) {
			if text, ok := bytes.CutSuffix(line, []byte("\r\n")); len(line) > 0 && !ok || len(text) > 998 || bytes.ContainsAny(text, "\r\x00") {
				t.Fatalf("message %d: bad line %q", i, line)
			}
		}
		m, err := mail.ReadMessage(bytes.NewReader(raw))
		if err != nil {
			t.Fatalf("message %d: %v", i, err)
		}
		checkHeader(t, i, m.Header)
		ids[m.Header.Get("Message-ID")] = true
		checkPart(t, i, map[string][]string(m.Header), m.Body, types)
	}
	if len(ids) != 1000 {
		t.Errorf("1000 messages have %d Message-IDs", len(ids))
	}
	for _, want := range []string{"text/plain 7bit", "text/plain 8bit", "text/plain quoted-printable", "text/html quoted-printable",
		"text/calendar 7bit", "application/pdf base64", "multipart/mixed ", "multipart/alternative "} {
		if types[want] < 25 {
			t.Errorf("%d parts are %s, want at least 25", types[want], want)
		}
	}
}

func checkHeader(t *testing.T, i int, h mail.Header) {
	t.Helper()
	if h.Get("Message-ID") != ID(3, i) || !strings.HasPrefix(ID(3, i), fmt.Sprintf("<%d.", i)) {
		t.Errorf("message %d: Message-ID is %q", i, h.Get("Message-ID"))
	}
	if date, err := h.Date(); err != nil || !date.Equal(Date(i)) {
		t.Errorf("message %d: date is %v, %v", i, date, err)
	}
	for _, field := range []string{"From", "To", "Cc"} {
		if _, err := h.AddressList(field); err != nil && err != mail.ErrHeaderNotPresent {
			t.Errorf("message %d: %s: %v", i, field, err)
		}
	}
	if subject, err := new(mime.WordDecoder).DecodeHeader(h.Get("Subject")); err != nil || subject == "" || strings.Contains(subject, "=?") {
		t.Errorf("message %d: subject %q, %v", i, subject, err)
	}
}

func checkPart(t *testing.T, i int, h map[string][]string, body io.Reader, types map[string]int) {
	t.Helper()
	get := func(key string) string { return strings.Join(h[key], "") }
	kind, params, err := mime.ParseMediaType(get("Content-Type"))
	if err != nil && get("Content-Type") != "" {
		t.Fatalf("message %d: Content-Type %q: %v", i, get("Content-Type"), err)
	}
	encoding := get("Content-Transfer-Encoding")
	types[kind+" "+encoding]++
	if strings.HasPrefix(kind, "multipart/") {
		r := multipart.NewReader(body, params["boundary"])
		for {
			p, err := r.NextRawPart()
			if err == io.EOF {
				return
			}
			if err != nil {
				t.Fatalf("message %d: %v", i, err)
			}
			checkPart(t, i, p.Header, p, types)
		}
	}
	switch encoding {
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
		if _, params, err := mime.ParseMediaType(get("Content-Disposition")); err != nil || params["filename"] == "" {
			t.Errorf("message %d: Content-Disposition %q: %v", i, get("Content-Disposition"), err)
		}
	}
	data, err := io.ReadAll(body)
	if err != nil || len(data) == 0 {
		t.Fatalf("message %d: %s: %d bytes, %v", i, kind, len(data), err)
	}
	seven := encoding == "" || encoding == "7bit"
	if text := strings.HasPrefix(kind, "text/"); text && !utf8.Valid(data) || seven && bytes.ContainsFunc(data, func(r rune) bool { return r > 127 }) {
		t.Errorf("message %d: %s %s is not what it says", i, kind, encoding)
	}
}

func TestCorpus(t *testing.T) {
	tests := []struct {
		n     int
		total int64
	}{{0, 0}, {1, 50_000}, {2, 50_000}, {500, 2_000_000}, {3000, 90_000_000}}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.n), func(t *testing.T) {
			c := NewCorpus(1, tt.n, tt.total)
			var got int64
			var below int
			for i, m := range c.All() {
				got += int64(len(m))
				if len(m) < int(tt.total)/tt.n/2 {
					below++
				}
				if i < 50 && !bytes.Equal(m, c.Message(i)) {
					t.Errorf("All and Message(%d) differ", i)
				}
			}
			if got < tt.total*97/100 || got > tt.total*103/100 {
				t.Errorf("%d messages have %d bytes, want about %d", tt.n, got, tt.total)
			}
			if tt.n > 100 && (below < tt.n/2 || below > tt.n*9/10) {
				t.Errorf("%d of %d messages are below half the mean", below, tt.n)
			}
		})
	}
}

func TestCorpusVisitsEverySize(t *testing.T) {
	for _, n := range []int{1, 2, 3, 10, 1000, 20_000} {
		seen := map[uint64]bool{}
		for i := range n {
			seen[uint64(i)*uint64(coprime(n))%uint64(n)] = true
		}
		if len(seen) != n {
			t.Errorf("of %d ranks %d are visited", n, len(seen))
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	c := NewCorpus(1, 20_000, 616_000_000)
	var buf []byte
	var n int64
	i := 0
	for b.Loop() {
		buf = Append(buf[:0], 1, i%20_000, c.Size(i%20_000))
		n += int64(len(buf))
		i++
	}
	b.SetBytes(n / int64(i))
}

func BenchmarkTiny(b *testing.B) {
	i := 0
	for b.Loop() {
		b.SetBytes(int64(len(Tiny(1, i))))
		i++
	}
}
