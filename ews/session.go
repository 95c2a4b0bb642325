package ews

import (
	"context"
	"log/slog"

	"github.com/go-serversync/serversync/ews/internal/soap"
	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/provider"
)

// A session is one mailbox, opened. It belongs to one goroutine at a time.
type session struct {
	client *client
	limits provider.Limits
	spool  wire.Spool
	log    *slog.Logger

	known map[string]string            // ids of folders by their distinguished names, as of look
	names map[provider.FolderID]string // of folders by their ids, as of Folders
	made  map[string]string            // ids of folders that were found or made for what is moved there, by their names

	batch int                   // how many items to ask for at once, as the server can
	sizes map[provider.ID]int64 // of items listed lately, so that what is asked for at once is not too much
	tries map[provider.ID]int   // of items that the server had no time for
	smtp  map[string]string     // addresses by names of the directory; "" for none
}

// Traits: the folder's history is told newest first, with what was deleted and whose flags
// changed, and Exchange itself files what is sent through it.
func (s *session) Traits() provider.Traits {
	return provider.Traits{ReportsGone: true, ReportsFlags: true, FilesSent: true}
}

// Check asks for the inbox.
func (s *session) Check(ctx context.Context) error { return s.look(ctx) }

// Close frees the connection.
func (s *session) Close() error {
	s.client.close()
	return nil
}

// distinguished are the folders that Exchange knows by name whatever they are called for
// people ([MS-OXWSFOLD], section 2.2.5.1, and "DistinguishedFolderId" of Microsoft's reference).
var distinguished = []string{"inbox", "sentitems", "drafts", "deleteditems", "junkemail", "outbox"}

// look learns the ids of the distinguished folders.
func (s *session) look(ctx context.Context) error {
	known := make(map[string]string)
	err := s.client.do(ctx, call{
		op: "GetFolder",
		write: func(w *soap.Writer) {
			w.Start("m:GetFolder")
			w.Start("m:FolderShape")
			w.Elem("t:BaseShape", "IdOnly")
			w.End()
			w.Start("m:FolderIds")
			for _, name := range distinguished {
				s.client.distinguished(w, name)
			}
			w.End()
			w.End()
		},
		read: func(r *soap.Reader, e soap.Element) error {
			id := ""
			return eachMessage(r, e, len(distinguished), func(i int, e soap.Element) {
				for folder := range r.Children(e) {
					for field := range r.Children(folder) {
						if field.Is(soap.Types, "FolderId") {
							id = field.Attr("Id")
						}
					}
				}
			}, func(i int, m message) error {
				if m.err != nil && distinguished[i] == "inbox" {
					return m.err
				}
				if m.err == nil && id != "" {
					known[distinguished[i]] = id
				}
				id = ""
				return nil
			})
		},
	})
	if err == nil {
		s.known = known
	}
	return err
}
