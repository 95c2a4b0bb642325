package storetest

import (
	"fmt"
	"strings"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/provider"
)

// S14: acts owed are returned by Load until they are settled.
var owedChecks = []check{
	{name: "an act comes back as it was owed", f: func(r *run) {
		move := serversync.OwedAct{ID: "m", Act: provider.Act{Kind: provider.Move, Folder: "INBOX", Epoch: "e 1", ID: "7", To: "Undeliverable"}}
		r.owe(nil, act("1"), move)
		r.owedAre(act("1"), move)
	}},
	{name: "an act is owed until it is settled", f: func(r *run) {
		r.owe(nil, act("1"), act("2"))
		r.owe(nil, act("3"))
		r.record(ann)
		r.owedAre(act("1"), act("2"), act("3"))
		r.owe([]string{"2"})
		r.owedAre(act("1"), act("3"))
		r.owe([]string{"1", "3"})
		r.owedAre()
	}},
	{name: "an act that is not owed may be settled", f: func(r *run) {
		r.owe([]string{"never"})
		r.owe(nil, act("1"))
		r.owe([]string{"2"})
		r.owedAre(act("1"))
	}},
	{name: "an ID again replaces the act", f: func(r *run) {
		later := act("1")
		later.NotBefore, later.Attempts = clock.Add(time.Hour), 3
		r.owe(nil, act("1"))
		r.owe(nil, later)
		r.owedAre(later)
		now := later
		now.NotBefore = time.Time{}
		r.owe(nil, now)
		r.owedAre(now)
		r.owe([]string{"1"})
		r.owedAre()
		r.owe(nil, act("1"))
		r.owedAre(act("1"))
	}},
	{name: "some are settled while others are owed", f: func(r *run) {
		r.owe(nil, act("1"), act("2"))
		r.owe([]string{"1"}, act("3"))
		r.owedAre(act("2"), act("3"))
	}},
	{name: "dropping an epoch leaves its acts", f: func(r *run) {
		r.owe(nil, act("1"))
		b := r.step(ann, inbox)
		b.Drop = []serversync.EpochKey{{Folder: inbox.Folder, Epoch: epoch}}
		r.commit(b)
		r.owedAre(act("1"))
	}},
	{name: "at most 1,000 are returned, the oldest", f: func(r *run) {
		var all []serversync.OwedAct
		var settled []string
		for i := range 1100 {
			all = append(all, act(fmt.Sprint((i*7)%1100)))
			settled = append(settled, all[i].ID)
		}
		for from := 0; from < len(all); from += 275 {
			r.owe(nil, all[from:from+275]...)
		}
		r.owedAre(all[:1000]...)
		r.owe(settled[:1000])
		r.owedAre(all[1000:]...)
	}},
	{name: "acts outlive the Store", f: func(r *run) {
		r.owe(nil, act("1"))
		r.reopen()
		r.owedAre(act("1"))
	}},
}

// owe commits a batch that settles and owes.
func (r *run) owe(settled []string, acts ...serversync.OwedAct) {
	r.Helper()
	b := r.step(ann, inbox)
	b.Owe, b.Settled = acts, settled
	r.commit(b)
}

// owedAre checks what Load returns, oldest first.
func (r *run) owedAre(want ...serversync.OwedAct) {
	r.Helper()
	lines := func(acts []serversync.OwedAct) string {
		var all []string
		for _, a := range acts {
			all = append(all, actLine(a))
		}
		return strings.Join(all, "\n")
	}
	got := r.load(ann).Owed
	if len(got) != len(want) {
		r.Errorf("Load has %d acts owed, want %d", len(got), len(want))
		return
	}
	equal(r, "acts owed", lines(got), lines(want))
}
