package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/track"
)

// verdicts returns what a report says of each message.
func verdicts(r serversync.Report) map[string]serversync.Decided {
	all := make(map[string]serversync.Decided)
	for _, d := range r.Decisions {
		all[d.MessageID] = d
	}
	return all
}

// With -accept the rules decide, and -json shows each verdict with the reason.
func TestAccept(t *testing.T) {
	b, in, out := fakes(t, nil)
	file := b.write(t, "letter.eml", letter)
	b.once(t, "-send", file, "-accept", "replies").want(t, 0, "3 sent")
	sent, _, _ := strings.Cut(string(out.Messages()[0].Data), "\r\n")
	id := strings.TrimPrefix(sent, "Message-ID: ")
	add := func(name, from, more string) {
		in.Add(user, "INBOX", fmt.Appendf(nil, "Message-ID: <%s@example.org>\r\nFrom: %s\r\nTo: %s\r\nDate: Sat, 21 Nov 2026 09:00:00 +0000\r\n%s\r\nHello\r\n", name, from, user, more))
	}
	add("answer", "bob@example.test", "In-Reply-To: "+id+"\r\n")
	add("guess", "mallory@example.org", "In-Reply-To: "+id+"\r\n")
	add("other", "carl@example.org", "")
	got := verdicts(b.once(t, "-accept", "replies").report(t))
	for name, want := range map[string]struct {
		kind serversync.RecordKind
		rule track.Rule
	}{
		"answer": {serversync.Tracked, track.AcceptedReply}, "guess": {serversync.Ignored, track.Stranger}, "other": {serversync.Ignored, track.NoReply},
	} {
		if d := got[name+"@example.org"]; d.Kind != want.kind || d.Rule != want.rule || d.Reason == "" {
			t.Errorf("%s: %+v, want %s by %s", name, d, want.kind, want.rule)
		}
	}

	add("known", "Carl@Example.org", "")
	add("unknown", "dora@example.org", "")
	known := b.write(t, "contacts", "# our customers\n\ncarl@example.org\n")
	got = verdicts(b.once(t, "-accept", "known", "-contacts", known).report(t))
	if got["known@example.org"].Rule != track.AcceptedKnown || got["unknown@example.org"].Rule != track.NotAccepted || len(got) != 2 {
		t.Errorf("with -accept known: %+v", got)
	}
}

func TestAcceptRefuses(t *testing.T) {
	b, _, _ := fakes(t, nil)
	b.once(t, "-accept", "some").want(t, 2, "-accept is")
	b.once(t, "-accept", "all", "-contacts", b.db).want(t, 2, "-contacts is for")
	b.once(t, "-accept", "known", "-contacts", b.db+" not there").want(t, 1, "not there")
}
