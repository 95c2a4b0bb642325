package ewstest

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// known is a folder in a request.
func known(name string) string { return `<t:DistinguishedFolderId Id="` + name + `"/>` }

func folderID(id string) string { return `<t:FolderId Id="` + id + `"/>` }

const folderShapeAll = `<m:FolderShape><t:BaseShape>AllProperties</t:BaseShape></m:FolderShape>`

// names returns the names of the folders in an answer.
func names(m *node, path ...string) (all []string) {
	for _, f := range list(m.at(path...)) {
		all = append(all, f.child("DisplayName").value())
	}
	return all
}

func (b *bench) createFolder(parent, name string) string {
	b.t.Helper()
	m := b.one(`<m:CreateFolder><m:ParentFolderId>` + parent + `</m:ParentFolderId><m:Folders><t:Folder><t:DisplayName>` + name + `</t:DisplayName></t:Folder></m:Folders></m:CreateFolder>`)
	return m.at("Folders", "Folder", "FolderId").attr("Id")
}

func TestCreateFolder(t *testing.T) {
	b := newBench(t, Behavior{})
	id := b.createFolder(known("inbox"), "Clients")
	assert.Equal(t, id, b.s.FolderID(anna, "Inbox/Clients"))
	again := `<m:CreateFolder><m:ParentFolderId>` + known("inbox") + `</m:ParentFolderId><m:Folders><t:Folder><t:FolderClass>IPF.Note</t:FolderClass><t:DisplayName>clients</t:DisplayName></t:Folder><t:TasksFolder><t:DisplayName>To do</t:DisplayName></t:TasksFolder><t:Folder><t:DisplayName/></t:Folder></m:Folders></m:CreateFolder>`
	assert.Equal(t, "ErrorFolderExists NoError ErrorFolderSavePropertyError", b.code(again))
	f := b.one(`<m:GetFolder>` + folderShapeAll + `<m:FolderIds>` + folderID(b.s.FolderID(anna, "Inbox/To do")) + `</m:FolderIds></m:GetFolder>`).child("Folders").first()
	assert.Equal(t, "TasksFolder", f.name.Local)
	assert.Equal(t, "IPF.Task", f.child("FolderClass").value())
}

func TestFindFolder(t *testing.T) {
	b := newBench(t, Behavior{})
	for _, p := range []string{"Inbox/A", "Inbox/A/B", "Inbox/C"} {
		b.s.CreateFolder(anna, p)
	}
	find := func(how, view, restriction string) *node {
		return b.one(`<m:FindFolder Traversal="` + how + `">` + folderShapeAll + view + restriction + `<m:ParentFolderIds>` + known("inbox") + `</m:ParentFolderIds></m:FindFolder>`).child("RootFolder")
	}
	assert.Equal(t, []string{"A", "C"}, names(find("Shallow", "", ""), "Folders"))
	assert.Equal(t, []string{"A", "B", "C"}, names(find("Deep", "", ""), "Folders"))
	page := find("Deep", `<m:IndexedPageFolderView MaxEntriesReturned="2" Offset="0" BasePoint="Beginning"/>`, "")
	assert.Equal(t, []string{"A", "B"}, names(page, "Folders"))
	assert.Equal(t, "false", page.attr("IncludesLastItemInRange"))
	assert.Equal(t, "2", page.attr("IndexedPagingOffset"))
	assert.Equal(t, "3", page.attr("TotalItemsInView"))
	named := find("Shallow", "", `<m:Restriction><t:IsEqualTo><t:FieldURI FieldURI="folder:DisplayName"/><t:FieldURIOrConstant><t:Constant Value="c"/></t:FieldURIOrConstant></t:IsEqualTo></m:Restriction>`)
	assert.Equal(t, []string{"C"}, names(named, "Folders"))
	assert.Equal(t, "true", named.attr("IncludesLastItemInRange"))
}

func TestUpdateMoveAndDeleteFolder(t *testing.T) {
	b := newBench(t, Behavior{})
	id := b.createFolder(known("msgfolderroot"), "Old")
	b.createFolder(known("msgfolderroot"), "Taken")
	rename := func(id, name string) string {
		return `<m:UpdateFolder><m:FolderChanges><t:FolderChange>` + id + `<t:Updates><t:SetFolderField><t:FieldURI FieldURI="folder:DisplayName"/><t:Folder><t:DisplayName>` + name + `</t:DisplayName></t:Folder></t:SetFolderField></t:Updates></t:FolderChange></m:FolderChanges></m:UpdateFolder>`
	}
	assert.Equal(t, "NoError", b.code(rename(folderID(id), "New")))
	assert.Equal(t, "ErrorFolderExists", b.code(rename(folderID(id), "Taken")))
	assert.Equal(t, id, b.s.FolderID(anna, "New"))
	move := func(id, to string) string {
		return `<m:MoveFolder><m:ToFolderId>` + to + `</m:ToFolderId><m:FolderIds>` + id + `</m:FolderIds></m:MoveFolder>`
	}
	assert.Equal(t, "NoError", b.code(move(folderID(id), known("inbox"))))
	assert.Equal(t, "ErrorMoveDistinguishedFolder", b.code(move(known("drafts"), known("inbox"))))
	assert.Equal(t, id, b.s.FolderID(anna, "Inbox/New"))
	remove := func(id, how string) string {
		return `<m:DeleteFolder DeleteType="` + how + `"><m:FolderIds>` + id + `</m:FolderIds></m:DeleteFolder>`
	}
	assert.Equal(t, "ErrorDeleteDistinguishedFolder", b.code(remove(known("inbox"), "HardDelete")))
	assert.Equal(t, "NoError", b.code(remove(folderID(id), "MoveToDeletedItems")))
	assert.Equal(t, id, b.s.FolderID(anna, "deleteditems/New"))
	item := b.s.Add(anna, "deleteditems/New", mail("within"))
	assert.Equal(t, "NoError", b.code(remove(folderID(id), "HardDelete")))
	assert.Equal(t, "ErrorFolderNotFound", b.code(remove(folderID(id), "HardDelete")))
	assert.Equal(t, "ErrorItemNotFound", b.code(getItemBody(idOnly, item)))
}

func TestEmptyFolderAndMarkAll(t *testing.T) {
	b := newBench(t, Behavior{})
	for i := range 3 {
		b.s.Add(anna, "Work", mail(fmt.Sprint("m", i)))
	}
	id := folderID(b.s.FolderID(anna, "Work"))
	assert.Equal(t, "NoError", b.code(`<m:MarkAllItemsAsRead><m:ReadFlag>true</m:ReadFlag><m:SuppressReadReceipts>true</m:SuppressReadReceipts><m:FolderIds>`+id+`</m:FolderIds></m:MarkAllItemsAsRead>`))
	for _, m := range b.s.Messages(anna, "Work") {
		assert.Equal(t, []string{FlagRead}, m.Flags)
	}
	assert.Equal(t, "NoError", b.code(`<m:EmptyFolder DeleteType="MoveToDeletedItems" DeleteSubFolders="false"><m:FolderIds>`+id+`</m:FolderIds></m:EmptyFolder>`))
	assert.Empty(t, b.s.Messages(anna, "Work"))
	assert.Len(t, b.s.Messages(anna, "deleteditems"), 3)
}

func TestSyncFolderHierarchy(t *testing.T) {
	b := newBench(t, Behavior{})
	sync := func(state string) (changes []string, next string) {
		if state != "" {
			state = `<m:SyncState>` + state + `</m:SyncState>`
		}
		m := b.one(`<m:SyncFolderHierarchy><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape></m:FolderShape><m:SyncFolderId>` + known("inbox") + `</m:SyncFolderId>` + state + `</m:SyncFolderHierarchy>`)
		for _, c := range list(m.child("Changes")) {
			id := c.child("FolderId")
			if id == nil {
				id = c.first().child("FolderId")
			}
			changes = append(changes, c.name.Local+" "+id.attr("Id"))
		}
		return changes, m.child("SyncState").value()
	}
	one := b.createFolder(known("inbox"), "One")
	b.createFolder(known("msgfolderroot"), "Elsewhere")
	all, state := sync("")
	assert.Equal(t, []string{"Create " + one}, all)
	two := b.createFolder(folderID(one), "Two")
	news, state := sync(state)
	assert.Equal(t, []string{"Create " + two}, news)
	b.s.DeleteFolder(anna, "Inbox/One/Two")
	short := b.createFolder(folderID(one), "Short")
	b.s.DeleteFolder(anna, "Inbox/One/Short")
	news, state = sync(state)
	assert.Equal(t, []string{"Delete " + two}, news, "what came and went is not told: "+short)
	news, _ = sync(state)
	assert.Empty(t, news)
	items, _, _ := b.sync("inbox", "", 10)
	assert.Empty(t, items)
	assert.Equal(t, "ErrorInvalidSyncStateData", b.code(`<m:SyncFolderHierarchy><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape></m:FolderShape><m:SyncState>`+state+`</m:SyncState></m:SyncFolderHierarchy>`), "a state is of one root")
}

func TestDelegates(t *testing.T) {
	b := newBench(t, Behavior{})
	id := b.s.Add(bob, "inbox", mail("for bob"))
	inbox := `<t:DistinguishedFolderId Id="inbox"><t:Mailbox><t:EmailAddress>` + bob + `</t:EmailAddress></t:Mailbox></t:DistinguishedFolderId>`
	get := `<m:GetFolder>` + folderShapeAll + `<m:FolderIds>` + inbox + `</m:FolderIds></m:GetFolder>`
	assert.Equal(t, "ErrorAccessDenied", b.code(get))
	b.s.Grant(bob, anna, "Inbox=Reviewer")
	f := b.one(get).child("Folders").first()
	assert.Equal(t, "true", f.at("EffectiveRights", "Read").value())
	assert.Equal(t, "false", f.at("EffectiveRights", "Delete").value())
	assert.Equal(t, "NoError", b.code(getItemBody(idOnly, id)))
	remove := `<m:DeleteItem DeleteType="HardDelete"><m:ItemIds><t:ItemId Id="` + id + `"/></m:ItemIds></m:DeleteItem>`
	assert.Equal(t, "ErrorAccessDenied", b.code(remove))
	b.s.Grant(bob, anna, "FullAccess")
	assert.Equal(t, "NoError", b.code(remove))
	nobody := `<m:GetFolder>` + folderShapeAll + `<m:FolderIds><t:DistinguishedFolderId Id="inbox"><t:Mailbox><t:EmailAddress>no@example.com</t:EmailAddress></t:Mailbox></t:DistinguishedFolderId></m:FolderIds></m:GetFolder>`
	assert.Equal(t, "ErrorNonExistentMailbox", b.code(nobody))
	service := b.as("service@example.com")
	assert.Equal(t, "ErrorMissingEmailAddress", service.code(`<m:GetFolder>`+folderShapeAll+`<m:FolderIds>`+known("inbox")+`</m:FolderIds></m:GetFolder>`))
	require.Equal(t, "ErrorAccessDenied", service.code(get))
}
