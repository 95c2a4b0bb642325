package item

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	stdmime "mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/textproto"
	"slices"
	"strings"
	"testing"
	"time"

	gomessage "github.com/emersion/go-message"
	"github.com/emersion/go-message/mail"
	"golang.org/x/text/encoding/charmap"
)

// A letter is what a message says, whoever writes it down.
type letter struct {
	from, to, cc        string
	subject, text, html string
	file                string
	date                time.Time
	to2, file2Words     string
}

func aLetter() letter {
	return letter{
		from: "ann@example.com", to: "bob@example.org", to2: "Cy@Example.org", cc: "dee@example.net",
		subject: "Grüße aus Köln, und ein Betreff der lang genug ist um in zwei Zeilen zu stehen",
		text:    "Hallo Welt,\n\n  dies ist ein Text mit Umlauten äöü ß und einer Zeile, die so lang ist, dass sie umgebrochen wird, wo auch immer.\n\n> zitiert\n-- \nAnn\n",
		html:    "<html><body><p>Hallo <b>Wel</b>t &amp; Grüße</p><p>mehr<br>davon <a href=\"http://example.com/?a=1&amp;b=2\">hier</a></p></body></html>",
		file:    "\x00\x01binary\xff content", file2Words: "name,value\ngrün,1\n",
		date: time.Date(2006, 1, 2, 15, 4, 5, 0, time.FixedZone("", 3600)),
	}
}

// writers write a letter down in as many ways.
var writers = []struct {
	name  string
	write func(t testing.TB, l letter) string
}{
	{"go-message", writeGoMessage},
	{"standard library, quoted-printable", func(t testing.TB, l letter) string { return writeStandard(t, l, "quoted-printable", "X1") }},
	{"standard library, base64", func(t testing.TB, l letter) string { return writeStandard(t, l, "base64", "other=_boundary") }},
	{"standard library, 8bit", func(t testing.TB, l letter) string { return writeStandard(t, l, "8bit", "B") }},
	{"by hand, iso-8859-1, LF", writeLatin1},
	{"Draft", writeDraft},
}

func writeGoMessage(t testing.TB, l letter) string {
	var h mail.Header
	h.SetAddressList("From", []*mail.Address{{Name: "Ann Änn", Address: l.from}})
	h.SetAddressList("To", []*mail.Address{{Address: l.to2}, {Address: l.to}})
	h.SetAddressList("Cc", []*mail.Address{{Name: "D", Address: l.cc}})
	h.SetDate(l.date)
	h.SetSubject(l.subject)
	h.SetMessageID("1@example.com")
	h.Add("Received", "from a by b; Mon, 2 Jan 2006 15:04:05 -0700")
	var buf bytes.Buffer
	w, err := mail.CreateWriter(&buf, h)
	check(t, err)
	iw, err := w.CreateInline()
	check(t, err)
	for _, body := range []struct{ kind, text string }{{"text/plain", l.text}, {"text/html", l.html}} {
		var ih mail.InlineHeader
		ih.SetContentType(body.kind, map[string]string{"charset": "utf-8"})
		ih.Set("Content-Transfer-Encoding", "quoted-printable")
		pw, err := iw.CreatePart(ih)
		check(t, err)
		io.WriteString(pw, body.text)
		check(t, pw.Close())
	}
	check(t, iw.Close())
	for _, file := range []struct{ name, kind, body string }{{"a.bin", "application/x-a", l.file}, {"b.csv", "text/csv", l.file2Words}} {
		var ah mail.AttachmentHeader
		ah.SetFilename(file.name)
		ah.SetContentType(file.kind, nil)
		pw, err := w.CreateAttachment(ah)
		check(t, err)
		io.WriteString(pw, file.body)
		check(t, pw.Close())
	}
	check(t, w.Close())
	return buf.String()
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// writeStandard writes with net/textproto's and mime's writers.
func writeStandard(t testing.TB, l letter, encoding, boundary string) string {
	var buf bytes.Buffer
	header := func(name, value string) { fmt.Fprintf(&buf, "%s: %s\r\n", name, value) }
	header("MIME-Version", "1.0")
	header("To", l.to+",\r\n\t\"Somebody (else)\" <"+strings.ToUpper(l.to2)+">")
	header("Bcc", "secret@example.com")
	header("Subject", stdmime.BEncoding.Encode("utf-8", l.subject))
	header("From", l.from)
	header("CC", "<"+l.cc+">, "+l.cc)
	header("Date", l.date.UTC().Format("02 Jan 2006 15:04:05 GMT"))
	w := multipart.NewWriter(&buf)
	check(t, w.SetBoundary(boundary))
	header("Content-Type", "multipart/mixed; boundary=\""+boundary+"\"")
	buf.WriteString("\r\nThis is a message in MIME format.\r\n")
	part := func(w *multipart.Writer, kind, encoding, body string) {
		pw, err := w.CreatePart(textproto.MIMEHeader{"Content-Type": {kind}, "Content-Transfer-Encoding": {encoding}})
		check(t, err)
		io.WriteString(pw, encode(encoding, body))
	}
	// Attachments in the other order, and first of all.
	part(w, "text/csv; name=x.csv", encoding, l.file2Words)
	inner := new(bytes.Buffer)
	iw := multipart.NewWriter(inner)
	check(t, iw.SetBoundary(boundary+"inner"))
	part(iw, "text/plain; charset=UTF-8; format=flowed", encoding, l.text)
	part(iw, "text/html; charset=UTF-8", encoding, strings.ReplaceAll(l.html, "</p>", "\n</P  >"))
	check(t, iw.Close())
	part(w, "multipart/alternative; boundary=\""+boundary+"inner\"", "7bit", inner.String())
	part(w, "application/x-a; name*=utf-8''%C3%A4", "base64", l.file)
	check(t, w.Close())
	return buf.String()
}

// encode encodes a body as encoding says.
func encode(encoding, body string) string {
	switch encoding {
	case "quoted-printable":
		var b strings.Builder
		w := quotedprintable.NewWriter(&b)
		io.WriteString(w, body)
		w.Close()
		return b.String()
	case "base64":
		var b strings.Builder
		for s := base64.StdEncoding.EncodeToString([]byte(body)); s != ""; s = s[min(len(s), 60):] {
			b.WriteString(s[:min(len(s), 60)] + "\r\n")
		}
		return b.String()
	}
	return strings.ReplaceAll(strings.ReplaceAll(body, "\r\n", "\n"), "\n", "\r\n")
}

// writeLatin1 writes everything in iso-8859-1 and with LF.
func writeLatin1(t testing.TB, l letter) string {
	latin := func(s string) string {
		out, err := charmap.ISO8859_1.NewEncoder().String(s)
		check(t, err)
		return out
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Received: a\nFrom: %s (Ann)\nTo: g: %s, %s;\nCc: %s\nSubject: %s\nDate: %s\n", l.from, l.to, l.to2, l.cc,
		stdmime.QEncoding.Encode("iso-8859-1", latin(l.subject)), l.date.Format(time.RFC3339))
	b.WriteString("Content-Type: multipart/mixed;\n\tboundary=b\n\n--b\nContent-Type: multipart/alternative; boundary=c\n\n")
	b.WriteString("--c\nContent-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: 8bit\n\n" + latin(l.text))
	b.WriteString("\n--c\nContent-Type: text/html; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\n" +
		strings.ReplaceAll(encode("quoted-printable", latin(l.html)), "\r", ""))
	b.WriteString("\n--c--\n--b\nContent-Type: text/csv\nContent-Disposition: attachment\n\n" + l.file2Words)
	b.WriteString("\n--b\nContent-Type: application/x-a\nContent-Disposition: attachment\nContent-Transfer-Encoding: base64\n\n" +
		strings.ReplaceAll(encode("base64", l.file), "\r", "") + "\n--b--\n")
	return b.String()
}

func writeDraft(t testing.TB, l letter) string {
	d := Draft{
		From: Address{"Änn", l.from}, To: []Address{{"", l.to}, {"", l.to2}}, Cc: []Address{{"x", l.cc}},
		Subject: l.subject, Text: l.text, HTML: l.html, MessageID: "2@example.com", Date: l.date,
		Attachments: []DraftAttachment{
			{Name: "ä.bin", Content: NewBlob([]byte(l.file))},
			{Name: "b.csv", Type: "text/csv", Content: NewBlob([]byte(l.file2Words))},
		},
	}
	raw, err := d.Compose()
	check(t, err)
	b, _ := raw.Bytes()
	return string(b)
}

func TestI5WritersAgree(t *testing.T) {
	l := aLetter()
	want := parse(t, writers[0].write(t, l))
	for _, w := range writers {
		t.Run(w.name, func(t *testing.T) {
			raw := w.write(t, l)
			m := parse(t, raw)
			if m.Digest != want.Digest {
				t.Errorf("another digest than %s:\n%s\n%s\n%s", writers[0].name, dump(t, m), dump(t, want), raw)
			}
		})
	}
}

// TestI5DigestIsPinned fails if the recipe changes. Digests are stored for years:
// whoever changes the recipe raises digestVersion.
func TestI5DigestIsPinned(t *testing.T) {
	const want = "1:y2E8XwWOdrHIc4XJk9H4nVoxOGSipYbLgrILaZEnSQk"
	if got := parse(t, writeLatin1(t, aLetter())).Digest; got != want {
		t.Errorf("digest %q, want %q", got, want)
	}
}

// TestI5ChangesShow changes one thing a letter says, in each writer's form.
func TestI5ChangesShow(t *testing.T) {
	changes := map[string]func(*letter){
		"from":                   func(l *letter) { l.from = "anna@example.com" },
		"to":                     func(l *letter) { l.to = "bo@example.org" },
		"second to":              func(l *letter) { l.to2 = "cy@example.com" },
		"cc":                     func(l *letter) { l.cc = "de@example.net" },
		"subject":                func(l *letter) { l.subject = strings.Replace(l.subject, "lang", "kurz", 1) },
		"subject, one letter":    func(l *letter) { l.subject = strings.Replace(l.subject, "ö", "ü", 1) },
		"text":                   func(l *letter) { l.text = strings.Replace(l.text, "Welt", "Wald", 1) },
		"text, a word in two":    func(l *letter) { l.text = strings.Replace(l.text, "Umlauten", "Um lauten", 1) },
		"text, last word":        func(l *letter) { l.text += "x\n" },
		"html":                   func(l *letter) { l.html = strings.Replace(l.html, "mehr", "weniger", 1) },
		"html, a link":           func(l *letter) { l.html = strings.Replace(l.html, "b=2", "b=3", 1) },
		"html, an entity":        func(l *letter) { l.html = strings.Replace(l.html, "&amp; ", "&lt; ", 1) },
		"date":                   func(l *letter) { l.date = l.date.Add(time.Second) },
		"attachment, one byte":   func(l *letter) { l.file = strings.Replace(l.file, "b", "c", 1) },
		"text attachment":        func(l *letter) { l.file2Words = strings.Replace(l.file2Words, "1", "2", 1) },
		"text attachment, space": func(l *letter) { l.file2Words = strings.Replace(l.file2Words, ",", ", ", 1) },
	}
	for _, w := range writers {
		base := parse(t, w.write(t, aLetter())).Digest
		seen := map[Digest]string{base: "nothing"}
		for _, name := range slices.Sorted(func(yield func(string) bool) {
			for name := range changes {
				if !yield(name) {
					return
				}
			}
		}) {
			l := aLetter()
			changes[name](&l)
			got := parse(t, w.write(t, l)).Digest
			if was, ok := seen[got]; ok {
				t.Errorf("%s: changing %s gives the digest of changing %s", w.name, name, was)
			}
			seen[got] = name
		}
	}
}

// A sequence is a source of numbers that look random and are the same each time.
type sequence uint64

func (s *sequence) next(n int) int {
	*s = *s*6364136223846793005 + 1442695040888963407
	return int(uint64(*s)>>33) % n
}

// prose returns random words, line ends and spaces.
func (s *sequence) prose(words int) string {
	pieces := []string{"alpha", "beta", "über", "naïve", "a", "-", "--", "=3D", "€"[:0], "x=y", "ÿ", ".", "..", "From", "<", "&"}
	var b strings.Builder
	for range words {
		b.WriteString(pieces[s.next(len(pieces))])
		switch s.next(9) {
		case 0:
			b.WriteString("\n")
		case 1:
			b.WriteString("  ")
		case 2:
			b.WriteString(" \n\n")
		default:
			b.WriteString(" ")
		}
	}
	return b.String() + "."
}

func TestI5WritersAgreeOnRandomLetters(t *testing.T) {
	s := sequence(1)
	for i := range 200 {
		l := aLetter()
		l.subject = strings.TrimSpace(strings.ReplaceAll(s.prose(1+s.next(30)), "\n", " "))
		l.text = s.prose(s.next(200))
		l.html = "<p>" + strings.NewReplacer("<", "&lt;", "&", "&amp;").Replace(s.prose(s.next(200))) + "</p>"
		l.file2Words = s.prose(s.next(100))
		l.file = string(bytes.Repeat([]byte(s.prose(3)), s.next(300)))
		var want *Message
		for _, w := range writers {
			m := parse(t, w.write(t, l))
			if want == nil {
				want = m
			}
			if m.Digest != want.Digest {
				t.Fatalf("letter %d: %s and %s have other digests\n%s\n%s", i, w.name, writers[0].name, dump(t, m), dump(t, want))
			}
		}
	}
}

func TestI5WhatIsNoContent(t *testing.T) {
	base := "From: a@b\r\nTo: c@d\r\nSubject: s t\r\nDate: Mon, 2 Jan 2006 15:04:05 +0000\r\n%sContent-Type: text/plain; charset=utf-8%s\r\n\r\n%s"
	want := parse(t, fmt.Sprintf(base, "", "", "hello brave world")).Digest
	for _, tt := range []struct{ name, header, params, body string }{
		{"trace headers", "Received: x\r\nX-A: b\r\nMessage-ID: <1@2>\r\n", "", "hello brave world"},
		{"Bcc", "Bcc: e@f\r\n", "", "hello brave world"},
		{"white space", "", "", "  hello\r\n\r\n brave \t world\r\n\r\n"},
		{"flowed", "", "; format=flowed", "hello \r\nbrave world\r\n"},
		{"flowed with DelSp", "", "; format=flowed; delsp=yes", "hello  \r\nbra \r\nve world\r\n"},
		{"mbox quoting", "", "", ">hello brave world"},
	} {
		if got := parse(t, fmt.Sprintf(base, tt.header, tt.params, tt.body)).Digest; got != want {
			t.Errorf("%s shows in the digest", tt.name)
		}
	}
}

// TestI5DigestIsComplete changes text far beyond the limit of what is kept.
func TestI5DigestIsComplete(t *testing.T) {
	for _, kind := range []string{"text/plain", "text/html"} {
		raw := func(last string) string {
			return "Content-Type: " + kind + "\r\n\r\n" + strings.Repeat("word ", 10_000) + last
		}
		a := parseLimited(t, raw("this"), Limits{Text: 1000})
		b := parseLimited(t, raw("that"), Limits{Text: 1000})
		if len(a.Text)+len(a.HTML) > 1000 || !slices.Contains(a.Warnings, WarnTextCut) {
			t.Errorf("%s: %d bytes kept, warnings %v", kind, len(a.Text)+len(a.HTML), a.Warnings)
		}
		if a.Digest == b.Digest {
			t.Errorf("%s: a change beyond the limit does not show", kind)
		}
		if full := parse(t, raw("this")); full.Digest != a.Digest {
			t.Errorf("%s: the limit shows in the digest", kind)
		}
	}
}

// TestAgreesWithGoMessage compares with go-message where both can read.
func TestAgreesWithGoMessage(t *testing.T) {
	for _, w := range writers[:4] {
		raw := w.write(t, aLetter())
		m := parse(t, raw)
		r, err := mail.CreateReader(strings.NewReader(raw))
		if err != nil && !gomessage.IsUnknownCharset(err) {
			t.Fatal(err)
		}
		subject, _ := r.Header.Subject()
		if subject != m.Subject {
			t.Errorf("%s: subject %q, go-message says %q", w.name, m.Subject, subject)
		}
		for name, list := range map[string][]Address{"From": m.From, "To": m.To, "Cc": m.Cc} {
			theirs, err := r.Header.AddressList(name)
			check(t, err)
			for i, a := range theirs {
				if i >= len(list) || a.Address != list[i].Addr || a.Name != list[i].Name {
					t.Errorf("%s: %s %v, go-message says %v", w.name, name, list, a)
				}
			}
		}
		text, html, files := "", "", 0
		for {
			p, err := r.NextPart()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", w.name, err)
			}
			body, err := io.ReadAll(p.Body)
			check(t, err)
			kind, _, _ := stdmime.ParseMediaType(p.Header.Get("Content-Type"))
			lf := strings.ReplaceAll(string(body), "\r\n", "\n")
			switch kind {
			case "text/plain":
				text = lf
			case "text/html":
				html = lf
			default:
				got, err := io.ReadAll(m.Attachments[files].Open())
				check(t, err)
				if !bytes.Equal(got, body) {
					t.Errorf("%s: attachment %d is %q, go-message says %q", w.name, files, got, body)
				}
				files++
			}
		}
		if text != m.Text || html != m.HTML || files != len(m.Attachments) {
			t.Errorf("%s: text %q, html %q, %d attachments; go-message says %q, %q, %d",
				w.name, m.Text, m.HTML, len(m.Attachments), text, html, files)
		}
	}
}
