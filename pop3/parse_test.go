package pop3

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/go-serversync/serversync/provider"
)

// stuffed returns raw as it goes over the wire.
func stuffed(raw []byte) []byte {
	if bytes.HasPrefix(raw, []byte(".")) {
		raw = append([]byte("."), raw...)
	}
	raw = bytes.ReplaceAll(raw, []byte("\r\n."), []byte("\r\n.."))
	return append(raw, ".\r\n"...)
}

// A body is what was sent, whatever pieces it comes in, and what follows it is left;
// cut anywhere, it is short and not whole.
func FuzzBody(f *testing.F) {
	for _, seed := range []string{"", ".", "..", "a\r\n.\r\nb", "a\n.\nb", "\r.\r\n", "a\r\r\n.", "\r\n\r\n", "a\r", "x\n.\r\ny", "\r\n.\r", strings.Repeat("long line ", 50)} {
		f.Add([]byte(seed), 1)
	}
	f.Fuzz(func(t *testing.T, raw []byte, piece int) {
		raw = append(raw, "\r\n"...)
		wire := append(stuffed(raw), "+OK next\r\n"...)
		for _, pieces := range []func(io.Reader) io.Reader{func(r io.Reader) io.Reader { return r }, iotest.OneByteReader, iotest.HalfReader, iotest.DataErrReader} {
			rd := bufio.NewReaderSize(pieces(bytes.NewReader(wire)), 64)
			b := &body{rd: rd}
			got, err := io.ReadAll(io.MultiReader(io.LimitReader(b, int64(max(piece, 0))), b))
			rest, _ := io.ReadAll(rd)
			if err != nil || !bytes.Equal(got, raw) || string(rest) != "+OK next\r\n" {
				t.Fatalf("%q came as %q with %q behind it, %v", raw, got, rest, err)
			}
		}
		cut := wire[:max(piece, 0)%(len(wire)-len("+OK next\r\n"))]
		if got, err := io.ReadAll(&body{rd: bufio.NewReader(bytes.NewReader(cut))}); err != io.ErrUnexpectedEOF {
			t.Fatalf("%q, which is cut, came as %q, %v", cut, got, err)
		}
	})
}

// Only CR LF ends a line: who writes a message cannot end it, nor write the next answer.
func TestBodyEndsWithCRLFOnly(t *testing.T) {
	for _, inner := range []string{"\n.\n", "\n.\r\n", "\r.\r", "\r\n.\n", "\r\n.\r"} {
		raw := "Subject: x\r\n\r\nbody" + inner + "+OK\r\nforged\r\n"
		got, err := io.ReadAll(&body{rd: bufio.NewReader(strings.NewReader(raw + ".\r\n"))})
		want := strings.ReplaceAll(raw, "\r\n.", "\r\n") // which our peer would have doubled
		if err != nil || string(got) != want {
			t.Errorf("with %q the body came as %q, %v", inner, got, err)
		}
	}
	got, err := io.ReadAll(&body{rd: bufio.NewReader(strings.NewReader("a\n..b\n.\n")), lf: true})
	if err != nil || string(got) != "a\n.b\n" {
		t.Errorf("of a server whose lines end in LF it came as %q, %v", got, err)
	}
}

// Whatever a server lists, each message has one id of the right form, and is found by it.
func FuzzListing(f *testing.F) {
	f.Add("1 a\n2 b\n3 c", "1 10\n2 20\n3 30")
	f.Add("1 a\n2 a\n3", "1 10\n2 -1")
	f.Add("1 1\n2 2", "1 1\n1 1")
	f.Add("1  x \n2 x\ty\n3 \xff\n4 "+strings.Repeat("u", 71), "1 99999999999999999999")
	f.Add("0 a", "")
	f.Add("1\n2\n3", "1")
	f.Fuzz(func(t *testing.T, uids, sizes string) {
		l := &listing{names: byUIDL}
		for line := range strings.SplitSeq(uids, "\n") {
			if l.addUID([]byte(line)) != nil {
				return
			}
		}
		for line := range strings.SplitSeq(sizes, "\n") {
			if err := l.addSize([]byte(line)); err != nil && provider.KindOf(err) != provider.ErrProtocol {
				t.Fatalf("%q: %v", line, err)
			}
		}
		l.judge()
		l.digests = make([]digest, l.n)
		for i := range l.n {
			l.digests[i][0] = byte(i % 3)
		}
		for _, l.names = range []naming{byUIDL, byHeader} {
			seen := map[provider.ID]bool{}
			l.ids(func(i int, id []byte) {
				if seen[provider.ID(id)] || l.id(i) != provider.ID(id) || len(id) < 3 {
					t.Fatalf("%q is the id of two, or not of %d", id, i)
				}
				seen[provider.ID(id)] = true
				if at, ok := l.find(id[2:]); l.names == byUIDL && l.good(i) && (!ok || at != i) {
					t.Fatalf("%q was found at %d, %t", id, at, ok)
				}
			})
			if len(seen) != l.n {
				t.Fatalf("%d ids of %d messages", len(seen), l.n)
			}
		}
		again := *l
		again.proofs = nil
		made := l.proof(l.n)
		if made != again.proof(l.n) || made != l.proof(l.n) { // made anew, and remembered
			t.Fatal("the proof of all is not the proof of all")
		}
		if l.n > 0 && l.proof(l.n) == l.proof(l.n-1) {
			t.Fatal("the proof of all is the proof of all but one")
		}
	})
}

func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{"+OK", "+OK 2 320", "-ERR [IN-USE] x", "-ERR [", "-ERR []", "+ ", "+", "+ dGVzdA==", "+OKAY", "-ERRx", "", "\xff", "-ERR [a]b]c", "CAPA", "SASL PLAIN  XOAUTH2", "LOGIN-DELAY 99999999999999", "LOGIN-DELAY -5 USER"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		a, ok := parseAnswer([]byte(line))
		if ok && a.ok == a.more && a.ok || ok && !strings.HasPrefix(line, "+") && !strings.HasPrefix(line, "-ERR") {
			t.Fatalf("%q was read as %+v", line, a)
		}
		for _, when := range []moment{greeting, signingIn, signedIn, reading, quitting, unasked} {
			if kind, _ := meaning(a, when); kind == "" {
				t.Fatalf("%q means nothing", line)
			}
		}
		var c capabilities
		c.add(line)
		if wait := c.pause(); wait < minDelay || wait > maxDelay {
			t.Fatalf("%q asks for %v", line, wait)
		}
	})
}

// A cursor that is read is written alike; nothing else is one.
func FuzzCursor(f *testing.F) {
	p := place{names: byUIDL, n: 3}
	f.Add(string(p.cursor()))
	p = place{names: byHeader, n: 30, under: true, low: 2, at: 20, full: true, samples: []sample{{size: 5}, {size: 1 << 40}}}
	f.Add(string(p.cursor()))
	f.Add("pop3/1/1/uidl/done\nu 0 " + hex.EncodeToString(make([]byte, 32)) + " - - -")
	f.Add("pop3/1/1/uidl/more\nu 5 - - 9:3:true -")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := placeOf(provider.Cursor(text))
		switch {
		case err != nil && provider.KindOf(err) != provider.ErrCursorExpired:
			t.Fatal(err)
		case err == nil && text != "" && string(p.cursor()) != text:
			t.Fatalf("%q was read as %q", text, p.cursor())
		case err == nil && (p.n < 0 || p.n > maxMessages || p.under && (p.low >= p.at || p.at > p.n)):
			t.Fatalf("%q was read as %+v", text, p)
		}
	})
}

// The digest of a header leaves out what servers change, and nothing else.
func TestDigest(t *testing.T) {
	base := "Subject: a\r\nFrom: b\r\n c\r\n\r\nbody\r\n"
	for _, same := range []string{"Status: RO\r\n" + base, "Subject: a\r\nX-Keywords: x\r\n\ty\r\n z\r\nFrom: b\r\n c\r\n\r\n", "x-uidl: 5\r\nX-STATUS: A\r\nX-IMAPbase: 1 2\r\n" + base, "Subject: a\r\nFrom: b\r\n c\r\n"} {
		if digestOf([]byte(same)) != digestOf([]byte(base)) {
			t.Errorf("%q has another digest", same)
		}
	}
	for _, other := range []string{"", "subject: a\r\nFrom: b\r\n c\r\n\r\n", "Subject: a\r\nFrom: b\r\n d\r\n\r\n", "Subject: a\r\nFrom: b\r\nStatus-X: 1\r\n c\r\n\r\n", "Subject: a\r\nFrom: b c\r\n\r\n", "Subject: a\nFrom: b\n c\n\n"} {
		if digestOf([]byte(other)) == digestOf([]byte(base)) {
			t.Errorf("%q has the same digest", other)
		}
	}
}
