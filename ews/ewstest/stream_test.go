package ewstest

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const user = "user@example.com"

// subscribe subscribes to the inbox for a streaming connection, and returns the subscription's id.
func (c *client) subscribe() string {
	c.t.Helper()
	got := c.post(soapOf(asked, `<m:Subscribe><m:StreamingSubscriptionRequest><t:FolderIds><t:DistinguishedFolderId Id="inbox"/></t:FolderIds><t:EventTypes><t:EventType>NewMailEvent</t:EventType><t:EventType>DeletedEvent</t:EventType></t:EventTypes></m:StreamingSubscriptionRequest></m:Subscribe>`))
	require.Equal(c.t, 200, got.status)
	id := between(got.body, "SubscriptionId", "</")
	require.NotEmpty(c.t, id, got.body)
	for _, cookie := range (&http.Response{Header: got.header}).Cookies() {
		if cookie.Name == backEndCookie {
			c.header.Set("Cookie", cookie.Name+"="+cookie.Value)
		}
	}
	return id
}

// A flow is a streaming connection, as a client sees it.
type flow struct {
	t    *testing.T
	in   *bufio.Reader
	body io.Closer
}

func (c *client) listen(minutes string, ids ...string) *flow {
	c.t.Helper()
	var list strings.Builder
	for _, id := range ids {
		list.WriteString("<t:SubscriptionId>" + id + "</t:SubscriptionId>")
	}
	r := c.request(http.MethodPost, c.s.URL(), soapOf(asked, `<m:GetStreamingEvents><m:SubscriptionIds>`+list.String()+`</m:SubscriptionIds><m:ConnectionTimeout>`+minutes+`</m:ConnectionTimeout></m:GetStreamingEvents>`))
	answer, err := c.http.Do(c.signed(r))
	require.NoError(c.t, err)
	c.t.Cleanup(func() { answer.Body.Close() })
	return &flow{c.t, bufio.NewReader(answer.Body), answer.Body}
}

// next returns the message of the next envelope, nil at the end.
func (f *flow) next() *node {
	f.t.Helper()
	var b strings.Builder
	for !strings.HasSuffix(b.String(), "Envelope>") || strings.Count(b.String(), "Envelope") < 2 {
		s, err := f.in.ReadString('>')
		b.WriteString(s)
		if err != nil {
			require.Empty(f.t, b.String())
			return nil
		}
	}
	root, err := parse(b.String(), blind{})
	require.NoError(f.t, err, b.String())
	if fault := root.at("Body", "Fault"); fault != nil {
		return fault.child("detail")
	}
	return root.at("Body", "GetStreamingEventsResponse", "ResponseMessages", "GetStreamingEventsResponseMessage")
}

// said is what a message says.
func said(m *node) string {
	if m == nil {
		return "the end"
	}
	what := m.child("ResponseCode").value() + " " + m.child("ConnectionStatus").value()
	for _, n := range m.child("Notifications").elements() {
		for _, e := range n.children {
			if strings.HasSuffix(e.name.Local, "Event") {
				what += e.name.Local
			}
		}
	}
	for _, n := range m.child("ErrorSubscriptionIds").elements() {
		what += n.text
	}
	return what
}

func TestStreaming(t *testing.T) {
	for name, o := range map[string]Options{"usual": {}, "in pieces": {Split: 7}, "odd": {Style: Odd}, "default": {Style: DefaultNamespaces, Split: 1}} {
		t.Run(name, func(t *testing.T) {
			s := start(t, o)
			c := newClient(t, s)
			id := c.subscribe()
			first := s.Add(user, "inbox", mail("before"))
			f := c.listen("30", id)
			require.Equal(t, "NoError OK", said(f.next()))
			m := f.next()
			require.Equal(t, "NoError NewMailEvent", said(m))
			notification := m.child("Notifications").children[0]
			require.Equal(t, id, notification.child("SubscriptionId").value())
			require.Equal(t, first, notification.at("NewMailEvent", "ItemId").attr("Id"))
			s.Add(user, "sentitems", mail("elsewhere"))
			s.Remove(first)
			require.Equal(t, "NoError DeletedEvent", said(f.next()))

			// Who listens anew takes over, and hears no news twice.
			again := newClient(t, s)
			f2 := again.listen("30", id)
			require.Equal(t, "NoError OK", said(f2.next()))
			require.Equal(t, "ErrorNewEventStreamConnectionOpened ", said(f.next()))
			require.Equal(t, "the end", said(f.next()))
			s.Add(user, "inbox", mail("after"))
			require.Equal(t, "NoError NewMailEvent", said(f2.next()))

			s.LoseSubscriptions()
			require.Equal(t, "ErrorSubscriptionNotFound "+id, said(f2.next()))
			require.Equal(t, "the end", said(f2.next()))
			good := c.subscribe()
			f = c.listen("30", good, id)
			require.Equal(t, "ErrorSubscriptionNotFound "+id, said(f.next()))
			require.Equal(t, "the end", said(f.next()))
		})
	}
}

func TestStreamingHeartbeatsAndTimeout(t *testing.T) {
	c := newClient(t, start(t, Options{Heartbeat: 5 * time.Millisecond}))
	f := c.listen("30", c.subscribe())
	require.Equal(t, "NoError OK", said(f.next()))
	for range 3 {
		require.Equal(t, "NoError StatusEvent", said(f.next()))
	}
	c = newClient(t, start(t, Options{Minute: 5 * time.Millisecond}))
	f = c.listen("2", c.subscribe())
	require.Equal(t, "NoError OK", said(f.next()))
	require.Equal(t, "NoError Closed", said(f.next()))
	require.Equal(t, "the end", said(f.next()))
	require.Equal(t, "ErrorSchemaValidation", strings.TrimSpace(said(c.listen("31", "x").next())))
}

func TestStreamingLimitsAndFaults(t *testing.T) {
	c := newClient(t, start(t, Options{Streams: 1}))
	f := c.listen("30", c.subscribe())
	require.Equal(t, "NoError OK", said(f.next()))
	require.Equal(t, "ErrorExceededConnectionCount ", said(newClient(t, c.s).listen("30", "x").next()))
	require.NoError(t, f.body.Close())
	require.Eventually(t, func() bool {
		c.s.load.mu.Lock()
		defer c.s.load.mu.Unlock()
		return c.s.load.streams[user] == 0
	}, time.Minute, time.Millisecond, "a client that has gone is not counted")

	c.s.SetFault(Fault{Op: "GetStreamingEvents", Cut: 100, Times: 1})
	f = c.listen("30", c.subscribe())
	b, err := io.ReadAll(f.in)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.Len(t, b, 100)
	c.s.SetFault(Busy("1"))
	require.Equal(t, "ErrorServerBusy ", said(c.listen("30", "x").next()))
	c.s.SetFault()

	f = c.listen("30", c.subscribe())
	require.Equal(t, "NoError OK", said(f.next()))
	c.s.Close()
	_, err = io.ReadAll(f.in)
	require.Error(t, err)
	leavesNothing(t)
}

// With affinity a subscription is known only where it was made, which the cookie says.
func TestAffinity(t *testing.T) {
	c := newClient(t, start(t, Options{Affinity: true}))
	id := c.subscribe()
	require.Equal(t, "ErrorSubscriptionNotFound "+id, said(c.listen("30", id).next()), "nobody asked for affinity")
	c.header.Set("X-PreferServerAffinity", "true")
	id = c.subscribe()
	require.NotEmpty(t, c.header.Get("Cookie"))
	f := c.listen("30", id)
	require.Equal(t, "NoError OK", said(f.next()))
	unsubscribe := func() string {
		return between(c.post(soapOf(asked, `<m:Unsubscribe><m:SubscriptionId>`+id+`</m:SubscriptionId></m:Unsubscribe>`)).body, "<m:ResponseCode", "</")
	}
	cookie := c.header.Get("Cookie")
	c.header.Set("Cookie", backEndCookie+"=MAIL9~1")
	require.Equal(t, "ErrorSubscriptionNotFound", unsubscribe())
	c.header.Set("Cookie", cookie)
	require.Equal(t, "NoError", unsubscribe())
	require.Equal(t, "ErrorSubscriptionNotFound "+id, said(f.next()))
}
