package track_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
	. "github.com/go-serversync/serversync/track"
)

// page is 200 messages of different kinds, and what is known of them.
func page(b testing.TB) (*world, []Message) {
	w := contoso().accept(support, mailbox.AcceptAll)
	w.party(support).Creates = Contact
	messages := make([]Message, 200)
	for i := range messages {
		from, more := "carol@example.org", ""
		switch i % 4 {
		case 1:
			from = fmt.Sprintf("x%d@example.net", i)
		case 2:
			more = answers + "References: <a@x> <b@x> <1@contoso.example>\n"
		case 3:
			more = "Cc: bob@contoso.example, support@contoso.example\nAuto-Submitted: auto-generated\n"
		}
		messages[i] = header(fmt.Sprintf("From: Somebody <%s>\n%sMessage-ID: <m%d@x>\nDate: Mon, 2 Jan 2006 15:04:05 +0000\nSubject: Crane %d\n%s", from, toAnna, i, i, more))
	}
	return w, messages
}

// BenchmarkJudge is a verdict on a message whose look-ups are at hand; ns/message is
// what counts.
func BenchmarkJudge(b *testing.B) {
	w, messages := page(b)
	rules := w.rules(b)
	b.Run("verdict", func(b *testing.B) {
		p := rules.Page(w.reading, messages)
		b.ReportAllocs()
		for b.Loop() {
			p.Judge(w.parties, w.emails)
		}
		perMessage(b, len(messages))
	})
	b.Run("all", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			p := rules.Page(w.reading, messages)
			p.Addresses()
			p.Query()
			p.Judge(w.parties, w.emails)
		}
		perMessage(b, len(messages))
	})
}

func perMessage(b *testing.B, n int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/message")
	b.ReportMetric(0, "ns/op")
}

// A verdict takes a handful of allocations.
func TestVerdictAllocations(t *testing.T) {
	w, messages := page(t)
	p := w.rules(t).Page(w.reading, messages)
	n := testing.AllocsPerRun(10, func() { p.Judge(w.parties, w.emails) })
	require.Less(t, n/float64(len(messages)), 10.0)
}

// TRK-03: nothing that a sender writes at length makes a verdict slow.
func TestTRK03LongFields(t *testing.T) {
	long := strings.Repeat("Re: x ", 10<<20/6)
	field := long[:64<<10] // what item leaves of one
	for name, m := range map[string]*item.Message{
		"subject":     {Subject: long},
		"from":        {From: []item.Address{{Name: long, Addr: long + "@example.org"}}},
		"to":          {To: []item.Address{{Addr: "a@" + long}}},
		"message id":  {MessageID: long},
		"loop":        {Fields: []item.Field{{Name: LoopField, Value: field}}},
		"return path": {Fields: []item.Field{{Name: "Return-Path", Value: field}}},
		"type":        {Fields: []item.Field{{Name: "Content-Type", Value: field}, {Name: "Content-Class", Value: field}}},
	} {
		w := contoso().accept(anna, mailbox.AcceptAll)
		w.signer, w.settings.NoProtected = newSigner(t, "a"), true
		var v Verdict
		best := time.Hour
		for range 3 { // a machine may be busy
			start := time.Now()
			v = w.one(t, Message{Message: m})
			best = min(best, time.Since(start))
		}
		require.Less(t, best, time.Second, name) // it is a thousandth of that
		require.Equal(t, AcceptedAll, v.Rule, name)
		require.Less(t, len(v.Evidence)+len(v.Explain()), 1000, name)
	}
}

// FuzzJudge: no message makes a verdict panic or contradict itself.
func FuzzJudge(f *testing.F) {
	for _, text := range []string{
		fromCarol + toAnna + answers, report("1@contoso.example", "failed", "5.1.1", "carol@example.org"), wrapper(fromAnna, original),
		"From: a@b, c@d\nTo: x:;\n" + LoopField + ": 4 k1.x\n", "Content-Class: rpmsg.message\n\nx",
	} {
		f.Add([]byte(crlf(text)), byte(0))
	}
	f.Fuzz(func(t *testing.T, raw []byte, how byte) {
		m, err := item.ParseMessage(item.NewBlob(raw), item.Limits{})
		require.NoError(t, err)
		w := contoso()
		if how&1 != 0 {
			w = forwarding()
		}
		w.accept(anna, []mailbox.Accept{mailbox.AcceptAll, mailbox.AcceptReplies, mailbox.AcceptKnown, mailbox.AcceptNone}[how>>1&3])
		w.reading.Sent, w.reading.Folder, w.settings.NoProtected = how&8 != 0, how&16 != 0, how&32 != 0
		v := w.one(t, Message{Message: m, Whole: how&64 == 0})
		text, ok := v.Rule.Text()
		require.True(t, ok, v.Rule)
		require.Equal(t, text.Tracks, v.Tracked)
		require.Equal(t, v.Rule == NeedsWhole, v.NeedsBody)
		require.Equal(t, v.Forwarded, v.Original != nil)
		if v.Match.Suggested && v.Rule != TrackedByFolder && len(v.Outcomes) == 0 && !v.Known {
			require.Zero(t, v.Regarding)
		}
		if !v.Tracked {
			require.Empty(t, v.Outcomes)
			require.Zero(t, v.Owner)
		}
		require.NotEmpty(t, v.Explain())
		w.rules(t).MayAnswer(m, v)
	})
}
