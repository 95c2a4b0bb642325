package ewstest

import (
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"testing"

	"github.com/go-serversync/serversync/ews/internal/soap"
)

// requests are good requests of every operation, to be spoilt.
func (b *bench) requests(id string) []string {
	file := `<t:FileAttachment><t:Name>a</t:Name><t:Content>` + base([]byte("x")) + `</t:Content></t:FileAttachment>`
	return []string{
		`<m:GetFolder>` + folderShapeAll + `<m:FolderIds>` + known("inbox") + folderID(b.s.FolderID(anna, "drafts")) + `</m:FolderIds></m:GetFolder>`,
		`<m:FindFolder Traversal="Deep">` + folderShapeAll + `<m:IndexedPageFolderView MaxEntriesReturned="5" Offset="0" BasePoint="Beginning"/><m:Restriction>` + than("IsEqualTo", "folder:DisplayName", "x") + `</m:Restriction><m:ParentFolderIds>` + known("root") + `</m:ParentFolderIds></m:FindFolder>`,
		`<m:CreateFolder><m:ParentFolderId>` + known("inbox") + `</m:ParentFolderId><m:Folders><t:Folder><t:DisplayName>n</t:DisplayName></t:Folder></m:Folders></m:CreateFolder>`,
		`<m:UpdateFolder><m:FolderChanges><t:FolderChange>` + known("notes") + `<t:Updates><t:SetFolderField><t:FieldURI FieldURI="folder:DisplayName"/><t:Folder><t:DisplayName>N</t:DisplayName></t:Folder></t:SetFolderField></t:Updates></t:FolderChange></m:FolderChanges></m:UpdateFolder>`,
		`<m:DeleteFolder DeleteType="HardDelete"><m:FolderIds>` + known("inbox") + `</m:FolderIds></m:DeleteFolder>`,
		`<m:EmptyFolder DeleteType="HardDelete" DeleteSubFolders="true"><m:FolderIds>` + known("junkemail") + `</m:FolderIds></m:EmptyFolder>`,
		`<m:MoveFolder><m:ToFolderId>` + known("inbox") + `</m:ToFolderId><m:FolderIds>` + known("drafts") + `</m:FolderIds></m:MoveFolder>`,
		`<m:SyncFolderHierarchy><m:FolderShape>` + idOnly + `</m:FolderShape></m:SyncFolderHierarchy>`,
		`<m:MarkAllItemsAsRead><m:ReadFlag>true</m:ReadFlag><m:SuppressReadReceipts>true</m:SuppressReadReceipts><m:FolderIds>` + known("inbox") + `</m:FolderIds></m:MarkAllItemsAsRead>`,
		getItemBody(`<t:BaseShape>AllProperties</t:BaseShape><t:IncludeMimeContent>true</t:IncludeMimeContent><t:AdditionalProperties><t:ExtendedFieldURI PropertyTag="0x7d" PropertyType="String"/></t:AdditionalProperties>`, id),
		`<m:FindItem Traversal="Shallow"><m:ItemShape>` + idOnly + `</m:ItemShape><m:SeekToConditionPageItemView BasePoint="Beginning"><t:Condition>` + than("IsEqualTo", "item:Subject", "x") + `</t:Condition></m:SeekToConditionPageItemView><m:Restriction><t:Or><t:Exists><t:FieldURI FieldURI="item:Subject"/></t:Exists><t:Excludes><t:FieldURI FieldURI="item:Size"/><t:Bitmask Value="1"/></t:Excludes></t:Or></m:Restriction><m:SortOrder><t:FieldOrder Order="Descending"><t:FieldURI FieldURI="item:Subject"/></t:FieldOrder></m:SortOrder><m:ParentFolderIds>` + known("inbox") + `</m:ParentFolderIds></m:FindItem>`,
		`<m:FindItem Traversal="Shallow"><m:ItemShape>` + idOnly + `</m:ItemShape><m:CalendarView StartDate="2026-01-01T00:00:00Z" EndDate="2026-02-01T00:00:00Z"/><m:ParentFolderIds>` + known("calendar") + `</m:ParentFolderIds></m:FindItem>`,
		syncBody(known("inbox"), "", ""),
		create("SendAndSaveCopy", "sentitems", `<t:Message><t:MimeContent>`+base(mail("x"))+`</t:MimeContent><t:Attachments>`+file+`</t:Attachments><t:ExtendedProperty><t:ExtendedFieldURI PropertyTag="0x0E07" PropertyType="Integer"/><t:Value>1</t:Value></t:ExtendedProperty><t:ToRecipients>`+to(bob)+`</t:ToRecipients><t:From>`+to(anna)+`</t:From></t:Message>`),
		create("SaveOnly", "", `<t:CalendarItem><t:Start>2026-11-02T10:00:00Z</t:Start><t:End>2026-11-02T11:00:00Z</t:End></t:CalendarItem>`),
		create("SaveOnly", "", `<t:ReplyAllToItem><t:ReferenceItemId Id="`+id+`"/><t:NewBodyContent BodyType="Text">y</t:NewBodyContent></t:ReplyAllToItem>`),
		update(id, "", "AlwaysOverwrite", set("item:Subject", `<t:Message><t:Subject>two</t:Subject></t:Message>`)+`<t:AppendToItemField><t:FieldURI FieldURI="item:Body"/><t:Message><t:Body BodyType="Text">x</t:Body></t:Message></t:AppendToItemField>`),
		`<m:SendItem SaveItemToFolder="true"><m:ItemIds><t:ItemId Id="` + id + `" ChangeKey="` + b.key(id) + `"/></m:ItemIds></m:SendItem>`,
		`<m:CopyItem><m:ToFolderId>` + known("archive") + `</m:ToFolderId><m:ItemIds><t:ItemId Id="` + id + `"/></m:ItemIds></m:CopyItem>`,
		`<m:DeleteItem DeleteType="SoftDelete"><m:ItemIds><t:ItemId Id="x"/></m:ItemIds></m:DeleteItem>`,
		`<m:CreateAttachment><m:ParentItemId Id="` + id + `"/><m:Attachments>` + file + `<t:ItemAttachment><t:Name>i</t:Name><t:Message><t:Subject>s</t:Subject></t:Message></t:ItemAttachment></m:Attachments></m:CreateAttachment>`,
		`<m:GetAttachment><m:AttachmentShape>` + `<t:IncludeMimeContent>true</t:IncludeMimeContent></m:AttachmentShape><m:AttachmentIds><t:AttachmentId Id="x"/></m:AttachmentIds></m:GetAttachment>`,
		pull(known("inbox"), allEvents), getEventsBody("x", "y"), `<m:Unsubscribe><m:SubscriptionId>x</m:SubscriptionId></m:Unsubscribe>`,
		`<m:ResolveNames ReturnFullContactData="true"><m:UnresolvedEntry>a</m:UnresolvedEntry></m:ResolveNames>`,
		`<m:ConvertId DestinationFormat="OwaId"><m:SourceIds><t:AlternateId Format="EwsId" Id="` + id + `" Mailbox="a@b"/></m:SourceIds></m:ConvertId>`,
		`<m:GetServerTimeZones><m:Ids><t:Id>UTC</t:Id></m:Ids></m:GetServerTimeZones>`,
		`<m:GetUserConfiguration><m:UserConfigurationName Name="x">` + known("inbox") + `</m:UserConfigurationName></m:GetUserConfiguration>`,
		`<m:GetUserOofSettingsRequest><t:Mailbox><t:Address>` + anna + `</t:Address></t:Mailbox></m:GetUserOofSettingsRequest>`,
		`<m:GetDelegate IncludePermissions="true"><m:Mailbox><t:EmailAddress>` + anna + `</t:EmailAddress></m:Mailbox></m:GetDelegate>`,
		`<m:GetUserAvailabilityRequest><m:MailboxDataArray><t:MailboxData><t:Email><t:Address>` + anna + `</t:Address></t:Email></t:MailboxData></m:MailboxDataArray><t:FreeBusyViewOptions><t:TimeWindow><t:StartTime>2026-11-02T00:00:00</t:StartTime><t:EndTime>2026-11-03T00:00:00</t:EndTime></t:TimeWindow></t:FreeBusyViewOptions></m:GetUserAvailabilityRequest>`,
	}
}

// spoil removes, empties, doubles or exchanges something in a request.
func spoil(rng *rand.Rand, n *node) *node {
	c := &node{name: n.name, attrs: slices.Clone(n.attrs), text: n.text}
	for _, child := range n.children {
		switch rng.IntN(24) {
		case 0:
			continue
		case 1:
			c.children = append(c.children, &node{name: child.name})
			continue
		case 2:
			c.children = append(c.children, spoil(rng, child))
		case 3:
			c.children = append(c.children, &node{name: soap.Name{Space: soap.Types, Local: "Odd"}, text: "odd"})
		}
		c.children = append(c.children, spoil(rng, child))
	}
	for i := range c.attrs {
		if rng.IntN(16) == 0 {
			c.attrs[i].Value = [...]string{"", "-1", "AAAA", "99999999999999999999", "\x00"}[rng.IntN(5)]
		}
	}
	if c.text != "" && rng.IntN(12) == 0 {
		c.text = [...]string{"", "-1", "%%%", "true"}[rng.IntN(4)]
	}
	return c
}

// Whatever leaves the schema, for a server that takes that, is answered in one way or another.
func TestSpoiltRequests(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 7))
		b := newBench(t, Behavior{})
		id := b.s.Add(anna, "inbox", mail("one"))
		for i, r := range b.requests(id) {
			n, err := readTree(`<x xmlns:m="` + soap.Messages + `" xmlns:t="` + soap.Types + `">` + r + `</x>`)
			if err != nil {
				t.Fatal(err)
			}
			n = spoil(rng, n.first())
			func() {
				defer func() {
					if p := recover(); p != nil {
						t.Errorf("seed %d, request %d: %v\n%s", seed, i, p, debug.Stack())
					}
				}()
				var w soap.Writer
				w.Start("x")
				_ = operations()[n.name.Local](&request{server: b.s, op: n.name.Local, body: n, caller: anna, acting: anna}, &w)
			}()
		}
		*b.said = nil
	}
}
