package track_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
	. "github.com/go-serversync/serversync/track"
)

// attached is a message with one attachment, by the header of its part.
func attached(t *testing.T, part, body string) Message {
	return whole(t, fromCarol+toAnna+"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nHi\n--b\n"+part+"\n\n"+body+"\n--b--\n")
}

// A blocked ending is found however its name is written (MIME-15).
func TestMIME15BlockedAttachments(t *testing.T) {
	file := func(name string) string {
		return "Content-Type: application/octet-stream\nContent-Disposition: attachment; filename=\"" + name + "\""
	}
	for part, blocked := range map[string]bool{
		file("a.exe"):                        true,
		file("A.EXE"):                        true,
		file("a.exe."):                       true,
		file("a.exe . . "):                   true,
		file("invoice.pdf.exe"):              true,
		file("../../a.exe"):                  true,
		file(`C:\a.exe`):                     true,
		file(".exe"):                         true,
		file("a.Vbs"):                        true,
		file("=?utf-8?q?a=2Eexe?="):          true,
		file("=?utf-8?b?ZmRwLuKArmV4ZQ==?="): true, // a right-to-left override before the ending
		file("=?utf-8?b?YS5leGXCoA==?="):     true, // a no-break space behind it
		"Content-Type: application/octet-stream\nContent-Disposition: attachment; filename*=utf-8''a%2Eexe":                                 true,
		"Content-Type: application/octet-stream\nContent-Disposition: attachment; filename*0=\"a.e\"; filename*1=xe":                        true,
		"Content-Type: application/octet-stream\nContent-Disposition: attachment; filename=a.pdf; filename*0*=utf-8''a.; filename*1*=%65xe": true,
		"Content-Type: application/octet-stream; name=a.exe":                                                                                true,
		file("a.pdf"):                            false,
		file("a.exe.pdf"):                        false,
		file("exe"):                              false,
		file("a.exe.gz"):                         false,
		file("a.exes"):                           false,
		file(""):                                 false,
		"Content-Type: application/x-msdownload": false, // it has no name
	} {
		v := contoso().accept(anna, mailbox.AcceptAll).one(t, attached(t, part, "MZ"))
		require.True(t, v.Tracked)
		if !blocked {
			require.Empty(t, v.LeftOut, part)
			continue
		}
		require.Len(t, v.LeftOut, 1, part)
		require.Equal(t, LeftOutBlocked, v.LeftOut[0].Reason)
		require.Equal(t, int64(2), v.LeftOut[0].Size)
		require.NotEmpty(t, v.LeftOut[0].Name)
	}
}

// What does not come along, by the organization's bounds.
func TestLeftOut(t *testing.T) {
	pdf := "Content-Type: application/pdf\nContent-Disposition: attachment; filename=a.pdf"
	for _, r := range []struct {
		name    string
		content mailbox.Content
		part    string
		size    int
		want    []LeftOut
	}{
		{"of the size that is allowed", mailbox.Content{MaxAttachment: 100}, pdf, 100, nil},
		{"over it", mailbox.Content{MaxAttachment: 100}, pdf, 101, []LeftOut{{"a.pdf", 101, LeftOutSize}}},
		{"over the 5 MiB of a new organization", mailbox.Content{}, pdf, 5<<20 + 1, []LeftOut{{"a.pdf", 5<<20 + 1, LeftOutSize}}},
		{"nothing is blocked", mailbox.Content{Blocked: []string{}}, strings.ReplaceAll(pdf, ".pdf", ".exe"), 2, nil},
		{"a list of one's own", mailbox.Content{Blocked: []string{"pdf"}}, pdf, 2, []LeftOut{{"a.pdf", 2, LeftOutBlocked}}},
		{"blocked and too large", mailbox.Content{MaxAttachment: 1, Blocked: []string{"pdf"}}, pdf, 2, []LeftOut{{"a.pdf", 2, LeftOutBlocked}}},
	} {
		w := contoso().accept(anna, mailbox.AcceptAll)
		w.settings.Content = r.content
		m := attached(t, r.part, strings.Repeat("x", r.size))
		require.Equal(t, r.want, w.one(t, m).LeftOut, r.name)
		require.Equal(t, r.want, w.rules(t).LeftOut(m.Message), r.name)
		require.Empty(t, w.accept(anna, mailbox.AcceptNone).one(t, m).LeftOut, r.name)
	}
}

// What the parser's limits cut off is told too.
func TestLeftOutByTheParser(t *testing.T) {
	text := fromCarol + toAnna + "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\n" + strings.Repeat("word ", 100)
	for i := range 5 {
		text += fmt.Sprintf("\n--b\nContent-Type: application/pdf; name=%d.pdf\n\nx", i)
	}
	m, err := item.ParseMessage(item.NewBlob([]byte(crlf(text+"\n--b--\n"))), item.Limits{Text: 50, Attachments: 3})
	require.NoError(t, err)
	require.Equal(t, []LeftOut{{Reason: LeftOutCount}, {Reason: LeftOutText}}, contoso().rules(t).LeftOut(m))
}

// Email over the organization's bound is ignored by its header.
func TestTooLarge(t *testing.T) {
	w := contoso().accept(anna, mailbox.AcceptAll)
	m := header(fromCarol + toAnna)
	for size, rule := range map[int64]Rule{0: AcceptedAll, 1000: AcceptedAll, 1001: TooLarge} {
		m.Size, w.settings.Content.MaxMessage = size, 1000
		v := w.one(t, m)
		require.Equal(t, rule, v.Rule, size)
		if rule == TooLarge {
			require.False(t, v.Tracked)
			require.Equal(t, "1001 of at most 1000 bytes", v.Evidence)
		}
	}
	big := whole(t, fromCarol+toAnna+"\n"+strings.Repeat("x", 2000))
	big.Size = 0
	require.Equal(t, TooLarge, w.one(t, big).Rule)
}

// Rights-managed email is left out where so set.
func TestProtected(t *testing.T) {
	for mail, protected := range map[string]bool{
		"Content-Class: rpmsg.message\n":                                            true,
		"content-class:  RPMSG.Message\n":                                           true,
		"Content-Type: application/x-microsoft-rpmsg-message; name=message.rpmsg\n": true,
		"Content-Class: urn:content-classes:message\n":                              false,
		"Subject: rpmsg.message\n":                                                  false,
	} {
		w := contoso().accept(anna, mailbox.AcceptAll)
		require.Equal(t, AcceptedAll, w.one(t, header(fromCarol+toAnna+mail)).Rule)
		w.settings.NoProtected = true
		require.Equal(t, protected, w.one(t, header(fromCarol+toAnna+mail)).Rule == Protected, mail)
	}
	w := contoso().accept(anna, mailbox.AcceptAll)
	w.settings.NoProtected = true
	require.Equal(t, Protected, w.one(t, attached(t, "Content-Type: application/x-microsoft-rpmsg-message; name=message.rpmsg", "x")).Rule)
}
