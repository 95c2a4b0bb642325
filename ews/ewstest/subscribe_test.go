package ewstest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const allEvents = `<t:EventTypes><t:EventType>CopiedEvent</t:EventType><t:EventType>CreatedEvent</t:EventType><t:EventType>DeletedEvent</t:EventType><t:EventType>ModifiedEvent</t:EventType><t:EventType>MovedEvent</t:EventType><t:EventType>NewMailEvent</t:EventType></t:EventTypes>`

func pull(folders, events string) string {
	return `<m:Subscribe><m:PullSubscriptionRequest><t:FolderIds>` + folders + `</t:FolderIds>` + events + `<t:Timeout>10</t:Timeout></m:PullSubscriptionRequest></m:Subscribe>`
}

func getEventsBody(id, watermark string) string {
	return `<m:GetEvents><m:SubscriptionId>` + id + `</m:SubscriptionId><m:Watermark>` + watermark + `</m:Watermark></m:GetEvents>`
}

// events returns the events after a watermark, and the last watermark.
func (b *bench) events(id, watermark string) (events []*node, last string, more bool) {
	b.t.Helper()
	n := b.one(getEventsBody(id, watermark)).child("Notification")
	for _, e := range n.children[3:] {
		events = append(events, e)
		last = e.child("Watermark").value()
	}
	return events, last, isTrue(n.child("MoreEvents").value())
}

func TestPull(t *testing.T) {
	b := newBench(t, Behavior{})
	before := b.s.Add(anna, "inbox", mail("before"))
	m := b.one(pull(known("inbox"), allEvents))
	id, mark := m.child("SubscriptionId").value(), m.child("Watermark").value()
	events, mark, _ := b.events(id, mark)
	require.Len(t, events, 1)
	assert.Equal(t, "StatusEvent", events[0].name.Local)

	came := b.s.Add(anna, "inbox", mail("came"))
	b.s.Add(anna, "drafts", mail("elsewhere"))
	b.s.SetFlags(before, FlagRead)
	moved := b.s.Move(before, "archive")
	b.s.Remove(came)
	events, next, more := b.events(id, mark)
	var got []string
	for _, e := range events {
		got = append(got, e.name.Local+" "+e.child("ItemId").attr("Id"))
	}
	assert.Equal(t, []string{"CreatedEvent " + came, "NewMailEvent " + came, "ModifiedEvent " + before, "MovedEvent " + moved, "DeletedEvent " + came}, got)
	assert.Equal(t, before, events[3].child("OldItemId").attr("Id"))
	assert.Equal(t, b.s.FolderID(anna, "archive"), events[3].child("ParentFolderId").attr("Id"))
	assert.Equal(t, b.s.FolderID(anna, "inbox"), events[3].child("OldParentFolderId").attr("Id"))
	assert.False(t, more)
	again, _, _ := b.events(id, mark)
	assert.Len(t, again, 5, "a watermark says where to go on, and nothing else does")
	none, _, _ := b.events(id, next)
	require.Len(t, none, 1)
	assert.Equal(t, "StatusEvent", none[0].name.Local)

	for range 60 {
		b.s.Touch(b.s.Add(anna, "inbox", mail("many")))
	}
	some, next, more := b.events(id, next)
	assert.Len(t, some, maxPulled)
	assert.True(t, more)
	_, _, _ = b.events(id, next)

	assert.Equal(t, "ErrorInvalidWatermark", b.code(getEventsBody(id, "AQAAAA==")))
	assert.Equal(t, "ErrorSubscriptionAccessDenied", b.as(bob).code(getEventsBody(id, mark)))
	assert.Equal(t, "NoError", b.code(`<m:Unsubscribe><m:SubscriptionId>`+id+`</m:SubscriptionId></m:Unsubscribe>`))
	assert.Equal(t, "ErrorSubscriptionNotFound", b.code(getEventsBody(id, mark)))
}

func TestSubscribe(t *testing.T) {
	b := newBench(t, Behavior{})
	streaming := func(rest string) string {
		return `<m:Subscribe><m:StreamingSubscriptionRequest` + rest + `<t:EventTypes><t:EventType>NewMailEvent</t:EventType></t:EventTypes></m:StreamingSubscriptionRequest></m:Subscribe>`
	}
	m := b.one(streaming(` SubscribeToAllFolders="true">`))
	assert.Nil(t, m.child("Watermark"))
	id := m.child("SubscriptionId").value()
	assert.Equal(t, "ErrorInvalidSubscription", b.code(getEventsBody(id, "AQAAA000000000001A00000001")))
	s := b.s.model.subscriptions[id]
	wait := b.s.model.wait()
	b.s.Add(anna, "inbox", mail("one"))
	<-wait
	news, more, ok := s.after(s.at, 10)
	require.Len(t, news, 1)
	assert.True(t, ok && !more)
	assert.Equal(t, "NewMailEvent", news[0].kind)
	assert.Equal(t, "ErrorInvalidSubscriptionRequest", b.code(streaming(`>`)))
	other := `<t:DistinguishedFolderId Id="inbox"><t:Mailbox><t:EmailAddress>` + bob + `</t:EmailAddress></t:Mailbox></t:DistinguishedFolderId>`
	b.s.Grant(bob, anna, "FullAccess")
	assert.Equal(t, "ErrorSubscriptionDelegateAccessNotSupported", b.code(pull(other, allEvents)))
	assert.Equal(t, "ErrorInvalidPushSubscriptionUrl", b.code(`<m:Subscribe><m:PushSubscriptionRequest><t:FolderIds>`+known("inbox")+`</t:FolderIds>`+allEvents+`<t:StatusFrequency>1</t:StatusFrequency><t:URL>http://127.0.0.1/</t:URL></m:PushSubscriptionRequest></m:Subscribe>`))
	b.s.Migrate(anna)
	assert.NotContains(t, b.s.model.subscriptions, id)
}

func TestEventsAreForgotten(t *testing.T) {
	b := newBench(t, Behavior{})
	m := b.one(pull(known("inbox"), allEvents))
	id := b.s.Add(anna, "inbox", mail("one"))
	for range 2*maxEvents + 1 {
		b.s.Touch(id)
	}
	assert.Equal(t, "ErrorEventNotFound", b.code(getEventsBody(m.child("SubscriptionId").value(), m.child("Watermark").value())))
}

func TestDirectory(t *testing.T) {
	b := newBench(t, Behavior{LegacyNames: true})
	resolve := func(entry string) string {
		return `<m:ResolveNames ReturnFullContactData="true"><m:UnresolvedEntry>` + entry + `</m:UnresolvedEntry></m:ResolveNames>`
	}
	address := func(entry string) string {
		return b.one(resolve(entry)).at("ResolutionSet", "Resolution", "Mailbox", "EmailAddress").value()
	}
	assert.Equal(t, anna, address("Anna"))
	assert.Equal(t, anna, address("smtp:a.berg@example.com"))
	b.s.Add(anna, "inbox", mail("to anna"))
	m := b.get(`<t:BaseShape>Default</t:BaseShape>`, b.s.IDs(anna, "inbox")[0])
	legacy := m.at("ToRecipients", "Mailbox")
	assert.Equal(t, "EX", legacy.child("RoutingType").value())
	assert.Equal(t, anna, address(legacy.child("EmailAddress").value()))
	assert.Equal(t, "ErrorNameResolutionNoResults", b.code(resolve("zed")))
	b.s.AddMailbox("anna.two@example.com", "Anna Two")
	both := b.ask(resolve("anna")).child("ResponseMessages").first()
	assert.Equal(t, "Warning", both.attr("ResponseClass"))
	assert.Len(t, both.child("ResolutionSet").children, 2)

	id := b.s.FolderID(anna, "root")
	converted := b.one(`<m:ConvertId DestinationFormat="EwsId"><m:SourceIds><t:AlternateId Format="EwsId" Id="` + id + `" Mailbox="blah@blah.com"/></m:SourceIds></m:ConvertId>`).child("AlternateId")
	assert.Equal(t, anna, converted.attr("Mailbox"))
	assert.Equal(t, id, converted.attr("Id"))

	zones := b.one(`<m:GetServerTimeZones ReturnFullTimeZoneData="true"><m:Ids><t:Id>W. Europe Standard Time</t:Id></m:Ids></m:GetServerTimeZones>`).child("TimeZoneDefinitions")
	require.Len(t, zones.children, 1)
	assert.Equal(t, "-PT1H", zones.at("TimeZoneDefinition", "Periods", "Period").attr("Bias"))
	assert.Greater(t, len(b.one(`<m:GetServerTimeZones ReturnFullTimeZoneData="false"></m:GetServerTimeZones>`).child("TimeZoneDefinitions").children), 3)

	assert.Equal(t, "ErrorItemNotFound", b.code(`<m:GetUserConfiguration><m:UserConfigurationName Name="OWA.UserOptions">`+known("root")+`</m:UserConfigurationName><m:UserConfigurationProperties>All</m:UserConfigurationProperties></m:GetUserConfiguration>`))
	oof := b.ask(`<m:GetUserOofSettingsRequest><t:Mailbox><t:Address>` + anna + `</t:Address></t:Mailbox></m:GetUserOofSettingsRequest>`)
	assert.Equal(t, "Disabled", oof.at("OofSettings", "OofState").value())
	b.s.Grant(anna, bob, "Calendar=Editor")
	delegates := b.ask(`<m:GetDelegate IncludePermissions="true"><m:Mailbox><t:EmailAddress>` + anna + `</t:EmailAddress></m:Mailbox></m:GetDelegate>`)
	user := delegates.at("ResponseMessages", "DelegateUserResponseMessageType", "DelegateUser")
	assert.Equal(t, bob, user.at("UserId", "PrimarySmtpAddress").value())
	assert.Equal(t, "Editor", user.at("DelegatePermissions", "CalendarFolderPermissionLevel").value())
	assert.True(t, strings.HasPrefix(b.code(`<m:GetDelegate IncludePermissions="true"><m:Mailbox><t:EmailAddress>no@example.com</t:EmailAddress></m:Mailbox></m:GetDelegate>`), "fault "))
}

// Ids look alike for those who do not look at case, and can be told apart by those who do.
func TestIDsDifferInCase(t *testing.T) {
	b := newBench(t, Behavior{})
	b.s.AddLazy(anna, "inbox", 100, func(int) []byte { return mail("x") })
	alike, all := map[string]int{}, map[string]bool{}
	for _, id := range b.s.IDs(anna, "inbox") {
		all[id] = true
	}
	for id := range all {
		assert.True(t, isID(id))
		assert.Len(t, id, 152)
		alike[strings.ToLower(id)]++
	}
	assert.Len(t, all, 100)
	assert.Less(t, len(alike), 60)
}
