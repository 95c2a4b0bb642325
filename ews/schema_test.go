package ews

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/provider"
)

// Mail in makes each request that it has, in each of its forms, as Exchange's schema wants it.
func TestRequestsFitTheSchema(t *testing.T) {
	c := &canned{answer: everything}
	s := c.open(t)
	doEverything(t, s)
	require.Greater(t, len(c.requests()), 20)
	var all ledger
	for _, body := range c.requests() {
		all.note([]byte(body))
	}
	for _, op := range []string{"FindFolder", "SyncFolderItems", "GetItem", "GetAttachment", "ResolveNames", "UpdateItem", "MoveItem", "DeleteItem", "CreateFolder"} {
		require.Contains(t, c.ops(), op)
	}
	if why := unchecked(); why != "" {
		t.Skip(why)
	}
	_, err := all.check()
	require.NoError(t, err)
}

// everything answers what doEverything asks, with an item whose content cannot be given.
func everything(op, body string) string {
	switch op {
	case "SyncFolderItems":
		return synced("s", true, newNote("a")+`<t:ReadFlagChange><t:ItemId Id="b" ChangeKey="k"/><t:IsRead>true</t:IsRead></t:ReadFlagChange>`)
	case "GetItem":
		if strings.Contains(body, "IncludeMimeContent") {
			return soapOf(op, strings.Repeat(failed(op, "ErrorMimeContentConversionFailed"), len(itemIDs(body))))
		}
		return soapOf(op, ok(op, `<m:Items><t:Message><t:ItemId Id="`+itemIDs(body)[0]+`" ChangeKey="k"/>`+
			`<t:Subject>Hello</t:Subject><t:Body BodyType="HTML">&lt;p&gt;Hi&lt;/p&gt;</t:Body>`+
			`<t:Attachments><t:FileAttachment><t:AttachmentId Id="f1"/><t:Name>a.txt</t:Name><t:Size>3</t:Size></t:FileAttachment>`+
			`<t:ItemAttachment><t:AttachmentId Id="i1"/><t:Name>forwarded</t:Name></t:ItemAttachment></t:Attachments>`+
			`<t:Categories><t:String>CRM</t:String></t:Categories><t:DateTimeSent>2026-11-21T10:00:00Z</t:DateTimeSent>`+
			`<t:ToRecipients><t:Mailbox><t:Name>Bob</t:Name><t:EmailAddress>bob@example.com</t:EmailAddress><t:RoutingType>SMTP</t:RoutingType></t:Mailbox></t:ToRecipients>`+
			`<t:From><t:Mailbox><t:Name>Ann</t:Name><t:EmailAddress>/o=Org/cn=ann &amp; co</t:EmailAddress><t:RoutingType>EX</t:RoutingType></t:Mailbox></t:From>`+
			`<t:InternetMessageId>&lt;m1@example.com&gt;</t:InternetMessageId></t:Message></m:Items>`))
	case "ResolveNames":
		return soapOf(op, ok(op, `<m:ResolutionSet TotalItemsInView="1" IncludesLastItemInRange="true"><t:Resolution><t:Mailbox><t:Name>Ann</t:Name><t:EmailAddress>ann@example.com</t:EmailAddress><t:RoutingType>SMTP</t:RoutingType><t:MailboxType>Mailbox</t:MailboxType></t:Mailbox></t:Resolution></m:ResolutionSet>`))
	case "GetAttachment":
		content := `<t:FileAttachment><t:AttachmentId Id="f1"/><t:Name>a.txt</t:Name><t:Content>YWJj</t:Content></t:FileAttachment>`
		if strings.Contains(body, "i1") {
			content = `<t:ItemAttachment><t:AttachmentId Id="i1"/><t:Message><t:MimeContent>U3ViamVjdDogaW5uZXINCg0KeA0K</t:MimeContent></t:Message></t:ItemAttachment>`
		}
		return soapOf(op, ok(op, `<m:Attachments>`+content+`</m:Attachments>`))
	case "FindFolder":
		return soapOf(op, ok(op, `<m:RootFolder IndexedPagingOffset="0" TotalItemsInView="0" IncludesLastItemInRange="true"><t:Folders/></m:RootFolder>`))
	case "CreateFolder":
		return soapOf(op, ok(op, `<m:Folders><t:Folder><t:FolderId Id="made"/></t:Folder></m:Folders>`))
	}
	return soapOf(op, ok(op, ""))
}

// doEverything makes each request that mail in makes, in each of its forms.
func doEverything(t *testing.T, s *session) {
	ctx := t.Context()
	_, err := s.Folders(ctx)
	require.NoError(t, err)
	require.NoError(t, s.Check(ctx))
	page := provider.Page{}
	for _, want := range []provider.Want{provider.WantIDs, provider.WantHeaders, provider.WantBodies} {
		for _, cursor := range []provider.Cursor{"", page.Next} {
			r := inbox(cursor)
			r.Want = want
			page, err = s.Changes(ctx, r)
			require.NoError(t, err)
			releaseAll(page.Changes)
		}
	}
	require.NoError(t, s.Fetch(ctx, "inbox", page.Next.Epoch(), []provider.ID{"a", "<&\"'>"}, func(c provider.Change) error { return c.Raw.Release() }))
	act := provider.Act{Folder: "inbox", Epoch: page.Next.Epoch(), ID: "a"}
	for _, act.Kind = range []provider.ActKind{provider.Mark, provider.Unmark} {
		for _, act.Flag = range []string{`\Seen`, `\Flagged`, `\Answered`, "CRM", "Two <Words>"} {
			require.NoError(t, s.Act(ctx, act))
		}
	}
	act.Kind, act.Flag = provider.Move, ""
	for _, act.To = range []provider.FolderID{"deleteditems", "Undeliverable", "AAMkAGAA"} {
		require.NoError(t, s.Act(ctx, act))
	}
	act.Kind = provider.Delete
	require.NoError(t, s.Act(ctx, act))
}
