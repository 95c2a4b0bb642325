package providertest

import (
	"cmp"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
)

// A box is a mailbox: folders under one lock, so that mailboxes do not wait for
// each other.
type box struct {
	key    mailbox.Key
	manner manner
	breaks atomic.Int64 // how often all connections were cut

	mu      sync.Mutex
	folders []*folder
	epochs  int // given out so far; no two folders share one, ever
	ids     int
	trails  map[string]*trail // of what was to be sent, where evidence of it is kept
}

// A folder is its messages in the order of their arrival, and a log of what
// happened to them, of which a cursor is a position.
type folder struct {
	provider.Folder
	epoch      string
	resets     int // how often the epoch ended
	generation int // cursors of another generation have expired
	rounds     int // with news that were told to the end
	next       int // the next message's num
	messages   []*message
	byID       map[provider.ID]*message
	log        []entry
	now        provider.Cursor // at the end of the log, once somebody needed it
}

type message struct {
	id        provider.ID
	num       int
	serial    int // among all that the mailbox ever had
	blob      *item.Blob
	raw       []byte
	flags     []string // sorted, never changed in place
	received  time.Time
	version   int
	last      int // index of its last entry in the log
	gone      bool
	to        provider.FolderID // where it was moved
	toID      provider.ID
	spoilt    provider.Kind // "" if it can be read
	messageID *string       // parsed when first looked for
}

type entry struct {
	what event
	msg  *message
}

type event uint8

const (
	added event = iota
	updated
	flagged
	removed
)

func newBox(key mailbox.Key, m manner) *box {
	b := &box{key: key, manner: m}
	b.addFolder(provider.Folder{ID: "INBOX", Name: "INBOX", Kind: provider.Mail, Role: provider.Inbox})
	if !m.oneFolder {
		b.addFolder(provider.Folder{ID: "Sent", Name: "Sent", Kind: provider.Mail, Role: provider.Sent})
		b.addFolder(provider.Folder{ID: "Trash", Name: "Trash", Kind: provider.Mail, Role: provider.Trash})
	}
	return b
}

func (b *box) addFolder(f provider.Folder) *folder {
	b.epochs++
	made := &folder{Folder: f, epoch: strconv.Itoa(1000 + b.epochs), next: 1}
	b.folders = append(b.folders, made)
	return made
}

// folder returns the folder, nil if there is none.
func (b *box) folder(id provider.FolderID) *folder {
	for _, f := range b.folders {
		if f.ID == id {
			return f
		}
	}
	return nil
}

// given returns how many messages the mailbox ever had.
func (b *box) given() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ids
}

// add puts msg into f under its own id, or under a new one if it has none.
func (b *box) add(f *folder, msg *message) *message {
	b.ids++
	msg.num, msg.serial = f.next, b.ids
	f.next++
	if msg.id == "" {
		msg.id = b.manner.id(f.ID, msg.num, b.ids)
	}
	if f.byID == nil {
		f.byID = make(map[provider.ID]*message)
	}
	f.byID[msg.id] = msg
	f.messages = append(f.messages, msg)
	b.tell(f, added, msg)
	if b.manner.updates && msg.num%3 == 0 {
		b.tell(f, updated, msg)
	}
	return msg
}

// tell writes to the log what happened to msg.
func (b *box) tell(f *folder, what event, msg *message) {
	msg.version++
	if b.manner.listsAlways {
		return
	}
	msg.last = len(f.log)
	f.log = append(f.log, entry{what, msg})
	f.now = ""
}

// remove takes msg out of f for good.
func (b *box) remove(f *folder, msg *message) {
	i, _ := slices.BinarySearchFunc(f.messages, msg.num, byNum)
	f.messages = slices.Delete(f.messages, i, i+1)
	delete(f.byID, msg.id)
	msg.gone, msg.blob, msg.raw = true, nil, nil
	b.tell(f, removed, msg)
}

// move takes msg from f to target, where it is another message with the same
// content.
func (b *box) move(f, target *folder, msg *message) *message {
	copied := &message{blob: msg.blob, raw: msg.raw, flags: msg.flags, received: msg.received,
		spoilt: msg.spoilt, messageID: msg.messageID}
	if b.manner.keepsIDs {
		copied.id = msg.id
	}
	b.add(target, copied)
	msg.to, msg.toID = target.ID, copied.id
	b.remove(f, msg)
	return copied
}

func (b *box) setFlags(f *folder, msg *message, flags []string) {
	flags = sortedFlags(flags)
	if slices.Equal(flags, msg.flags) || !b.manner.flags {
		return
	}
	msg.flags = flags
	b.tell(f, flagged, msg)
}

// reset ends f's epoch. Every message gets another id; where ids are numbers the
// old ones now mean other messages, which is what makes a mistake visible.
func (b *box) reset(f *folder) {
	b.epochs++
	if b.manner.traits.Snapshot { // nobody stays who knows the old ids alone
		b.breaks.Add(1)
	}
	f.epoch = strconv.Itoa(1000 + b.epochs)
	f.resets++
	f.next = 1 + f.resets%2
	messages := f.messages
	f.messages, f.byID, f.log, f.now, f.rounds = nil, nil, nil, "", 0
	for _, old := range messages {
		msg := *old
		msg.id = ""
		b.add(f, &msg)
	}
}

func byNum(m *message, num int) int { return cmp.Compare(m.num, num) }

// sortedFlags returns flags sorted, each once, and never nil.
func sortedFlags(flags []string) []string {
	sorted := append(make([]string, 0, len(flags)), flags...)
	slices.Sort(sorted)
	return slices.Compact(sorted)
}
