package ews

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"

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

// epochOf returns the epoch of the folder with this id.
func epochOf(id string) string {
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:8])
}

// codeOf returns the server's own name for an error.
func codeOf(err error) string {
	var e *provider.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// isTrue reads an xs:boolean.
func isTrue(text string) bool {
	text = strings.TrimSpace(text)
	return text == "true" || text == "1"
}

// delegate reports whether the account acts in a mailbox that is another's.
func (c *client) delegate() bool { return c.account.Profile.IsDelegate(profile.Incoming) }
