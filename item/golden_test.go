package item

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what the odd messages give as what is wanted")

// dump writes m down for comparison.
func dump(t testing.TB, m *Message) string {
	t.Helper()
	var b strings.Builder
	line := func(name string, value any) { fmt.Fprintf(&b, "%s: %v\n", name, value) }
	line("message-id", m.MessageID)
	if m.InReplyTo != nil || m.References != nil {
		line("references", fmt.Sprint(m.InReplyTo, len(m.References), m.References))
	}
	line("date", m.Date)
	line("subject", fmt.Sprintf("%q", m.Subject))
	for i, list := range [][]Address{m.From, m.Sender, m.ReplyTo, m.To, m.Cc, m.Bcc} {
		for _, a := range list {
			line([]string{"from", "sender", "reply-to", "to", "cc", "bcc"}[i], fmt.Sprintf("%q <%s>", a.Name, a.Addr))
		}
	}
	line("text", fmt.Sprintf("%q", m.Text))
	line("html", fmt.Sprintf("%q", m.HTML))
	for i := range m.Attachments {
		a := &m.Attachments[i]
		content, err := io.ReadAll(a.Open())
		if err != nil {
			t.Fatal(err)
		}
		line("attachment", fmt.Sprintf("%q %s id=%q inline=%v size=%d %x %.200q", a.Name, a.Type, a.ContentID, a.Inline, a.Size, a.Sum[:4], content))
	}
	for _, w := range m.Warnings {
		line("warning", w)
	}
	return b.String()
}

func parse(t testing.TB, raw string) *Message {
	t.Helper()
	return parseLimited(t, raw, Limits{})
}

func parseLimited(t testing.TB, raw string, limits Limits) *Message {
	t.Helper()
	m, err := ParseMessage(NewBlob([]byte(raw)), limits)
	if err != nil {
		t.Fatalf("ParseMessage: %v", err)
	}
	return m
}

// TestOddMessages compares what each message in testdata/odd gives with the .want
// file beside it. Read the difference before you run it with -update.
func TestOddMessages(t *testing.T) {
	files, _ := filepath.Glob("testdata/odd/*.eml")
	if len(files) < 60 {
		t.Fatalf("%d odd messages, want 60 or more", len(files))
	}
	for _, file := range files {
		name := strings.TrimSuffix(file, ".eml")
		t.Run(filepath.Base(name), func(t *testing.T) {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := dump(t, parse(t, string(raw)))
			if *update {
				os.WriteFile(name+".want", []byte(got), 0o644)
				return
			}
			want, err := os.ReadFile(name + ".want")
			if err != nil || !bytes.Equal(want, []byte(got)) {
				t.Errorf("got\n%s\nwant (%v)\n%s", got, err, want)
			}
		})
	}
}

func oddSeeds(f *testing.F) {
	files, _ := filepath.Glob("testdata/odd/*.eml")
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		if len(raw) < 4<<10 { // large ones are slow and teach the fuzzer little
			f.Add(raw)
		}
	}
}
