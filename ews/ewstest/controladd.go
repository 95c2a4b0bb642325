package ewstest

import (
	"slices"
	"time"
)

// AddMailbox makes a mailbox, with addresses that are also its, unless there is one.
func (s *Server) AddMailbox(address, name string, aliases ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.model.addMailbox(address, name, aliases...)
	if s.directory != nil {
		s.directory.know(address, aliases...)
	}
}

// Add delivers a message, received now, and returns its id. The folder is named by its
// distinguished name, such as "inbox", or by its path, such as "Inbox/Clients"; it is made if it is not
// there.
func (s *Server) Add(mailbox, folder string, raw []byte, flags ...string) (id string) {
	return s.AddAt(mailbox, folder, time.Time{}, raw, flags...)
}

// AddAt delivers a message with a time of receipt.
func (s *Server) AddAt(mailbox, folder string, received time.Time, raw []byte, flags ...string) (id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.folder(mailbox, folder)
	if received.IsZero() {
		received = s.model.now()
	}
	it := newMail(s.model, slices.Clone(raw), received)
	it.setFlags(flags)
	it.add(f, f.known == "inbox")
	return it.id
}

// AddLazy delivers n messages whose bytes are made when somebody asks for them, by raw, which must
// give the same each time for the same i and not ask the server for anything. They were received a
// second apart, the last one now.
func (s *Server) AddLazy(mailbox, folder string, n int, raw func(i int) []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.folder(mailbox, folder)
	start := s.model.now().Add(-time.Duration(n) * time.Second)
	f.items = slices.Grow(f.items, n)
	f.log = slices.Grow(f.log, n)
	for i := range n {
		at := start.Add(time.Duration(i) * time.Second)
		it := &stored{
			kind: kindOf("Message"), class: "IPM.Note", received: at, created: at, modified: at,
			make: func() []byte { return raw(i) }, set: make(map[string]*node),
		}
		it.put(f)
	}
	f.box.tell(event{kind: "NewMailEvent", folder: f, id: f.items[len(f.items)-1].id})
}

// AddBad delivers a message whose MIME cannot be made, as ErrorMimeContentConversionFailed says;
// its properties can be had.
func (s *Server) AddBad(mailbox, folder string, raw []byte) (id string) {
	return s.addDamaged(mailbox, folder, raw, "bad")
}

// AddCorrupt delivers a message of which nothing but its id can be had: the rest is
// ErrorItemCorrupt.
func (s *Server) AddCorrupt(mailbox, folder string, raw []byte) (id string) {
	return s.addDamaged(mailbox, folder, raw, "corrupt")
}

// AddCut delivers a message in the middle of whose MIME the connection ends, each time.
func (s *Server) AddCut(mailbox, folder string, raw []byte) (id string) {
	return s.addDamaged(mailbox, folder, raw, "cut")
}

func (s *Server) addDamaged(mailbox, folder string, raw []byte, damage string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	it := newMail(s.model, slices.Clone(raw), s.model.now())
	it.damage = damage
	f := s.folder(mailbox, folder)
	it.add(f, f.known == "inbox")
	return it.id
}

// AddItem puts an item into a folder: kind is its element, such as "CalendarItem", and xml its
// properties as elements of the types namespace with the prefix t, in any order. It panics if they are no XML.
func (s *Server) AddItem(mailbox, folder, kind, xml string) (id string) {
	n, err := parseItem(kind, xml)
	if err != nil {
		panic("ewstest: " + err.Error())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.folder(mailbox, folder)
	q := &request{server: s, caller: mailbox, acting: mailbox, body: n}
	it, err := q.readItem(n)
	if err != nil {
		panic("ewstest: " + err.Error())
	}
	it.draft = false
	it.add(f, f.known == "inbox")
	return it.id
}
