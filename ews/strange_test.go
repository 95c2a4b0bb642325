package ews

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/provider"
)

// What is in a list and in nobody's namespace that we know is nothing of the list: no
// message that answers, no folder, no change and no item.
func TestUnknownElementsInLists(t *testing.T) {
	const odd = `<odd xmlns="urn:odd" Id="odd"><odd/></odd>`
	strange := func(answer string) string {
		for _, list := range []string{"m:ResponseMessages", "m:Folders", "t:Folders", "m:Items", "m:Changes"} {
			answer = strings.ReplaceAll(strings.ReplaceAll(answer, "<"+list+">", "<"+list+">"+odd), "</"+list+">", odd+"</"+list+">")
		}
		return answer
	}
	mime := base64.StdEncoding.EncodeToString([]byte("Subject: hello\r\n\r\nHello\r\n"))
	c := &canned{answer: func(op, body string) string {
		switch op {
		case "FindFolder":
			return strange(soapOf(op, ok(op, `<m:RootFolder IncludesLastItemInRange="true"><t:Folders>`+folderXML("Folder", "f1", "root", "Eins", "", "")+`</t:Folders></m:RootFolder>`)))
		case "SyncFolderItems":
			return strange(synced("s", true, newNote("a")))
		case "GetItem":
			return strange(soapOf(op, gotten("a", mime)))
		}
		return ""
	}}
	s := c.open(t)
	list, err := s.Folders(t.Context())
	require.NoError(t, err)
	require.Contains(t, list, provider.Folder{ID: "f1", Name: "Eins", Kind: provider.Mail})
	page, err := s.Changes(t.Context(), provider.Request{Folder: "inbox", Lane: provider.Live, Cursor: "", Want: provider.WantBodies})
	require.NoError(t, err)
	require.Len(t, page.Changes, 1)
	page, err = s.Changes(t.Context(), provider.Request{Folder: "inbox", Lane: provider.Live, Want: provider.WantBodies, Full: true})
	require.NoError(t, err)
	require.Len(t, page.Changes, 1)
	require.NotNil(t, page.Changes[0].Raw)
	require.NoError(t, page.Changes[0].Raw.Release())
}
