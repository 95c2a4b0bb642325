package serversync_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	. "github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider/providertest"
	"github.com/go-serversync/serversync/store/memory"
	"github.com/go-serversync/serversync/track"
)

// Automatic mail says so, and counts its hops.
func TestComposeAutomatic(t *testing.T) {
	d := newDesk(t, nil)
	o := outgoing("1")
	o.Automatic = true
	_, m := d.send(o)
	require.Equal(t, []string{"auto-generated"}, field(m, "Auto-Submitted"))
	require.Regexp(t, `^1 \S+$`, field(m, "X-Serversync-Loop")[0])

	answered := &item.Message{MessageID: "c@example.org", Subject: "Hi", From: []item.Address{{Addr: "carl@example.org"}}}
	o = outgoing("2")
	o.Automatic, o.Answers = true, answered
	_, m = d.send(o)
	require.Equal(t, []string{"auto-replied"}, field(m, "Auto-Submitted"))
	require.Equal(t, []string{"OOF, AutoReply"}, field(m, "X-Auto-Response-Suppress"))
	require.Regexp(t, `^1 \S+$`, field(m, "X-Serversync-Loop")[0])
}

// OUT-11, OUTB-10: what a program must not answer it cannot; a person may.
func TestOUT11MayNotAnswer(t *testing.T) {
	d := newDesk(t, nil)
	own := outgoing("own")
	own.Automatic = true
	_, ours := d.send(own)
	ours.Fields = slices.DeleteFunc(ours.Fields, func(f item.Field) bool { return f.Name == "Auto-Submitted" })
	with := func(fields ...string) *item.Message {
		m := &item.Message{MessageID: "c@example.org", From: []item.Address{{Addr: "carl@example.org"}}}
		for _, f := range fields {
			name, value, _ := strings.Cut(f, ": ")
			m.Fields = append(m.Fields, item.Field{Name: name, Value: value})
		}
		return m
	}
	for i, tt := range []struct {
		m     *item.Message
		code  string
		judge track.Verdict
	}{
		{m: with("Auto-Submitted: auto-replied"), code: "automatic-answer"},
		{m: with("Return-Path: <>"), code: "automatic-answer"},
		{m: with("Auto-Submitted: no")},
		{m: with("Auto-Submitted: no"), judge: track.Verdict{Rule: track.AcceptedAll, Tracked: true}},
		{m: with("Auto-Submitted: no"), judge: track.Verdict{Rule: track.NoReply}, code: "automatic-answer"},
		{m: ours, code: "automatic-answer"},
		{m: with("X-Serversync-Loop: 1 abc"), code: "automatic-answer"},
		{m: with("x-serversync-loop:  3"), code: "automatic-answer"},
		{m: with("X-Serversync-Loop: "), code: "automatic-answer"},
	} {
		o := outgoing(fmt.Sprint(i))
		o.To[0].Addr = fmt.Sprintf("carl%d@example.org", i)
		o.Answers, o.Automatic, o.Verdict = tt.m, true, tt.judge
		o.Answers.MessageID = fmt.Sprint(i) + o.Answers.MessageID
		if tt.m == ours {
			o.Answers.MessageID = o.Answers.MessageID[1:]
		}
		e, err := d.Send(t.Context(), ann, o)
		if tt.code == "" {
			require.NoError(t, err, "%d", i)
			require.Regexp(t, `^1 \S+$`, field(parsed(t, e.Raw), "X-Serversync-Loop")[0])
			continue
		}
		var refused *RefusalError
		require.ErrorAs(t, err, &refused, "%d", i)
		require.Equal(t, tt.code, refused.Fault.Code, "%d", i)
		o.Automatic = false
		_, m := d.send(o)
		require.Empty(t, field(m, "Auto-Submitted"), "a person answered")
	}
}

// OUT-11: from one mailbox programs write to an address four times an hour, and in a
// conversation twice, whatever they are told. An ID counts once.
func TestOUT11Rate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, nil)
		send := func(id, to, answers string) error {
			o := outgoing(id)
			o.Automatic, o.To[0].Addr = true, to
			if answers != "" {
				o.Answers = &item.Message{MessageID: id + answers, References: []string{answers}, From: []item.Address{{Addr: to}}}
			}
			_, err := d.Compose(t.Context(), ann, o)
			return err
		}
		var refused *RefusalError
		for n := range 4 {
			for range 3 {
				require.NoError(t, send(fmt.Sprint(n), "carl@example.org", ""))
			}
			time.Sleep(10 * time.Minute)
		}
		require.ErrorAs(t, send("5", "Carl@Example.org", ""), &refused)
		require.Equal(t, "automatic-rate", refused.Fault.Code)
		require.NoError(t, send("6", "dora@example.org", ""))
		time.Sleep(20*time.Minute + time.Second)
		require.NoError(t, send("5", "carl@example.org", ""))
		require.Error(t, send("7", "carl@example.org", ""))

		require.NoError(t, send("a", "a1@example.org", "root@example.org"))
		require.NoError(t, send("b", "a2@example.org", "root@example.org"))
		require.ErrorAs(t, send("c", "a3@example.org", "root@example.org"), &refused, "an address that changes with each message")
		require.Contains(t, refused.Fault.Cause, "conversation")
		for n := range 3000 { // what is counted is forgotten
			require.NoError(t, send(fmt.Sprint("n", n), fmt.Sprintf("n%d@example.org", n), ""))
			time.Sleep(10 * time.Second)
		}
	})
}

// A robot is an installation whose host answers each message that comes in.
type robot struct {
	*Syncer
	key   mailbox.Key
	store *counting
}

// OUT-11: two installations that answer each other stop within four messages, with
// what says that a program wrote it taken out on the way, the count as well, and what
// threads too: then by the hour, each at four.
func TestOUT11TwoRobots(t *testing.T) {
	for _, tt := range []struct {
		name    string
		strip   []string
		same    bool // one organization, and one Signer
		stopped int
	}{
		{"nothing is taken out", nil, false, 1},
		{"Auto-Submitted is", []string{"auto-submitted", "x-auto-response-suppress"}, false, 1},
		{"the count of hops is", []string{"x-serversync-loop"}, false, 1},
		{"both are", []string{"auto-submitted", "x-auto-response-suppress", "x-serversync-loop"}, false, 4},
		{"Auto-Submitted is, in one organization", []string{"auto-submitted", "x-auto-response-suppress"}, true, 1},
		{"all are, and what threads", []string{"auto-submitted", "x-auto-response-suppress", "x-serversync-loop", "in-reply-to", "references"}, false, 8},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := providertest.NewServer(providertest.IMAPLike)
				ann, bob := mailbox.Key{Organization: "acme", Mailbox: "ann"}, mailbox.Key{Organization: "other", Mailbox: "bob"}
				if tt.same {
					bob.Organization = ann.Organization
				}
				robots := map[string]*robot{}
				for address, key := range map[string]mailbox.Key{"ann@example.test": ann, "bob@example.test": bob} {
					r := &robot{key: key, store: &counting{Store: memory.New()}}
					cfg := newConfig(server, r.store, mailbox.Mailbox{Key: key, Address: address})
					seed := "a"
					if !tt.same {
						seed = key.Mailbox
					}
					cfg.Tracking = &Tracking{Addresses: book{}, Signer: signer(t, seed)}
					r.Syncer = newSyncer(t, cfg)
					robots[address] = r
				}
				opening := outgoing("opening")
				opening.To, opening.Automatic = []item.Address{{Addr: "bob@example.test"}}, true
				_, err := robots["ann@example.test"].Send(t.Context(), ann, opening)
				require.NoError(t, err)
				delivered, answered := 0, map[string]bool{}
				for range 40 {
					for _, address := range []string{"ann@example.test", "bob@example.test"} {
						r := robots[address]
						syncOnce(t, r.Syncer, r.key)
						for _, m := range server.Sent()[delivered:] {
							delivered++
							to := robots[m.Recipients[0]]
							server.Add(to.key, "INBOX", stripped(m.Raw, tt.strip))
						}
						for _, stored := range server.Messages(r.key, "INBOX") {
							m := parsed(t, item.NewBlob(stored))
							if answered[address+m.MessageID] {
								continue
							}
							answered[address+m.MessageID] = true
							o := outgoing("re " + fmt.Sprint(len(answered)))
							o.Automatic, o.Answers, o.To = true, m, m.From
							if _, err := r.Send(t.Context(), r.key, o); err != nil {
								var refused *RefusalError
								require.ErrorAs(t, err, &refused)
							}
						}
					}
					time.Sleep(time.Minute)
				}
				require.Len(t, server.Sent(), tt.stopped)
			})
		})
	}
}

// stripped returns a message without some header fields.
func stripped(raw []byte, names []string) []byte {
	header, body, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
	var kept []string
	skip := false
	for _, line := range strings.Split(string(header), "\r\n") {
		if line[0] != ' ' {
			name, _, _ := strings.Cut(line, ":")
			skip = slices.Contains(names, strings.ToLower(name))
		}
		if !skip {
			kept = append(kept, line)
		}
	}
	return []byte(strings.Join(kept, "\r\n") + "\r\n\r\n" + string(body))
}
