package notice_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/notice"
)

// report returns a delivery status notification with the given fields.
func report(fields string) string {
	return "Return-Path: <>\r\nFrom: MAILER-DAEMON@mx.example.net\r\nTo: uma@crm.example\r\n" +
		"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n" +
		"--b\r\n\r\nIt failed.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n" + fields +
		"\r\n--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <orig-1@crm.example>\r\n\r\n--b--\r\n"
}

// sound checks what holds for every notice, whatever it is read from.
func sound(t testing.TB, n notice.Notice) {
	t.Helper()
	assert.LessOrEqual(t, len(n.Reports), 1000)
	assert.True(t, n.NoAnswer || n.Kind == notice.Personal, "a %s may be answered", n.Kind)
	assert.Equal(t, n.Kind != notice.Personal, n.Evidence != "", "%s by %q", n.Kind, n.Evidence)
	if n.Kind != notice.Delivery && n.Kind != notice.Receipt {
		assert.Empty(t, n.Reports)
		assert.Empty(t, n.MessageID)
	}
	readable(t, n.Evidence, 400)
	readable(t, n.MessageID, 320)
	readable(t, n.EnvelopeID, 100)
	for _, r := range n.Reports {
		readable(t, r.Recipient, 640) // a letter in lower case may be longer
		readable(t, r.Final, 640)
		readable(t, r.Status, 9)
		readable(t, r.Diagnosis, 256)
		assert.NotEmpty(t, r.Action)
		assert.Equal(t, strings.ToLower(r.Recipient), r.Recipient)
		assert.True(t, r.Recipient == "" || strings.Contains(r.Recipient, "@"), "%q is no address", r.Recipient)
		if t.Failed() {
			break
		}
	}
}

func readable(t testing.TB, s string, most int) {
	t.Helper()
	ok := len(s) <= most && utf8.ValidString(s) &&
		strings.IndexFunc(s, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }) < 0
	assert.True(t, ok, "%q", s)
}

// tooLong is what only work that grows with the square of a message takes: it would
// be hours.
const tooLong = time.Minute

// MIME-18: 100,000 recipient blocks are 1,000 reports, and take no longer.
func TestManyRecipients(t *testing.T) {
	var b strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&b, "\r\nFinal-Recipient: rfc822; r%d@example.com\r\nAction: failed\r\nStatus: 5.1.1\r\n", i)
	}
	m := parse(t, []byte(report("Reporting-MTA: dns; x\r\n"+b.String())))
	start := time.Now()
	n := notice.Message(m)
	took := time.Since(start)
	sound(t, n)
	require.Len(t, n.Reports, 1000)
	assert.Equal(t, "r999@example.com", n.Reports[999].Recipient)
	assert.Equal(t, first, n.MessageID)
	assert.Less(t, took, tooLong)
}

// MIME-18: huge fields, endless folds, blank groups, and fields that never end cost
// time in proportion, and no more than is kept.
func TestHugeReports(t *testing.T) {
	const size = 8 << 20
	last := "\r\nFinal-Recipient: rfc822; anna@example.com\r\nAction: failed\r\n"
	for name, fields := range map[string]string{
		"field":   "Diagnostic-Code: smtp; " + strings.Repeat("x", size) + "\r\n" + last,
		"folds":   last + "Diagnostic-Code: smtp; 550" + strings.Repeat("\r\n x", size/4) + "\r\n",
		"blank":   last + strings.Repeat("\r\n", size/2),
		"names":   last + strings.Repeat("x:\r\n", size/4),
		"colons":  last + strings.Repeat(":", size),
		"nothing": last + strings.Repeat("\r\nStatus: 9\r\n\r\n", size/16),
		"xtext":   "\r\nOriginal-Recipient: rfc822;" + strings.Repeat("+2B", size/3) + "\r\n" + last,
		"unicode": "\r\nOriginal-Recipient: utf-8;" + strings.Repeat(`\x{`, size/3) + "\r\n" + last,
	} {
		m := parse(t, []byte(report(fields)))
		start := time.Now()
		n := notice.Message(m)
		assert.Less(t, time.Since(start), tooLong, name)
		sound(t, n)
		assert.Equal(t, notice.Delivery, n.Kind, name)
	}
}

// The same for texts that may be an older form.
func TestHugeTexts(t *testing.T) {
	const size = 4 << 20
	head := "Return-Path: <>\r\nFrom: MAILER-DAEMON@mx.example.net\r\nContent-Type: "
	for name, body := range map[string]string{
		"addresses": "text/plain\r\n\r\nHi. This is the x\r\n" + strings.Repeat("<a@b.example>: no\r\n", size/20),
		"ats":       "text/plain\r\n\r\nHi. This is the x\r\n" + strings.Repeat("@", size),
		"brackets":  "text/plain\r\n\r\nHi. This is the x\r\n" + strings.Repeat("<", size),
		"digits":    "text/plain\r\n\r\n" + strings.Repeat("5.1.", size/4),
		"quotes":    "text/plain\r\n\r\nHi. This is the x\r\n" + strings.Repeat("message-id:\r\n", size/13),
		"one line":  "text/plain\r\n\r\nyour message to " + strings.Repeat("x ", size/2),
		"tags":      "text/html\r\n\r\n" + strings.Repeat("<br>", size/4),
		"open tags": "text/html\r\n\r\n" + strings.Repeat("<", size),
	} {
		m := parse(t, []byte(head+body))
		start := time.Now()
		n := notice.Message(m)
		assert.Less(t, time.Since(start), tooLong, name)
		sound(t, n)
	}
	var b strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&b, "<r%d@example.com>: no\r\n", i)
	}
	n := notice.Message(parse(t, []byte(head+"text/plain\r\n\r\nHi. This is the x\r\n"+b.String())))
	sound(t, n)
	assert.Len(t, n.Reports, 1000)
}

// MIME-17 and MIME-18: a report within 60 levels of parts is an attachment of what is
// outermost, and tells nothing.
func TestDeepReport(t *testing.T) {
	var b strings.Builder
	b.WriteString("Return-Path: <anna@example.com>\r\nFrom: anna@example.com\r\n")
	for i := range 60 {
		fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
	}
	b.WriteString("Content-Type: message/delivery-status\r\n\r\nFinal-Recipient: rfc822; anna@example.com\r\nAction: failed\r\n")
	n := notice.Message(parse(t, []byte(b.String())))
	sound(t, n)
	assert.Equal(t, notice.Personal, n.Kind)
}

// A message whose file is gone says no more than its header.
func TestReleased(t *testing.T) {
	raw := []byte(report("\r\nFinal-Recipient: rfc822; anna@example.com\r\nAction: failed\r\n"))
	m := parse(t, raw)
	file, err := os.Create(filepath.Join(t.TempDir(), "spool"))
	require.NoError(t, err)
	_, err = file.Write(raw)
	require.NoError(t, err)
	spooled, err := item.ParseMessage(item.OpenBlob(file, int64(len(raw)), m.Raw.Sum(), file.Close), item.Limits{})
	require.NoError(t, err)
	require.Len(t, notice.Message(spooled).Reports, 1)
	require.NoError(t, spooled.Raw.Release())
	n := notice.Message(spooled)
	sound(t, n)
	assert.Equal(t, notice.Delivery, n.Kind)
	assert.Empty(t, n.Reports)
}

// FuzzMessage: whatever is sent, what is told of it is bounded and readable, the same
// each time, and the header's word is not taken back but for a better one.
func FuzzMessage(f *testing.F) {
	files, err := filepath.Glob("testdata/*.eml")
	require.NoError(f, err)
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(raw)
	}
	f.Add([]byte(report("Original-Recipient: utf-8;\\x{1F600}+2B@x\nAction:\n delayed")))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m := parse(t, raw)
		n, h := notice.Message(m), notice.Header(m)
		sound(t, n)
		sound(t, h)
		assert.Equal(t, n, notice.Message(m))
		assert.False(t, n.NeedsBody)
		if !h.NeedsBody {
			assert.Equal(t, h, n)
		}
		if h.NoAnswer {
			assert.True(t, n.NoAnswer)
		}
	})
}
