package item

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"testing"
)

// typical returns a message as most are: a long header, text, HTML and an
// attachment of size bytes.
func typical(size int) []byte {
	var b bytes.Buffer
	for i := range 12 {
		fmt.Fprintf(&b, "Received: from mx%d.example.com (mx%d.example.com [192.0.2.%d])\r\n\tby mx.example.org (Postfix) with ESMTPS id 4F%04d\r\n\tfor <bob@example.org>; Mon, 02 Jan 2006 15:04:%02d +0000 (UTC)\r\n", i, i, i, i, i)
	}
	b.WriteString("DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com;\r\n\ts=mail; h=from:to:subject; bh=abc=;\r\n\tb=" + strings.Repeat("abcdefgh", 40) + "\r\n")
	b.WriteString("From: =?utf-8?Q?J=C3=B6rg_Ann?= <ann@example.com>\r\nTo: \"Bob, B.\" <bob@example.org>, Cy <cy@example.org>\r\nCc: dee@example.net\r\nSubject: =?utf-8?B?R3LDvMOfZSBhdXM=?= =?utf-8?Q?_K=C3=B6ln?=\r\nDate: Mon, 2 Jan 2006 15:04:05 +0000\r\nMessage-ID: <1234567890@example.com>\r\nIn-Reply-To: <1@example.org>\r\nReferences: <0@example.org> <1@example.org>\r\nMIME-Version: 1.0\r\n")
	b.WriteString("Content-Type: multipart/mixed; boundary=\"----=_Part_1\"\r\n\r\nThis is a multi-part message in MIME format.\r\n------=_Part_1\r\nContent-Type: multipart/alternative; boundary=\"----=_Part_2\"\r\n\r\n")
	b.WriteString("------=_Part_2\r\nContent-Type: text/plain; charset=\"utf-8\"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" + strings.Repeat("Lorem ipsum dolor sit amet, gr=C3=BC=C3=9Fe consectetur adipiscing elit, se=\r\nd do eiusmod.\r\n", 30))
	b.WriteString("\r\n------=_Part_2\r\nContent-Type: text/html; charset=\"utf-8\"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<html><body>" + strings.Repeat("<p style=3D\"margin:0\">Lorem <b>ipsum</b> dolor sit amet, consectetur adipisci=\r\nng &amp; elit, <a href=3D\"https://example.com/\">sed</a> do eiusmod.</p>\r\n", 50) + "</body></html>\r\n------=_Part_2--\r\n")
	b.WriteString("\r\n------=_Part_1\r\nContent-Type: application/pdf; name=\"report.pdf\"\r\nContent-Disposition: attachment; filename=\"report.pdf\"\r\nContent-Transfer-Encoding: base64\r\n\r\n")
	raw := make([]byte, size)
	s := sequence(7)
	for i := range raw {
		raw[i] = byte(s.next(256))
	}
	for code := base64.StdEncoding.EncodeToString(raw); code != ""; code = code[min(76, len(code)):] {
		b.WriteString(code[:min(76, len(code))] + "\r\n")
	}
	b.WriteString("------=_Part_1--\r\n")
	return b.Bytes()
}

func BenchmarkParseMessage(b *testing.B) {
	for _, bench := range []struct {
		name string
		size int
		file bool
	}{
		{"30KB", 12 << 10, false},
		{"1MB", 700 << 10, false},
		{"16MB", 12 << 20, false},
		{"16MB from a file", 12 << 20, true},
	} {
		raw := typical(bench.size)
		blob := NewBlob(raw)
		if bench.file {
			blob = OpenBlob(bytes.NewReader(raw), int64(len(raw)), blob.Sum(), nil)
		}
		b.Run(bench.name, func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				if m, err := ParseMessage(blob, Limits{}); err != nil || len(m.Warnings) != 0 {
					b.Fatal(err, m.Warnings)
				}
			}
		})
	}
}

func BenchmarkParseText(b *testing.B) {
	for _, kind := range []string{"text/plain", "text/html"} {
		raw := NewBlob([]byte("Content-Type: " + kind + "\r\n\r\n" + strings.Repeat("<p>Lorem ipsum dolor sit amet, grüße consectetur.</p>\r\n", 20_000)))
		b.Run(kind, func(b *testing.B) {
			b.SetBytes(raw.Size())
			b.ReportAllocs()
			for b.Loop() {
				ParseMessage(raw, Limits{})
			}
		})
	}
}

func BenchmarkParseHeader(b *testing.B) {
	header, _, _ := bytes.Cut(typical(0), []byte("\r\n\r\n"))
	b.SetBytes(int64(len(header)))
	b.ReportAllocs()
	for b.Loop() {
		ParseHeader(header, Limits{})
	}
}

func BenchmarkCompose(b *testing.B) {
	d := aDraft()
	d.Attachments = []DraftAttachment{{Name: "a.bin", Content: NewBlob(make([]byte, 1<<20))}}
	b.SetBytes(1 << 20)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.Compose(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCanonical(b *testing.B) {
	raw := typical(700 << 10)
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		io.Copy(io.Discard, Canonical(bytes.NewReader(raw)))
	}
}
