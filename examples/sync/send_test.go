package main

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-serversync/serversync/smtp/smtptest"
)

const letter = "From: Anna <anna@example.test>\nTo: bob@example.test\nBcc: eve@example.test,\n zoe@example.test\nSubject: once\n\nHello\n"

func TestSend(t *testing.T) {
	b, in, out := fakes(t, nil)
	file := b.write(t, "letter.eml", letter)
	b.once(t, "-send", file).want(t, 0, "3 sent, 1 filed", "to eve@example.test: sent")
	b.once(t, "-send", file).want(t, 0, "it is not sent twice", "nothing new")

	sent := out.Messages()
	if len(sent) != 1 || sent[0].From != user || !slices.Equal(sent[0].To, []string{"bob@example.test", "eve@example.test", "zoe@example.test"}) {
		t.Fatalf("the server was sent %+v, want one message to the three", sent)
	}
	form := regexp.MustCompile(`^Message-ID: <[0-9a-f]{32}@example\.test>\r\nDate: [^\r\n]+\r\nFrom: Anna <anna@example\.test>\r\nTo: bob@example\.test\r\nSubject: once\r\n\r\nHello\r\n$`)
	if !form.Match(sent[0].Data) {
		t.Errorf("the server was sent\n%s", sent[0].Data)
	}
	copies := in.Messages(user, "Sent")
	if len(copies) != 1 || !bytes.Equal(copies[0].Raw, sent[0].Data) {
		t.Errorf("%d copies are filed, want one, byte for byte", len(copies))
	}
}

// Without a server for incoming mail there is nowhere to file a copy.
func TestSendOnly(t *testing.T) {
	b, _, out := fakes(t, nil)
	file := b.write(t, "letter.eml", letter)
	var progress bytes.Buffer
	args := []string{"-smtp", b.smtp, "-user", user, "-password-file", b.password, "-ca", b.ca, "-db", b.db, "-once", "-send", file}
	if status := program(t.Context(), args, &bytes.Buffer{}, &progress, tune); status != 0 || len(out.Messages()) != 1 {
		t.Errorf("exit status %d, %d sent\n%s", status, len(out.Messages()), progress.String())
	}
}

func TestSendRefusesBrokenFiles(t *testing.T) {
	b, _, out := fakes(t, nil)
	for content, why := range map[string]string{
		"":                                     "no sender",
		"From: anna@example.test\n\nHello":     "no recipient",
		"From anna\n" + letter:                 "mbox line",
		"Message-ID: <\x01>\n" + letter:        "Message-ID",
		strings.Replace(letter, "bob@", "", 1): "recipient",
	} {
		b.once(t, "-send", b.write(t, "broken.eml", content)).want(t, 1, "broken.eml: ", why)
	}
	if n := len(out.Messages()); n != 0 {
		t.Errorf("%d messages were sent", n)
	}
}

// A server that takes the message and says nothing leaves it held, until a person
// says what became of it.
func TestHeld(t *testing.T) {
	silent := true
	b, in, out := fakes(t, func(cmd string) string {
		if cmd == "." && silent {
			return smtptest.Accept + smtptest.Drop
		}
		return ""
	})
	r := b.once(t, "-send", b.write(t, "letter.eml", letter))
	r.want(t, 1, "may have been sent: ", "looked for among the sent mail")
	id := regexp.MustCompile(`outbox entry ([0-9a-f]+)`).FindStringSubmatch(r.err)[1]
	b.once(t, "-resolve", id+"=sent").want(t, 1, "past the phase")
	wait(t, func() bool { return strings.Contains(b.once(t).err, "-resolve "+id+"=sent") })
	silent = false
	b.once(t, "-resolve", id+"=maybe").want(t, 1, "want NAME=sent")
	b.once(t, "-resolve", id+"=again").want(t, 0, "3 sent, 1 filed")
	if n := len(out.Messages()); n != 2 || len(in.Messages(user, "Sent")) != 1 {
		t.Errorf("the server was sent %d messages, want the first, and the one that a person asked for", n)
	}
}

func TestRejected(t *testing.T) {
	b, _, _ := fakes(t, func(cmd string) string {
		switch {
		case strings.HasPrefix(cmd, "RCPT TO:<eve"):
			return "550 5.1.1 no such user"
		case strings.HasPrefix(cmd, "RCPT TO:<zoe"):
			return "452 4.2.2 mailbox full"
		}
		return ""
	})
	r := b.once(t, "-send", b.write(t, "letter.eml", letter))
	r.want(t, 1, "to eve@example.test: rejected 550 5.1.1 no such user", "1 recipients were refused for good", "was not sent yet")
}
