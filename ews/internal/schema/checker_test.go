package schema

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// soapOf wraps a body, and a header when there is one, into an envelope.
func soapOf(header, body string) string {
	if header != "" {
		header = "<s:Header>" + header + "</s:Header>"
	}
	return `<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="` + SOAP + `" xmlns:m="` + Messages + `" xmlns:t="` + Types +
		`" xmlns:xsi="` + xsiNamespace + `">` + header + "<s:Body>" + body + "</s:Body></s:Envelope>"
}

const getItem = `<m:GetItem><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape><m:ItemIds><t:ItemId Id="A" ChangeKey="B"/></m:ItemIds></m:GetItem>`

// createItem is a CreateItem of one item.
func createItem(item string) string {
	return `<m:CreateItem MessageDisposition="SaveOnly"><m:Items>` + item + `</m:Items></m:CreateItem>`
}

func TestCheckAcceptsWhatIsRight(t *testing.T) {
	restriction := `<t:And><t:IsEqualTo><t:FieldURI FieldURI="item:Subject"/><t:FieldURIOrConstant><t:Constant Value="x"/></t:FieldURIOrConstant></t:IsEqualTo>` +
		`<t:Not><t:Exists><t:ExtendedFieldURI PropertyTag="0x1035" PropertyType="String"/></t:Exists></t:Not></t:And>`
	for name, message := range map[string]string{
		"GetItem":                      soapOf("", getItem),
		"white space between elements": soapOf("\n\t", strings.ReplaceAll(getItem, "><m:ItemIds", ">\r\n <m:ItemIds")),
		"headers in any order": soapOf(`<t:TimeZoneContext><t:TimeZoneDefinition Id="UTC"/></t:TimeZoneContext>`+
			`<t:RequestServerVersion Version="V2018_01_08"/><t:MailboxCulture>de-DE</t:MailboxCulture>`, getItem),
		"impersonation, mustUnderstand":    soapOf(`<t:ExchangeImpersonation s:mustUnderstand="1"><t:ConnectingSID><t:SmtpAddress>a@b.example</t:SmtpAddress></t:ConnectingSID></t:ExchangeImpersonation>`, getItem),
		"mustUnderstand on a plain header": soapOf(`<t:DateTimePrecision s:mustUnderstand="0">Seconds</t:DateTimePrecision>`, getItem),
		"a header of encrypted data":       soapOf(`<t:SharingSecurity><w:EncryptedData xmlns:w="urn:w"><w:x>y</w:x></w:EncryptedData></t:SharingSecurity>`, getItem),
		"a foreign header":                 soapOf(`<w:Security xmlns:w="urn:w" a="b"><w:x>y</w:x> z</w:Security>`, getItem),
		"substitution":                     soapOf("", `<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape><m:IndexedPageItemView MaxEntriesReturned="10" Offset="0" BasePoint="Beginning"/><m:Restriction>`+restriction+`</m:Restriction><m:ParentFolderIds><t:DistinguishedFolderId Id="inbox"/></m:ParentFolderIds></m:FindItem>`),
		"base types first":                 soapOf("", createItem(`<t:Message><t:Subject>s</t:Subject><t:Body BodyType="HTML">b</t:Body><t:ToRecipients><t:Mailbox><t:EmailAddress>a</t:EmailAddress></t:Mailbox></t:ToRecipients><t:IsRead>1</t:IsRead></t:Message>`)),
		"values of many kinds":             soapOf("", createItem(`<t:CalendarItem><t:MimeContent CharacterSet="UTF-8">QUJD RA==</t:MimeContent><t:ReminderMinutesBeforeStart>15</t:ReminderMinutesBeforeStart><t:Start>2026-02-28T24:00:00Z</t:Start><t:End>2026-03-01T00:00:00.123+14:00</t:End></t:CalendarItem>`)),
		"a list":                           soapOf("", createItem(`<t:Task><t:Recurrence><t:WeeklyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>Monday  Friday</t:DaysOfWeek></t:WeeklyRecurrence><t:NoEndRecurrence><t:StartDate>2026-01-01Z</t:StartDate></t:NoEndRecurrence></t:Recurrence></t:Task>`)),
		"a response":                       soapOf(`<t:ServerVersionInfo MajorVersion="15"/>`, `<m:GetItemResponse><m:ResponseMessages><m:GetItemResponseMessage ResponseClass="Error"><m:MessageText>no</m:MessageText><m:ResponseCode>ErrorInvalidPropertyRequest</m:ResponseCode><m:MessageXml><t:FieldURI FieldURI="item:Body"/><t:Value Name="x">y</t:Value></m:MessageXml><m:Items/></m:GetItemResponseMessage></m:ResponseMessages></m:GetItemResponse>`),
		"a fault":                          soapOf("", `<s:Fault><faultcode>s:Client</faultcode><faultstring xml:lang="en-US">no</faultstring><detail><e:ResponseCode xmlns:e="`+Errors+`">ErrorSchemaValidation</e:ResponseCode></detail></s:Fault>`),
		"a type named in the message":      soapOf("", createItem(`<t:Item xsi:type="t:MessageType"><t:Subject>s</t:Subject><t:IsRead>true</t:IsRead></t:Item>`)),
	} {
		t.Run(name, func(t *testing.T) { assert.NoError(t, Check(strings.NewReader(message), Newest)) })
	}
}

// The first row is what an Exchange server said to a client that gave a ReplyToItem an Importance.
func TestCheckRefusesInTheWordsOfExchange(t *testing.T) {
	tests := []struct{ name, message, text, path string }{
		{"out of place", soapOf("", createItem(`<t:ReplyToItem><t:Importance>High</t:Importance></t:ReplyToItem>`)),
			"The element 'ReplyToItem' in namespace 'http://schemas.microsoft.com/exchange/services/2006/types' has invalid child element 'Importance' in namespace 'http://schemas.microsoft.com/exchange/services/2006/types'. List of possible elements expected: 'Subject, Body, ToRecipients, CcRecipients, BccRecipients, IsReadReceiptRequested, IsDeliveryReceiptRequested, From, ReferenceItemId, NewBodyContent' in namespace 'http://schemas.microsoft.com/exchange/services/2006/types'.",
			"/Envelope/Body/CreateItem/Items/ReplyToItem/Importance"},
		{"missing", soapOf("", `<m:GetItem><m:ItemIds><t:ItemId Id="A"/></m:ItemIds></m:GetItem>`),
			"The element 'GetItem' in namespace '" + Messages + "' has invalid child element 'ItemIds' in namespace '" + Messages + "'. List of possible elements expected: 'ItemShape' in namespace '" + Messages + "'.", ""},
		{"ends early", soapOf("", `<m:GetItem><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape></m:GetItem>`),
			"The element 'GetItem' in namespace '" + Messages + "' has incomplete content. List of possible elements expected: 'ItemIds' in namespace '" + Messages + "'.", "/Envelope/Body/GetItem"},
		{"attribute's enumeration", soapOf("", `<m:DeleteItem DeleteType="Shred"><m:ItemIds><t:ItemId Id="A"/></m:ItemIds></m:DeleteItem>`),
			"The 'DeleteType' attribute is invalid - The value 'Shred' is invalid according to its datatype '" + Types + ":DisposalType' - The Enumeration constraint failed.", ""},
		{"attribute missing", soapOf("", `<m:DeleteItem><m:ItemIds><t:ItemId Id="A"/></m:ItemIds></m:DeleteItem>`), "The required attribute 'DeleteType' is missing.", ""},
		{"attribute unknown", soapOf("", strings.Replace(getItem, "ChangeKey", "Changekey", 1)), "The 'Changekey' attribute is not declared.", ""},
		{"attribute that the base has", soapOf("", createItem(`<t:ReplyToItem ObjectName="x"/>`)), "The 'ObjectName' attribute is not declared.", ""},
		{"attribute twice", soapOf("", strings.Replace(getItem, "ChangeKey", "Id", 1)), "'Id' is a duplicate attribute name.", ""},
		{"enumeration", soapOf("", strings.Replace(getItem, "IdOnly", "IDOnly", 1)),
			"The '" + Types + ":BaseShape' element is invalid - The value 'IDOnly' is invalid according to its datatype '" + Types + ":DefaultShapeNamesType' - The Enumeration constraint failed.", "/Envelope/Body/GetItem/ItemShape/BaseShape"},
		{"boolean", soapOf("", createItem(`<t:Message><t:IsRead>True</t:IsRead></t:Message>`)),
			"The '" + Types + ":IsRead' element is invalid - The value 'True' is invalid according to its datatype '" + xsdNamespace + ":boolean' - The string 'True' is not a valid Boolean value.", ""},
		{"range", soapOf("", `<m:SyncFolderItems><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape><m:SyncFolderId><t:FolderId Id="A"/></m:SyncFolderId><m:MaxChangesReturned>513</m:MaxChangesReturned></m:SyncFolderItems>`),
			"The '" + Messages + ":MaxChangesReturned' element is invalid - The value '513' is invalid according to its datatype '" + Types + ":MaxSyncChangesReturnedType' - The MaxInclusive constraint failed.", ""},
		{"text", soapOf("", strings.Replace(getItem, "<m:ItemIds>", "<m:ItemIds>x", 1)), "The element 'ItemIds' in namespace '" + Messages + "' cannot contain text. List of possible elements expected: 'ItemId, OccurrenceItemId, RecurringMasterItemId, RecurringMasterItemIdRanges' in namespace '" + Types + "'.", ""},
		{"text in an empty element", soapOf("", strings.Replace(getItem, "/></m:ItemIds>", ">x</t:ItemId></m:ItemIds>", 1)), "The element cannot contain text. Content model is empty.", ""},
		{"white space in an empty element", soapOf("", strings.Replace(getItem, "/></m:ItemIds>", ">\n</t:ItemId></m:ItemIds>", 1)), "The element cannot contain whitespace. Content model is empty.", ""},
		{"element in a text", soapOf("", strings.Replace(getItem, "IdOnly", "<t:x/>", 1)),
			"The element 'BaseShape' in namespace '" + Types + "' cannot contain child element 'x' in namespace '" + Types + "' because the parent element's content model is text only.", ""},
		{"unknown operation", soapOf("", `<m:FireMissiles/>`), "The '" + Messages + ":FireMissiles' element is not declared.", "/Envelope/Body/FireMissiles"},
		{"two operations", soapOf("", getItem+getItem), "The element 'Body' in namespace '" + SOAP + "' has invalid child element 'GetItem' in namespace '" + Messages + "'.", ""},
		{"no operation", soapOf("", ""), "The element 'Body' in namespace '" + SOAP + "' has incomplete content.", ""},
		{"unknown header", soapOf(`<t:Hat/>`, getItem), "The '" + Types + ":Hat' element is not declared.", ""},
		{"abstract", soapOf("", `<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape><m:Restriction><t:SearchExpression/></m:Restriction></m:FindItem>`), "The element '" + Types + ":SearchExpression' is abstract or its type is abstract.", ""},
		{"a type that is none of it", soapOf("", createItem(`<t:Message xsi:type="t:TaskType"/>`)), "This is an invalid xsi:type 't:TaskType'.", ""},
		{"base64", soapOf("", `<m:CreateAttachment><m:ParentItemId Id="A"/><m:Attachments><t:FileAttachment><t:Content>QUJDR</t:Content></t:FileAttachment></m:Attachments></m:CreateAttachment>`), "The '" + Types + ":Content' element is invalid - The value '' is invalid according to its datatype '" + xsdNamespace + ":base64Binary' - The string '' is not a valid Base64 value.", ""},
		{"no envelope", `<Envelope/>`, "The 'Envelope' element is not declared.", "/Envelope"},
		{"a DTD", `<!DOCTYPE x>` + soapOf("", getItem), "For security reasons DTD is prohibited in this XML document.", ""},
		{"nothing", ``, "Root element is missing.", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var v *Violation
			require.ErrorAs(t, Check(strings.NewReader(tt.message), Newest), &v)
			assert.Equal(t, tt.text, v.Text)
			if tt.path != "" {
				assert.Equal(t, tt.path, v.Path)
			}
		})
	}
}

func TestCheckTellsThePlace(t *testing.T) {
	message := strings.ReplaceAll(soapOf("", strings.Replace(getItem, "IdOnly", "None", 1)), "<t:BaseShape>", "\n  <t:BaseShape>")
	var v *Violation
	require.ErrorAs(t, Check(strings.NewReader(message), Newest), &v)
	assert.Equal(t, 2, v.Line)
	message = strings.ReplaceAll(soapOf("", getItem), "<m:ItemIds>", "\n  <m:Itemids>")
	require.ErrorAs(t, Check(strings.NewReader(message), Newest), &v)
	assert.Equal(t, []int{2, 4}, []int{v.Line, v.Position}, "the place of the name")
}

// What came after Exchange 2013 SP1 is refused in its edition alone.
func TestEditions(t *testing.T) {
	message := soapOf(`<t:RequestServerVersion Version="V2018_01_08"/>`, `<m:GetItem><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties><t:FieldURI FieldURI="item:Hashtags"/></t:AdditionalProperties></m:ItemShape><m:ItemIds><t:ItemId Id="A"/></m:ItemIds></m:GetItem>`)
	assert.NoError(t, Check(strings.NewReader(message), Newest))
	var v *Violation
	require.ErrorAs(t, Check(strings.NewReader(message), Exchange2013SP1), &v)
	assert.Contains(t, v.Text, "Enumeration")
	item := soapOf("", createItem(`<t:Message><t:MentionedMe>true</t:MentionedMe></t:Message>`))
	assert.NoError(t, Check(strings.NewReader(item), Newest))
	require.ErrorAs(t, Check(strings.NewReader(item), Exchange2013SP1), &v)
	assert.Contains(t, v.Text, "has invalid child element 'MentionedMe'")
}

// An error stays, and the checker holds what is open and no more of a text than it looks at.
func TestCheckerHoldsLittle(t *testing.T) {
	var c Checker
	start := func(space, local string, attrs ...Attr) { require.NoError(t, c.Start(Name{space, local}, attrs)) }
	start(SOAP, "Envelope")
	start(SOAP, "Body")
	start(Messages, "CreateAttachment")
	start(Messages, "ParentItemId", Attr{Name{"", "Id"}, "A"})
	require.NoError(t, c.End())
	start(Messages, "Attachments")
	start(Types, "FileAttachment")
	start(Types, "Content")
	piece := strings.Repeat("QUJD", 16<<10)
	for range 1000 { // 64 MB
		require.NoError(t, c.Text(piece))
	}
	assert.LessOrEqual(t, cap(c.value.text), held)
	require.NoError(t, c.End())
	require.NoError(t, c.End())
	start(Types, "ItemAttachment")
	start(Types, "IsInline")
	err := c.Text(strings.Repeat(" ", held+1))
	require.Error(t, err)
	assert.Equal(t, err, c.End())
	assert.Equal(t, err, c.Start(Name{}, nil))
	assert.Equal(t, err, c.Text("x"))

	deep := soapOf("", `<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape><m:Restriction>`+strings.Repeat("<t:Not>", 1000))
	var v *Violation
	require.ErrorAs(t, Check(strings.NewReader(deep), Newest), &v)
	assert.Equal(t, "The message is nested too deeply.", v.Text)
}

func TestOrder(t *testing.T) {
	order := Order("MessageType", Newest)
	require.NotEmpty(t, order)
	assert.Equal(t, "MimeContent", order[0])
	position := func(typeName, child string) int { return slices.Index(Order(typeName, Newest), child) }
	for i, name := range order {
		assert.Equal(t, i, position("MessageType", name), "each once")
	}
	assert.Less(t, position("MessageType", "Body"), position("MessageType", "ToRecipients"))
	assert.Less(t, position("CalendarItemType", "Start"), position("CalendarItemType", "End"))
	assert.Subset(t, Order("NonEmptyArrayOfPathsToElementType", Newest), []string{"FieldURI", "IndexedFieldURI", "ExtendedFieldURI"})
	assert.Equal(t, -1, position("MessageType", "Start"))
	assert.Equal(t, -1, position("NoType", "Start"))
	assert.Nil(t, Order("NoType", Newest))
	order[0] = "spoilt"
	assert.Equal(t, "MimeContent", Order("MessageType", Newest)[0])
}

func TestOperations(t *testing.T) {
	all := Operations()
	assert.Len(t, all, 36)
	assert.IsIncreasing(t, all)
	for _, name := range all {
		e := tables(Exchange2013SP1).elements[Name{Messages, name}]
		require.NotNil(t, e, name)
		answer := tables(Exchange2013SP1).elements[Name{Messages, operation(name) + "Response"}]
		require.NotNil(t, answer, name)
		assert.Equal(t, response, answer.role, name)
	}
}

func TestCheckPassesOnWhatTheParserSays(t *testing.T) {
	var v *Violation
	err := Check(strings.NewReader(soapOf("", getItem)[:300]), Newest)
	require.Error(t, err)
	assert.False(t, errors.As(err, &v))
}
