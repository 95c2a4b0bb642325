package item_test

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/go-serversync/serversync/item"
)

func ExampleParseMessage() {
	raw := strings.ReplaceAll(`From: =?iso-8859-1?Q?J=F6rg?= <joerg@example.com>
To: bob@example.org
Subject: Plan
a line that should not be here
Date: Mon, 2 Jan 2006 15:04:05 -0700
Message-ID: <1@example.com>
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Gr=C3=BC=C3=9Fe!
--b
Content-Type: application/pdf
Content-Disposition: attachment; filename="C:\plans\plan.pdf"
Content-Transfer-Encoding: base64

UERG
--b--
`, "\n", "\r\n")
	m, err := item.ParseMessage(item.NewBlob([]byte(raw)), item.Limits{})
	if err != nil {
		fmt.Println(err) // the bytes could not be read; what they are is never an error
		return
	}
	fmt.Println(m.From[0].Name, m.From[0].Addr)
	fmt.Println(m.Date)
	fmt.Println(m.Text)
	for _, a := range m.Attachments {
		content, _ := io.ReadAll(a.Open())
		fmt.Println(a.Name, a.Type, a.Size, string(content))
	}
	fmt.Println(m.Warnings)
	// Output:
	// Jörg joerg@example.com
	// 2006-01-02 22:04:05 +0000 UTC
	// Grüße!
	// plan.pdf application/pdf 3 PDF
	// [header line]
}

func ExampleDraft_Compose() {
	draft := item.Draft{
		From:      item.Address{Name: "Jörg", Addr: "joerg@example.com"},
		To:        []item.Address{{Addr: "bob@example.org"}},
		Bcc:       []item.Address{{Addr: "cy@example.net"}},
		Subject:   "Grüße",
		Text:      "Hello Bob",
		MessageID: "1@example.com",
		Date:      time.Date(2006, 1, 2, 15, 4, 5, 0, time.UTC),
	}
	raw, err := draft.Compose()
	if err != nil {
		fmt.Println(err)
		return
	}
	message, _ := io.ReadAll(raw.Open())
	fmt.Println(strings.ReplaceAll(string(message), "\r\n", "\n"))
	envelope, _ := draft.Envelope()
	fmt.Println(envelope.From, envelope.To)
	// Output:
	// Date: Mon, 02 Jan 2006 15:04:05 +0000
	// From: =?utf-8?Q?J=C3=B6rg?= <joerg@example.com>
	// To: bob@example.org
	// Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=
	// Message-ID: <1@example.com>
	// MIME-Version: 1.0
	// Content-Type: text/plain; charset=utf-8
	// Content-Transfer-Encoding: 7bit
	//
	// Hello Bob
	//
	// joerg@example.com [bob@example.org cy@example.net]
}
