package ewstest

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/item"
)

func base(raw []byte) string { return base64.StdEncoding.EncodeToString(raw) }

// create is a request to create an item.
func create(how, folder, item string) string {
	if folder != "" {
		folder = `<m:SavedItemFolderId>` + known(folder) + `</m:SavedItemFolderId>`
	}
	return `<m:CreateItem MessageDisposition="` + how + `" SendMeetingInvitations="SendToNone">` + folder + `<m:Items>` + item + `</m:Items></m:CreateItem>`
}

// draft creates a draft and returns its id.
func (b *bench) draft(item string) string {
	b.t.Helper()
	return b.one(create("SaveOnly", "drafts", item)).child("Items").first().child("ItemId").attr("Id")
}

func (b *bench) send(id, more string) string {
	b.t.Helper()
	return b.code(`<m:SendItem SaveItemToFolder="` + boolean(!strings.Contains(more, "nowhere")) + `"><m:ItemIds><t:ItemId Id="` + id + `" ChangeKey="` + b.key(id) + `"/></m:ItemIds>` + strings.TrimPrefix(more, "nowhere") + `</m:SendItem>`)
}

func to(addresses ...string) string {
	all := ""
	for _, a := range addresses {
		all += `<t:Mailbox><t:EmailAddress>` + a + `</t:EmailAddress></t:Mailbox>`
	}
	return all
}

func parsed(t *testing.T, raw []byte) *item.Message {
	t.Helper()
	m, err := item.ParseMessage(item.NewBlob(raw), item.Limits{})
	require.NoError(t, err)
	return m
}

func TestSendPropertiesAsMIME(t *testing.T) {
	b := newBench(t, Behavior{})
	id := b.draft(`<t:Message><t:Subject>Grüße</t:Subject><t:Body BodyType="HTML">&lt;p&gt;Hallo &lt;b&gt;Welt&lt;/b&gt;&lt;/p&gt;</t:Body><t:Attachments><t:FileAttachment><t:Name>a.txt</t:Name><t:ContentType>text/plain</t:ContentType><t:Content>` + base([]byte("file")) + `</t:Content></t:FileAttachment></t:Attachments><t:Importance>High</t:Importance><t:InReplyTo>&lt;x@y&gt;</t:InReplyTo><t:ExtendedProperty><t:ExtendedFieldURI DistinguishedPropertySetId="InternetHeaders" PropertyName="X-Crm" PropertyType="String"/><t:Value>17</t:Value></t:ExtendedProperty><t:ToRecipients>` + to(bob) + `</t:ToRecipients><t:CcRecipients>` + to("cc@far.example") + `</t:CcRecipients><t:BccRecipients>` + to("bcc@far.example") + `</t:BccRecipients><t:IsReadReceiptRequested>true</t:IsReadReceiptRequested><t:InternetMessageId>&lt;own@example.com&gt;</t:InternetMessageId><t:References>&lt;x@y&gt;</t:References></t:Message>`)
	assert.Equal(t, "NoError", b.send(id, ""))
	got := b.s.Messages(bob, "inbox")
	require.Len(t, got, 1)
	m := parsed(t, got[0].Raw)
	assert.Empty(t, m.Warnings)
	assert.Equal(t, "Grüße", m.Subject)
	assert.Equal(t, "own@example.com", m.MessageID)
	assert.Equal(t, []string{"x@y"}, m.InReplyTo)
	assert.Equal(t, []string{"x@y"}, m.References)
	assert.Equal(t, []item.Address{{Name: "Anna Berg", Addr: anna}}, m.From)
	assert.Equal(t, bob, m.To[0].Addr)
	assert.Equal(t, "cc@far.example", m.Cc[0].Addr)
	assert.Empty(t, m.Bcc)
	assert.Equal(t, "High", field(m, "Importance"))
	assert.Equal(t, "17", field(m, "X-Crm"))
	assert.Contains(t, field(m, "Disposition-Notification-To"), anna)
	assert.Contains(t, m.HTML, "<b>Welt</b>")
	require.Len(t, m.Attachments, 1)
	assert.Equal(t, "a.txt", m.Attachments[0].Name)
	sent := b.get(`<t:BaseShape>AllProperties</t:BaseShape>`, b.s.Messages(anna, "sentitems")[0].ID)
	assert.Equal(t, "bcc@far.example", sent.at("BccRecipients", "Mailbox", "EmailAddress").value(), "the sender knows")
	assert.Nil(t, b.as(bob).get(`<t:BaseShape>AllProperties</t:BaseShape>`, got[0].ID).child("BccRecipients"))
	assert.Equal(t, "false", sent.child("IsDraft").value())
	assert.Equal(t, []string{bob, "cc@far.example", "bcc@far.example"}, b.s.Sent()[0].Recipients)
}

func TestSendWithAttachments(t *testing.T) {
	b := newBench(t, Behavior{})
	raw := "From: " + anna + "\r\nTo: " + bob + "\r\nSubject: draft\r\nMessage-ID: <m1@example.com>\r\nDate: Mon, 02 Nov 2026 10:00:00 +0100\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nHallöchen\r\n"
	id := b.draft(`<t:Message><t:MimeContent>` + base([]byte(raw)) + `</t:MimeContent></t:Message>`)
	key := b.key(id)
	m := b.one(`<m:CreateAttachment><m:ParentItemId Id="` + id + `" ChangeKey="` + key + `"/><m:Attachments><t:FileAttachment><t:Name>größe.bin</t:Name><t:Content>` + base(bytes.Repeat([]byte{1, 2, 3}, 9000)) + `</t:Content></t:FileAttachment></m:Attachments></m:CreateAttachment>`)
	attached := m.at("Attachments", "FileAttachment", "AttachmentId")
	assert.Equal(t, id, attached.attr("RootItemId"))
	assert.NotEqual(t, key, attached.attr("RootItemChangeKey"))
	assert.Equal(t, b.key(id), attached.attr("RootItemChangeKey"))
	item := b.one(`<m:CreateAttachment><m:ParentItemId Id="` + id + `"/><m:Attachments><t:ItemAttachment><t:Name>inner</t:Name><t:Message><t:Subject>within</t:Subject><t:Body BodyType="Text">deep</t:Body></t:Message></t:ItemAttachment></m:Attachments></m:CreateAttachment>`)
	inner := item.at("Attachments", "ItemAttachment", "AttachmentId").attr("Id")
	got := b.one(`<m:GetAttachment><m:AttachmentIds><t:AttachmentId Id="` + inner + `"/></m:AttachmentIds></m:GetAttachment>`)
	assert.Equal(t, "within", got.at("Attachments", "ItemAttachment", "Message", "Subject").value())
	assert.Equal(t, "ErrorIrresolvableConflict", b.code(`<m:SendItem SaveItemToFolder="true"><m:ItemIds><t:ItemId Id="`+id+`" ChangeKey="`+key+`"/></m:ItemIds></m:SendItem>`))
	assert.Equal(t, "NoError", b.send(id, ""))
	out := parsed(t, b.s.Sent()[0].Raw)
	assert.Contains(t, field(out, "Content-Type"), "multipart/mixed")
	assert.Empty(t, out.Warnings)
	assert.Equal(t, "m1@example.com", out.MessageID)
	assert.Equal(t, "Hallöchen", strings.TrimSpace(out.Text))
	require.Len(t, out.Attachments, 2)
	assert.Equal(t, "größe.bin", out.Attachments[0].Name)
	assert.EqualValues(t, 27000, out.Attachments[0].Size)
	assert.Equal(t, "message/rfc822", out.Attachments[1].Type)
	assert.Equal(t, 1, strings.Count(string(b.s.Sent()[0].Raw), "Message-ID:"))
}

func TestAttachmentsOfMIME(t *testing.T) {
	b := newBench(t, Behavior{})
	raw := []byte("From: eve@else.example\r\nSubject: files\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/plain\r\n\r\ntext\r\n--x\r\nContent-Type: application/pdf; name=a.pdf\r\nContent-Disposition: attachment; filename=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBERg==\r\n--x\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\nFrom: z@else.example\r\n\r\nwithin\r\n--x--\r\n")
	id := b.s.Add(anna, "inbox", raw)
	m := b.get(`<t:BaseShape>Default</t:BaseShape>`, id)
	assert.Equal(t, "true", m.child("HasAttachments").value())
	files := list(m.child("Attachments"))
	require.Len(t, files, 2)
	assert.Equal(t, "a.pdf", files[0].child("Name").value())
	get := func(n *node, shape string) *node {
		return b.one(`<m:GetAttachment>` + shape + `<m:AttachmentIds><t:AttachmentId Id="` + n.child("AttachmentId").attr("Id") + `"/></m:AttachmentIds></m:GetAttachment>`).child("Attachments").first()
	}
	assert.Equal(t, "JVBERg==", get(files[0], "").child("Content").value())
	inner := get(files[1], `<m:AttachmentShape><t:IncludeMimeContent>true</t:IncludeMimeContent></m:AttachmentShape>`).child("Message")
	assert.Equal(t, "inner", inner.child("Subject").value())
	mime, err := base64.StdEncoding.DecodeString(inner.child("MimeContent").value())
	require.NoError(t, err)
	assert.Equal(t, "Subject: inner\r\nFrom: z@else.example\r\n\r\nwithin", string(mime))
	assert.Equal(t, "NoError", b.code(`<m:DeleteAttachment><m:AttachmentIds><t:AttachmentId Id="`+files[0].child("AttachmentId").attr("Id")+`"/></m:AttachmentIds></m:DeleteAttachment>`))
	assert.Len(t, list(b.get(`<t:BaseShape>Default</t:BaseShape>`, id).child("Attachments")), 1)
	left := parsed(t, b.mime(id))
	require.Len(t, left.Attachments, 1)
	assert.Equal(t, "text", strings.TrimSpace(left.Text))
	assert.Equal(t, "ErrorItemNotFound ErrorInvalidAttachmentId", b.code(`<m:GetAttachment><m:AttachmentIds><t:AttachmentId Id="`+files[0].child("AttachmentId").attr("Id")+`"/><t:AttachmentId Id="AAAA"/></m:AttachmentIds></m:GetAttachment>`))
}

func TestSendRefuses(t *testing.T) {
	b := newBench(t, Behavior{})
	message := func(rest string) string { return `<t:Message><t:Subject>x</t:Subject>` + rest + `</t:Message>` }
	recipients := `<t:ToRecipients>` + to(bob) + `</t:ToRecipients>`
	from := recipients + `<t:From>` + to(bob) + `</t:From>`
	for item, want := range map[string]string{
		message(""): "ErrorMissingRecipients",
		message(`<t:ToRecipients>` + to("nobody") + `</t:ToRecipients>`): "ErrorInvalidRecipients",
		message(from): "ErrorSendAsDenied",
	} {
		assert.Equal(t, want, b.code(create("SendAndSaveCopy", "", item)))
	}
	assert.Equal(t, "ErrorMessageDispositionRequired", b.code(`<m:CreateItem><m:Items>`+message("")+`</m:Items></m:CreateItem>`))
	assert.Empty(t, b.s.Sent())
	b.s.Grant(bob, anna, "SendOnBehalf")
	assert.Equal(t, "NoError", b.code(create("SendOnly", "", message(from))))
	m := parsed(t, b.s.Sent()[0].Raw)
	assert.Equal(t, bob, m.From[0].Addr)
	assert.Equal(t, anna, m.Sender[0].Addr)
	assert.Empty(t, b.s.Messages(anna, "sentitems"), "SendOnly keeps nothing")
	b.s.Grant(bob, anna, "SendAs")
	assert.Equal(t, "NoError", b.code(create("SendOnly", "", message(from))))
	assert.Empty(t, parsed(t, b.s.Sent()[1].Raw).Sender)
	id := b.draft(message(recipients))
	assert.Equal(t, "ErrorInvalidSendItemSaveSettings", b.send(id, "nowhere<m:SavedItemFolderId>"+known("sentitems")+"</m:SavedItemFolderId>"))
	assert.Equal(t, "NoError", b.send(id, "<m:SavedItemFolderId>"+known("inbox")+"</m:SavedItemFolderId>"))
	assert.Len(t, b.s.Messages(anna, "inbox"), 1)
	assert.Equal(t, "NoError", b.send(b.draft(message(recipients)), "nowhere"))
	assert.Empty(t, b.s.Messages(anna, "drafts"))
	assert.Empty(t, b.s.Messages(anna, "sentitems"))
}

func TestUnknownRecipients(t *testing.T) {
	item := `<t:Message><t:Subject>lost</t:Subject><t:ToRecipients>` + to("nobody@example.com") + `</t:ToRecipients></t:Message>`
	b := newBench(t, Behavior{RefuseUnknown: true})
	assert.Equal(t, "ErrorInvalidRecipients", b.code(create("SendOnly", "", item)))
	b = newBench(t, Behavior{})
	assert.Equal(t, "NoError", b.code(create("SendOnly", "", item)))
	report := b.s.Messages(anna, "inbox")
	require.Len(t, report, 1)
	assert.Equal(t, "REPORT.IPM.Note.NDR", report[0].Class)
	assert.Contains(t, string(report[0].Raw), "Final-Recipient: rfc822;nobody@example.com")
}

func TestSendTwice(t *testing.T) {
	b := newBench(t, Behavior{SendTwice: true, NewMessageID: true})
	id := b.draft(`<t:Message><t:MimeContent>` + base([]byte("From: "+anna+"\r\nTo: "+bob+"\r\nMessage-ID: <mine@example.com>\r\nSubject: x\r\n\r\nbody\r\n")) + `</t:MimeContent></t:Message>`)
	request := `<m:SendItem SaveItemToFolder="true"><m:ItemIds><t:ItemId Id="` + id + `" ChangeKey="` + b.key(id) + `"/></m:ItemIds></m:SendItem>`
	assert.Equal(t, "NoError", b.code(request))
	assert.Equal(t, "NoError", b.code(request))
	require.Len(t, b.s.Sent(), 1)
	m := parsed(t, b.s.Sent()[0].Raw)
	assert.NotEqual(t, "mine@example.com", m.MessageID)
	assert.Equal(t, "body", strings.TrimSpace(m.Text))
	assert.Equal(t, m.MessageID, parsed(t, b.s.Messages(anna, "sentitems")[0].Raw).MessageID)
}

func TestReplyAndForward(t *testing.T) {
	b := newBench(t, Behavior{})
	id := b.s.Add(anna, "inbox", mail("question", "Cc: "+bob+"\r\n"))
	ref := `<t:ReferenceItemId Id="` + id + `" ChangeKey="` + b.key(id) + `"/><t:NewBodyContent BodyType="Text">yes</t:NewBodyContent>`
	assert.Equal(t, "NoError", b.code(create("SendAndSaveCopy", "", `<t:ReplyAllToItem>`+ref+`</t:ReplyAllToItem>`)))
	m := parsed(t, b.s.Sent()[0].Raw)
	assert.Equal(t, "RE: question", m.Subject)
	assert.Equal(t, []string{"question@else.example"}, m.InReplyTo)
	assert.Equal(t, "eve@else.example", m.To[0].Addr)
	assert.Equal(t, bob, m.Cc[0].Addr)
	assert.Contains(t, m.Text, "yes")
	forward := `<t:ForwardItem><t:ToRecipients>` + to(bob) + `</t:ToRecipients>` + ref + `</t:ForwardItem>`
	saved := b.one(create("SaveOnly", "drafts", forward)).at("Items", "Message", "ItemId").attr("Id")
	assert.Equal(t, "FW: question", b.get(`<t:BaseShape>Default</t:BaseShape>`, saved).child("Subject").value())
}

func TestMeetings(t *testing.T) {
	b := newBench(t, Behavior{})
	meeting := `<t:CalendarItem><t:Subject>Talk</t:Subject><t:Start>2026-11-02T10:00:00Z</t:Start><t:End>2026-11-02T11:00:00Z</t:End><t:Location>Room</t:Location><t:RequiredAttendees><t:Attendee><t:Mailbox><t:EmailAddress>` + bob + `</t:EmailAddress></t:Mailbox></t:Attendee></t:RequiredAttendees></t:CalendarItem>`
	assert.Equal(t, "ErrorSendMeetingInvitationsRequired", b.code(`<m:CreateItem><m:Items>`+meeting+`</m:Items></m:CreateItem>`))
	id := b.one(`<m:CreateItem SendMeetingInvitations="SendToAllAndSaveCopy"><m:Items>`+meeting+`</m:Items></m:CreateItem>`).at("Items", "CalendarItem", "ItemId").attr("Id")
	c := b.get(`<t:BaseShape>AllProperties</t:BaseShape>`, id)
	assert.Equal(t, "true", c.child("IsMeeting").value())
	assert.Equal(t, anna, c.at("Organizer", "Mailbox", "EmailAddress").value())
	assert.Equal(t, "PT60M", c.child("Duration").value())
	assert.Contains(t, string(b.mime(id)), "SUMMARY:Talk")
	got := b.s.Messages(bob, "inbox")
	require.Len(t, got, 1)
	assert.Equal(t, "MeetingRequest", got[0].Kind)
	as := b.as(bob)
	r := as.get(`<t:BaseShape>AllProperties</t:BaseShape>`, got[0].ID)
	assert.Equal(t, "IPM.Schedule.Meeting.Request", r.child("ItemClass").value())
	assert.Equal(t, "NoError", as.code(create("SendAndSaveCopy", "", `<t:AcceptItem><t:ReferenceItemId Id="`+got[0].ID+`"/></t:AcceptItem>`)))
	answer := b.s.Messages(anna, "inbox")
	require.Len(t, answer, 1)
	assert.Equal(t, "MeetingResponse", answer[0].Kind)
	assert.Equal(t, "ErrorSendMeetingCancellationsRequired", b.code(`<m:DeleteItem DeleteType="HardDelete"><m:ItemIds><t:ItemId Id="`+id+`"/></m:ItemIds></m:DeleteItem>`))
	assert.Equal(t, "NoError", b.code(`<m:DeleteItem DeleteType="HardDelete" SendMeetingCancellations="SendToNone"><m:ItemIds><t:ItemId Id="`+id+`"/></m:ItemIds></m:DeleteItem>`))
}
