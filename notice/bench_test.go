package notice_test

import (
	"strings"
	"testing"

	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/notice"
)

// typical is a person's mail as it arrives from a large provider: 40 fields, most of
// them of the servers that it passed.
func typical() []byte {
	var b strings.Builder
	b.WriteString("Return-Path: <anna@example.com>\r\nDelivered-To: uma@crm.example\r\n")
	for range 6 {
		b.WriteString("Received: from a.example.com (a.example.com [192.0.2.1])\r\n\tby b.example.com with ESMTPS id abc\r\n\tfor <uma@crm.example>; Mon, 2 Nov 2026 09:15:00 +0000\r\n")
	}
	for _, name := range []string{
		"ARC-Seal", "ARC-Message-Signature", "ARC-Authentication-Results", "DKIM-Signature", "Authentication-Results", "Received-SPF",
		"X-Google-DKIM-Signature", "X-Gm-Message-State", "X-Gm-Gg", "X-Received", "Thread-Topic", "Thread-Index", "Accept-Language",
		"Content-Language", "X-MS-Has-Attach", "X-MS-TNEF-Correlator", "x-ms-publictraffictype", "x-ms-office365-filtering-correlation-id",
		"x-forefront-antispam-report", "x-microsoft-antispam", "X-Spam-Status", "X-Spam-Score", "User-Agent", "X-Priority",
	} {
		b.WriteString(name + ": i=1; a=rsa-sha256; t=1700000000; cv=none; d=example.com; s=arc\r\n")
	}
	b.WriteString("From: Anna Meier <anna@example.com>\r\nTo: Uma <uma@crm.example>\r\nSubject: Re: Your offer\r\n" +
		"Date: Mon, 2 Nov 2026 09:15:00 +0000\r\nMessage-ID: <x@example.com>\r\nIn-Reply-To: <orig-1@crm.example>\r\n" +
		"References: <orig-1@crm.example>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" +
		strings.Repeat("Hello Uma, thank you for the offer.\r\n", 100))
	return []byte(b.String())
}

func BenchmarkHeader(b *testing.B) {
	header, _, _ := strings.Cut(string(typical()), "\r\n\r\n")
	m := item.ParseHeader([]byte(header), item.Limits{})
	b.ReportAllocs()
	for b.Loop() {
		if n := notice.Header(m); n.Kind != notice.Personal || n.NeedsBody {
			b.Fatal(n)
		}
	}
}

func BenchmarkMessage(b *testing.B) {
	m := parse(b, typical())
	b.ReportAllocs()
	for b.Loop() {
		if n := notice.Message(m); n.Kind != notice.Personal {
			b.Fatal(n)
		}
	}
}

func BenchmarkMessageReport(b *testing.B) {
	m := fixture(b, "dsn-rfc3464")
	b.ReportAllocs()
	for b.Loop() {
		if n := notice.Message(m); len(n.Reports) != 1 {
			b.Fatal(n)
		}
	}
}
