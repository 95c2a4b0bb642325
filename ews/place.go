package ews

import (
	"github.com/go-serversync/serversync/ews/internal/soap"
	"github.com/go-serversync/serversync/provider"
)

// writeFolder writes what names a folder.
func (s *session) writeFolder(w *soap.Writer, folder provider.FolderID) {
	if isDistinguished(string(folder)) {
		s.client.distinguished(w, string(folder))
		return
	}
	w.Empty("t:FolderId", "Id", string(folder))
}
