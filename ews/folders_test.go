package ews

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/provider"
)

func folderXML(element, id, parent, name, class, more string) string {
	return fmt.Sprintf(`<t:%s><t:FolderId Id="%s" ChangeKey="k"/><t:ParentFolderId Id="%s"/><t:FolderClass>%s</t:FolderClass><t:DisplayName>%s</t:DisplayName>%s</t:%s>`, element, id, parent, class, name, more, element)
}

// Folders are listed in pages. Roles come from Exchange's own names and never from those for
// people, which are in any language and may be anybody's.
func TestFolders(t *testing.T) {
	pages := []string{
		folderXML("Folder", "real-inbox", "root", "Posteingang", "IPF.Note", "") +
			folderXML("Folder", "f1", "real-inbox", "Projekte", "IPF.Note.Something", "") +
			folderXML("Folder", "F1", "f1", "Eins", "", ""),
		folderXML("Folder", "F1", "f1", "Eins", "", "") + // once more, as others came before it
			folderXML("Folder", "real-deleteditems", "root", "Sent Items", "IPF.Note", "") +
			folderXML("CalendarFolder", "cal", "root", "Kalender", "IPF.Appointment", "") +
			folderXML("SearchFolder", "search", "root", "Unread", "IPF.Note", "") +
			folderXML("Folder", "files", "root", "Files", "IPF.Files", "") +
			folderXML("Folder", "hidden", "root", "Settings", "IPF.Note", `<t:ExtendedProperty><t:ExtendedFieldURI PropertyTag="0x10f4" PropertyType="Boolean"/><t:Value>true</t:Value></t:ExtendedProperty>`) +
			folderXML("Folder", "loop1", "loop2", "Loop", "IPF.Note", "") + folderXML("Folder", "loop2", "loop1", "Loop", "IPF.Note", ""),
	}
	c := &canned{answer: func(op, body string) string {
		at := 0
		if strings.Contains(body, `Offset="3"`) {
			at = 1
		}
		return soapOf(op, ok(op, fmt.Sprintf(`<m:RootFolder IndexedPagingOffset="%d" TotalItemsInView="9" IncludesLastItemInRange="%t"><t:Folders>%s</t:Folders></m:RootFolder>`, 3+at*8, at == 1, pages[at])))
	}}
	s := c.open(t)
	list, err := s.Folders(t.Context())
	require.NoError(t, err)
	require.Equal(t, []provider.Folder{
		{ID: "inbox", Name: "Posteingang", Kind: provider.Mail, Role: provider.Inbox},
		{ID: "f1", Name: "Posteingang/Projekte", Kind: provider.Mail},
		{ID: "F1", Name: "Posteingang/Projekte/Eins", Kind: provider.Mail},
		{ID: "deleteditems", Name: "Sent Items", Kind: provider.Mail, Role: provider.Trash},
		{ID: "cal", Name: "Kalender"},
		{ID: "files", Name: "Files"},
	}, list[:6])
	require.Len(t, list, 8)
	require.Equal(t, "FindFolder FindFolder", c.ops())
	s.limits.Folders = 4
	_, err = s.Folders(t.Context())
	require.ErrorIs(t, err, provider.ErrTooLarge)
}

// A server that promises folders for ever is found out.
func TestFoldersForEver(t *testing.T) {
	for name, offset := range map[string]string{"the same place": "0", "nowhere": "", "before": "-1"} {
		c := &canned{answer: func(op, _ string) string {
			return soapOf(op, ok(op, `<m:RootFolder IndexedPagingOffset="`+offset+`" IncludesLastItemInRange="false"><t:Folders>`+folderXML("Folder", "a", "b", "c", "", "")+`</t:Folders></m:RootFolder>`))
		}}
		_, err := c.open(t).Folders(t.Context())
		require.ErrorIs(t, err, provider.ErrProtocol, name)
	}
}
