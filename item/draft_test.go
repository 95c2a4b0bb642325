package item

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

func aDraft() Draft {
	return Draft{
		From: Address{"Ann", "ann@example.com"}, To: []Address{{"Bob", "bob@example.org"}},
		Subject: "Hello", Text: "Hello Bob\n", MessageID: "1@example.com",
		Date: time.Date(2006, 1, 2, 15, 4, 5, 0, time.UTC),
	}
}

// composed returns d's bytes, checked to be in wire form and to read as d.
func composed(t *testing.T, d Draft) (string, *Message) {
	t.Helper()
	raw, err := d.Compose()
	if err != nil {
		t.Fatal(err)
	}
	b, _ := raw.Bytes()
	again, err := d.Compose()
	if err != nil || again.Sum() != raw.Sum() {
		t.Fatal("composing twice gives other bytes")
	}
	if !isWireForm(b) {
		t.Fatalf("not in wire form: %q", b)
	}
	m := parse(t, string(b))
	if len(m.Warnings) > 0 {
		t.Fatalf("warnings %v in %s", m.Warnings, b)
	}
	return string(b), m
}

func TestComposeReadsBack(t *testing.T) {
	d := aDraft()
	d.From.Name = "Änn \"A\" O'Neil (x)"
	d.Sender = Address{"", "sender@example.com"}
	d.ReplyTo = []Address{{"Reply, To", "r@example.com"}}
	d.Cc = []Address{{strings.Repeat("lang ", 20) + "x", "c@example.com"}, {"日本語の名前", "j@example.com"}, {"=?utf-8?q?x?=", "q@example.com"}}
	d.Bcc = []Address{{"", "secret@example.com"}}
	d.Subject = "  two  spaces, =?utf-8?q?no?= word, ü\tand " + strings.Repeat("x", 1200)
	d.Text = "line\r\nline\rline\n\n.\n..\nFrom here\n=_ " + strings.Repeat("long ", 300) + "ü \n"
	d.HTML = "<p>Hi <img src=\"cid:i@x\"></p>"
	d.InReplyTo, d.References = []string{"0@example.org"}, []string{"a@example.org", "0@example.org"}
	d.Fields = []Field{{"Auto-Submitted", "auto-generated"}, {"X-Note", "größer"}}
	png := NewBlob(bytes.Repeat([]byte{0, 0xFF, '\n', '\r'}, 1000))
	d.Attachments = []DraftAttachment{
		{Name: "i.png", Type: "image/png", ContentID: "i@x", Inline: true, Content: png},
		{Name: "sehr langer Name mit Umlauten äöü und 日本語, der nicht in eine Zeile passt.pdf", Type: "application/pdf", Content: png},
		{Name: "note.txt", Type: "text/plain; charset=utf-8", Content: NewBlob([]byte("a\nb"))},
		{Name: "m.eml", Type: "message/rfc822", Content: NewBlob([]byte("Subject: x\r\n\r\ny\r\n"))},
		{Name: "m8.eml", Type: "message/rfc822", Content: NewBlob([]byte("Subject: ü\n\ny\n"))},
	}
	raw, m := composed(t, d)
	if m.From[0] != d.From || m.Sender[0] != d.Sender || !slices.Equal(m.ReplyTo, d.ReplyTo) || !slices.Equal(m.Cc, d.Cc) || !slices.Equal(m.To, d.To) {
		t.Errorf("addresses %v", dump(t, m))
	}
	if strings.Contains(strings.ToLower(raw), "secret") || strings.Contains(strings.ToLower(raw), "bcc") {
		t.Error("Bcc is in the message")
	}
	if want := strings.ReplaceAll(d.Subject, "\t", " "); m.Subject != want {
		t.Errorf("subject %q, want %q", m.Subject, want)
	}
	if want := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(d.Text); m.Text != want || m.HTML != d.HTML {
		t.Errorf("text %q, want %q; html %q", m.Text, want, m.HTML)
	}
	if !slices.Equal(m.InReplyTo, d.InReplyTo) || !slices.Equal(m.References, d.References) || m.MessageID != d.MessageID || !m.Date.Equal(d.Date) {
		t.Errorf("ids or date: %s", dump(t, m))
	}
	if len(m.Attachments) != 5 {
		t.Fatalf("attachments: %s", dump(t, m))
	}
	types := []string{"image/png", "application/pdf", "text/plain", "message/rfc822", "application/octet-stream"}
	for i, a := range m.Attachments {
		got, err := io.ReadAll(a.Open())
		want, _ := d.Attachments[i].Content.Bytes()
		if err != nil || !bytes.Equal(got, want) || a.Name != d.Attachments[i].Name || a.Type != types[i] || a.ContentID != d.Attachments[i].ContentID {
			t.Errorf("attachment %d: %q %s %q (%v)", i, a.Name, a.Type, got, err)
		}
	}
}

func TestComposeRefuses(t *testing.T) {
	tests := []struct {
		row, field string
		spoil      func(*Draft)
	}{
		{"O1 no Date", "Draft.Date", func(d *Draft) { d.Date = time.Time{} }},
		{"O1 no Message-ID", "Draft.MessageID", func(d *Draft) { d.MessageID = "" }},
		{"no From", "Draft.From", func(d *Draft) { d.From = Address{} }},
		{"OUTB-02 CRLF in subject", "Draft.Subject", func(d *Draft) { d.Subject = "Hi\r\nBcc: x@evil" }},
		{"OUTB-02 LF in subject", "Draft.Subject", func(d *Draft) { d.Subject = "Hi\nBcc: x@evil" }},
		{"OUTB-02 CR in subject", "Draft.Subject", func(d *Draft) { d.Subject = "Hi\rBcc: x@evil" }},
		{"OUTB-03 CRLF in name", "Draft.To", func(d *Draft) { d.To[0].Name = "a\r\nb" }},
		{"OUTB-03 NUL in name", "Draft.From", func(d *Draft) { d.From.Name = "a\x00b" }},
		{"OUTB-05 CRLF in file name", "DraftAttachment.Name", func(d *Draft) {
			d.Attachments = []DraftAttachment{{Name: "a\r\nContent-Type: text/html", Content: NewBlob(nil)}}
		}},
		{"CRLF in media type", "DraftAttachment.Type", func(d *Draft) {
			d.Attachments = []DraftAttachment{{Type: "text/plain\r\nX: y", Content: NewBlob(nil)}}
		}},
		{"multipart attachment", "DraftAttachment.Type", func(d *Draft) {
			d.Attachments = []DraftAttachment{{Type: "multipart/mixed", Content: NewBlob(nil)}}
		}},
		{"no content", "DraftAttachment.Content", func(d *Draft) { d.Attachments = []DraftAttachment{{}} }},
		{"OUTB-06 CRLF in value", "Draft.Fields, X-A", func(d *Draft) { d.Fields = []Field{{"X-A", "b\r\nX: c"}} }},
		{"OUTB-06 CRLF in name", "Draft.Fields", func(d *Draft) { d.Fields = []Field{{"X-A: b\r\nX", "c"}} }},
		{"OUTB-06 space in name", "Draft.Fields", func(d *Draft) { d.Fields = []Field{{"X A", "c"}} }},
		{"OUTB-06 no name", "Draft.Fields", func(d *Draft) { d.Fields = []Field{{"", "c"}} }},
		{"OUTB-06 8-bit name", "Draft.Fields", func(d *Draft) { d.Fields = []Field{{"Xä", "c"}} }},
		{"Bcc by the back door", "Draft.Fields", func(d *Draft) { d.Fields = []Field{{"bcc", "c@d"}} }},
		{"Content-Type by the back door", "Draft.Fields", func(d *Draft) { d.Fields = []Field{{"content-type", "text/html"}} }},
		{"CRLF in Message-ID", "Draft.MessageID", func(d *Draft) { d.MessageID = "a@b>\r\nX: <c" }},
		{"bracket in In-Reply-To", "Draft.InReplyTo", func(d *Draft) { d.InReplyTo = []string{"a> <b"} }},
		{"space in References", "Draft.References", func(d *Draft) { d.References = []string{"a b"} }},
	}
	for _, addr := range []string{
		"\"a\r\nRCPT TO:<x>\"@d", "a@d> SIZE=1", "a@d>\r\nDATA", "\"a\r\n\"@d", "<a@b><c@d>", "a@[127.0.0.1]",
		"a", "@d", "a@", "a b@d", "a@d d", "a@b@c", "a@d,b@d", "a@d..e", ".a@d", "a.@d", "ä@d", "a@ä.de", "a@d\x00", "",
		strings.Repeat("a", 65) + "@d", "a@" + strings.Repeat("d", 260),
	} {
		tests = append(tests, struct {
			row, field string
			spoil      func(*Draft)
		}{fmt.Sprintf("OUTB-04 %.30q", addr), "Draft.Bcc", func(d *Draft) { d.Bcc = []Address{{"", addr}} }})
	}
	for _, tt := range tests {
		t.Run(tt.row, func(t *testing.T) {
			d := aDraft()
			tt.spoil(&d)
			raw, err := d.Compose()
			if err == nil || raw != nil || !strings.Contains(err.Error(), tt.field) {
				t.Errorf("Compose() = %v, %v, want an error that names %s", raw, err, tt.field)
			}
		})
	}
}

func TestComposeEncodes(t *testing.T) {
	for _, tt := range []struct {
		row   string
		draft func(*Draft)
		check func(raw string, m *Message) bool
	}{
		{"OUTB-02 line separators", func(d *Draft) { d.Subject = "a\u2028Bcc: x\u0085Bcc: y" },
			func(_ string, m *Message) bool { return m.Subject == "a Bcc: x Bcc: y" && m.Bcc == nil }},
		{"OUTB-02 encoded word with CRLF", func(d *Draft) { d.Subject = "=?utf-8?q?a=0D=0ABcc:_x?=" },
			func(_ string, m *Message) bool { return m.Subject == "=?utf-8?q?a=0D=0ABcc:_x?=" }},
		{"OUTB-03 quote and backslash", func(d *Draft) { d.From.Name = `a"b\c` },
			func(_ string, m *Message) bool { return m.From[0].Name == `a"b\c` }},
		{"OUTB-03 10 KiB", func(d *Draft) { d.From.Name = strings.Repeat("x", 10<<10) },
			func(_ string, m *Message) bool { return m.From[0].Name == strings.Repeat("x", 10<<10) }},
		{"OUTB-03 override", func(d *Draft) { d.From.Name = "a\u202eb" },
			func(raw string, m *Message) bool { return m.From[0].Name == "a\u202eb" }},
		{"OUTB-05 10 KiB and a path", func(d *Draft) {
			d.Attachments = []DraftAttachment{{Name: "../../" + strings.Repeat("ä", 5<<10) + ".txt", Content: NewBlob([]byte("x"))}}
		}, func(_ string, m *Message) bool {
			n := m.Attachments[0].Name
			return len(n) <= 255 && len(n) > 250 && strings.HasSuffix(n, "ä.txt")
		}},
		{"OUTB-08 a line of 1 MB", func(d *Draft) { d.Text = strings.Repeat("x", 1<<20) },
			func(_ string, m *Message) bool { return m.Text == strings.Repeat("x", 1<<20)+"\n" }},
		{"only Bcc", func(d *Draft) { d.To, d.Bcc = nil, []Address{{"", "s@example.com"}} },
			func(raw string, m *Message) bool { return strings.Contains(raw, "To: undisclosed-recipients:;\r\n") }},
		{"empty", func(d *Draft) { d.Text, d.Subject = "", "" },
			func(raw string, m *Message) bool { return m.Text == "" && m.Subject == "" }},
		{"a boundary in the text", func(d *Draft) {
			d.HTML, d.Text = "<p>", "--"+d.boundary()+"_1--\nmore"
		}, func(_ string, m *Message) bool { return strings.HasSuffix(m.Text, "_1--\nmore") && m.HTML == "<p>" }},
	} {
		t.Run(tt.row, func(t *testing.T) {
			d := aDraft()
			tt.draft(&d)
			if raw, m := composed(t, d); !tt.check(raw, m) {
				t.Errorf("%.2000s\n%.2000s", raw, dump(t, m))
			}
		})
	}
	t.Run("OUTB-08 NUL in text", func(t *testing.T) {
		d := aDraft()
		d.Text = "a\x00b"
		raw, err := d.Compose()
		check(t, err)
		if b, _ := raw.Bytes(); !bytes.Contains(b, []byte("a=00b")) {
			t.Errorf("%s", b)
		}
	})
}

func TestEnvelope(t *testing.T) {
	d := aDraft()
	d.To = append(d.To, Address{"", "BOB@Example.org"}, Address{"", "bob@example.org"}) // OUTB-09
	d.Bcc = []Address{{"", "s@example.com"}}
	e, err := d.Envelope()
	if err != nil || e.From != "ann@example.com" || !slices.Equal(e.To, []string{"bob@example.org", "s@example.com"}) || e.MessageID != d.MessageID {
		t.Errorf("Envelope() = %+v, %v", e, err)
	}
	m := parse(t, "From: a@b.example, x@y\r\nSender: <s@b.example>\r\nTo: c@d\r\nCc: \"e f\"@g\r\nBcc: h@i\r\nMessage-ID: <1@2>\r\n\r\n")
	if e, err := m.Envelope(); err == nil || e.From != "s@b.example" || e.MessageID != "1@2" {
		t.Errorf("Envelope() = %+v, %v, want an error about a recipient", e, err)
	}
	if _, err := (&Draft{}).Envelope(); err == nil {
		t.Error("an empty draft has an envelope")
	}
}

func TestNewMessageID(t *testing.T) {
	if id, err := NewMessageID("abc-1", "example.com"); err != nil || id != "abc-1@example.com" {
		t.Errorf("NewMessageID = %q, %v", id, err)
	}
	for _, bad := range [][2]string{{"", "d"}, {"a", ""}, {"a\r\n", "d"}, {"a", "d>"}, {"a@", "d"}} {
		if id, err := NewMessageID(bad[0], bad[1]); err == nil {
			t.Errorf("NewMessageID(%q, %q) = %q", bad[0], bad[1], id)
		}
	}
}

// TestOUTB01 gives every form that some server takes for the end of a message.
func TestOUTB01(t *testing.T) {
	ends := []string{"\r\n", "\n", "\r", "\r\r\n", "\r\x00\n", "\r\n\x00", "\n\r", "\x00\n"}
	for _, before := range ends {
		for _, after := range ends {
			in := "From: a@b\r\n\r\nbody" + before + "." + after + "MAIL FROM:<x@y>" + after
			got := readAll(t, Canonical(strings.NewReader(in)))
			checkCanonical(t, in, got)
			if lines := strings.Split(got, "\r\n"); !slices.Contains(lines, ".") || !slices.Contains(lines, "MAIL FROM:<x@y>") {
				t.Errorf("%q became %q: the dot is not on a line of its own, for the client to double", in, got)
			}
		}
	}
}

func readAll(t testing.TB, r io.Reader) string {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// checkCanonical fails if got has a lone CR or LF or NUL, or does not end a line.
func checkCanonical(t testing.TB, in, got string) {
	t.Helper()
	rest := strings.ReplaceAll(got, "\r\n", "")
	if strings.ContainsAny(rest, "\r\n\x00") || got != "" && !strings.HasSuffix(got, "\r\n") {
		t.Errorf("%q became %q", in, got)
	}
	content := func(s string) string { return strings.NewReplacer("\r", "", "\n", "", "\x00", "").Replace(s) }
	if content(got) != content(in) {
		t.Errorf("%q became %q: other content", in, got)
	}
}

func FuzzCanonical(f *testing.F) {
	f.Add([]byte("a\nb\rc\r\nd\r\r\n.\r\n\x00."))
	f.Add([]byte("Bcc: a\r\n b\r\nBcc :c\r\nBc: d\r\n\r\nBcc: e"))
	f.Fuzz(func(t *testing.T, b []byte) {
		got := readAll(t, Canonical(bytes.NewReader(b)))
		checkCanonical(t, string(b), got)
		if again := readAll(t, Canonical(strings.NewReader(got))); again != got {
			t.Fatalf("%q becomes %q", got, again)
		}
		if slow := readAll(t, Canonical(iotest.OneByteReader(bytes.NewReader(b)))); slow != got {
			t.Fatalf("a byte at a time: %q, want %q", slow, got)
		}
		without := readAll(t, WithoutBcc(bytes.NewReader(b)))
		if slow := readAll(t, WithoutBcc(iotest.OneByteReader(bytes.NewReader(b)))); slow != without {
			t.Fatalf("WithoutBcc, a byte at a time: %q, want %q", slow, without)
		}
		head, _, _ := strings.Cut("\r\n"+without, "\r\n\r\n")
		if strings.Contains(strings.ToLower(head), "\r\nbcc:") {
			t.Fatalf("WithoutBcc left %q", without)
		}
	})
}

func TestWithoutBcc(t *testing.T) {
	in := "From: a@b\nBcc: c@d,\n\te@f\nBCC : g@h\nResent-Bcc: x\nBccx: i\nBc: j\nTo: k\r\n\r\nBcc: in the body\n"
	want := "From: a@b\r\nBccx: i\r\nBc: j\r\nTo: k\r\n\r\nBcc: in the body\r\n"
	if got := readAll(t, WithoutBcc(strings.NewReader(in))); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func FuzzDraft(f *testing.F) {
	f.Add("Ann", "Hello ü", "text\n.\n", "a.pdf", "X-A", "b")
	f.Fuzz(func(t *testing.T, name, subject, text, file, field, value string) {
		d := aDraft()
		d.From.Name, d.Subject, d.Text = name, subject, text
		d.Attachments = []DraftAttachment{{Name: file, Content: NewBlob([]byte(text))}}
		d.Fields = []Field{{field, value}}
		raw, err := d.Compose()
		if err != nil {
			return
		}
		b, _ := raw.Bytes()
		if !isWireForm(b) {
			t.Fatalf("not in wire form: %q", b)
		}
		m := parse(t, string(b))
		if len(m.Fields) != 8 || len(m.Attachments) != 1 || len(m.Bcc) > 0 {
			t.Fatalf("%d fields, %d attachments in %q", len(m.Fields), len(m.Attachments), b)
		}
		got, err := io.ReadAll(m.Attachments[0].Open())
		if err != nil || string(got) != text {
			t.Fatalf("attachment %q, want %q (%v)", got, text, err)
		}
	})
}
