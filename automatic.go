package serversync

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/notice"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/track"
)

// Programs that answer each other never stop by themselves. Three bounds, each of which
// holds where those before it fail: what says that a program wrote it is not answered
// ([track.Rules.MayAnswer]); a conversation gets few automatic messages; and so does an
// address, by which time a gateway must have taken out everything else.
const (
	mostInThread  = 2 // automatic messages of a mailbox in a conversation within automaticSpan
	mostToAddress = 4 // automatic messages of a mailbox to an address within automaticSpan
	automaticSpan = time.Hour
)

// mayAnswer refuses an automatic answer that must not be.
func (c *composer) mayAnswer(context.Context, *item.Draft) error {
	m := c.o.Answers
	if !c.o.Automatic || m == nil {
		return nil
	}
	v := c.o.Verdict
	if v.Rule == "" { // nobody has judged it; what its header says is known all the same
		v = track.Verdict{Tracked: true, Direction: track.Incoming, Notice: notice.Header(m)}
	}
	if ok, why := c.rules.MayAnswer(m, v); !ok {
		return automaticRefusal("automatic-answer", "no program may answer that message: "+why, "have a person answer it, or nobody")
	}
	return nil
}

func automaticRefusal(code, cause, remedy string) error {
	return &RefusalError{mailbox.Fault{Code: code, Cause: cause, Remedy: remedy, Scope: mailbox.ScopeItem, Level: profile.Warning}}
}

// automatic says that a program wrote the message, and how many programs answered one
// another up to it.
func (c *composer) automatic(_ context.Context, d *item.Draft) error {
	if !c.o.Automatic {
		return nil
	}
	kind := "auto-generated"
	if c.o.Answers != nil {
		kind = "auto-replied"
	}
	d.Fields = append(d.Fields,
		item.Field{Name: fieldAutomatic, Value: kind},
		item.Field{Name: fieldSuppress, Value: "OOF, AutoReply"}) // MS-OXCMAIL, section 2.1.3.2.20: Exchange pays heed to that alone
	d.Fields = append(d.Fields, c.rules.LoopFields(c.o.Answers)...)
	c.rate = automaticCount{mailbox: c.key, id: c.o.ID, thread: root(c.o.Answers, d.MessageID)}
	for _, list := range [][]item.Address{d.To, d.Cc, d.Bcc} {
		for _, a := range list {
			c.rate.addresses = append(c.rate.addresses, strings.ToLower(a.Addr))
		}
	}
	return nil
}

// root returns the Message-ID that a conversation began with.
func root(answers *item.Message, own string) string {
	if answers == nil {
		return own
	}
	for _, ids := range [][]string{answers.References, answers.InReplyTo} {
		if len(ids) > 0 {
			return ids[0]
		}
	}
	return cmp.Or(answers.MessageID, own)
}

// An automaticCount is what an automatic message counts against.
type automaticCount struct {
	mailbox   mailbox.Key
	id        string // of the message, which counts once
	thread    string
	addresses []string
}

// automatics counts the automatic messages of the last hour, in this process.
type automatics struct {
	mu      sync.Mutex
	sent    map[automaticKey][]automaticSent
	sweepAt int
}

// An automaticKey is an address that a mailbox wrote to, or a conversation.
type automaticKey struct {
	mailbox.Key
	address, thread string
}

type automaticSent struct {
	id string
	at time.Time
}

// admit counts a message, or refuses it. What is no automatic one counts nothing.
func (a *automatics) admit(c automaticCount, now time.Time) error {
	if c.id == "" {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	keys := []automaticKey{{Key: c.mailbox, thread: c.thread}}
	for _, address := range c.addresses {
		keys = append(keys, automaticKey{Key: c.mailbox, address: address})
	}
	for _, key := range keys {
		most, what := mostToAddress, "to one of the recipients"
		if key.thread != "" {
			most, what = mostInThread, "within this conversation"
		}
		if len(a.recent(key, c.id, now)) >= most {
			return automaticRefusal("automatic-rate", fmt.Sprintf("programs have written %d times %s within the last hour", most, what), "wait, or have a person write")
		}
	}
	if a.sent == nil {
		a.sent, a.sweepAt = make(map[automaticKey][]automaticSent), sweepFrom
	}
	for _, key := range keys {
		a.sent[key] = append(a.recent(key, c.id, now), automaticSent{c.id, now})
	}
	a.sweep(now)
	return nil
}

// recent returns the messages of a key within the last hour, but for the one of id.
func (a *automatics) recent(key automaticKey, id string, now time.Time) (list []automaticSent) {
	for i, sent := range a.sent[key] {
		if sent.at.After(now) { // the clock was set back
			sent.at = now
			a.sent[key][i] = sent
		}
		if now.Sub(sent.at) < automaticSpan && sent.id != id {
			list = append(list, sent)
		}
	}
	return list
}

// sweep forgets what was sent long ago, at the cost of a step a message.
func (a *automatics) sweep(now time.Time) {
	if len(a.sent) < a.sweepAt {
		return
	}
	for key, list := range a.sent { // the order does not matter
		if now.Sub(list[len(list)-1].at) >= automaticSpan {
			delete(a.sent, key)
		}
	}
	a.sweepAt = max(sweepFrom, 2*len(a.sent))
}
