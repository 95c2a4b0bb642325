package item

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf8"
)

// TestHostile parses inputs that are built to cost more than they should. Each gets
// far more time than it needs on a slow machine, and far less than anything that
// is not linear would take.
func TestHostile(t *testing.T) {
	many := func(s string, n int) string { return strings.Repeat(s, n) }
	nested := func(n int) string {
		var b strings.Builder
		b.WriteString("Content-Type: multipart/mixed; boundary=b0\r\n\r\n")
		for i := range n {
			fmt.Fprintf(&b, "--b%d\r\nContent-Type: multipart/mixed; boundary=b%d\r\n\r\n", i, i+1)
		}
		return b.String()
	}
	sections := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, ";\r\n name*%d*=x", i)
		}
		return b.String()
	}
	mixed := "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
	tests := []struct {
		row, raw string
		warn     Warning
		check    func(m *Message) bool
	}{
		{"MIME-01 25 unterminated levels", nested(25), WarnUnterminated, nil},
		{"MIME-02 10,000 levels", nested(10_000), WarnDepth, func(m *Message) bool { return len(m.Attachments) == 1 }},
		{"MIME-02 10⁶ levels", nested(1_000_000), WarnDepth, nil},
		{"MIME-03 10⁶ empty parts", mixed + many("--b\r\n\r\n", 1_000_000), WarnParts,
			func(m *Message) bool { return m.Attachments[len(m.Attachments)-1].Size > 6_900_000 }},
		{"MIME-04 one line of 64 MiB", "A: " + many("x", 64<<20) + "\r\nSubject: kept\r\n\r\nbody", WarnFieldCut,
			func(m *Message) bool {
				return m.Subject == "kept" && m.Text == "body" && len(m.Fields[0].Value) == 64<<10-1 /* and the space */
			}},
		{"MIME-04 10⁶ fields", many("A: b\r\n", 1_000_000) + "\r\nbody", WarnHeaderCut,
			func(m *Message) bool { return len(m.Fields) == 2000 && m.Text == "body" }},
		{"MIME-04 10⁶ continuation lines", "A: b\r\n" + many(" c\r\n", 1_000_000) + "\r\nbody", WarnFieldCut, nil},
		{"MIME-04 10⁶ empty continuation lines", "A: b\r\n" + many(" \r\n", 1_000_000) + "\r\nbody", "", nil},
		{"MIME-05 100,000 sections", "Content-Type: a/b" + sections(100_000) + "\r\n\r\nbody", WarnParameter, nil},
		{"MIME-05 a section of 4294967295", "Content-Type: a/b; name*4294967295*=x; name=y\r\n\r\n", "", func(m *Message) bool { return m.Attachments[0].Name == "y" }},
		{"MIME-06 200,000 addresses", "To: " + many("a@b,", 200_000) + "\r\n\r\n", WarnAddresses,
			func(m *Message) bool { return len(m.To) == 5000 }},
		{"MIME-06 10⁶ bytes of nested comments", "To: " + many("(", 500_000) + many(")", 500_000) + "a@b\r\n\r\n", "",
			func(m *Message) bool { return len(m.To) == 1 && m.To[0].Addr == "a@b" }},
		{"MIME-06 unterminated comments", "To: " + many("(", 1_000_000) + "\r\n\r\n", "", nil},
		{"MIME-06 unterminated quotes", "To: " + many("\"a ", 300_000) + "\r\n\r\n", "", nil},
		{"MIME-06 unterminated brackets", "To: " + many("<", 1_000_000) + "\r\n\r\n", WarnAddress, nil},
		{"MIME-06 groups", "To: " + many("a:", 500_000) + "\r\n\r\n", "", nil},
		{"MIME-06 1 MiB phrase", "To: " + many("x ", 500_000) + "<a@b>\r\n\r\n", "", func(m *Message) bool { return m.To[0].Addr == "a@b" }},
		{"MIME-06 1 MiB domain literal", "To: a@[" + many("1", 1_000_000) + "]\r\n\r\n", "", nil},
		{"MIME-06 backslashes", "To: " + many("\\", 1_000_000) + "\r\n\r\n", WarnAddress, nil},
		{"MIME-07 encoded words in a name", "To: " + many("=?utf-8?q?x?= ", 70_000) + "<a@b>\r\n\r\n", "", nil},
		{"MIME-07 unterminated words", "To: " + many("=?", 500_000) + " <a@b>\r\n\r\n", "", nil},
		{"MIME-07 words in words", "To: " + many("=?utf-8?q?x", 90_000) + " <a@b>\r\n\r\n", WarnEncodedWord, nil},
		{"MIME-07 words in words, closed", "To: " + many("=?utf-8?q?=", 90_000) + "?= <a@b>\r\n\r\n", "", nil},
		{"MIME-07 charset of 10 KiB", "Subject: =?" + many("x", 10<<10) + "?q?a?=\r\n\r\n", "", nil},
		{"MIME-10 QP, 10⁶ soft breaks", "Content-Transfer-Encoding: quoted-printable\r\n\r\n" + many("=\r\n", 1_000_000), "", func(m *Message) bool { return m.Text == "" }},
		{"MIME-10 QP, 10⁶ broken", "Content-Transfer-Encoding: quoted-printable\r\n\r\n" + many("= = =Z", 500_000), WarnQuotedPrintable, nil},
		{"MIME-10 QP, one line of blanks", "Content-Transfer-Encoding: quoted-printable\r\n\r\n" + many(" ", 3_000_000), "", nil},
		{"MIME-10 base64, padding", "Content-Transfer-Encoding: base64\r\n\r\n" + many("QQ==", 1_000_000), WarnBase64, func(m *Message) bool { return len(m.Text) == 1_000_000 }},
		{"MIME-10 base64, blank lines", "Content-Transfer-Encoding: base64\r\n\r\n" + many("QUJD\r\n\r\n", 500_000), "", func(m *Message) bool { return len(m.Text) == 1_500_000 }},
		{"MIME-10 base64, junk", "Content-Transfer-Encoding: base64\r\n\r\n" + many("*", 3_000_000), WarnBase64, nil},
		{"MIME-11 10⁶ escapes", "Content-Type: text/plain; charset=iso-2022-jp\r\n\r\n" + many("\x1b$B", 1_000_000), "", nil},
		{"MIME-11 utf-7", "Content-Type: text/plain; charset=utf-7\r\n\r\n" + many("+", 3_000_000), WarnCharset, nil},
		{"MIME-12 CRs", many("\r", 3_000_000), "", nil},
		{"MIME-12 NULs", "A: b\r\n\r\n" + many("\x00", 1_000_000), WarnNUL, nil},
		{"MIME-21 References of 1 MiB", "References: " + many("<a@b> ", 10_000) + "\r\n\r\n", "", func(m *Message) bool { return len(m.References) == 50 }},
		{"MIME-23 lines of dots", "A: b\r\n\r\n" + many(".\r\n", 1_000_000), "", nil},
		{"MIME-23 lines of dashes", mixed + many("--\r\n", 1_000_000), WarnNoBoundary, nil},
		{"MIME-23 lines that could be boundaries", mixed + many("--bx\r\n", 500_000), WarnNoBoundary, nil},
		{"MIME-24 combining marks", "Subject: " + many("\u0301", 30_000) + "\r\n\r\n" + many("\u0301", 1_000_000), "", nil},
		{"MIME-45 10⁶ nested elements", "Content-Type: text/html\r\n\r\n" + many("<div>", 1_000_000), "", nil},
		{"MIME-45 10⁶ attributes", "Content-Type: text/html\r\n\r\n<a " + many("b=c ", 1_000_000) + ">", "", nil},
		{"MIME-45 entities", "Content-Type: text/html\r\n\r\n" + many("&", 2_000_000), "", nil},
		{"MIME-45 comments", "Content-Type: text/html\r\n\r\n" + many("<!--", 1_000_000), "", nil},
		{"MIME-45 scripts", "Content-Type: text/html\r\n\r\n<script>" + many("</scrip", 1_000_000), "", nil},
		{"levels over and over", nested(49) + many("--b49x\r\n--b0x\r\n", 300_000), "", nil},
		{"header without an end", many("a\r\nB: c\r\n", 300_000), WarnHeaderLine, nil},
	}
	for _, tt := range tests {
		t.Run(tt.row, func(t *testing.T) {
			start := time.Now()
			m := parse(t, tt.raw)
			if took := time.Since(start); took > time.Minute {
				t.Errorf("took %v for %d bytes", took, len(tt.raw))
			}
			if tt.warn != "" && !slices.Contains(m.Warnings, tt.warn) {
				t.Errorf("warnings %v, want %q", m.Warnings, tt.warn)
			}
			if tt.check != nil && !tt.check(m) {
				t.Errorf("got\n%.3000s", dump(t, m))
			}
			checkMessage(t, m)
		})
	}
}

// checkMessage fails where m breaks a promise that holds for any input.
func checkMessage(t testing.TB, m *Message) {
	t.Helper()
	texts := []string{m.MessageID, m.Subject, m.Text, m.HTML}
	lists := 0
	for _, list := range [][]Address{m.From, m.Sender, m.ReplyTo, m.To, m.Cc, m.Bcc} {
		for _, a := range list {
			texts = append(texts, a.Name, a.Addr)
		}
		lists = max(lists, len(list))
	}
	for _, f := range m.Fields {
		texts = append(texts, f.Name, f.Value)
	}
	for i := range m.Attachments {
		a := &m.Attachments[i]
		texts = append(texts, a.Name, a.Type, a.ContentID)
		if strings.ContainsAny(a.Name, "/\\\r\n\x00") || len(a.Name) > longName {
			t.Errorf("attachment is called %q", a.Name)
		}
		h := sha256.New()
		n, err := io.Copy(h, a.Open())
		if err != nil || n != a.Size || [32]byte(h.Sum(nil)) != a.Sum {
			t.Errorf("attachment %d opens as %d bytes, want %d with sum %x (%v)", i, n, a.Size, a.Sum, err)
		}
	}
	for _, s := range texts {
		if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
			t.Errorf("%.200q is no valid text", s)
		}
	}
	if m.MessageID == "" || len(m.MessageID) > longID || len(m.Digest) != 2+43 || m.Raw == nil {
		t.Errorf("Message-ID %q, digest %q, raw %v", m.MessageID, m.Digest, m.Raw)
	}
	if len(m.References) > 50 || lists > 5000 || len(m.Attachments) > 1000 || len(m.Fields) > 2000 {
		t.Error("over the limits")
	}
}

// endless gives head, then size bytes of base64 lines, then tail.
type endless struct {
	head, tail string
	size       int64
}

const base64Line = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ejAxMjM0\r\n"

func (e endless) len() int64 { return int64(len(e.head)) + e.size + int64(len(e.tail)) }

func (e endless) ReadAt(b []byte, off int64) (int, error) {
	n := 0
	for n < len(b) && off < e.len() {
		var m int
		switch in := off - int64(len(e.head)); {
		case in < 0:
			m = copy(b[n:], e.head[off:])
		case in < e.size:
			from := in % int64(len(base64Line))
			end := min(int64(len(base64Line)), from+e.size-in)
			m = copy(b[n:], base64Line[from:end])
		default:
			m = copy(b[n:], e.tail[in-e.size:])
		}
		n += m
		off += int64(m)
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// TestP8LargeAttachment reads 140 MB in the memory of a small message.
func TestP8LargeAttachment(t *testing.T) {
	e := endless{
		head: "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nhello\r\n--b\r\nContent-Type: application/x\r\nContent-Transfer-Encoding: base64\r\n\r\n",
		tail: "--b--\r\n",
		size: 140_000_000 / int64(len(base64Line)) * int64(len(base64Line)),
	}
	blob := OpenBlob(e, e.len(), [32]byte{}, nil)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	m, err := ParseMessage(blob, Limits{})
	runtime.ReadMemStats(&after)
	lines := e.size / int64(len(base64Line))
	if err != nil || len(m.Attachments) != 1 || m.Text != "hello" || m.Attachments[0].Size != lines*57 {
		t.Fatalf("%v: %s", err, dump(t, m))
	}
	if got := after.TotalAlloc - before.TotalAlloc; got > 512<<10 {
		t.Errorf("allocated %d bytes in all, want at most 512 KiB", got)
	}
}

func TestParseMessageFailsOnlyWithRaw(t *testing.T) {
	broken := errors.New("disk on fire")
	at := struct {
		io.ReaderAt
	}{readerAtFunc(func(b []byte, off int64) (int, error) { return 0, broken })}
	if _, err := ParseMessage(OpenBlob(at, 10, [32]byte{}, nil), Limits{}); !errors.Is(err, broken) {
		t.Errorf("error %v, want %v", err, broken)
	}
	short := strings.NewReader("From: a@b\r\n\r\n")
	if _, err := ParseMessage(OpenBlob(short, 1000, [32]byte{}, nil), Limits{}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("IN-6: error %v for a raw that is short, want %v", err, io.ErrUnexpectedEOF)
	}
}

type readerAtFunc func([]byte, int64) (int, error)

func (f readerAtFunc) ReadAt(b []byte, off int64) (int, error) { return f(b, off) }

// TestIN5Panic stands for a bug of ours.
func TestIN5Panic(t *testing.T) {
	calls := 0
	at := readerAtFunc(func(b []byte, off int64) (int, error) {
		if calls++; calls == 1 {
			panic("a bug")
		}
		return bytes.NewReader([]byte("Subject: s\r\n\r\nbody\xff")).ReadAt(b, off)
	})
	m, err := ParseMessage(OpenBlob(at, 19, [32]byte{1}, nil), Limits{})
	if err != nil || m.Text != "bodyÿ" || !slices.Contains(m.Warnings, WarnParser) || m.MessageID == "" {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestParseHeader(t *testing.T) {
	full := parse(t, string(typical(100)))
	header, _, _ := bytes.Cut(typical(100), []byte("\r\n\r\n"))
	for _, end := range []string{"", "\r\n", "\r\n\r\n"} {
		m := ParseHeader(append(bytes.Clone(header), end...), Limits{})
		if m.Subject != full.Subject || m.MessageID != full.MessageID || !slices.Equal(m.From, full.From) ||
			!m.Date.Equal(full.Date) || !slices.Equal(m.Fields, full.Fields) || m.Digest != "" || m.Raw != nil || len(m.Warnings) > 0 {
			t.Errorf("%+v", m)
		}
	}
	if m := ParseHeader(nil, Limits{}); m.MessageID != "" || !slices.Contains(m.Warnings, WarnMessageID) {
		t.Errorf("%+v", m)
	}
}

// FuzzParseMessage checks what holds for any input, in memory and from a file.
func FuzzParseMessage(f *testing.F) {
	oddSeeds(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		before := bytes.Clone(raw)
		m, err := ParseMessage(NewBlob(raw), Limits{})
		if err != nil || slices.Contains(m.Warnings, WarnParser) {
			t.Fatalf("%v, warnings %v", err, m.Warnings)
		}
		checkMessage(t, m)
		if !bytes.Equal(raw, before) {
			t.Fatal("the message was changed")
		}
		again, err := ParseMessage(OpenBlob(slow{raw}, int64(len(raw)), m.Raw.Sum(), nil), Limits{})
		if err != nil || again.Digest != m.Digest || dump(t, again) != dump(t, m) {
			t.Fatalf("a byte at a time: %v\n%s\nwant\n%s", err, dump(t, again), dump(t, m))
		}
	})
}

// slow gives a byte at a time.
type slow struct{ b []byte }

func (s slow) ReadAt(b []byte, off int64) (int, error) {
	r := iotest.OneByteReader(io.NewSectionReader(bytes.NewReader(s.b), off, int64(len(s.b))))
	return r.Read(b)
}
