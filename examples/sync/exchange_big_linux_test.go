package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/go-serversync/serversync/ews/ewstest"
)

// bigMail returns a message with an attachment, of about so many MiB.
func bigMail(id string, to string, mib int) []byte {
	line := []byte(base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("serversync"), 6)[:57]) + "\r\n")
	var b bytes.Buffer
	b.Grow(mib<<20 + 1000)
	fmt.Fprintf(&b, "From: anna@example.test\r\nTo: %s\r\nSubject: large\r\nMessage-ID: <%s@example.test>\r\nDate: Mon, 12 Oct 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\n"+
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nSee there.\r\n--b\r\nContent-Type: application/octet-stream\r\n"+
		"Content-Disposition: attachment; filename=large.bin\r\nContent-Transfer-Encoding: base64\r\n\r\n", to, id)
	for b.Len() < mib<<20 {
		b.Write(line)
	}
	b.WriteString("--b--\r\n")
	return b.Bytes()
}

// apart runs the program in a process of its own, and returns its peak in MiB.
func (x *exchange) apart(t *testing.T, more ...string) (said string, peak float64, err error) {
	self, err := os.Executable()
	must(t, err)
	file := filepath.Join(x.dir, "usage")
	cmd := exec.CommandContext(t.Context(), self, x.flags(append([]string{"-once"}, more...)...)...)
	cmd.Env = append(os.Environ(), asProgram+"=1", usedFile+"="+file, "TMPDIR="+x.dir)
	var b strings.Builder
	cmd.Stderr = &b
	err = cmd.Run()
	status, readErr := os.ReadFile(file)
	must(t, readErr)
	_, high, _ := strings.Cut(string(status), "VmHWM:")
	if _, scanErr := fmt.Sscan(high, &peak); scanErr != nil {
		t.Fatalf("%v in %s", scanErr, status)
	}
	return b.String(), peak / 1024, err
}

// P8: a message of 140 MiB comes in, byte for byte, and goes out, and the process stays
// small.
func TestExchangeLarge(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes a while")
	}
	x := newExchange(t, ewstest.Options{MaxBytes: 256 << 20})
	raw := bigMail("in", user, 140)
	x.AddLazy(user, "inbox", 1, func(int) []byte { return raw })
	said, peak, err := x.apart(t, "-export", x.out)
	t.Logf("in: peak %.1f MiB\n%s", peak, said)
	if err != nil || peak > 100 {
		t.Errorf("%v, peak %.1f MiB", err, peak)
	}
	names, _ := filepath.Glob(filepath.Join(x.out, "*"))
	if len(names) != 1 {
		t.Fatalf("%d messages are exported", len(names))
	}
	got, err := os.ReadFile(names[0])
	must(t, err)
	if sha256.Sum256(got) != sha256.Sum256(raw) {
		t.Errorf("%d bytes came in, want the %d that are there", len(got), len(raw))
	}
	x.Remove(x.IDs(user, "inbox")...)
	got = nil
	runtime.GC()

	letter := filepath.Join(x.dir, "large.eml")
	must(t, os.WriteFile(letter, bigMail("out", bob, 140), 0o600))
	said, peak, err = x.apart(t, "-send", letter)
	t.Logf("out: peak %.1f MiB\n%s", peak, said)
	if err != nil || peak > 100 {
		t.Errorf("%v, peak %.1f MiB", err, peak)
	}
	if ids := x.IDs(bob, "inbox"); len(ids) != 1 {
		t.Errorf("Bob has %d messages", len(ids))
	}
}

// A message that is larger than the server takes is refused in words, for good, and does not
// hold up what comes behind it.
func TestExchangeTooLarge(t *testing.T) {
	x := newExchange(t, ewstest.Options{MaxBytes: 4 << 20})
	large := filepath.Join(x.dir, "large.eml")
	must(t, os.WriteFile(large, bigMail("out", bob, 10), 0o600))
	x.once(t, "-send", large, "-send", x.write(t, "letter.eml", to("bob", 1))).want(t, 1,
		"1 recipients were refused for good", "rejected HTTP 413: the request is larger than the server takes", "1 sent")
	x.once(t, "-send", large).want(t, 0, "it is not sent twice", "nothing new")
	x.SetFault(ewstest.Fault{Op: "SendItem", Code: "ErrorMessageSizeExceeded", Item: 1})
	x.once(t, "-send", x.write(t, "letter-2.eml", to("bob", 2))).want(t, 1, "rejected ErrorMessageSizeExceeded")
	if got := len(x.IDs(bob, "inbox")) + len(x.IDs(user, "drafts")); got != 1 {
		t.Errorf("%d messages are at Bob's or among the drafts, want the letter alone", got)
	}

	// What is larger than our own limit is told of, and the rest comes in.
	x.Add(user, "inbox", bigMail("in", user, 151))
	x.Add(user, "inbox", []byte(mail(1)))
	r := x.once(t)
	r.want(t, 1, "1 came in", "quarantine")
}
