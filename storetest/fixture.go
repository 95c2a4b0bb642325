package storetest

import (
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
)

// The names that most checks use.
var (
	ann = mailbox.Key{Organization: "acme", Mailbox: "ann"}
	bob = mailbox.Key{Organization: "acme", Mailbox: "bob"}
	eve = mailbox.Key{Organization: "other", Mailbox: "ann"} // ann's namesake elsewhere

	inbox    = serversync.LaneKey{Folder: "INBOX", Lane: provider.Live}
	backfill = serversync.LaneKey{Folder: "INBOX", Lane: provider.Backfill}
	sent     = serversync.LaneKey{Folder: "Sent", Lane: provider.Live}
	noLane   = serversync.LaneKey{}

	epoch = "e1"
)

// clock is a time in a zone that is neither UTC nor the machine's, with
// microseconds.
var clock = time.Date(2024, 3, 31, 1, 59, 59, 123456000, time.FixedZone("", 5*3600+45*60))

// letter returns a message of its own for each name.
func letter(name string) *item.Message {
	raw := []byte("Message-ID: <" + name + "@example.com>\r\nSubject: " + name + "\r\n\r\nHello.\r\n")
	return &item.Message{
		MessageID: name + "@example.com",
		Date:      clock,
		Subject:   name,
		From:      []item.Address{{Name: "Ann", Addr: "ann@example.com"}},
		To:        []item.Address{{Addr: "bob@example.com"}},
		Text:      "Hello.\n",
		Fields:    []item.Field{{Name: "Subject", Value: name}},
		Digest:    digest(name),
		Raw:       item.NewBlob(raw),
	}
}

func digest(s string) item.Digest {
	return item.Digest(fmt.Sprintf("1:%x", sha256.Sum256([]byte(s))))
}

// decided returns a record of the inbox.
func decided(kind serversync.RecordKind, id provider.ID) serversync.Record {
	r := serversync.Record{Kind: kind, Folder: inbox.Folder, Epoch: epoch, ID: id}
	switch kind {
	case serversync.FlagsChanged, serversync.Moved, serversync.Gone:
		return r
	case serversync.Tracked, serversync.Quarantined:
		r.Message = letter("message " + string(id))
	case serversync.Deferred:
		r.Attempts, r.NotBefore = 1, clock.Add(time.Hour)
	}
	r.Received, r.Reason = clock, "because of "+string(kind)
	return r
}

// tracked returns the record of a message in the inbox.
func tracked(id provider.ID, m *item.Message) serversync.Record {
	r := decided(serversync.Tracked, id)
	r.Message = m
	return r
}

// in returns r as one of another folder and epoch.
func in(folder provider.FolderID, epoch string, r serversync.Record) serversync.Record {
	r.Folder, r.Epoch = folder, epoch
	return r
}

// flagged returns r with flags.
func flagged(r serversync.Record, flags ...string) serversync.Record {
	r.Flags = append([]string{}, flags...)
	return r
}

// act returns an act owed for an item of the inbox.
func act(id string) serversync.OwedAct {
	return serversync.OwedAct{
		ID:        id,
		Act:       provider.Act{Kind: provider.Mark, Folder: inbox.Folder, Epoch: epoch, ID: "7", Flag: `\Seen`},
		NotBefore: clock.Add(time.Minute),
		Attempts:  2,
	}
}

func alert(id string) mailbox.Alert {
	return mailbox.Alert{
		ID: id, At: clock, Last: clock.Add(time.Minute), Count: 3, Level: "warning", Code: "sign-in-refused", Side: "incoming",
		Message: "The server said “no” to O'Hara \U0001F4E7.", Remedy: "Enter the password again.",
	}
}

// failing returns a state, told apart by the count.
func failing(count int) mailbox.State {
	return mailbox.State{Incoming: mailbox.Direction{Phase: mailbox.Retrying, Since: clock, Failures: count}}
}

// everything returns a batch with something of each kind in it. The state's version
// must be 0.
func (r *run) everything(key mailbox.Key) *serversync.Batch {
	r.Helper()
	b := r.step(key, inbox,
		judged(flagged(answers("t1", "one", index("one")), `\Seen`), "one@example.com", 0),
		tracked("t2", letter("two")),
		judged(decided(serversync.Ignored, "i1"), "i1@example.com", 0),
		decided(serversync.Deferred, "d1"),
		decided(serversync.Quarantined, "q1"),
	)
	b.Owe = []serversync.OwedAct{act("act-1"), act("act-2")}
	b.State = &serversync.StateChange{To: failing(3)}
	b.Alerts = []mailbox.Alert{alert("alert-1")}
	b.Journal = []serversync.JournalItem{journalItem("d1"), journalItem("q1")}
	return b
}

// follow returns a second batch behind everything, that changes all of it.
func (r *run) follow(key mailbox.Key) *serversync.Batch {
	r.Helper()
	moved := decided(serversync.Moved, "t2")
	moved.To, moved.ToID = "Archive", "a2"
	b := r.step(key, inbox,
		judged(answers("t3", "three", index("three")), "three@example.com", time.Hour),
		flagged(decided(serversync.FlagsChanged, "t1"), `\Flagged`),
		moved,
		decided(serversync.Gone, "i1"),
		tracked("d1", letter("four")),
		judged(decided(serversync.Ignored, "q1"), "q1@example.com", time.Hour),
	)
	b.Owe, b.Settled = []serversync.OwedAct{act("act-3")}, []string{"act-1"}
	b.Drop = []serversync.EpochKey{{Folder: sent.Folder, Epoch: epoch}}
	b.State = &serversync.StateChange{From: r.load(key).Version, To: failing(4)}
	b.Alerts = []mailbox.Alert{alert("alert-2"), resolved(alert("alert-1"))}
	done := tried("d1", 2*time.Hour)
	done.Kind, done.Tries, done.First = serversync.Tracked, 4, clock.Add(time.Hour)
	b.Journal = []serversync.JournalItem{done, journalItem("i2")}
	return b
}
