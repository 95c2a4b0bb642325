package soap_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/ews/internal/soap"
	"github.com/go-serversync/serversync/item"
)

// texts returns the texts of the root's children by name, as one string.
func texts(t *testing.T, doc string) (string, error) {
	t.Helper()
	var all []string
	for name, from := range map[string]io.Reader{"whole": strings.NewReader(doc), "bytes": iotest.OneByteReader(strings.NewReader(doc))} {
		r := soap.NewReader(from, soap.Limits{})
		root, ok := r.Root()
		var got strings.Builder
		if ok {
			for e := range r.Children(root) {
				got.WriteString(e.Name.Local + "=" + r.Text(e, 1000) + ";")
			}
			_, again := r.Root()
			assert.False(t, again, name)
		}
		if r.Err() != nil {
			return "", r.Err()
		}
		all = append(all, got.String())
	}
	require.Equal(t, all[0], all[1], "it does not matter how the bytes come")
	return all[0], nil
}

func TestText(t *testing.T) {
	for doc, want := range map[string]string{
		`<a><b>x</b><c/><d></d></a>`:                                          "b=x;c=;d=;",
		`<a><b>x<i>not this</i>y</b></a>`:                                     "b=xy;",
		`<a><b>&lt;&amp;&gt;&quot;&apos;&#65;&#x41;</b></a>`:                  "b=<&>\"'AA;",
		`<a><b>x&#x1A;y&#x0;&#xB;&#xFFFE;&#99999999999;</b></a>`:              "b=x\uFFFDy\uFFFD\uFFFD\uFFFD\uFFFD;",
		"<a><b>x\x1ay\x00</b></a>":                                            "b=x\uFFFDy\uFFFD;",
		"<a><b>x\xff\xc3(</b></a>":                                            "b=x\uFFFD\uFFFD(;",
		`<a><b>&#xD83D;&#xDE00;</b></a>`:                                      "b=\U0001F600;",
		`<a><b>&#xD83D;x&#xDE00;&#xD83D;&amp;</b></a>`:                        "b=\uFFFDx\uFFFD\uFFFD&;",
		`<a><b>a & b &nbsp; &; &#; &verylongnamethatisnone;</b></a>`:          "b=a & b &nbsp; &; \uFFFD &verylongnamethatisnone;;",
		`<a><b><![CDATA[<x>&amp;]]]]><![CDATA[>]]></b></a>`:                   "b=<x>&amp;]]>;",
		`<a><b><!-- <c> -- --->x<?pi <d>?></b></a>`:                           "b=x;",
		"\ufeff<?xml version='1.0'?>\n<a>\n <b\n>x</b\n>\n</a>\n<!-- end -->": "b=x;",
	} {
		got, err := texts(t, doc)
		assert.NoError(t, err, doc)
		assert.Equal(t, want, got, doc)
	}
}

func TestEWS01EWS02EWS04Refused(t *testing.T) {
	for doc, want := range map[string]error{
		`<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>`:                             soap.ErrDoctype,
		`<a><!DOCTYPE b></a>`:                                                  soap.ErrDoctype,
		`<a><!ENTITY b></a>`:                                                   soap.ErrSyntax,
		strings.Repeat("<a>", 1_000_000):                                       soap.ErrTooLarge,
		`<a` + strings.Repeat(` x="y"`, 200_000) + `/>`:                        soap.ErrSyntax,
		`<a ` + attributes(200_000) + `/>`:                                     soap.ErrTooLarge,
		`<a ` + strings.ReplaceAll(attributes(200_000), "a", "xmlns:a") + `/>`: soap.ErrTooLarge,
		`<a b="` + strings.Repeat("x", 100_000) + `"/>`:                        soap.ErrTooLarge,
		`<` + strings.Repeat("x", 100_000) + `/>`:                              soap.ErrTooLarge,
		`<a><b>` + strings.Repeat("x", 100_000) + `</b></a>`:                   soap.ErrTooLarge,
		`<a><b></a></b>`:                                                       soap.ErrSyntax,
		`<a></a>x`:                                                             soap.ErrSyntax,
		`x<a></a>`:                                                             soap.ErrSyntax,
		`<a b=c/>`:                                                             soap.ErrSyntax,
		`<a b/>`:                                                               soap.ErrSyntax,
		`< a/>`:                                                                soap.ErrSyntax,
		`</a>`:                                                                 soap.ErrSyntax,
		`{"json": true}`:                                                       soap.ErrSyntax,
		`<a><b>x`:                                                              io.ErrUnexpectedEOF,
		`<a><b>x</b>`:                                                          io.ErrUnexpectedEOF,
		`<a><b`:                                                                io.ErrUnexpectedEOF,
		`<a><b c="d`:                                                           io.ErrUnexpectedEOF,
		`<a><![CDATA[x`:                                                        io.ErrUnexpectedEOF,
		`<a><!-- x`:                                                            io.ErrUnexpectedEOF,
	} {
		_, err := texts(t, doc)
		assert.ErrorIs(t, err, want, "%.60s", doc)
	}
}

func attributes(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(" a")
		b.WriteString(strings.Repeat("x", i%7+1))
		b.WriteString(string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + string(rune('a'+i/676%26)) + string(rune('a'+i/17576%26)))
		b.WriteString(`="y"`)
	}
	return b.String()
}

func TestEWS03Namespaces(t *testing.T) {
	r := soap.NewReader(strings.NewReader(`<x:a xmlns:x="one" xmlns="two"><b x:c="1" c="2"><x:d xmlns:x="three"/><x:e/></b><none:f/></x:a>`), soap.Limits{})
	a, _ := r.Root()
	assert.Equal(t, soap.Name{Space: "one", Local: "a"}, a.Name)
	var names []soap.Name
	for e := range r.Children(a) {
		names = append(names, e.Name)
		if e.Name.Local == "b" {
			assert.Equal(t, "2", e.Attr("c"))
			assert.Equal(t, []soap.Attr{{Name: soap.Name{Space: "one", Local: "c"}, Value: "1"}, {Name: soap.Name{Local: "c"}, Value: "2"}}, e.Attrs)
		}
		for e := range r.Children(e) {
			names = append(names, e.Name)
		}
	}
	assert.NoError(t, r.Err())
	assert.Equal(t, []soap.Name{{"two", "b"}, {"three", "d"}, {"one", "e"}, {"undeclared:none", "f"}}, names)
}

func TestChildrenPassOver(t *testing.T) {
	r := soap.NewReader(strings.NewReader(`<a><b><c>1</c><c>2</c><c><d/>3</c></b><b><c>4</c></b></a><a/>`), soap.Limits{})
	a, _ := r.Root()
	var got []string
	for b := range r.Children(a) {
		for c := range r.Children(b) {
			got = append(got, r.Text(c, 10))
			break // the rest of b is passed over
		}
	}
	assert.Equal(t, []string{"1", "4"}, got)
	_, ok := r.Root()
	assert.True(t, ok, "a second document follows")
	_, ok = r.Root()
	assert.False(t, ok)
	assert.NoError(t, r.Err())
}

func TestEWS05Base64(t *testing.T) {
	want := bytes.Repeat([]byte("0123456789abcdef\x00\xff"), 40_000)
	for _, raw := range [][]byte{nil, want[:1], want[:2], want[:3], want[:1000], want} {
		encoded := base64.StdEncoding.EncodeToString(raw)
		lines := encoded
		if len(encoded) > 1000 {
			lines = "\r\n " + encoded[:77] + "\r\n" + encoded[77:500] + "\t<!-- c -->" + encoded[500:] + "\n"
		}
		for _, text := range []string{encoded, lines, "<![CDATA[" + encoded + "]]>", strings.ReplaceAll(encoded, "\n", "&#xA;")} {
			r := soap.NewReader(strings.NewReader("<a><b>"+text+"</b><c>x</c></a>"), soap.Limits{Bytes: 10_000})
			a, _ := r.Root()
			for e := range r.Children(a) {
				if e.Name.Local == "b" {
					got, err := io.ReadAll(r.Base64(e))
					require.NoError(t, err)
					require.True(t, bytes.Equal(raw, got))
				} else {
					require.Equal(t, "x", r.Text(e, 10))
				}
			}
			require.NoError(t, r.Err())
		}
	}
	for _, bad := range []string{"A", "AB", "ABC", "AB==CD==", "AB==C", "A*BC", "AB=C", "====", "ABCD=", strings.Repeat("ABCD", 100_000) + "x"} {
		r := soap.NewReader(strings.NewReader("<a><b>"+bad+"</b><c>x</c></a>"), soap.Limits{})
		a, _ := r.Root()
		for e := range r.Children(a) {
			if e.Name.Local == "b" {
				_, err := io.ReadAll(r.Base64(e))
				assert.ErrorIs(t, err, soap.ErrBase64, "%.20s", bad)
			} else {
				assert.Equal(t, "x", r.Text(e, 10), "the document goes on")
			}
		}
		assert.NoError(t, r.Err())
	}
	r := soap.NewReader(strings.NewReader("<a>ABCD"), soap.Limits{})
	a, _ := r.Root()
	_, err := io.ReadAll(r.Base64(a))
	assert.ErrorIs(t, err, io.ErrUnexpectedEOF, "what is cut is never whole")
}

func TestWriterIsRead(t *testing.T) {
	blob := item.NewBlob(bytes.Repeat([]byte("mail\r\n"), 10_000))
	var w soap.Writer
	w.Start("a", "b", "<\"&'\n\t>", "c", "")
	w.Elem("d", "x < y & z\r\n]]>\x00\x1a\U0001F600")
	w.Base64("e", blob, "f", "g")
	w.Empty("h")
	w.End()
	for range 2 {
		body, err := io.ReadAll(w.Open())
		require.NoError(t, err)
		require.EqualValues(t, len(body), w.Size())
		r := soap.NewReader(bytes.NewReader(body), soap.Limits{})
		a, _ := r.Root()
		assert.Equal(t, "<\"&'\n\t>", a.Attr("b"))
		for e := range r.Children(a) {
			switch e.Name.Local {
			case "d":
				assert.Equal(t, soap.Clean("x < y & z\r\n]]>\x00\x1a\U0001F600"), r.Text(e, 100))
			case "e":
				got, err := io.ReadAll(r.Base64(e))
				want, _ := blob.Bytes()
				require.NoError(t, err)
				assert.True(t, bytes.Equal(want, got))
			}
		}
		require.NoError(t, r.Err())
	}
}

func TestErrorOfReader(t *testing.T) {
	cut := errors.New("cut")
	r := soap.NewReader(io.MultiReader(strings.NewReader("<a><b>"), iotest.ErrReader(cut)), soap.Limits{})
	a, _ := r.Root()
	for e := range r.Children(a) {
		r.Text(e, 10)
	}
	assert.ErrorIs(t, r.Err(), cut)
}

func FuzzReader(f *testing.F) {
	f.Add([]byte(`<a xmlns:b="c"><b:d e='f'>&#xD83D;&#xDE00;<![CDATA[x]]>QUJD</b:d><!-- --></a>`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		read := func(from io.Reader) (out []string) {
			r := soap.NewReader(from, soap.Limits{Bytes: 1 << 20})
			var walk func(e soap.Element, depth int)
			walk = func(e soap.Element, depth int) {
				out = append(out, e.Name.Space+"|"+e.Name.Local)
				n := 0
				for c := range r.Children(e) {
					switch n++; n % 3 {
					case 0:
						out = append(out, r.Text(c, 100))
					case 1:
						walk(c, depth+1)
					case 2:
						b, _ := io.ReadAll(r.Base64(c))
						out = append(out, string(b))
					}
				}
			}
			for {
				e, ok := r.Root()
				if !ok {
					break
				}
				walk(e, 0)
			}
			if r.Err() != nil {
				return []string{"failed"}
			}
			return out
		}
		a, b := read(bytes.NewReader(doc)), read(iotest.OneByteReader(bytes.NewReader(doc)))
		if !assert.ObjectsAreEqual(a, b) {
			t.Fatalf("read at once %q, by bytes %q", a, b)
		}
	})
}
