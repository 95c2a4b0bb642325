package smtp_test

import (
	"crypto/tls"
	"strings"
	"testing"

	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/smtp"
)

// OUTB-01: whatever stands in the body, one message reaches the server, and it has
// no bare CR or LF.
func TestOUTB01Smuggling(t *testing.T) {
	ends := []string{"\r\n.\r", "\r.\r", "\n.\n", "\r\n.\n", "\n.\r\n", "\r\n\x00.\r\n", "\r.\n", "\r.\r\n", "\n.\r", "\r\n.\r\r\n", "\r\r\n.\r\n", "\r\n.\r\n", "\n\n.\r\n", "\r\n\r.\r\n"}
	for _, end := range ends {
		server := plain(t, nil)
		s := mustOpen(t, server, profile.Plaintext)
		send(t, s, "Subject: a\r\n\r\nbody"+end+"MAIL FROM:<evil@example.com>\r\nRCPT TO:<victim@example.com>\r\nDATA\r\nSubject: b\r\n\r\nhi", bob).want(t, "", provider.StatusSent)
		got := server.Messages()
		if len(got) != 1 {
			t.Fatalf("%q: %d messages", end, len(got))
		}
		data := string(got[0].Data)
		if bare := strings.ReplaceAll(data, "\r\n", ""); strings.ContainsAny(bare, "\r\n") {
			t.Errorf("%q: bare CR or LF in %q", end, data)
		}
		if !strings.Contains(data, "victim@example.com") || !strings.HasSuffix(data, "hi\r\n") {
			t.Errorf("%q: %q came", end, data)
		}
		for _, c := range server.Commands() {
			if strings.Contains(c, "evil") {
				t.Errorf("%q: the server got the command %q", end, c)
			}
		}
	}
}

func TestOUTB04Addresses(t *testing.T) {
	server := plain(t, nil)
	s := mustOpen(t, server, profile.Plaintext)
	for _, bad := range []string{
		"\"a\r\nRCPT TO:<x>\"@d.example", "a@d> SIZE=1", "a@d>\r\nDATA", "\"a\r\n\"@d.example", "<a@b><c@d>", "a@[127.0.0.1]", "a@[IPv6:::1]",
		"", "a", "@d.example", "a@", "a b@d.example", "a@d example", "a\x00@d.example", "a..b@d.example", ".a@d.example", "a@d..example", "a@-d.example",
		"\"a> ORCPT=b@c\"@d.example", "\"a\"b\"@d.example", "\"a\\\"@d.example", "a@d.example\n", "a,b@d.example", "a@b@c", "\u202ea@d.example", "a@d\u2028.example", "a\xff@d.example",
		strings.Repeat("a", 320) + "@d.example",
	} {
		out := send(t, s, mail, bad, bob)
		out.want(t, provider.ErrBadItem, provider.StatusRejected, provider.StatusSent)
		if bad != "" {
			out = sendWith(t, s, provider.Submission{From: bad, Recipients: []string{bob}, Raw: item.NewBlob([]byte(mail))})
			out.want(t, provider.ErrBadItem, provider.StatusRejected)
		}
	}
	for _, good := range []string{"a.b+c@d.example", `"john doe"@d.example`, `"a\"b"@d.example`, "root@localhost", "o'neil@x-y.example", "jürgen@exämple.de", "a=b=c@d.example"} {
		send(t, s, mail, good).want(t, "", provider.StatusSent)
	}
	out := sendWith(t, s, provider.Submission{From: "", Recipients: []string{bob}, Raw: item.NewBlob([]byte(mail))})
	out.want(t, "", provider.StatusSent) // a report has no sender
}

func TestOUTB07LocalName(t *testing.T) {
	server := plain(t, nil)
	for _, bad := range []string{"a b", "a\r\nMAIL FROM:<x@y>", "exämple.de", "-a.example", "a..b", "[127.0.0.1", "[fe80::1%eth0]", "[x]"} {
		_, err := smtp.Driver{LocalName: bad, Limits: patient}.Open(t.Context(), account(server.Addr, profile.Plaintext))
		wantKind(t, err, provider.ErrUnsafe)
	}
	for name, want := range map[string]string{"": "EHLO [127.0.0.1]", "crm.example.com": "EHLO crm.example.com", "[192.0.2.1]": "EHLO [192.0.2.1]"} {
		p, err := smtp.Driver{LocalName: name, TLSConfig: &tls.Config{}, Limits: patient}.Open(t.Context(), account(server.Addr, profile.Plaintext))
		if err != nil {
			t.Fatal(err)
		}
		p.Close()
		if c := untilQuit(t, server); c[len(c)-2] != want {
			t.Errorf("LocalName %q: %q, want %q", name, c[len(c)-2], want)
		}
	}
}

func TestMessagesThatAreNotSent(t *testing.T) {
	server := plain(t, nil)
	s := mustOpen(t, server, profile.Plaintext)
	before := len(server.Commands())
	for name, sub := range map[string]provider.Submission{
		"no bytes":     {From: ann, Recipients: []string{bob}},
		"empty":        {From: ann, Recipients: []string{bob}, Raw: item.NewBlob(nil)},
		"nobody":       {From: ann, Raw: item.NewBlob([]byte(mail))},
		"envelope id":  {From: ann, Recipients: []string{bob}, Raw: item.NewBlob([]byte(mail)), EnvelopeID: "a\r\nDATA"},
		"envelope id+": {From: ann, Recipients: []string{bob}, Raw: item.NewBlob([]byte(mail)), EnvelopeID: strings.Repeat("+", 34)},
	} {
		t.Run(name, func(t *testing.T) {
			out := sendWith(t, s, sub)
			wantKind(t, out.err, provider.ErrBadItem)
		})
	}
	if len(server.Commands()) != before {
		t.Errorf("the server got %q", server.Commands()[before:])
	}
}

func TestTooLargeForUs(t *testing.T) {
	server := plain(t, nil)
	limits := patient
	limits.Message = 10
	p, err := smtp.Driver{Limits: limits}.Open(t.Context(), account(server.Addr, profile.Plaintext))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	send(t, p.(provider.Sender), mail, bob).want(t, provider.ErrTooLarge, provider.StatusRejected)
}

// A message whose spool file was cut short is not sent, and one in a file is sent
// like one in memory.
func TestMessagesInFiles(t *testing.T) {
	server := plain(t, nil)
	s := mustOpen(t, server, profile.Plaintext)
	big := strings.Repeat(mail, 2000)
	spooled := func(bytes string, size int) provider.Submission {
		return provider.Submission{From: ann, Recipients: []string{bob}, Raw: item.OpenBlob(strings.NewReader(bytes), int64(size), [32]byte{}, nil)}
	}
	sendWith(t, s, spooled(big, len(big))).want(t, "", provider.StatusSent)
	if got := string(server.Messages()[0].Data); got != big {
		t.Errorf("%d bytes came, want %d", len(got), len(big))
	}
	sendWith(t, s, spooled(big, len(big)+1)).want(t, provider.ErrUnavailable, provider.StatusRetry)
	send(t, s, mail, bob).want(t, "", provider.StatusSent) // nothing had been begun
}
