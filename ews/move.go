package ews

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"github.com/go-serversync/serversync/ews/internal/soap"
	"github.com/go-serversync/serversync/provider"
)

// move moves an item to a folder: one that Exchange names, one by its id, or one by its name
// for people, which is made if it is not there.
func (s *session) move(ctx context.Context, id provider.ID, to provider.FolderID) error {
	if target, ok := s.known[string(to)]; ok {
		return s.moveTo(ctx, id, target)
	}
	name := string(to)
	if known, ok := s.names[to]; ok || mayBeID(to) {
		err := s.moveTo(ctx, id, string(to))
		if !isMissingTarget(codeOf(err)) {
			return err
		}
		if !ok && len(to) >= shortestID {
			return err // nobody knows how it was called
		}
		name = cmp.Or(known, name) // it was deleted, so another one with its name is made
	}
	if s.made[name] != "" {
		if err := s.moveTo(ctx, id, s.made[name]); !isMissingTarget(codeOf(err)) {
			return err
		}
		delete(s.made, name) // somebody has deleted it
	}
	target, err := s.folderNamed(ctx, name)
	if err != nil {
		return err
	}
	if s.made == nil {
		s.made = make(map[string]string)
	}
	s.made[name] = target
	err = s.moveTo(ctx, id, target)
	if code := codeOf(err); isMissingTarget(code) && !isInvalidID(code) {
		return as(err, provider.ErrUnavailable) // it went as it came
	}
	return err
}

// shortestID is shorter than any id of Exchange's, and longer than the name of a folder is
// likely to be that could be taken for one.
const shortestID = 64

// mayBeID reports whether a folder's name may be an id of Exchange's, which is base64.
func mayBeID(to provider.FolderID) bool {
	if len(to)%4 != 0 || len(to) > maxID {
		return false
	}
	return strings.Trim(string(to), "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=-_") == ""
}

// isMissingTarget reports whether a code means that the folder is not there to which an item is to be
// moved. That an id is malformed is said of the item's too, but those come from the server.
func isMissingTarget(code string) bool {
	switch code {
	case "ErrorToFolderNotFound", "ErrorFolderNotFound", "ErrorInvalidFolderId":
		return true
	}
	return isInvalidID(code)
}

// moveTo makes a MoveItem.
func (s *session) moveTo(ctx context.Context, id provider.ID, folder string) error {
	return s.client.do(ctx, call{
		op: "MoveItem",
		write: func(w *soap.Writer) {
			w.Start("m:MoveItem")
			w.Start("m:ToFolderId")
			writeFolderID(w, folder)
			w.End()
			w.Start("m:ItemIds")
			writeItemID(w, id, "")
			w.End()
			w.End()
		},
		read: func(r *soap.Reader, e soap.Element) error {
			return eachMessage(r, e, 1, func(int, soap.Element) {}, func(_ int, m message) error {
				if m.err != nil && isMissingTarget(m.code) {
					return as(m.err, provider.ErrNotFound)
				}
				return ofItem(m)
			})
		},
	})
}

// folderNamed returns the id of the folder with a name at the top of the mailbox, or in the
// inbox, where Exchange's own programs make such folders. If there is none it is made at the top.
func (s *session) folderNamed(ctx context.Context, name string) (string, error) {
	clean := soap.Clean(name)
	if strings.TrimSpace(clean) == "" || len(clean) > 255 {
		return "", &provider.Error{Op: "ews: CreateFolder", Kind: provider.ErrNotFound, Err: errors.New("no folder can have such a name")}
	}
	for _, parent := range []string{"msgfolderroot", "inbox"} {
		id, err := s.findFolder(ctx, parent, clean)
		if id != "" || err != nil {
			return id, err
		}
	}
	id, err := s.createFolder(ctx, clean)
	if codeOf(err) == "ErrorFolderExists" { // somebody was faster
		if id, err = s.findFolder(ctx, "msgfolderroot", clean); err == nil && id == "" {
			err = &provider.Error{Op: "ews: CreateFolder", Kind: provider.ErrUnavailable, Err: errors.New("the folder exists but cannot be found")}
		}
	}
	return id, err
}

// findFolder returns the id of the folder with a name in another one, "" if there is none.
func (s *session) findFolder(ctx context.Context, parent, name string) (string, error) {
	found, _, _, err := s.findFolders(ctx, 0, "Shallow", func(w *soap.Writer) { s.client.distinguished(w, parent) }, name)
	if err != nil {
		return "", err
	}
	for _, f := range found {
		if f.element == "Folder" && strings.EqualFold(f.name, name) && (f.class == "" || hasClass(f.class, "IPF.Note")) {
			return f.id, nil
		}
	}
	return "", nil
}

// createFolder makes a folder for mail at the top of the mailbox.
func (s *session) createFolder(ctx context.Context, name string) (id string, err error) {
	err = s.client.do(ctx, call{
		op: "CreateFolder",
		write: func(w *soap.Writer) {
			w.Start("m:CreateFolder")
			w.Start("m:ParentFolderId")
			s.client.distinguished(w, "msgfolderroot")
			w.End()
			w.Start("m:Folders")
			w.Start("t:Folder")
			w.Elem("t:FolderClass", "IPF.Note")
			w.Elem("t:DisplayName", name)
			w.End()
			w.End()
			w.End()
		},
		read: func(r *soap.Reader, e soap.Element) error {
			id = ""
			return eachMessage(r, e, 1, func(_ int, e soap.Element) {
				for one := range r.Children(e) {
					id = cmp.Or(readFolder(r, one).id, id)
				}
			}, func(_ int, m message) error { return m.err })
		},
	})
	if err == nil && id == "" {
		err = &provider.Error{Op: "ews: CreateFolder", Kind: provider.ErrProtocol, Err: errors.New("the server does not say which folder it has made")}
	}
	return id, err
}
