package imap

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/go-serversync/serversync/imap/internal/syntax"
	"github.com/go-serversync/serversync/provider"
)

// A listed is a folder as LIST tells it.
type listed struct {
	id    provider.FolderID
	delim string
	attrs []string // in lower case
}

// A namespace is a prefix that folders' names have (RFC 2342).
type namespace struct{ prefix string }

// Folders lists the folders of the personal and the shared namespaces. Other
// users' are not this mailbox's.
//
// A FolderID is the name as the server writes it. A Name that is no modified UTF-7
// is shown as the server writes it as well.
func (s *session) Folders(ctx context.Context) (folders []provider.Folder, err error) {
	err = s.do(ctx, "LIST", func() error {
		found, err := s.listFolders()
		if err != nil {
			return err
		}
		folders = describe(found)
		return nil
	})
	return folders, err
}

// listFolders asks for everything in one flight, and again for shared namespaces that
// the server keeps out of the general answer.
func (s *session) listFolders() ([]listed, error) {
	var found []listed
	var spaces [3][]namespace // personal, other users', shared
	list := s.listCommand("*", &found)
	cmds := s.enable()
	if s.caps["NAMESPACE"] {
		cmds = append(cmds, &command{text: "NAMESPACE", takes: []string{"NAMESPACE"}, data: func(reply) error {
			return s.readNamespaces(&spaces)
		}})
	}
	if err := s.run(append(cmds, list)...); err != nil {
		return nil, err
	}
	if !list.status.ok() {
		return nil, refusal("", list.status, signedIn)
	}
	var more []*command
	for _, shared := range spaces[2] {
		if shared.prefix != "" && !slices.ContainsFunc(found, func(f listed) bool { return strings.HasPrefix(string(f.id), shared.prefix) }) {
			if _, ok := syntax.Quote(shared.prefix); ok {
				more = append(more, s.listCommand(shared.prefix+"*", &found))
			}
		}
	}
	if len(more) > 0 {
		if err := s.run(more...); err != nil {
			return nil, err
		}
	}
	others := func(f listed) bool {
		return slices.ContainsFunc(spaces[1], func(n namespace) bool {
			return n.prefix != "" && strings.HasPrefix(string(f.id), n.prefix)
		})
	}
	return slices.DeleteFunc(found, others), nil
}

func (s *session) listCommand(pattern string, found *[]listed) *command {
	quoted, _ := syntax.Quote(pattern)
	text := `LIST "" ` + quoted
	// Servers with SPECIAL-USE may leave it out unless asked (RFC 6154, section 2).
	if s.caps["SPECIAL-USE"] && s.caps["LIST-EXTENDED"] {
		text += " RETURN (SPECIAL-USE)"
	}
	return &command{text: text, takes: []string{"LIST"}, data: func(reply) error {
		f, err := s.readList()
		if err != nil {
			return err
		}
		if *found = append(*found, f); len(*found) > s.limits.Folders {
			return syntax.TooLarge("more than %d folders", s.limits.Folders)
		}
		return nil
	}}
}

// readList reads a LIST reply (RFC 3501, section 7.2.2) behind its name.
func (s *session) readList() (f listed, err error) {
	open, err := s.in.Open()
	if err != nil || !open {
		return f, s.or(err, "a folder without attributes")
	}
	for !s.in.Close() {
		word := s.in.Word()
		if len(word) == 0 && !s.in.Space() || len(f.attrs) > 100 {
			return f, syntax.Malformed("attributes of a folder that are none")
		}
		if len(word) > 0 {
			f.attrs = append(f.attrs, strings.ToLower(string(word)))
		}
	}
	s.in.Space()
	delim, ok, err := s.in.String()
	if err != nil {
		return f, err
	}
	if ok {
		f.delim = string(delim)
	}
	s.in.Space()
	name, _, err := s.in.String()
	if err != nil {
		return f, err
	}
	f.id = provider.FolderID(name)
	if strings.EqualFold(string(name), "INBOX") {
		f.id = "INBOX"
	}
	return f, nil
}

// or returns err, or that what was sent is malformed.
func (s *session) or(err error, what string) error {
	if err != nil {
		return err
	}
	return syntax.Malformed(what)
}

// readNamespaces reads a NAMESPACE reply (RFC 2342, section 5) behind its name.
func (s *session) readNamespaces(spaces *[3][]namespace) error {
	for i := range spaces {
		s.in.Space()
		open, err := s.in.Open()
		if err != nil {
			return err
		}
		if !open { // NIL
			if err := s.in.Skip(); err != nil {
				return err
			}
			continue
		}
		for !s.in.Close() {
			n, err := s.readNamespace()
			if err != nil {
				return err
			}
			spaces[i] = append(spaces[i], n)
			s.in.Space()
		}
	}
	return nil
}

func (s *session) readNamespace() (n namespace, err error) {
	if open, err := s.in.Open(); err != nil || !open {
		return n, s.or(err, "a namespace that is none")
	}
	prefix, _, err := s.in.String()
	if err != nil {
		return n, err
	}
	n.prefix = string(prefix)
	for !s.in.Close() {
		if s.in.Space(); s.in.Peek() == 0 {
			return n, syntax.Malformed("a namespace that is none")
		}
		if err := s.in.Skip(); err != nil {
			return n, err
		}
	}
	return n, nil
}

// describe makes folders of what was listed, each once.
func describe(found []listed) []provider.Folder {
	var folders []provider.Folder
	seen := map[provider.FolderID]bool{}
	taken := map[provider.Role]bool{}
	for _, f := range found {
		if seen[f.id] || f.id == "" || slices.Contains(f.attrs, `\noselect`) || slices.Contains(f.attrs, `\nonexistent`) {
			continue
		}
		seen[f.id] = true
		folder := provider.Folder{ID: f.id, Name: displayName(f), Kind: provider.Mail, Role: roleOf(f)}
		if taken[folder.Role] {
			folder.Role = "" // the first one has it
		}
		taken[folder.Role] = folder.Role != ""
		folders = append(folders, folder)
	}
	for i := range folders {
		role := roleOfName(folders[i].Name)
		if folders[i].Role == "" && role != "" && !taken[role] {
			folders[i].Role, taken[role] = role, true
		}
	}
	return folders
}

func displayName(f listed) string {
	parts := []string{string(f.id)}
	if f.delim != "" && f.delim != "/" {
		parts = strings.Split(string(f.id), f.delim)
	}
	for i, part := range parts {
		if name, ok := syntax.DecodeName(part); ok {
			parts[i] = name
		} else {
			parts[i] = strings.ToValidUTF8(part, "\uFFFD")
		}
	}
	return strings.Join(parts, "/")
}

// roleOf returns the role that the server gives a folder (RFC 6154).
func roleOf(f listed) provider.Role {
	if f.id == "INBOX" {
		return provider.Inbox
	}
	for _, role := range []provider.Role{provider.Sent, provider.Drafts, provider.Trash, provider.Junk, provider.Archive, provider.All, provider.Flagged} {
		if slices.Contains(f.attrs, strings.ToLower(string(role))) {
			return role
		}
	}
	return ""
}

// roleOfName guesses the role of a folder from its name, on servers that give
// none: the names that usual programs create.
func roleOfName(name string) provider.Role {
	name = strings.ToLower(name)
	name = strings.TrimPrefix(name, "inbox/")
	switch name {
	case "sent", "sent items", "sent mail", "sent messages", "gesendet", "gesendete objekte", "gesendete elemente", "éléments envoyés", "envoyés", "enviados", "elementos enviados", "posta inviata", "verzonden items":
		return provider.Sent
	case "drafts", "draft", "entwürfe", "brouillons", "borradores", "bozze", "concepten":
		return provider.Drafts
	case "trash", "deleted items", "deleted messages", "bin", "papierkorb", "gelöschte objekte", "gelöschte elemente", "corbeille", "éléments supprimés", "papelera", "elementos eliminados", "cestino", "prullenbak":
		return provider.Trash
	case "junk", "spam", "junk e-mail", "junk email", "bulk mail", "spamverdacht", "indésirables", "courrier indésirable", "correo no deseado", "posta indesiderata":
		return provider.Junk
	case "archive", "archives", "archiv", "archivio", "archivo":
		return provider.Archive
	}
	return ""
}

// enable returns the command that switches QRESYNC on, once (RFC 7162, section
// 3.2.3). It travels with whatever comes first.
func (s *session) enable() []*command {
	if s.enabled || !s.qresync() {
		return nil
	}
	s.enabled = true
	return []*command{{text: "ENABLE QRESYNC"}}
}

// quote returns a folder's name for a command.
func (s *session) quote(id provider.FolderID) (string, error) {
	name := string(id)
	if quoted, ok := syntax.Quote(name); ok {
		return quoted, nil
	}
	if s.caps["LITERAL+"] || s.caps["LITERAL-"] && len(name) <= 4096 {
		return syntax.Literal(name, true), nil
	}
	if strings.ContainsAny(name, "\x00\r\n") {
		return "", &provider.Error{Kind: provider.ErrUnsupported, Err: fmt.Errorf("a folder's name has characters that the server cannot be told"), Remedy: "rename the folder"}
	}
	// The server wrote it with these bytes and will read them too.
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `"`, nil
}
