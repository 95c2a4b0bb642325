package ewstest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// find asks FindItem about the inbox and returns the subjects and the RootFolder.
func (b *bench) find(view, restriction, order string) (subjects []string, root *node) {
	b.t.Helper()
	root = b.one(`<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties><t:FieldURI FieldURI="item:Subject"/></t:AdditionalProperties></m:ItemShape>` +
		view + restriction + order + `<m:ParentFolderIds>` + known("inbox") + `</m:ParentFolderIds></m:FindItem>`).child("RootFolder")
	for _, it := range list(root.child("Items")) {
		subjects = append(subjects, it.child("Subject").value())
	}
	return subjects, root
}

func (b *bench) where(expression string) []string {
	b.t.Helper()
	subjects, _ := b.find("", `<m:Restriction>`+expression+`</m:Restriction>`, "")
	return subjects
}

// than is an expression that compares a property with a constant.
func than(how, path, value string) string {
	if !strings.HasPrefix(path, "<") {
		path = `<t:FieldURI FieldURI="` + path + `"/>`
	}
	return `<t:` + how + `>` + path + `<t:FieldURIOrConstant><t:Constant Value="` + value + `"/></t:FieldURIOrConstant></t:` + how + `>`
}

func TestFindItemPages(t *testing.T) {
	b := newBench(t, Behavior{MaxFind: 4})
	for i := range 6 {
		b.s.AddAt(anna, "inbox", time.Date(2026, 11, 1+i, 8, 0, 0, 0, time.UTC), mail(fmt.Sprint("m", i)))
	}
	all, root := b.find("", "", "")
	assert.Equal(t, []string{"m5", "m4", "m3", "m2"}, all, "the newest first, and no more than the server gives")
	assert.Equal(t, "false", root.attr("IncludesLastItemInRange"))
	page := func(offset int, base string) (subjects []string, next, last string) {
		subjects, root := b.find(fmt.Sprintf(`<m:IndexedPageItemView MaxEntriesReturned="2" Offset="%d" BasePoint="%s"/>`, offset, base), "",
			`<m:SortOrder><t:FieldOrder Order="Ascending"><t:FieldURI FieldURI="item:DateTimeReceived"/></t:FieldOrder></m:SortOrder>`)
		assert.Equal(t, "6", root.attr("TotalItemsInView"))
		return subjects, root.attr("IndexedPagingOffset"), root.attr("IncludesLastItemInRange")
	}
	for offset, want := range map[int][]string{0: {"m0", "m1"}, 2: {"m2", "m3"}, 4: {"m4", "m5"}} {
		got, next, last := page(offset, "Beginning")
		assert.Equal(t, want, got)
		assert.Equal(t, fmt.Sprint(offset+2), next)
		assert.Equal(t, fmt.Sprint(offset == 4), last)
	}
	got, _, last := page(0, "End")
	assert.Equal(t, []string{"m4", "m5"}, got)
	assert.Equal(t, "false", last)
	beyond, _, last := page(9, "Beginning")
	assert.Empty(t, beyond)
	assert.Equal(t, "true", last)
	half, root := b.find(`<m:FractionalPageItemView MaxEntriesReturned="2" Numerator="1" Denominator="2"/>`, "", "")
	assert.Equal(t, []string{"m2", "m1"}, half)
	assert.Equal(t, "6", root.attr("AbsoluteDenominator"))
}

func TestRestrictions(t *testing.T) {
	b := newBench(t, Behavior{})
	b.s.AddAt(anna, "inbox", time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC), mail("invoice one", "X-Crm: 5\r\n"), FlagRead)
	b.s.AddAt(anna, "inbox", time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC), mail("Invoice two", "Importance: high\r\n"), "category:Blue")
	b.s.AddAt(anna, "inbox", time.Date(2026, 11, 3, 8, 0, 0, 0, time.UTC), mail("other"), FlagFlagged)
	one, two, other := "invoice one", "Invoice two", "other"
	crm := `<t:ExtendedFieldURI DistinguishedPropertySetId="InternetHeaders" PropertyName="X-Crm" PropertyType="String"/>`
	contains := func(mode, comparison, uri, value string) string {
		return `<t:Contains ContainmentMode="` + mode + `" ContainmentComparison="` + comparison + `"><t:FieldURI FieldURI="` + uri + `"/><t:Constant Value="` + value + `"/></t:Contains>`
	}
	for expression, want := range map[string][]string{
		than("IsEqualTo", "message:InternetMessageId", "&lt;other@else.example>"):                                              {other},
		than("IsEqualTo", `<t:ExtendedFieldURI PropertyTag="0x1035" PropertyType="String"/>`, "&lt;other@else.example>"):       {other},
		than("IsNotEqualTo", "item:Subject", "other"):                                                                          {two, one},
		than("IsGreaterThan", "item:DateTimeReceived", "2026-11-02T08:00:00Z"):                                                 {other},
		than("IsGreaterThanOrEqualTo", "item:DateTimeReceived", "2026-11-02T09:00:00+01:00"):                                   {other, two},
		than("IsLessThan", "item:DateTimeReceived", "2026-11-02T08:00:00Z"):                                                    {one},
		than("IsLessThanOrEqualTo", "item:DateTimeReceived", "2026-11-02T08:00:00Z"):                                           {two, one},
		than("IsEqualTo", "message:IsRead", "false"):                                                                           {other, two},
		than("IsEqualTo", "item:Importance", "High"):                                                                           {two},
		than("IsEqualTo", "item:Categories", "blue"):                                                                           {two},
		than("IsEqualTo", "item:ItemClass", "IPM.Note"):                                                                        {other, two, one},
		than("IsEqualTo", crm, "5"):                                                                                            {one},
		`<t:Exists>` + crm + `</t:Exists>`:                                                                                     {one},
		`<t:Not><t:Exists>` + crm + `</t:Exists></t:Not>`:                                                                      {other, two},
		contains("Substring", "IgnoreCase", "item:Subject", "INVOICE"):                                                         {two, one},
		contains("Substring", "Exact", "item:Subject", "Invoice"):                                                              {two},
		contains("Prefixed", "IgnoreCase", "item:Subject", "in"):                                                               {two, one},
		contains("PrefixOnWords", "IgnoreCase", "item:Subject", "tw"):                                                          {two},
		contains("ExactPhrase", "IgnoreCase", "item:Subject", "tw"):                                                            nil,
		contains("FullString", "IgnoreCase", "item:Subject", "OTHER"):                                                          {other},
		contains("Substring", "IgnoreCase", "item:Body", "this is other"):                                                      {other},
		contains("Substring", "IgnoreCase", "message:From", "eve@else"):                                                        {other, two, one},
		`<t:Excludes><t:ExtendedFieldURI PropertyTag="0x0E07" PropertyType="Integer"/><t:Bitmask Value="0x1"/></t:Excludes>`:   {other, two},
		`<t:And>` + than("IsEqualTo", "message:IsRead", "false") + than("IsEqualTo", "item:Importance", "Normal") + `</t:And>`: {other},
		`<t:Or>` + than("IsEqualTo", "item:Importance", "High") + than("IsEqualTo", "message:IsRead", "true") + `</t:Or>`:      {two, one},
	} {
		assert.Equal(t, want, b.where(expression), expression)
	}
}

func TestFindItemRefuses(t *testing.T) {
	b := newBench(t, Behavior{})
	b.s.Add(anna, "inbox", mail("one"))
	ask := func(shape, rest, query string) string {
		return `<m:FindItem Traversal="Shallow"><m:ItemShape>` + shape + `</m:ItemShape>` + rest + `<m:ParentFolderIds>` + known("inbox") + `</m:ParentFolderIds>` + query + `</m:FindItem>`
	}
	assert.Equal(t, "ErrorContentIndexingNotEnabled", b.code(ask(idOnly, "", "<m:QueryString>one</m:QueryString>")))
	assert.Equal(t, "ErrorInvalidPropertyForOperation", b.code(ask(idOnly+`<t:AdditionalProperties><t:FieldURI FieldURI="item:Body"/></t:AdditionalProperties>`, "", "")))
	assert.Equal(t, "ErrorInvalidPropertyRequest", b.code(ask(idOnly+`<t:AdditionalProperties><t:FieldURI FieldURI="calendar:Start"/></t:AdditionalProperties>`, "", "")))
	assert.Equal(t, "ErrorInvalidExtendedProperty", b.code(ask(idOnly+`<t:AdditionalProperties><t:ExtendedFieldURI PropertyTag="0x8001" PropertyType="String"/></t:AdditionalProperties>`, "", "")))
	assert.Equal(t, "ErrorCalendarViewRangeTooBig", b.code(ask(idOnly, `<m:CalendarView StartDate="2026-01-01T00:00:00Z" EndDate="2029-01-01T00:00:00Z"/>`, "")))
	m := b.one(ask(`<t:BaseShape>AllProperties</t:BaseShape>`, "", "")).at("RootFolder", "Items").first()
	assert.Nil(t, m.child("Body"))
	assert.Nil(t, m.child("ToRecipients"))
	assert.Equal(t, "Eve", m.at("From", "Mailbox", "Name").value())
	assert.Nil(t, m.at("From", "Mailbox", "EmailAddress"), "a listing has names alone")
	assert.Equal(t, "Anna Berg", m.child("DisplayTo").value())
}

func TestCalendarView(t *testing.T) {
	b := newBench(t, Behavior{})
	event := func(subject, start, end string) {
		b.s.AddItem(anna, "calendar", "CalendarItem", `<t:Subject>`+subject+`</t:Subject><t:Start>`+start+`</t:Start><t:End>`+end+`</t:End>`)
	}
	event("before", "2026-11-01T08:00:00Z", "2026-11-01T09:00:00Z")
	event("across", "2026-11-01T23:00:00Z", "2026-11-02T01:00:00Z")
	event("later", "2026-11-02T10:00:00Z", "2026-11-02T11:00:00Z")
	event("within", "2026-11-02T09:00:00+01:00", "2026-11-02T10:00:00+01:00")
	event("after", "2026-11-03T00:00:00Z", "2026-11-03T01:00:00Z")
	m := b.one(`<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>Default</t:BaseShape></m:ItemShape><m:CalendarView StartDate="2026-11-02T00:00:00Z" EndDate="2026-11-03T00:00:00Z"/><m:ParentFolderIds>` + known("calendar") + `</m:ParentFolderIds></m:FindItem>`)
	var got []string
	for _, it := range list(m.at("RootFolder", "Items")) {
		got = append(got, it.child("Subject").value())
	}
	assert.Equal(t, []string{"across", "within", "later"}, got)
	busy := b.ask(`<m:GetUserAvailabilityRequest><t:TimeZone><t:Bias>0</t:Bias><t:StandardTime><t:Bias>0</t:Bias><t:Time>02:00:00</t:Time><t:DayOrder>1</t:DayOrder><t:Month>11</t:Month><t:DayOfWeek>Sunday</t:DayOfWeek></t:StandardTime><t:DaylightTime><t:Bias>0</t:Bias><t:Time>02:00:00</t:Time><t:DayOrder>2</t:DayOrder><t:Month>3</t:Month><t:DayOfWeek>Sunday</t:DayOfWeek></t:DaylightTime></t:TimeZone><m:MailboxDataArray><t:MailboxData><t:Email><t:Address>` + anna + `</t:Address></t:Email><t:AttendeeType>Required</t:AttendeeType></t:MailboxData><t:MailboxData><t:Email><t:Address>no@example.com</t:Address></t:Email><t:AttendeeType>Required</t:AttendeeType></t:MailboxData></m:MailboxDataArray><t:FreeBusyViewOptions><t:TimeWindow><t:StartTime>2026-11-02T00:00:00</t:StartTime><t:EndTime>2026-11-03T00:00:00</t:EndTime></t:TimeWindow><t:RequestedView>FreeBusy</t:RequestedView></t:FreeBusyViewOptions></m:GetUserAvailabilityRequest>`)
	people := list(busy.child("FreeBusyResponseArray"))
	assert.Len(t, list(people[0].at("FreeBusyView", "CalendarEventArray")), 3)
	assert.Equal(t, "ErrorMailRecipientNotFound", people[1].at("ResponseMessage", "ResponseCode").value())
}
