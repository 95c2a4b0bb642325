package imap

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	goimap "github.com/emersion/go-imap/v2"

	"github.com/go-serversync/serversync/imap/internal/syntax"
	"github.com/go-serversync/serversync/provider"
)

// A folder is what SELECT says about the selected one.
type folder struct {
	id       provider.FolderID
	validity uint32 // UIDVALIDITY; 0 while nothing is selected
	next     uint32 // UIDNEXT, a hint: servers lie about it
	modseq   uint64 // HIGHESTMODSEQ, 0 where there is none
	exists   uint32
}

var errNoValidity = errors.New("the server gives the folder no UIDVALIDITY, so that its ids mean nothing")

// selectFolder selects id and forgets what was pending of another folder.
func (s *session) selectFolder(id provider.FolderID) error {
	return s.selectWith(id, "", nil)
}

// selectWith selects id with a parameter such as "(QRESYNC …)", whose news go to
// data, in one flight with the commands that are to follow it.
func (s *session) selectWith(id provider.FolderID, param string, data func(reply) error, follow ...*command) error {
	name, err := s.quote(id)
	if err != nil {
		return err
	}
	counted := param == "" && s.condstore()
	if counted {
		param = " (CONDSTORE)"
	}
	f := folder{id: id}
	sel := &command{text: "SELECT " + name + param}
	sel.data = func(r reply) error {
		if err := f.read(r); err != nil || data == nil {
			return err
		}
		return data(r)
	}
	old := s.folder
	s.folder = folder{}
	if err := s.run(append(append(s.enable(), sel), follow...)...); err != nil {
		return err
	}
	if counted && sel.status.kind == goimap.StatusResponseTypeBad && sel.status.code == "" {
		delete(s.caps, "CONDSTORE") // it does not take what it offers
		delete(s.caps, "QRESYNC")
		return s.selectWith(id, "", data, follow...)
	}
	if !sel.status.ok() {
		s.forget()
		return s.notSelected(name, sel.status)
	}
	if f.validity == 0 {
		return &provider.Error{Kind: provider.ErrUnsupported, Err: errNoValidity, Remedy: "this mail server cannot be synchronized"}
	}
	if f.id != old.id || f.validity != old.validity {
		s.forget()
	}
	s.folder = f
	return nil
}

// forget drops what was pending.
func (s *session) forget() {
	s.live, s.backfill = nil, nil
	clear(s.known)
}

// read takes what a reply to SELECT says about the folder.
func (f *folder) read(r reply) error {
	switch {
	case r.name == "EXISTS":
		f.exists = r.num
		return nil
	case r.name != "OK":
		return nil
	}
	var n uint64
	switch r.status.code {
	case "UIDVALIDITY", "UIDNEXT", "HIGHESTMODSEQ":
		var err error
		if n, err = strconv.ParseUint(strings.TrimSpace(r.status.args), 10, 63); err != nil {
			return syntax.Malformed(fmt.Sprintf("a %s that is no number", r.status.code))
		}
	}
	switch r.status.code {
	case "UIDVALIDITY":
		f.validity = uint32(min(n, 1<<32-1))
	case "UIDNEXT":
		f.next = uint32(min(n, 1<<32-1))
	case "HIGHESTMODSEQ":
		f.modseq = n
	case "NOMODSEQ":
		f.modseq = 0
	}
	return nil
}

// notSelected says why a folder could not be selected. A server that does not say
// it is asked whether the folder is there.
func (s *session) notSelected(name string, st status) error {
	err := refusal("", st, selecting)
	if st.code != "" || provider.KindOf(err) != provider.ErrUnavailable || s.broken != nil || strings.ContainsAny(name, "%*{") {
		return err
	}
	var found []listed
	list := &command{text: `LIST "" ` + name, takes: []string{"LIST"}, data: func(reply) error {
		if len(found) > 10 {
			return nil
		}
		f, err := s.readList()
		found = append(found, f)
		return err
	}}
	if broken := s.run(list); broken != nil {
		return broken
	}
	if list.status.ok() && len(describe(found)) == 0 {
		return &provider.Error{Kind: provider.ErrNotFound, Err: errors.New("the folder is not there")}
	}
	return err
}

// inEpoch selects id unless it is selected, and makes sure of its epoch.
func (s *session) inEpoch(id provider.FolderID, validity uint32) error {
	if s.folder.id != id || s.folder.validity == 0 {
		if err := s.selectFolder(id); err != nil {
			return err
		}
	}
	if s.folder.validity != validity {
		return expired("the folder was made anew on the server")
	}
	return nil
}

// searchCommand searches the selected folder and adds what it finds to found, as
// ranges. ESEARCH (RFC 4731) gives ranges to begin with.
func (s *session) searchCommand(criteria string, found *syntax.Set) *command {
	text := "UID SEARCH "
	if s.caps["ESEARCH"] || s.caps["IMAP4REV2"] {
		text += "RETURN (ALL) "
	}
	return &command{text: text + criteria, takes: []string{"SEARCH", "ESEARCH"}, data: func(r reply) error {
		if r.name == "SEARCH" {
			return s.readSearch(found)
		}
		return s.readESearch(found)
	}}
}

// readSearch reads the numbers of a SEARCH reply.
func (s *session) readSearch(found *syntax.Set) error {
	ids := 0
	return s.in.Ranges(func(from, to uint32) error { return s.addRange(found, from, to, &ids) }) // up to (MODSEQ n)
}

// readESearch reads the ALL of an ESEARCH reply (RFC 4731, section 3.1) behind its
// tag.
func (s *session) readESearch(found *syntax.Set) error {
	for s.in.Space(); s.in.Peek() != 0; s.in.Space() {
		word := s.in.Word()
		if len(word) == 0 {
			return syntax.Malformed("a result of a search that is none")
		}
		if string(word) == "ALL" || string(word) == "all" {
			ids := 0
			s.in.Space()
			return s.in.Ranges(func(from, to uint32) error { return s.addRange(found, from, to, &ids) })
		}
	}
	return nil
}

// addRange adds to a set of UIDs that a server sends and that has count of them so
// far. A folder with more than Limits.Responses messages is too large, and so is a
// range that claims as many.
func (s *session) addRange(set *syntax.Set, from, to uint32, count *int) error {
	if from > to {
		from, to = to, from
	}
	if *count += int(to-from) + 1; *count > s.limits.Responses {
		return syntax.TooLarge("more than %d UIDs", s.limits.Responses)
	}
	if to > maxUID {
		return syntax.Malformed("a UID that is none")
	}
	set.AddRange(from, to)
	return nil
}
