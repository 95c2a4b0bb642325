package ewstest

import (
	"sort"
	"time"
)

// A change is what happened to an item.
type change int

const (
	created change = iota
	updated
	flagged // read or unread, and nothing else
	deleted
)

// A logged change stands in the log of a folder.
type logged struct {
	at      uint64
	kind    change
	item    *stored // nil for what is deleted
	id      string  // of what is deleted
	arrived uint64  // when that had come
}

// A logMark says which changes of an item stand in the log last: those before are no longer of
// interest to anybody.
type logMark struct{ updated, flagged uint64 }

// record logs a change.
func (f *folder) record(l logged) {
	switch l.kind {
	case updated:
		l.item.log.updated = l.at
	case flagged:
		l.item.log.flagged = l.at
	}
	// The time has no parts of a second for those who look, and yet must say that there is news.
	if now := f.box.model.now(); now.Sub(f.touched) >= time.Second {
		f.touched = now
	} else {
		f.touched = f.touched.Add(time.Second)
	}
	f.log = append(f.log, l)
}

// since returns where in the log stands what came after a number.
func (f *folder) since(at uint64) int {
	return sort.Search(len(f.log), func(i int) bool { return f.log[i].at > at })
}

// isOver reports whether nobody needs l any more, for a later entry says more.
func (l logged) isOver(f *folder) bool {
	switch l.kind {
	case created:
		return l.item.home != f || l.item.arrived != l.at
	case updated:
		return l.item.home != f || l.item.arrived > l.at || l.item.log.updated != l.at
	case flagged:
		return l.item.home != f || l.item.arrived > l.at || l.item.log.flagged != l.at || l.item.log.updated > l.at
	}
	return false
}

// A folderChange is what happened to a folder.
type folderChange struct {
	at     uint64
	kind   string // Create, Update or Delete
	folder *folder
	id     string
	made   uint64 // of what is deleted
}
