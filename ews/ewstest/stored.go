package ewstest

import (
	"cmp"
	"slices"
	"sort"
	"time"

	"github.com/go-serversync/serversync/item"
)

// A stored item is one that a folder holds.
type stored struct {
	id       string
	kind     *kind
	home     *folder
	change   uint64 // of the ChangeKey
	arrived  uint64 // when it came into its folder
	number   uint64 // in its folder, from 1 on
	birth    uint64 // which it keeps when it moves
	received time.Time
	created  time.Time
	modified time.Time
	by       string // who changed it last
	class    string

	read, draft, submitted, associated bool

	set   map[string]*node // properties that somebody gave, by the names of their elements
	ext   []extended
	raw   *item.Blob    // the MIME as it came, nil if there is none
	make  func() []byte // makes the MIME, for a message that is not kept
	size  int64         // of what make makes
	files []*file       // that were attached besides those in the MIME
	cutIn map[int]bool  // attachments of the MIME that were removed

	edited    bool    // the MIME is no longer what came
	seen      *view   // what is known of the MIME
	withFiles int     // whether the MIME has attachments: 1, or -1; 0 if nobody has looked
	damage    string  // "bad", "corrupt" or "cut"
	log       logMark // what its folder's log says last about it
}

// less is the order of the items in a folder.
func less(received time.Time, arrived uint64, it *stored) int {
	return cmp.Or(received.Compare(it.received), cmp.Compare(arrived, it.arrived))
}

// place returns where in f an item stands that was received then.
func (f *folder) place(received time.Time, arrived uint64) int {
	return sort.Search(len(f.items), func(i int) bool { return less(received, arrived, f.items[i]) <= 0 })
}

// put puts an item into f under a new id, and logs it. Nobody is told by an event.
func (it *stored) put(f *folder) {
	m := f.box.model
	it.home, it.id = f, f.box.newItemID()
	it.arrived = m.next()
	it.change = it.arrived
	f.articles++
	it.number = f.articles
	if it.birth == 0 {
		it.birth = it.arrived
	}
	it.log = logMark{}
	f.items = slices.Insert(f.items, f.place(it.received, it.arrived), it)
	f.count(it, 1)
	m.items[it.id] = it
	f.record(logged{at: it.arrived, kind: created, item: it})
}

// count counts an item that came, or by -1 one that went.
func (f *folder) count(it *stored, by int) {
	switch {
	case it.associated:
		f.hidden += by
	case !it.read:
		f.unread += by
	}
}

// take takes an item out of its folder, and logs it.
func (it *stored) take() {
	f := it.home
	m := f.box.model
	i := f.place(it.received, it.arrived)
	f.items = slices.Delete(f.items, i, i+1)
	f.count(it, -1)
	f.deleted++
	delete(m.items, it.id)
	f.record(logged{at: m.next(), kind: deleted, id: it.id, arrived: it.arrived})
	it.home = nil
}

// add puts a new item into f and tells of it.
func (it *stored) add(f *folder, mail bool) {
	it.put(f)
	f.box.tell(event{kind: "CreatedEvent", folder: f, id: it.id})
	if mail {
		f.box.tell(event{kind: "NewMailEvent", folder: f, id: it.id})
	}
}

// remove removes an item for good.
func (it *stored) remove() {
	f, id := it.home, it.id
	it.take()
	f.box.tell(event{kind: "DeletedEvent", folder: f, id: id})
}

// moveTo moves an item to a folder, where it has another id.
func (it *stored) moveTo(f *folder) {
	old, id := it.home, it.id
	it.take()
	it.put(f)
	if old.box != f.box {
		old.box.tell(event{kind: "DeletedEvent", folder: old, id: id})
		f.box.tell(event{kind: "CreatedEvent", folder: f, id: it.id})
		return
	}
	f.box.tell(event{kind: "MovedEvent", folder: f, id: it.id, old: old, oldID: id})
}

// copyTo makes a copy of an item in a folder.
func (it *stored) copyTo(f *folder) *stored {
	c := *it
	c.set = make(map[string]*node, len(it.set))
	for k, v := range it.set {
		c.set[k] = v
	}
	c.ext, c.files = slices.Clone(it.ext), slices.Clone(it.files)
	c.birth = 0
	c.put(f)
	f.box.tell(event{kind: "CopiedEvent", folder: f, id: c.id, old: it.home, oldID: it.id})
	return &c
}

// touch says that an item was changed by somebody.
func (it *stored) touch(by string) {
	it.changed(updated, by)
}

// changed gives an item another ChangeKey, logs why and tells of it.
func (it *stored) changed(why change, by string) {
	m := it.home.box.model
	it.change = m.next()
	it.modified, it.by = m.now(), by
	it.home.record(logged{at: it.change, kind: why, item: it})
	it.home.box.tell(event{kind: "ModifiedEvent", folder: it.home, id: it.id})
}

// setRead makes an item read or unread. It reports whether it was not so.
func (it *stored) setRead(read bool) bool {
	if it.read == read {
		return false
	}
	if it.read = read; !it.associated {
		if read {
			it.home.unread--
		} else {
			it.home.unread++
		}
	}
	return true
}
