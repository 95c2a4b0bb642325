package ews

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/provider"
)

// act does an act on an item of the inbox.
func act(t *testing.T, s *session, a provider.Act) error {
	t.Helper()
	id, _ := s.real("inbox")
	a.Folder, a.Epoch, a.ID = "inbox", epochOf(id), "AAMk="
	return s.Act(t.Context(), a)
}

// Own acts tell nobody: no receipt, no mail about a meeting.
func TestActsTellNobody(t *testing.T) {
	c := &canned{answer: func(op, _ string) string { return soapOf(op, ok(op, "")) }}
	s := c.open(t)
	require.NoError(t, act(t, s, provider.Act{Kind: provider.Mark, Flag: `\Seen`}))
	require.NoError(t, act(t, s, provider.Act{Kind: provider.Delete}))
	seen, gone := c.requests()[0], c.requests()[1]
	for _, want := range []string{`SuppressReadReceipts="true"`, `SendMeetingInvitationsOrCancellations="SendToNone"`, `<t:FieldURI FieldURI="message:IsRead"/><t:Message><t:IsRead>true</t:IsRead></t:Message>`} {
		require.Contains(t, seen, want)
	}
	for _, want := range []string{`DeleteType="HardDelete"`, `SuppressReadReceipts="true"`, `SendMeetingCancellations="SendToNone"`, `AffectedTaskOccurrences="AllOccurrences"`} {
		require.Contains(t, gone, want)
	}
	s.client.version = "Exchange2010_SP2" // which has neither
	c.reset()
	require.NoError(t, act(t, s, provider.Act{Kind: provider.Mark, Flag: `\Flagged`}))
	require.NoError(t, act(t, s, provider.Act{Kind: provider.Unmark, Flag: `\Flagged`}))
	require.NotContains(t, c.requests()[0], "SuppressReadReceipts")
	require.Contains(t, c.requests()[0], `<t:ExtendedFieldURI PropertyTag="0x1090" PropertyType="Integer"/><t:Message><t:ExtendedProperty>`)
	require.Contains(t, c.requests()[1], `<t:DeleteItemField><t:ExtendedFieldURI PropertyTag="0x1090"`)
	for _, flag := range []string{`\Draft`, `\Deleted`, ""} {
		require.ErrorIs(t, act(t, s, provider.Act{Kind: provider.Mark, Flag: flag}), provider.ErrUnsupported)
	}
}

// A category is merged with those that others have set, and if they did so at the same moment
// that is done again, a few times.
func TestCategoriesAreMerged(t *testing.T) {
	have, conflicts, version := "<t:String>Theirs</t:String>", 2, 0
	c := &canned{answer: func(op, _ string) string {
		if op == "GetItem" {
			return soapOf(op, ok(op, fmt.Sprintf(`<m:Items><t:Message><t:ItemId Id="AAMk=" ChangeKey="v%d"/><t:Categories>%s</t:Categories></t:Message></m:Items>`, version, have)))
		}
		if version++; version <= conflicts {
			return soapOf(op, failed(op, []string{"ErrorIrresolvableConflict", "ErrorStaleObject"}[version%2]))
		}
		return soapOf(op, ok(op, ""))
	}}
	s := c.open(t)
	require.NoError(t, act(t, s, provider.Act{Kind: provider.Mark, Flag: "CRM"}))
	require.Equal(t, "GetItem UpdateItem GetItem UpdateItem GetItem UpdateItem", c.ops())
	last := c.requests()[5]
	require.Contains(t, last, `<t:Categories><t:String>Theirs</t:String><t:String>CRM</t:String></t:Categories>`)
	require.Contains(t, last, `ConflictResolution="NeverOverwrite"`)
	require.Contains(t, last, `ChangeKey="v2"`)

	have, conflicts, version = "<t:String>crm</t:String>", 0, 0
	c.reset()
	require.NoError(t, act(t, s, provider.Act{Kind: provider.Mark, Flag: "CRM"}))
	require.Equal(t, "GetItem", c.ops(), "it has it already")
	require.NoError(t, act(t, s, provider.Act{Kind: provider.Unmark, Flag: "CRM"}))
	require.Contains(t, c.requests()[2], `<t:DeleteItemField><t:FieldURI FieldURI="item:Categories"/></t:DeleteItemField>`)
	require.NotContains(t, c.requests()[2], "<t:Categories")

	conflicts, version = 1000, 0
	c.reset()
	require.ErrorIs(t, act(t, s, provider.Act{Kind: provider.Unmark, Flag: "CRM"}), provider.ErrUnavailable)
	require.Equal(t, 4, strings.Count(c.ops(), "UpdateItem"))
}

// A write that wants to know which version it changes is done again with it.
func TestChangeKeyIsFetched(t *testing.T) {
	c := &canned{answer: func(op, body string) string {
		switch {
		case op == "GetItem":
			return soapOf(op, ok(op, `<m:Items><t:Message><t:ItemId Id="AAMk=" ChangeKey="v9"/></t:Message></m:Items>`))
		case !strings.Contains(body, `ChangeKey="v9"`):
			return soapOf(op, failed(op, "ErrorChangeKeyRequiredForWriteOperations"))
		}
		return soapOf(op, ok(op, ""))
	}}
	require.NoError(t, act(t, c.open(t), provider.Act{Kind: provider.Mark, Flag: `\Seen`}))
	require.Equal(t, "UpdateItem GetItem UpdateItem", c.ops())
	c.answer = func(op, _ string) string {
		if op == "GetItem" {
			return soapOf(op, ok(op, `<m:Items><t:Message><t:ItemId Id="AAMk=" ChangeKey="v9"/></t:Message></m:Items>`))
		}
		return soapOf(op, failed(op, "ErrorStaleObject"))
	}
	require.ErrorIs(t, act(t, c.open(t), provider.Act{Kind: provider.Mark, Flag: `\Seen`}), provider.ErrUnavailable)
}

// A folder that is not there is made once, and found again when it is there; one that somebody
// has made at the same moment is taken.
func TestMoveMakesTheFolder(t *testing.T) {
	folder := "" // its id, in the inbox or at the top
	exists := false
	c := &canned{answer: func(op, body string) string {
		switch op {
		case "FindFolder":
			list := ""
			if folder != "" && strings.Contains(body, `Id="msgfolderroot"`) {
				list = `<t:Folder><t:FolderId Id="` + folder + `"/><t:FolderClass>IPF.Note</t:FolderClass><t:DisplayName>undeliverable</t:DisplayName></t:Folder>`
			}
			return soapOf(op, ok(op, `<m:RootFolder IncludesLastItemInRange="true"><t:Folders>`+list+`</t:Folders></m:RootFolder>`))
		case "CreateFolder":
			if exists {
				folder = "theirs"
				return soapOf(op, failed(op, "ErrorFolderExists"))
			}
			folder = "ours"
			return soapOf(op, ok(op, `<m:Folders><t:Folder><t:FolderId Id="ours"/></t:Folder></m:Folders>`))
		}
		if !strings.Contains(body, `<t:FolderId Id="`+folder+`"/>`) {
			return soapOf(op, failed(op, "ErrorToFolderNotFound"))
		}
		return soapOf(op, ok(op, ""))
	}}
	s := c.open(t)
	move := provider.Act{Kind: provider.Move, To: "Undeliverable"}
	require.NoError(t, act(t, s, move))
	require.Equal(t, "FindFolder FindFolder CreateFolder MoveItem", c.ops())
	c.reset()
	require.NoError(t, act(t, s, move))
	require.Equal(t, "MoveItem", c.ops(), "it is known now")
	folder, exists = "", true // somebody has deleted it, and makes it again
	c.reset()
	require.NoError(t, act(t, s, move))
	require.Equal(t, "MoveItem FindFolder FindFolder CreateFolder FindFolder MoveItem", c.ops())
	c.reset()
	require.NoError(t, act(t, c.open(t), move))
	require.Equal(t, "FindFolder MoveItem", c.ops(), "another session finds it")
}

// A move to a folder that Exchange names, or by its id, needs no other request. Where a folder
// is gone whose name nobody knows, there is nothing to do.
func TestMoveToAFolderThatIsThere(t *testing.T) {
	code := ""
	c := &canned{answer: func(op, _ string) string {
		if code != "" {
			return soapOf(op, failed(op, code))
		}
		return soapOf(op, ok(op, ""))
	}}
	s := c.open(t)
	long := provider.FolderID(strings.Repeat("AAMkAGAA", 15))
	for _, to := range []provider.FolderID{"junkemail", long} {
		require.NoError(t, act(t, s, provider.Act{Kind: provider.Move, To: to}))
	}
	require.Contains(t, c.requests()[0], `<t:FolderId Id="real-junkemail"/>`)
	require.Equal(t, "MoveItem MoveItem", c.ops())
	for _, code = range []string{"ErrorToFolderNotFound", "ErrorItemNotFound", "ErrorInvalidIdMalformed"} {
		require.ErrorIs(t, act(t, s, provider.Act{Kind: provider.Move, To: long}), provider.ErrNotFound, code)
	}
}
