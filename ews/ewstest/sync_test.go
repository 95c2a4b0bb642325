package ewstest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func syncBody(folder, state, more string) string {
	if state != "" {
		state = "<m:SyncState>" + state + "</m:SyncState>"
	}
	return `<m:SyncFolderItems><m:ItemShape>` + idOnly + `</m:ItemShape><m:SyncFolderId>` + folder + `</m:SyncFolderId>` + state + more + `<m:MaxChangesReturned>512</m:MaxChangesReturned></m:SyncFolderItems>`
}

func TestSyncStates(t *testing.T) {
	b := newBench(t, Behavior{StateSize: 100 << 10})
	b.s.Add(anna, "inbox", mail("one"))
	_, state, _ := b.sync("inbox", "", 10)
	assert.Greater(t, len(state), 100<<10)
	assert.Equal(t, "NoError", b.code(syncBody(known("inbox"), state, "")))
	for what, bad := range map[string]string{
		"cut": state[:len(state)/2], "damaged": strings.Replace(state, "AAAA", "AAAB", 1), "none": "c3RhdGU=", "no base64": "%%%",
	} {
		assert.Equal(t, "ErrorInvalidSyncStateData", b.code(syncBody(known("inbox"), bad, "")), what)
	}
	assert.Equal(t, "ErrorInvalidSyncStateData", b.code(syncBody(known("drafts"), state, "")), "it is another folder's")
	b.s.ForgetSyncStates()
	assert.Equal(t, "ErrorInvalidSyncStateData", b.code(syncBody(known("inbox"), state, "")), "it is forgotten")
	assert.Equal(t, "ErrorSyncFolderNotFound", b.code(syncBody(folderID("AQMkAAAA"), "", "")))
}

func TestSyncPagesAndIgnore(t *testing.T) {
	b := newBench(t, Behavior{})
	b.s.AddLazy(anna, "inbox", 1030, func(i int) []byte { return mail(fmt.Sprint("m", i)) })
	ids := b.s.IDs(anna, "inbox")
	var got []string
	state, last := "", false
	for pages := 0; !last; pages++ {
		require.Less(t, pages, 4)
		var changes []string
		changes, state, last = b.sync("inbox", state, 512)
		got = append(got, changes...)
	}
	require.Len(t, got, 1030)
	for i, c := range got {
		require.Equal(t, "Create "+ids[len(ids)-1-i], c)
	}
	one, two := b.s.Add(anna, "inbox", mail("one")), b.s.Add(anna, "inbox", mail("two"))
	m := b.one(syncBody(known("inbox"), state, `<m:Ignore><t:ItemId Id="`+one+`"/></m:Ignore>`))
	require.Len(t, m.child("Changes").children, 1)
	assert.Equal(t, two, m.at("Changes", "Create", "Message", "ItemId").attr("Id"))
	assert.Equal(t, string(mail("m7")), string(b.mime(ids[7])))
}

func TestSyncTellsEachThingOnce(t *testing.T) {
	b := newBench(t, Behavior{})
	known := b.s.Add(anna, "inbox", mail("known"))
	_, state, _ := b.sync("inbox", "", 512)
	fresh := b.s.Add(anna, "inbox", mail("fresh"))
	b.s.SetFlags(fresh, FlagRead)
	b.s.Touch(fresh)
	gone := b.s.Add(anna, "inbox", mail("gone"))
	b.s.Remove(gone)
	b.s.SetFlags(known, FlagRead)
	b.s.Touch(known)
	b.s.Touch(known)
	got, state, _ := b.sync("inbox", state, 512)
	assert.Equal(t, []string{"Create " + fresh, "Update " + known}, got)
	b.s.SetFlags(fresh)
	b.s.SetFlags(fresh, FlagRead)
	first, state, last := b.sync("inbox", state, 1)
	assert.Equal(t, []string{"ReadFlagChange " + fresh}, first)
	assert.True(t, last)
	old := b.s.AddAt(anna, "inbox", time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), mail("old"))
	got, _, _ = b.sync("inbox", state, 512)
	assert.Equal(t, []string{"Create " + old}, got, "what arrives is news however old it is")
}

// A client that lists while things move has, in the end, what there is.
func TestSyncConverges(t *testing.T) {
	b := newBench(t, Behavior{})
	for i := range 60 {
		b.s.Add(anna, "inbox", mail(fmt.Sprint("m", i)))
	}
	have, state := map[string]bool{}, ""
	for round := 0; ; round++ {
		changes, next, last := b.sync("inbox", state, 7)
		for _, c := range changes {
			what, id, _ := strings.Cut(c, " ")
			if what == "Delete" {
				delete(have, id)
			} else {
				have[id] = true
			}
		}
		state = next
		if ids := b.s.IDs(anna, "inbox"); round < 12 {
			b.s.Remove(ids[(round*7)%len(ids)])
			b.s.Touch(ids[(round*11+1)%(len(ids)-1)+0])
			b.s.Add(anna, "inbox", mail(fmt.Sprint("new", round)))
			b.s.Move(b.s.Add(anna, "drafts", mail(fmt.Sprint("moved", round))), "inbox")
		} else if last {
			break
		}
	}
	want := map[string]bool{}
	for _, id := range b.s.IDs(anna, "inbox") {
		want[id] = true
	}
	assert.Equal(t, want, have)
}

func TestMoveCopyDelete(t *testing.T) {
	b := newBench(t, Behavior{})
	raw := mail("one")
	id := b.s.Add(anna, "inbox", raw, FlagRead)
	move := func(op, id, to, more string) string {
		return `<m:` + op + `><m:ToFolderId>` + known(to) + `</m:ToFolderId><m:ItemIds><t:ItemId Id="` + id + `"/></m:ItemIds>` + more + `</m:` + op + `>`
	}
	moved := b.one(move("MoveItem", id, "archive", "")).at("Items", "Message", "ItemId").attr("Id")
	assert.NotEqual(t, id, moved)
	assert.Equal(t, "ErrorItemNotFound", b.code(move("MoveItem", id, "archive", "")))
	copied := b.one(move("CopyItem", moved, "inbox", "")).at("Items", "Message", "ItemId").attr("Id")
	assert.Equal(t, raw, b.mime(copied))
	assert.Empty(t, b.one(move("MoveItem", copied, "junkemail", "<m:ReturnNewItemIds>false</m:ReturnNewItemIds>")).child("Items").children)
	assert.Len(t, b.s.Messages(anna, "archive"), 1)
	junk := b.s.Messages(anna, "junkemail")[0]
	assert.Equal(t, []string{FlagRead}, junk.Flags)
	remove := func(id, how string) string {
		return `<m:DeleteItem DeleteType="` + how + `"><m:ItemIds><t:ItemId Id="` + id + `"/></m:ItemIds></m:DeleteItem>`
	}
	assert.Equal(t, "NoError", b.code(remove(junk.ID, "MoveToDeletedItems")))
	bin := b.s.Messages(anna, "deleteditems")
	require.Len(t, bin, 1)
	assert.Equal(t, "NoError", b.code(remove(bin[0].ID, "SoftDelete")))
	soft := b.s.Messages(anna, "recoverableitemsdeletions")
	require.Len(t, soft, 1)
	assert.Equal(t, "NoError", b.code(remove(soft[0].ID, "HardDelete")))
	assert.Empty(t, b.s.Messages(anna, "recoverableitemsdeletions"))
	assert.Equal(t, "ErrorItemNotFound ErrorInvalidIdMalformed ErrorCannotUseFolderIdForItemId", b.code(`<m:DeleteItem DeleteType="HardDelete"><m:ItemIds><t:ItemId Id="`+soft[0].ID+`"/><t:ItemId Id="no id"/><t:ItemId Id="`+b.s.FolderID(anna, "inbox")+`"/></m:ItemIds></m:DeleteItem>`))
	assert.Equal(t, "ErrorToFolderNotFound", b.code(`<m:MoveItem><m:ToFolderId>`+folderID("AQMkAAAA")+`</m:ToFolderId><m:ItemIds><t:ItemId Id="`+moved+`"/></m:ItemIds></m:MoveItem>`))
	across := `<m:MoveItem><m:ToFolderId><t:DistinguishedFolderId Id="inbox"><t:Mailbox><t:EmailAddress>` + bob + `</t:EmailAddress></t:Mailbox></t:DistinguishedFolderId></m:ToFolderId><m:ItemIds><t:ItemId Id="` + moved + `"/></m:ItemIds></m:MoveItem>`
	assert.Equal(t, "ErrorAccessDenied", b.code(across))
	b.s.Grant(bob, anna, "Inbox=Contributor")
	assert.Empty(t, b.one(across).child("Items").children, "no new id is told across mailboxes")
	assert.Len(t, b.s.Messages(bob, "inbox"), 1)
}

func TestDamage(t *testing.T) {
	b := newBench(t, Behavior{})
	bad, corrupt := b.s.AddBad(anna, "inbox", mail("bad")), b.s.AddCorrupt(anna, "inbox", mail("corrupt"))
	mime := idOnly + `<t:IncludeMimeContent>true</t:IncludeMimeContent>`
	assert.Equal(t, "ErrorMimeContentConversionFailed ErrorItemCorrupt", b.code(getItemBody(mime, bad, corrupt)))
	assert.Equal(t, "NoError ErrorItemCorrupt", b.code(getItemBody(`<t:BaseShape>Default</t:BaseShape>`, bad, corrupt)))
	changes, _, _ := b.sync("inbox", "", 10)
	assert.Equal(t, []string{"Create " + corrupt, "Create " + bad}, changes)
	cut := b.s.AddCut(anna, "inbox", large(1, 10<<10))
	assert.ErrorIs(t, b.write(getItemBody(mime, cut)).err, errCut)
	b.s.Remove(bad, corrupt, cut)
	assert.Empty(t, b.s.Messages(anna, "inbox"))
}

func TestMigrate(t *testing.T) {
	b := newBench(t, Behavior{})
	raw := mail("one")
	id := b.s.Add(anna, "inbox", raw)
	folder := b.s.FolderID(anna, "inbox")
	_, state, _ := b.sync("inbox", "", 10)
	b.s.Migrate(anna)
	assert.Equal(t, "ErrorItemNotFound", b.code(getItemBody(idOnly, id)))
	assert.Equal(t, "ErrorSyncFolderNotFound", b.code(syncBody(folderID(folder), "", "")))
	assert.Equal(t, "ErrorInvalidSyncStateData", b.code(syncBody(known("inbox"), state, "")))
	changes, _, _ := b.sync("inbox", "", 10)
	require.Len(t, changes, 1)
	assert.Equal(t, raw, b.mime(strings.TrimPrefix(changes[0], "Create ")))
}

func TestRewrite(t *testing.T) {
	b := newBench(t, Behavior{Rewrite: true})
	raw := []byte("From: eve@else.example\r\nTo: " + anna + "\r\nSubject: both\r\nMessage-ID: <r@else.example>\r\nX-Own: 1\r\nDate: Mon, 02 Nov 2026 10:00:00 +0100\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=mine\r\n\r\n--mine\r\nContent-Type: text/plain; charset=utf-8\r\n\r\ntext\r\n--mine\r\nContent-Type: image/png\r\nContent-Disposition: attachment; filename=a.png\r\nContent-Transfer-Encoding: base64\r\n\r\nAAECAw==\r\n--mine--\r\n")
	id := b.s.Add(anna, "inbox", raw)
	got := b.mime(id)
	assert.NotContains(t, string(got), "mine")
	before, after := parsed(t, raw), parsed(t, got)
	assert.Equal(t, before.Digest, after.Digest, "it says the same")
	assert.Equal(t, "1", field(after, "X-Own"))
	assert.Equal(t, got, b.mime(id), "and does so each time")
}

// A listing has all that it may have of items of every kind, and nothing that it may not.
func TestListingsOfKinds(t *testing.T) {
	b := newBench(t, Behavior{})
	b.s.Add(anna, "Mixed", mail("one", "Thread-Topic: topic\r\nKeywords: red, blue\r\n"))
	for _, k := range kinds {
		if k.name != "Item" && k.name != "MeetingMessage" {
			b.s.AddItem(anna, "Mixed", k.name, "")
		}
	}
	id := folderID(b.s.FolderID(anna, "Mixed"))
	for _, shape := range []string{"IdOnly", "Default", "AllProperties"} {
		shape = `<m:ItemShape><t:BaseShape>` + shape + `</t:BaseShape></m:ItemShape>`
		changes := b.one(`<m:SyncFolderItems>` + shape + `<m:SyncFolderId>` + id + `</m:SyncFolderId><m:MaxChangesReturned>100</m:MaxChangesReturned></m:SyncFolderItems>`).child("Changes")
		found := b.one(`<m:FindItem Traversal="Shallow">`+shape+`<m:ParentFolderIds>`+id+`</m:ParentFolderIds></m:FindItem>`).at("RootFolder", "Items")
		require.Len(t, changes.children, 10)
		require.Len(t, found.children, 10)
		for i, c := range changes.children {
			assert.Equal(t, c.first().name.Local, found.children[i].name.Local)
			for _, name := range leftOut {
				assert.Nil(t, c.first().child(name), name)
			}
		}
	}
	mime := `<m:ItemShape>` + idOnly + `<t:IncludeMimeContent>true</t:IncludeMimeContent></m:ItemShape>`
	assert.Equal(t, "ErrorInvalidPropertyForOperation", b.code(`<m:SyncFolderItems>`+mime+`<m:SyncFolderId>`+id+`</m:SyncFolderId><m:MaxChangesReturned>100</m:MaxChangesReturned></m:SyncFolderItems>`))
}
