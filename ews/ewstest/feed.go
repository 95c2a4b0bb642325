package ewstest

import (
	"fmt"
	"sort"
	"time"
)

// An event is what happened, for those who subscribed.
type event struct {
	at       uint64
	when     time.Time
	kind     string  // the element that it is, such as "NewMailEvent"
	folder   *folder // in which it is now
	id       string
	isFolder bool
	old      *folder // in which it was
	oldID    string
}

// maxEvents is how many events of a mailbox are kept.
const maxEvents = 20_000

// tell adds an event to the mailbox's and wakes those who wait.
func (b *mailbox) tell(e event) {
	m := b.model
	e.at, e.when = m.next(), m.now()
	b.events = append(b.events, e)
	if len(b.events) > 2*maxEvents {
		b.dropped = b.events[len(b.events)-maxEvents-1].at
		b.events = append([]event(nil), b.events[len(b.events)-maxEvents:]...)
	}
	if m.waiting != nil {
		close(m.waiting)
		m.waiting = nil
	}
}

// wait returns a channel that is closed with the next event of any mailbox.
func (m *model) wait() <-chan struct{} {
	if m.waiting == nil {
		m.waiting = make(chan struct{})
	}
	return m.waiting
}

// A subscription is what somebody wants to know of a mailbox.
type subscription struct {
	id        string
	owner     string // who subscribed
	box       *mailbox
	all       bool // of all folders
	folders   map[*folder]bool
	kinds     map[string]bool
	at        uint64 // what came after this is news
	streaming bool
	timeout   time.Duration // of a pull subscription that nobody asks
	expires   time.Time
}

// wants reports whether s is about e.
func (s *subscription) wants(e event) bool {
	if !s.kinds[e.kind] {
		return false
	}
	return s.all || s.folders[e.folder] || e.old != nil && s.folders[e.old] || e.isFolder && s.isAbout(e.id)
}

func (s *subscription) isAbout(id string) bool {
	for f := range s.folders {
		if f.id == id {
			return true
		}
	}
	return false
}

// after returns up to most events after a watermark that s is about, and whether there are
// more. It is false if the watermark is older than all that is kept.
func (s *subscription) after(at uint64, most int) (news []event, more, ok bool) {
	b := s.box
	if at < b.dropped {
		return nil, false, false
	}
	from := sort.Search(len(b.events), func(i int) bool { return b.events[i].at > at })
	for _, e := range b.events[from:] {
		if !s.wants(e) {
			continue
		}
		if len(news) == most {
			return news, true, true
		}
		news = append(news, e)
	}
	return news, false, true
}

// watermark returns the watermark after an event.
func (s *subscription) watermark(at uint64) string {
	return fmt.Sprintf("AQAAA%012xA%08x", at, uint32(s.box.number))
}

// readWatermark reads what watermark returned for a subscription to the same mailbox.
func (s *subscription) readWatermark(w string) (at uint64, ok bool) {
	if _, err := fmt.Sscanf(w, "AQAAA%012xA", &at); err != nil || w != s.watermark(at) {
		return 0, false
	}
	return at, true
}
