package ews

import (
	"slices"

	"github.com/go-serversync/serversync/ews/internal/soap"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// writeFolder writes what names a folder.
func (s *session) writeFolder(w *soap.Writer, folder provider.FolderID) {
	if slices.Contains(distinguished, string(folder)) {
		s.client.distinguished(w, string(folder))
		return
	}
	w.Empty("t:FolderId", "Id", string(folder))
}

// delegate reports whether the account acts in a mailbox that is another's.
func (c *client) delegate() bool { return c.account.Profile.IsDelegate(profile.Incoming) }
