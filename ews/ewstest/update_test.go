package ewstest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// update is a request to update an item.
func update(id, key, conflict, updates string) string {
	if key != "" {
		key = ` ChangeKey="` + key + `"`
	}
	return `<m:UpdateItem ConflictResolution="` + conflict + `" MessageDisposition="SaveOnly" SendMeetingInvitationsOrCancellations="SendToNone"><m:ItemChanges><t:ItemChange><t:ItemId Id="` + id + `"` + key + `/><t:Updates>` + updates + `</t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>`
}

func set(uri, item string) string {
	return `<t:SetItemField><t:FieldURI FieldURI="` + uri + `"/>` + item + `</t:SetItemField>`
}

func TestUpdateItem(t *testing.T) {
	b := newBench(t, Behavior{})
	raw := mail("one")
	id := b.s.Add(anna, "inbox", raw)
	_, state, _ := b.sync("inbox", "", 512)
	old := b.key(id)
	read := set("message:IsRead", `<t:Message><t:IsRead>true</t:IsRead></t:Message>`)
	m := b.one(update(id, old, "NeverOverwrite", read))
	assert.Equal(t, "0", m.at("ConflictResults", "Count").value())
	key := m.at("Items", "Message", "ItemId").attr("ChangeKey")
	assert.NotEqual(t, old, key)
	assert.Equal(t, key, b.key(id))
	changes, state, _ := b.sync("inbox", state, 512)
	assert.Equal(t, []string{"ReadFlagChange " + id}, changes)
	assert.Equal(t, raw, b.mime(id), "flags are not in the MIME")

	assert.Equal(t, "ErrorIrresolvableConflict", b.code(update(id, old, "NeverOverwrite", read)))
	assert.Equal(t, "NoError", b.code(update(id, old, "AutoResolve", read)))
	assert.Equal(t, "NoError", b.code(update(id, old, "AlwaysOverwrite", read)))
	assert.Equal(t, "NoError", b.code(update(id, "", "AlwaysOverwrite", read)))
	assert.Equal(t, "ErrorChangeKeyRequiredForWriteOperations", b.code(update(id, "", "AutoResolve", read)))
	assert.Equal(t, "ErrorItemNotFound", b.code(update(swapCase(id), old, "AlwaysOverwrite", read)))

	crm := `<t:ExtendedFieldURI DistinguishedPropertySetId="PublicStrings" PropertyName="crmid" PropertyType="String"/>`
	both := set("item:Categories", `<t:Message><t:Categories><t:String>Blue</t:String></t:Categories></t:Message>`) +
		`<t:SetItemField>` + crm + `<t:Message><t:ExtendedProperty>` + crm + `<t:Value>42</t:Value></t:ExtendedProperty></t:Message></t:SetItemField>` +
		set("item:Flag", `<t:Message><t:Flag><t:FlagStatus>Flagged</t:FlagStatus></t:Flag></t:Message>`)
	assert.Equal(t, "NoError", b.code(update(id, "", "AlwaysOverwrite", both)))
	assert.Equal(t, []string{FlagRead, FlagFlagged, "category:Blue"}, b.s.Messages(anna, "inbox")[0].Flags)
	changes, _, _ = b.sync("inbox", state, 512)
	assert.Equal(t, []string{"Update " + id}, changes)
	got := b.get(idOnly+`<t:AdditionalProperties>`+crm+`<t:ExtendedFieldURI PropertyTag="0x1090" PropertyType="Integer"/></t:AdditionalProperties>`, id)
	require.Len(t, got.children, 3)
	assert.Equal(t, "42", got.children[1].child("Value").value())
	assert.Equal(t, "2", got.children[2].child("Value").value())
	assert.Equal(t, "NoError", b.code(update(id, "", "AlwaysOverwrite", `<t:DeleteItemField>`+crm+`</t:DeleteItemField><t:DeleteItemField><t:FieldURI FieldURI="item:Categories"/></t:DeleteItemField>`)))
	assert.Len(t, b.get(idOnly+`<t:AdditionalProperties>`+crm+`<t:FieldURI FieldURI="item:Categories"/></t:AdditionalProperties>`, id).children, 1)
}

func TestUpdateRefuses(t *testing.T) {
	b := newBench(t, Behavior{})
	id := b.s.Add(anna, "inbox", mail("one"))
	subject := set("item:Subject", `<t:Message><t:Subject>two</t:Subject></t:Message>`)
	for updates, want := range map[string]string{
		set("item:Size", `<t:Message><t:Size>1</t:Size></t:Message>`):                                                                     "ErrorInvalidPropertySet",
		set("item:Subject", `<t:Message><t:Subject>two</t:Subject><t:Importance>High</t:Importance></t:Message>`):                         "ErrorIncorrectUpdatePropertyCount",
		set("item:Subject", `<t:Message><t:Importance>High</t:Importance></t:Message>`):                                                   "ErrorUpdatePropertyMismatch",
		set("calendar:Location", `<t:CalendarItem><t:Location>x</t:Location></t:CalendarItem>`):                                           "ErrorInvalidPropertyRequest",
		set("message:IsReadReceiptRequested", `<t:Message><t:IsReadReceiptRequested>true</t:IsReadReceiptRequested></t:Message>`):         "ErrorInvalidPropertyUpdateSentMessage",
		`<t:DeleteItemField><t:FieldURI FieldURI="item:DateTimeReceived"/></t:DeleteItemField>`:                                           "ErrorInvalidPropertyDelete",
		`<t:AppendToItemField><t:FieldURI FieldURI="item:Subject"/><t:Message><t:Subject>x</t:Subject></t:Message></t:AppendToItemField>`: "ErrorInvalidPropertyAppend",
	} {
		assert.Equal(t, want, b.code(update(id, "", "AlwaysOverwrite", subject+updates)), updates)
	}
	assert.Equal(t, "one", b.get(`<t:BaseShape>Default</t:BaseShape>`, id).child("Subject").value(), "of several updates all are done or none")
	assert.Equal(t, "NoError", b.code(update(id, "", "AlwaysOverwrite", subject)))
	mime := string(b.mime(id))
	assert.Contains(t, mime, "Subject: two\r\n")
	assert.Contains(t, mime, "this is one.")
	assert.NotContains(t, mime, "Subject: one")
}

func TestKinds(t *testing.T) {
	b := newBench(t, Behavior{})
	contact := b.one(create("SaveOnly", "", `<t:Contact><t:FileAsMapping>LastCommaFirst</t:FileAsMapping><t:GivenName>Eve</t:GivenName><t:CompanyName>Else</t:CompanyName><t:EmailAddresses><t:Entry Key="EmailAddress1">eve@else.example</t:Entry></t:EmailAddresses><t:PhysicalAddresses><t:Entry Key="Business"><t:Street>A 1</t:Street><t:City>Bern</t:City></t:Entry></t:PhysicalAddresses><t:PhoneNumbers><t:Entry Key="BusinessPhone">1</t:Entry></t:PhoneNumbers><t:Birthday>1980-02-03T11:59:00Z</t:Birthday><t:Surname>Doe</t:Surname></t:Contact>`)).child("Items").first().child("ItemId").attr("Id")
	indexed := func(uri, index, item string) string {
		return `<t:SetItemField><t:IndexedFieldURI FieldURI="` + uri + `" FieldIndex="` + index + `"/><t:Contact>` + item + `</t:Contact></t:SetItemField>`
	}
	assert.Equal(t, "NoError", b.code(update(contact, "", "AlwaysOverwrite",
		indexed("contacts:PhoneNumber", "MobilePhone", `<t:PhoneNumbers><t:Entry Key="MobilePhone">2</t:Entry></t:PhoneNumbers>`)+
			indexed("contacts:PhysicalAddress:City", "Business", `<t:PhysicalAddresses><t:Entry Key="Business"><t:City>Basel</t:City></t:Entry></t:PhysicalAddresses>`)+
			`<t:DeleteItemField><t:IndexedFieldURI FieldURI="contacts:PhoneNumber" FieldIndex="BusinessPhone"/></t:DeleteItemField>`)))
	c := b.get(`<t:BaseShape>AllProperties</t:BaseShape>`, contact)
	assert.Equal(t, "Doe, Eve", c.child("FileAs").value())
	assert.Equal(t, "Basel", c.at("PhysicalAddresses", "Entry", "City").value())
	assert.Equal(t, "A 1", c.at("PhysicalAddresses", "Entry", "Street").value())
	require.Len(t, c.child("PhoneNumbers").children, 1)
	assert.Equal(t, "2", c.child("PhoneNumbers").first().value())
	assert.Equal(t, "ErrorUnsupportedMimeConversion", b.code(getItemBody(idOnly+`<t:IncludeMimeContent>true</t:IncludeMimeContent>`, contact)))

	task := b.one(create("SaveOnly", "", `<t:Task><t:Subject>Call</t:Subject><t:DueDate>2026-11-30T00:00:00Z</t:DueDate><t:Status>InProgress</t:Status></t:Task>`)).child("Items").first().child("ItemId").attr("Id")
	got := b.get(`<t:BaseShape>AllProperties</t:BaseShape>`, task)
	assert.Equal(t, "In Progress", got.child("StatusDescription").value())
	assert.Equal(t, "false", got.child("IsComplete").value())
	remove := `<m:DeleteItem DeleteType="MoveToDeletedItems"><m:ItemIds><t:ItemId Id="` + task + `"/></m:ItemIds></m:DeleteItem>`
	assert.Equal(t, "ErrorAffectedTaskOccurrencesRequired", b.code(remove))
	assert.Equal(t, "NoError", b.code(strings.Replace(remove, `DeleteType`, `AffectedTaskOccurrences="AllOccurrences" DeleteType`, 1)))
	assert.Equal(t, "ErrorCalendarEndDateIsEarlierThanStartDate", b.code(create("SaveOnly", "", `<t:CalendarItem><t:Start>2026-11-02T10:00:00Z</t:Start><t:End>2026-11-02T09:00:00Z</t:End></t:CalendarItem>`)))

	for kind, xml := range map[string]string{
		"CalendarItem":        `<t:Subject>x</t:Subject><t:Start>2026-11-02T10:00:00+01:00</t:Start><t:End>2026-11-02T12:00:00+01:00</t:End>`,
		"PostItem":            `<t:Subject>x</t:Subject><t:Body BodyType="Text">post</t:Body>`,
		"DistributionList":    `<t:DisplayName>team</t:DisplayName>`,
		"MeetingRequest":      `<t:Subject>x</t:Subject><t:Start>2026-11-02T10:00:00Z</t:Start>`,
		"MeetingResponse":     `<t:Subject>x</t:Subject>`,
		"MeetingCancellation": `<t:Subject>x</t:Subject>`,
	} {
		id := b.s.AddItem(anna, "Mixed", kind, xml)
		for _, shape := range []string{"IdOnly", "Default", "AllProperties"} {
			assert.Equal(t, kind, b.get(`<t:BaseShape>`+shape+`</t:BaseShape>`, id).name.Local)
		}
	}
	c = b.get(`<t:BaseShape>AllProperties</t:BaseShape>`, b.s.AddItem(anna, "calendar", "CalendarItem", `<t:Subject>x</t:Subject><t:Start>2026-11-02T10:00:00.5+01:00</t:Start>`))
	assert.Equal(t, "2026-11-02T09:00:00Z", c.child("Start").value(), "times are given in UTC and whole seconds")
}
