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

// What a program may answer (RFC 3834, section 2; peers.md, 114 to 116).
func TestMayAnswer(t *testing.T) {
	for _, r := range []struct {
		name  string
		world func(w *world)
		mail  string
		why   string // "" if it may
	}{
		{"a person's email", nil, fromCarol + toAnna, ""},
		{"a stranger's", nil, "From: x@example.net\n" + toAnna, ""},
		{"Auto-Submitted: no", nil, fromCarol + toAnna + "Auto-Submitted: no\n", ""},
		{"to Cc", nil, fromCarol + "To: x@example.net\nCc: anna@contoso.example\n", ""},
		{"what the queue accepts", func(w *world) { w.accept(anna, mailbox.AcceptNone).accept(support, mailbox.AcceptAll) }, fromCarol + "To: support@contoso.example\n", ""},
		{"an absence", nil, fromCarol + toAnna + "Auto-Submitted: auto-replied\n", "a program wrote it"},
		{"a list", nil, fromCarol + toAnna + "List-Id: <l.example.org>\n", "a program wrote it"},
		{"bulk", nil, fromCarol + toAnna + "Precedence: bulk\n", "a program wrote it"},
		{"the null sender", nil, "Return-Path: <>\n" + fromCarol + toAnna, "no sender in its envelope"},
		{"a Return-Path that somebody below wrote", nil, "Return-Path: <carol@example.org>\n" + fromCarol + toAnna + "Return-Path: <>\n", ""},
		{"an answer of ours or others'", nil, fromCarol + toAnna + "X-Serversync-Loop: 1 k1.abc\n", "an answer by a program led to it"},
		{"what is not tracked", func(w *world) { w.accept(anna, mailbox.AcceptNone) }, fromCarol + toAnna, "not tracked"},
		{"Bcc or a list", nil, fromCarol + "To: all@contoso.example\n", "by name"},
		{"from ourselves", nil, "From: anna@contoso.example\n" + toAnna, "our own"},
		{"to come back to us", nil, fromCarol + toAnna + "Reply-To: Anna@contoso.example\n", "come back"},
		{"among the sent mail", func(w *world) { w.reading.Sent, w.settings.Sent = true, true }, "From: anna@contoso.example\nTo: carol@example.org\n", "our own"},
		{"two senders", nil, "From: a@x, b@y\n" + toAnna, "From"},
		{"mailer-daemon", nil, "From: MAILER-DAEMON@mail.example\n" + toAnna, "judged"},
		{"a list's owner", nil, "From: owner-l@example.org\n" + toAnna, "program"},
		{"no-reply", nil, "From: No-Reply@example.org\n" + toAnna, "program"},
		{"what has not been judged", nil, fromCarol + toAnna + "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n", "judged"},
	} {
		w := contoso().accept(anna, mailbox.AcceptAll)
		if r.world != nil {
			r.world(w)
		}
		m := whole(t, r.mail+"\nHi\n")
		if r.why == "judged" {
			m = header(r.mail)
		}
		ok, why := w.rules(t).MayAnswer(m.Message, w.one(t, m))
		require.Equal(t, r.why == "", ok, "%s: %s", r.name, why)
		require.Contains(t, why, r.why, r.name)
	}
}

// A host answers every email that it may, by a program.
type host struct {
	*world
	address string
	rules   *Rules
}

func newHost(t *testing.T, name, key string) *host {
	w := contoso()
	w.signer = newSigner(t, key)
	w.reading.Mailbox = mailbox.Mailbox{Key: mailbox.Key{Organization: name, Mailbox: name}, Address: "desk@" + name, Regarding: name, Accept: mailbox.AcceptAll}
	rules, err := NewRules(name, w.settings, w.signer)
	require.NoError(t, err)
	return &host{w, "desk@" + name, rules}
}

// answer returns the answer to an email, if there is one.
func (h *host) answer(t *testing.T, m Message) (mail string, ok bool) {
	v := h.rules.Page(h.reading, []Message{m}).Judge(h.parties, h.emails)[0]
	if ok, _ := h.rules.MayAnswer(m.Message, v); !ok {
		return "", false
	}
	mail = fmt.Sprintf("From: %s\nTo: %s\nAuto-Submitted: auto-replied\n", h.address, m.From[0].Addr)
	for _, f := range h.rules.LoopFields(m.Message) {
		mail += f.Name + ": " + f.Value + "\n"
	}
	return mail, true
}

// exchange lets two hosts answer each other and returns how many messages there were,
// twenty at most. On the way each line is lost that starts with one of strip.
func exchange(t *testing.T, keys [2]string, strip ...string) int {
	hosts := [2]*host{newHost(t, "a.example", keys[0]), newHost(t, "b.example", keys[1])}
	mail := "From: desk@a.example\nTo: desk@b.example\nSubject: Hello\n"
	for n := 1; n < 20; n++ {
		var kept []string
		for line := range strings.Lines(mail) {
			lost := false
			for _, s := range strip {
				lost = lost || strings.HasPrefix(line, s)
			}
			if !lost {
				kept = append(kept, line)
			}
		}
		next, ok := hosts[n%2].answer(t, header(strings.Join(kept, "")))
		if !ok {
			return n
		}
		mail = next
	}
	return 20
}

// Two hosts that answer each other stop within four messages, also if either mark of
// an answer is lost on the way. If all of them are, nobody can tell a program from a
// person: what ends it then is the bound on how much a mailbox sends.
func TestLoopsStop(t *testing.T) {
	for _, keys := range [][2]string{{"a", "a"}, {"a", "b"}} {
		require.Equal(t, 2, exchange(t, keys), "an email and its answer")
		require.Equal(t, 2, exchange(t, keys, "Auto-Submitted"))
		require.Equal(t, 2, exchange(t, keys, "X-Serversync-Loop"))
		require.Equal(t, 20, exchange(t, keys, "Auto-Submitted", "X-Serversync-Loop"))
	}
}

// MIME-33: our count of answers is believed, nobody else's is.
func TestMIME33LoopRule(t *testing.T) {
	w := contoso().accept(anna, mailbox.AcceptAll)
	w.signer = newSigner(t, "a")
	rules := w.rules(t)
	foreign := contoso()
	foreign.signer = newSigner(t, "b")

	// Each answer counts one more.
	m := header(fromCarol + toAnna)
	carried := ""
	for n := 1; n <= 5; n++ {
		fields := rules.LoopFields(m.Message)
		require.Len(t, fields, 1)
		require.Equal(t, LoopField, fields[0].Name)
		require.True(t, strings.HasPrefix(fields[0].Value, fmt.Sprintf("%d ", n)), fields[0].Value)
		carried = LoopField + ": " + fields[0].Value + "\n"
		m = header(fromCarol + toAnna + carried)
		v := w.one(t, m)
		require.Equal(t, n >= 4, v.Rule == Loop, n)
		require.Equal(t, n < 4, v.Tracked, n)
		require.Equal(t, AcceptedAll, foreign.accept(anna, mailbox.AcceptAll).one(t, m).Rule, "another key's count")
	}

	// Another organization of the same host.
	other, err := NewRules("fabrikam", w.settings, w.signer)
	require.NoError(t, err)
	require.Equal(t, AcceptedAll, other.Page(w.reading, []Message{m}).Judge(w.parties, nil)[0].Rule)

	// A person's hand counts before it.
	w.reading.Folder = true
	require.Equal(t, TrackedByFolder, w.one(t, m).Rule)
	w.reading.Folder = false

	_, mac, _ := strings.Cut(strings.TrimSpace(carried), " 5 ")
	for _, forged := range []string{"9 " + mac, "5", "5 ", "", "5 k1.0", "-5 " + mac, "99999999999999999999 x", "5  " + mac, "5 " + mac + "x", strings.Repeat("5 ", 1<<15)} {
		v := w.one(t, header(fromCarol+toAnna+LoopField+": "+forged+"\n"))
		require.Equal(t, AcceptedAll, v.Rule, forged)
	}

	// Among many, the first five are looked at, and what others counted is carried on.
	many := strings.Repeat(LoopField+": 1 k9.x\n", 4) + carried
	require.Equal(t, Loop, w.one(t, header(fromCarol+toAnna+many)).Rule)
	require.Equal(t, AcceptedAll, w.one(t, header(fromCarol+toAnna+strings.Repeat(LoopField+": 1 k9.x\n", 5)+carried)).Rule)
	require.Len(t, rules.LoopFields(header(many).Message), 5)
	require.Equal(t, []item.Field{{Name: LoopField, Value: "1"}}, contoso().rules(t).LoopFields(nil), "nobody signs, and nobody answers")
}
