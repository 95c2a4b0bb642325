package mime

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"mime/quotedprintable"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"
)

// A recorder writes down what a parser tells it, without the cuts between runs.
type recorder struct {
	b     strings.Builder
	parts int
	depth int
	body  bytes.Buffer
}

func (r *recorder) Header(fields []Field) { r.fields(fields) }

func (r *recorder) fields(fields []Field) {
	for _, f := range fields {
		fmt.Fprintf(&r.b, "%q: %q\n", f.Name, f.Value)
	}
}

func (r *recorder) Begin(p *Part) {
	r.parts++
	r.depth = max(r.depth, p.Depth)
	r.body.Reset()
}

func (r *recorder) Body(_ *Part, b []byte) { r.body.Write(b) }

func (r *recorder) End(p *Part) {
	fmt.Fprintf(&r.b, "%s %v %s %v enc=%q id=%q in=%q/%d@%d pre=%v/%v opaque=%v %d-%d %q\n", p.Type, p.Params,
		p.Disposition, p.FileParams, p.Encoding, p.ContentID, p.Parent, p.Index, p.Depth,
		p.Preamble, p.Dropped, p.Opaque, p.From, p.To, r.body.Bytes())
}

// record parses b and returns what was found, flags included.
func record(t testing.TB, p *Parser, b []byte, limits Limits) string {
	t.Helper()
	var r recorder
	flags := p.ParseBytes(b, limits, &r)
	if most := int64(64*len(b) + 64<<10); p.work > most {
		t.Fatalf("%d bytes were looked at for an input of %d", p.work, len(b))
	}
	return fmt.Sprintf("%s%x", r.b.String(), flags)
}

func recordStream(t testing.TB, p *Parser, r io.Reader, limits Limits) string {
	t.Helper()
	var rec recorder
	flags, err := p.Parse(r, limits, &rec)
	if err != nil {
		t.Fatalf("Parse: %v", err)
	}
	return fmt.Sprintf("%s%x", rec.b.String(), flags)
}

// seeds adds the odd messages of testdata.
func seeds(f *testing.F) {
	files, err := filepath.Glob("../../item/testdata/odd/*.eml")
	if err != nil || len(files) == 0 {
		f.Fatalf("no odd messages: %v", err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		if len(b) < 4<<10 { // large ones are slow and teach the fuzzer little
			f.Add(b)
		}
	}
}

// small limits reach what only huge messages would.
var small = Limits{Header: 300, Fields: 8, Field: 60, Parts: 8, Depth: 3, Parameters: 5}

func FuzzMessage(f *testing.F) {
	seeds(f)
	var p Parser
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, limits := range []Limits{{}, small} {
			want := record(t, &p, b, limits)
			for name, r := range map[string]io.Reader{
				"bytes at once":    bytes.NewReader(b),
				"a byte at a time": iotest.OneByteReader(bytes.NewReader(b)),
				"EOF with data":    iotest.DataErrReader(bytes.NewReader(b)),
			} {
				if got := recordStream(t, &p, r, limits); got != want {
					t.Fatalf("%s:\ngot  %s\nwant %s", name, got, want)
				}
			}
		}
	})
}

func FuzzHeader(f *testing.F) {
	f.Add([]byte("A: b\r\n c\r\nnocolon\r\nD: e\r\n\r\nbody"))
	f.Add([]byte("\xef\xbb\xbfFrom x\nA : b\r c\r\r\n\td\n\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var p Parser
		for _, limits := range []Limits{{}, small} {
			limits = limits.withDefaults()
			fields, _ := p.ParseHeader(b, limits)
			total := 0
			for _, field := range fields {
				total += len(field.Name) + len(field.Value)
				if bytes.ContainsAny(field.Value, "\r\n") || nameLen(append(bytes.Clone(field.Name), ':')) == 0 {
					t.Fatalf("field %q: %q", field.Name, field.Value)
				}
			}
			if len(fields) > limits.Fields || total > limits.Header {
				t.Fatalf("%d fields of %d bytes are over the limits", len(fields), total)
			}
		}
	})
}

// oneLine fails if s could not stand in one line of valid UTF-8.
func oneLine(t *testing.T, what, s string) {
	t.Helper()
	if !utf8.ValidString(s) || strings.ContainsAny(s, "\r\n\x00") {
		t.Fatalf("%s = %q", what, s)
	}
}

func FuzzAddresses(f *testing.F) {
	for _, s := range []string{
		`a@b, "x" <y@z>`, "group: a@b, c@d;, e@f", "(c (n)) a@b (name)", "Jo Doe jo@x", "<@r,@s:a@b>",
		`"a \" b" <c@d`, "=?utf-8?q?a=2Cb?= <c@d>", "a @ b . c", "<a@b><c@d>", `\<a`, "a@[IPv6:::1]", "\"\x01\" <\x01>",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		s = Text([]byte(s))
		n := 0
		Addresses(s, 7, func(name, addr string) {
			n++
			oneLine(t, "name", name)
			oneLine(t, "addr", addr)
			if name == "" && addr == "" {
				t.Fatal("neither name nor address")
			}
		})
		if n > 7 {
			t.Fatalf("%d addresses, want at most 7", n)
		}
	})
}

func FuzzWords(f *testing.F) {
	for _, s := range []string{
		"=?utf-8?q?a_=C3=A4?= =?utf-8?b?w6Q=?=", "=?utf-8?q?=?utf-8?q?a?=", "=?", "=?x?b?!!!?=",
		"=?iso-2022-jp?b?GyRCJCIbKEI=?=", "=?utf-8?q?=0D=0ABcc:?=", "a =?utf-8?q?=C3?= =?utf-8?q?=A4?= b",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, _ := Words(Text([]byte(s)))
		oneLine(t, "Words", got)
		oneLine(t, "MessageID", MessageID(got))
		for _, id := range MessageIDs(got, 3) {
			oneLine(t, "MessageIDs", id)
		}
	})
}

func FuzzParams(f *testing.F) {
	for _, s := range []string{
		`; a=b; c="d\"e"; f*=utf-8''%41; g*0=x; g*1*=%42`, ";a=b;a=c", `; name=a b.pdf; x="`, ";(c)a=b (d)",
		";n*1=x;n*0*=iso-8859-1'de'%e4", `;filename="C:\x\y.doc"`, ";a*4294967295*=b",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		params, _ := Params(Text([]byte(s)), 9)
		if len(params) > 9 {
			t.Fatalf("%d parameters, want at most 9", len(params))
		}
		for _, p := range params {
			oneLine(t, p.Name, strings.TrimSpace(strings.Map(noControl, p.Value)))
			if !utf8.ValidString(p.Value) || !utf8.ValidString(p.Name) {
				t.Fatalf("parameter %q = %q", p.Name, p.Value)
			}
		}
	})
}

func noControl(r rune) rune {
	if r < ' ' {
		return -1
	}
	return r
}

func FuzzDate(f *testing.F) {
	for _, s := range dateSeeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, flags := Date(s)
		if d.IsZero() {
			if flags&BadDate == 0 {
				t.Fatalf("Date(%q) is zero without a flag", s)
			}
			return
		}
		if d.Before(firstDate) || d.After(lastDate) || d.Nanosecond() != 0 {
			t.Fatalf("Date(%q) = %v", s, d)
		}
		if again, _ := Date(d.Format("Mon, 2 Jan 2006 15:04:05 -0700")); !again.Equal(d) {
			t.Fatalf("Date(%q) = %v, written and read again %v", s, d, again)
		}
	})
}

func FuzzTransfer(f *testing.F) {
	for _, s := range []string{
		"aGVsbG8=\r\n", "QUI=QUI=", "aGVs bG8\r\n\r\n-- \r\nlist footer", "a=3D=\r\nb =20\r\n=ZZ=", "=\r=", "  \r\n=  x",
	} {
		f.Add([]byte(s), byte(3))
	}
	f.Fuzz(func(t *testing.T, b []byte, cut byte) {
		for _, encoding := range []string{"base64", "quoted-printable"} {
			var whole, pieces Transfer
			whole.Reset(encoding)
			want := whole.Close(bytes.Clone(whole.Decode(nil, b)))
			pieces.Reset(encoding)
			var got []byte
			step := int(cut)%7 + 1
			for i := 0; i < len(b); i += step {
				got = pieces.Decode(got, b[i:min(i+step, len(b))])
			}
			got = pieces.Close(got)
			if !bytes.Equal(got, want) || pieces.Faults() != whole.Faults() {
				t.Fatalf("%s in steps of %d: %q, want %q", encoding, step, got, want)
			}
			if len(want) > len(b) {
				t.Fatalf("%s: %d bytes became %d", encoding, len(b), len(want))
			}
		}
		roundTrip(t, b)
	})
}

// roundTrip decodes what the standard library encodes.
func roundTrip(t *testing.T, b []byte) {
	t.Helper()
	var tr Transfer
	tr.Reset("base64")
	if got := tr.Close(tr.Decode(nil, []byte(base64.StdEncoding.EncodeToString(b)))); !bytes.Equal(got, b) {
		t.Fatalf("base64 of %q = %q", b, got)
	}
	var buf bytes.Buffer
	w := quotedprintable.NewWriter(&buf)
	w.Binary = true
	w.Write(b)
	w.Close()
	tr.Reset("quoted-printable")
	if got := tr.Close(tr.Decode(nil, buf.Bytes())); !bytes.Equal(got, b) || tr.Faults() != 0 {
		t.Fatalf("quoted-printable of %q = %q", b, got)
	}
}

func FuzzCharset(f *testing.F) {
	for _, name := range []string{"", "utf-8", "iso-2022-jp", "utf-16", "gb18030", "hz-gb-2312", "big5", "x-user-defined", "utf-7"} {
		f.Add(name, []byte("a\xe4\x1b$B$\"~{\xff\xfe\xd8\x00"), byte(1))
	}
	f.Fuzz(func(t *testing.T, name string, b []byte, cut byte) {
		want, ok := DecodeCharset(name, b)
		if !utf8.ValidString(want) {
			t.Fatalf("%s: %q is not valid", name, want)
		}
		var c Charset
		c.Reset(name)
		step := int(cut)%7 + 1
		var got []byte
		for i := 0; i < len(b); i += step {
			got = c.Decode(got, b[i:min(i+step, len(b))])
			if !utf8.Valid(got) {
				t.Fatalf("%s: %q ends within a rune", name, got)
			}
		}
		if got = c.Close(got); string(got) != want || c.Bad() == ok {
			t.Fatalf("%s in steps of %d: %q, want %q", name, step, got, want)
		}
	})
}

func FuzzHTML(f *testing.F) {
	for _, s := range []string{
		"<p>a<b>b</b>&nbsp;c &amp;d&notit;<a href='x&amp;y'>e</a><!-- x --><script>if(a<b)</script>f",
		"<style></style", "<a href=cid:1><img src=\"cix:2\">", "< a <!---> b <!doctype x> <?php ?> &#x41;&#0;",
		"<title>x</titlex></title >y<a/b=c/>z</",
	} {
		f.Add(s, byte(2))
	}
	f.Fuzz(func(t *testing.T, s string, cut byte) {
		s = Text([]byte(s))
		want := htmlWords(s, len(s)+1)
		if got := htmlWords(s, int(cut)%7+1); got != want {
			t.Fatalf("in steps of %d: %q, want %q", cut%7+1, got, want)
		}
		if !utf8.ValidString(want) {
			t.Fatalf("%q is not valid", want)
		}
	})
}

// htmlWords feeds s in runs of step runes.
func htmlWords(s string, step int) string {
	var words, links strings.Builder
	var h HTMLWriter
	h.Reset(&words, &links)
	runes := []rune(s)
	for i := 0; i < len(runes); i += step {
		h.Text([]byte(string(runes[i:min(i+step, len(runes))])))
	}
	h.Close()
	return words.String() + "|" + links.String()
}

func FuzzText(f *testing.F) {
	f.Add("> a  b \r\n>> c--\n-- \nd \ne  \nf\u00a0g", byte(1), true)
	f.Fuzz(func(t *testing.T, s string, cut byte, delSp bool) {
		s = Text([]byte(s))
		want := textWords(s, len(s)+1, delSp)
		if got := textWords(s, int(cut)%7+1, delSp); got != want {
			t.Fatalf("in steps of %d: %q, want %q", cut%7+1, got, want)
		}
	})
}

func textWords(s string, step int, delSp bool) string {
	var words strings.Builder
	w := WordWriter{W: &words, Quotes: true, DelSp: delSp}
	runes := []rune(s)
	for i := 0; i < len(runes); i += step {
		w.Text([]byte(string(runes[i:min(i+step, len(runes))])))
	}
	w.Close()
	return words.String()
}
