package imap

import (
	"github.com/go-serversync/serversync/imap/internal/syntax"
	"github.com/go-serversync/serversync/provider"
)

// An errand is a FETCH of bodies that is sent before anybody asks for them, so that
// the server works while the caller deals with the page before. Its answer waits in
// the sockets' buffers, for whatever is sent next comes behind it.
type errand struct {
	folder   provider.FolderID
	validity uint32

	list []listing
	uids syntax.Set
	cmd  *command
	rd   *reading
	came map[uint32]bool
	done bool // the answer has been read
}

// sendAhead asks for the small ones among the next messages of a walk. If that
// fails the next operation will say so.
func (s *session) sendAhead(w *walk, next []listing, max int64) {
	e := &errand{folder: s.folder.id, validity: s.folder.validity, list: next[:small(next)], rd: s.newReading(max), came: map[uint32]bool{}}
	for _, l := range e.list {
		if l.fetched.err == nil {
			e.uids.Add(l.uid)
		}
	}
	if w.want != provider.WantBodies || len(e.uids) == 0 || s.broken != nil {
		return
	}
	e.uids = e.uids.Sort()
	e.cmd = s.fetchCommand(e.uids, bodyItems, e.take)
	if err := s.send(e.cmd); err == nil {
		s.sent = e
	}
}

func (e *errand) take(f fetched) {
	e.came[f.uid] = true
	e.rd.take(f)
}

// settle reads the answer to what was sent ahead. Nothing else may be sent before.
func (s *session) settle() error {
	e := s.sent
	if e == nil || e.done {
		return nil
	}
	e.done = true
	return s.await(e.cmd)
}

// fetchedAhead returns the errand for the first of list, nil if there is none. An
// errand for something else is dropped.
func (s *session) fetchedAhead(list []listing) (*errand, error) {
	e := s.sent
	if e == nil {
		return nil, nil
	}
	err := s.settle()
	s.sent = nil
	if err != nil || e.folder != s.folder.id || e.validity != s.folder.validity || !e.isFor(list) {
		e.rd.release()
		return nil, err
	}
	return e, nil
}

func (e *errand) isFor(list []listing) bool {
	if len(e.list) > len(list) {
		return false
	}
	for i, l := range e.list {
		if l.uid != list[i].uid {
			return false
		}
	}
	return true
}

// small returns how many of the messages fit into what is read ahead.
func small(list []listing) int {
	room := int64(ahead)
	for i, l := range list {
		if room -= l.fetched.size; room < 0 || l.fetched.size == 0 {
			return i
		}
	}
	return len(list)
}
