package ews

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-serversync/serversync/ews/internal/soap"
	"github.com/go-serversync/serversync/provider"
)

// folderPage is how many folders are asked for at once.
const folderPage = 500

// The bounds of names: of a folder, which Exchange gives 255 characters, and of those that are
// put together. The rest of a longer one is left out.
const (
	maxFolderName = 1 << 10
	maxFullName   = 4 << 10
)

// A foundFolder is a folder as the server lists it.
type foundFolder struct {
	element, class string
	id, parent     string
	name           string
	hidden         bool
}

// roles are those of the folders that Exchange knows by name ("archive" is none of them for
// Exchange: its name for that comes from the clients).
var roles = map[string]provider.Role{
	"inbox": provider.Inbox, "sentitems": provider.Sent, "drafts": provider.Drafts,
	"deleteditems": provider.Trash, "junkemail": provider.Junk,
}

// Folders returns the folders below the root of what people see. Kind is Mail for those
// alone that hold mail; search folders and hidden ones are left out.
func (s *session) Folders(ctx context.Context) ([]provider.Folder, error) {
	found, err := s.hierarchy(ctx)
	if err != nil {
		return nil, err
	}
	byID := make(map[string]*foundFolder, len(found))
	for i := range found {
		byID[found[i].id] = &found[i]
	}
	distinguishedOf := make(map[string]string, len(s.known))
	for name, id := range s.known {
		distinguishedOf[id] = name
	}
	list := make([]provider.Folder, 0, len(found))
	s.names = make(map[provider.FolderID]string, len(found))
	for _, f := range found {
		if f.hidden || f.element == "SearchFolder" {
			continue
		}
		of := provider.Folder{ID: provider.FolderID(f.id), Name: fullName(byID, f)}
		if name, ok := distinguishedOf[f.id]; ok {
			of.ID, of.Role = provider.FolderID(name), roles[name]
		}
		if f.element == "Folder" && (f.class == "" || hasClass(f.class, "IPF.Note")) {
			of.Kind = provider.Mail
		}
		s.names[provider.FolderID(f.id)] = f.name
		list = append(list, of)
	}
	return list, nil
}

// fullName returns a folder's name with those of the folders around it.
func fullName(byID map[string]*foundFolder, f foundFolder) string {
	name := f.name
	for len(name) < maxFullName { // which ends a circle too
		around, ok := byID[f.parent]
		if !ok {
			break
		}
		name, f = around.name+"/"+name, *around
	}
	return name
}

// hierarchy lists all folders, page by page. What is made or deleted meanwhile may be missing
// from it; nothing comes twice.
func (s *session) hierarchy(ctx context.Context) (all []foundFolder, err error) {
	seen := make(map[string]bool)
	for offset := 0; ; {
		page, next, last, err := s.findFolders(ctx, offset, "Deep", func(w *soap.Writer) { s.client.distinguished(w, "msgfolderroot") }, "")
		if err != nil {
			return nil, err
		}
		for _, f := range page {
			if !seen[f.id] {
				seen[f.id] = true
				all = append(all, f)
			}
		}
		if len(all) > s.limits.Folders {
			return nil, &provider.Error{Op: "ews: FindFolder", Kind: provider.ErrTooLarge, Err: fmt.Errorf("the mailbox has more than %d folders", s.limits.Folders)}
		}
		if last {
			return all, nil
		}
		if next <= offset || len(page) == 0 {
			return nil, &provider.Error{Op: "ews: FindFolder", Kind: provider.ErrProtocol, Err: errors.New("more folders are promised but none come")}
		}
		offset = next
	}
}

// findFolders asks for a page of the folders in one, all or those with a name.
func (s *session) findFolders(ctx context.Context, offset int, traversal string, parent func(*soap.Writer), name string) (page []foundFolder, next int, last bool, err error) {
	err = s.client.do(ctx, call{
		op: "FindFolder",
		write: func(w *soap.Writer) {
			w.Start("m:FindFolder", "Traversal", traversal)
			w.Start("m:FolderShape")
			w.Elem("t:BaseShape", "IdOnly")
			w.Start("t:AdditionalProperties")
			for _, p := range append(named("folder:DisplayName", "folder:FolderClass", "folder:ParentFolderId"), property{tag: tagHidden, kind: "Boolean"}) {
				writeProperty(w, p)
			}
			w.End()
			w.End()
			w.Empty("m:IndexedPageFolderView", "MaxEntriesReturned", strconv.Itoa(folderPage), "Offset", strconv.Itoa(offset), "BasePoint", "Beginning")
			if name != "" {
				w.Start("m:Restriction")
				w.Start("t:IsEqualTo")
				w.Empty("t:FieldURI", "FieldURI", "folder:DisplayName")
				w.Start("t:FieldURIOrConstant")
				w.Empty("t:Constant", "Value", name)
				w.End()
				w.End()
				w.End()
			}
			w.Start("m:ParentFolderIds")
			parent(w)
			w.End()
			w.End()
		},
		read: func(r *soap.Reader, e soap.Element) error {
			page, next, last = nil, 0, false
			return eachMessage(r, e, 1, func(_ int, e soap.Element) {
				if !e.Is(soap.Messages, "RootFolder") {
					return
				}
				next, _ = strconv.Atoi(e.Attr("IndexedPagingOffset"))
				last = isTrue(e.Attr("IncludesLastItemInRange"))
				page = s.readFolders(r, e)
			}, func(_ int, m message) error { return m.err })
		},
	})
	return page, next, last, err
}

func (s *session) readFolders(r *soap.Reader, e soap.Element) (page []foundFolder) {
	for list := range r.Children(e) {
		if !list.Is(soap.Types, "Folders") {
			continue
		}
		for one := range r.Children(list) {
			if one.Name.Space != soap.Types {
				continue
			}
			f := readFolder(r, one)
			if f.id == "" || len(f.id) > maxID || len(page) == s.limits.Folders {
				r.Fail(fmt.Errorf("%w: a folder without an id, or with one of more than %d bytes", soap.ErrTooLarge, maxID))
				return nil
			}
			page = append(page, f)
		}
	}
	return page
}

func readFolder(r *soap.Reader, e soap.Element) foundFolder {
	f := foundFolder{element: e.Name.Local}
	for field := range r.Children(e) {
		if field.Name.Space != soap.Types {
			continue
		}
		switch field.Name.Local {
		case "FolderId":
			f.id = field.Attr("Id")
		case "ParentFolderId":
			f.parent = field.Attr("Id")
		case "DisplayName":
			f.name = r.Text(field, maxText)
			if len(f.name) > maxFolderName {
				f.name = strings.ToValidUTF8(f.name[:maxFolderName], "")
			}
		case "FolderClass":
			f.class = r.Text(field, maxText)
		case "ExtendedProperty":
			if tag, value := readExtended(r, field); tag == tagHidden {
				f.hidden = isTrue(value)
			}
		}
	}
	return f
}

// real returns the id by which the server knows a folder, false for what can be none.
func (s *session) real(folder provider.FolderID) (string, bool) {
	if id, ok := s.known[string(folder)]; ok {
		return id, true
	}
	id := string(folder)
	return id, id != "" && len(id) <= maxID && soap.Clean(id) == id && !isDistinguished(id)
}

func isDistinguished(name string) bool {
	for _, d := range distinguished {
		if d == name {
			return true
		}
	}
	return false
}

// epochOf returns the epoch of a folder: what its id comes from, for that of a mailbox that
// was moved to another organization is another one, and so are those of its items.
func epochOf(id string) string {
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:8])
}

// epoch returns a folder's epoch and the id by which the server knows it.
func (s *session) epoch(folder provider.FolderID) (epoch, id string, err error) {
	id, ok := s.real(folder)
	if !ok {
		return "", "", &provider.Error{Op: "ews: folder", Kind: provider.ErrNotFound, Err: errors.New("the mailbox has no such folder")}
	}
	return epochOf(id), id, nil
}

func writeFolderID(w *soap.Writer, id string) { w.Empty("t:FolderId", "Id", id) }
