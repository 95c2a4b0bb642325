package ews

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// quick is a pace for tests.
var quick = pace{quiet: time.Millisecond, first: 5 * time.Millisecond, last: 50 * time.Millisecond, silence: time.Minute,
	poll: 5 * time.Millisecond, streamLife: 29, pullLife: 10, farewell: 20 * time.Second}

// A tower is the part of an Exchange that tells of news.
type tower struct {
	*desk
	pace pace

	mu       sync.Mutex
	subs     map[string]string // mailbox by subscription
	number   int
	requests []string // what was asked, with anchor and cookie
	streams  int
	gone     []string // subscriptions that have been ended
	refuse   func(op, kind, address string) string
	live     func(t *tower, w func(content string), ids []string, stream int) // what a stream says; nil keeps it open
	ends     func(stream int) bool                                            // whether it ends behind that
	pulled   func(n int) string
	pulls    int
}

func newTower(t *testing.T) *tower {
	s := &tower{desk: newDesk(t), pace: quick, subs: make(map[string]string)}
	s.desk.handle = s.answer
	return s
}

func (t *tower) answer(w http.ResponseWriter, r *http.Request, op string, body *element) bool {
	address := "ann@example.com"
	if a := r.Header.Get("X-Test-Address"); a != "" {
		address = a
	}
	t.mu.Lock()
	t.requests = append(t.requests, fmt.Sprintf("%s anchor=%s cookie=%s affinity=%s", op, r.Header.Get("X-AnchorMailbox"), r.Header.Get("Cookie"), r.Header.Get("X-PreferServerAffinity")))
	t.mu.Unlock()
	say := func(content string) {
		fmt.Fprint(w, wrap(op, content))
		w.(http.Flusher).Flush()
	}
	switch op {
	case "Subscribe":
		kind := body.Children[0].XMLName.Local
		if t.refuse != nil {
			if code := t.refuse(op, kind, address); code != "" {
				say(saysNo(op, code))
				return true
			}
		}
		t.mu.Lock()
		t.number++
		id := fmt.Sprint("sub", t.number)
		t.subs[id] = address
		t.mu.Unlock()
		http.SetCookie(w, &http.Cookie{Name: affinityCookie, Value: "backend7"})
		say(success(op, `<m:SubscriptionId>`+id+`</m:SubscriptionId>`+watermark(kind)))
	case "Unsubscribe":
		t.mu.Lock()
		t.gone = append(t.gone, body.value("SubscriptionId"))
		t.mu.Unlock()
		say(success(op, ""))
	case "GetEvents":
		t.mu.Lock()
		t.pulls++
		n := t.pulls
		t.mu.Unlock()
		say(t.pulled(n))
	case "GetStreamingEvents":
		t.mu.Lock()
		t.streams++
		stream := t.streams
		t.mu.Unlock()
		var ids []string
		for _, c := range body.at("SubscriptionIds").Children {
			ids = append(ids, strings.TrimSpace(c.Text))
		}
		t.live(t, func(content string) {
			if r.Context().Err() != nil {
				panic(http.ErrAbortHandler) // nobody listens
			}
			say(streamed(content))
		}, ids, stream)
		if t.ends == nil || !t.ends(stream) {
			<-r.Context().Done() // it stays open
		}
	default:
		return false
	}
	return true
}

func watermark(kind string) string {
	if kind == "PullSubscriptionRequest" {
		return `<m:Watermark>w0</m:Watermark>`
	}
	return ""
}

func streamed(content string) string {
	if strings.HasPrefix(content, "<m:GetStreamingEventsResponseMessage") {
		return content
	}
	return success("GetStreamingEvents", content)
}

const heartbeat = `<m:ConnectionStatus>OK</m:ConnectionStatus>`

func event(id, name string) string {
	return `<m:Notifications><m:Notification><t:SubscriptionId>` + id + `</t:SubscriptionId><t:` + name + `><t:TimeStamp>2026-11-21T09:00:00Z</t:TimeStamp><t:FolderId Id="x"/><t:ParentFolderId Id="y"/></t:` + name + `></m:Notification></m:Notifications>`
}

// listen has the driver listen until the test ends, and returns what is told.
func (t *tower) listen(test *testing.T, accounts ...provider.Account) (news chan mailbox.Key, stop func() error) {
	news = make(chan mailbox.Key, 1000)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- new(Driver).notify(ctx, t.pace, accounts, func(k mailbox.Key) {
			select {
			case news <- k:
			default:
			}
		})
	}()
	once := sync.OnceValue(func() error {
		cancel()
		select {
		case err := <-ended:
			return err
		case <-time.After(time.Minute):
			test.Error("Notify does not end with its context")
			return nil
		}
	})
	test.Cleanup(func() { once() })
	return news, once
}

func hears(t *testing.T, news <-chan mailbox.Key, of string) {
	t.Helper()
	select {
	case key := <-news:
		require.Equal(t, of, key.Mailbox)
	case <-time.After(time.Minute):
		t.Fatalf("no news of %s", of)
	}
}

// P3, P5: a stream tells of any event, and of nothing else; at its end the server is told, and nothing is left.
func TestNotifyStream(t *testing.T) {
	before := runtime.NumGoroutine()
	for _, name := range []string{"NewMailEvent", "DeletedEvent", "ModifiedEvent", "MovedEvent"} {
		s := newTower(t)
		s.live = func(_ *tower, w func(string), ids []string, _ int) {
			w(heartbeat)
			w(event(ids[0], "StatusEvent"))
			w(event("of nobody", name)) // EWS-11
			w(event(ids[0], name))
		}
		news, stop := s.listen(t, s.account())
		hears(t, news, "ann@example.com")
		begun := time.Now()
		require.ErrorIs(t, stop(), context.Canceled)
		require.Less(t, time.Since(begun), 20*time.Second)
		require.Empty(t, news)
		s.mu.Lock()
		require.Equal(t, []string{"sub1"}, s.gone)
		require.Equal(t, 1, s.streams)
		s.mu.Unlock()
		s.desk.server.Close()
	}
	require.Eventually(t, func() bool { return runtime.NumGoroutine() <= before+2 }, time.Minute, 10*time.Millisecond)
}

// EWS-11: a heartbeat without end tells of nothing, and of what it is no harm is done.
func TestEWS11HeartbeatAlone(t *testing.T) {
	s := newTower(t)
	many := make(chan bool)
	s.live = func(_ *tower, w func(string), ids []string, _ int) {
		for range 1000 {
			w(heartbeat)
			w(event(ids[0], "StatusEvent"))
			w(`<m:Notifications><m:Notification><t:SubscriptionId>unknown</t:SubscriptionId><t:NewMailEvent/></m:Notification></m:Notifications>` + heartbeat)
			w(`<m:ErrorSubscriptionIds><t:SubscriptionId>unknown</t:SubscriptionId></m:ErrorSubscriptionIds>`)
		}
		close(many)
	}
	news, stop := s.listen(t, s.account())
	<-many
	require.ErrorIs(t, stop(), context.Canceled)
	require.Empty(t, news)
	require.Equal(t, 1, s.streamsSoFar())
}

// Row 41 of clients: whatever ends a stream, it is begun again, and news is told once, for nobody
// knows what happened meanwhile.
func TestNotifyGoesOn(t *testing.T) {
	for name, first := range map[string]func(w func(string), ids []string){
		"cut":  func(w func(string), _ []string) { w(heartbeat); panic(http.ErrAbortHandler) },
		"half": func(w func(string), _ []string) { w(`<m:Notif`); panic(http.ErrAbortHandler) },
		"forgotten": func(w func(string), ids []string) {
			w(`<m:ErrorSubscriptionIds><t:SubscriptionId>` + ids[0] + `</t:SubscriptionId></m:ErrorSubscriptionIds>`)
		},
		"its other spelling": func(w func(string), ids []string) {
			w(`<m:ErrorSubscriptionIds><m:SubscriptionId>` + ids[0] + `</m:SubscriptionId></m:ErrorSubscriptionIds>`)
		},
		"not found": func(w func(string), _ []string) { w(saysNo("GetStreamingEvents", "ErrorSubscriptionNotFound")) },
		"missed":    func(w func(string), _ []string) { w(saysNo("GetStreamingEvents", "ErrorMissedNotificationEvents")) },
		"busy":      func(w func(string), _ []string) { w(saysNo("GetStreamingEvents", "ErrorServerBusy")) },
		"silent":    func(func(string), []string) {},
	} {
		t.Run(name, func(t *testing.T) {
			s := newTower(t)
			if name == "silent" {
				s.pace.silence = 2 * time.Second
			}
			s.live = func(_ *tower, w func(string), ids []string, stream int) {
				if stream == 1 {
					first(w, ids)
					return
				}
				for range 1000 { // so that it is not taken for dead
					w(heartbeat)
					pause(context.Background(), 50*time.Millisecond)
				}
			}
			news, stop := s.listen(t, s.account())
			hears(t, news, "ann@example.com")
			want := 1 // subscriptions
			switch name {
			case "forgotten", "its other spelling", "not found", "missed":
				want = 2
			}
			require.Eventually(t, func() bool { return s.streamsSoFar() > 1 }, time.Minute, time.Millisecond)
			require.ErrorIs(t, stop(), context.Canceled)
			s.mu.Lock()
			defer s.mu.Unlock()
			if name == "silent" { // what a slow machine does not say in time is said again
				require.GreaterOrEqual(t, s.number, want)
				return
			}
			require.Equal(t, want, s.number)
		})
	}
}

// A stream that ends in time is begun again without a word.
func TestNotifyRenews(t *testing.T) {
	s := newTower(t)
	s.live = func(_ *tower, w func(string), ids []string, stream int) {
		w(heartbeat)
		if stream > 2 {
			w(event(ids[0], "NewMailEvent"))
			return
		}
		pause(context.Background(), 1100*time.Millisecond)
		w(`<m:ConnectionStatus>Closed</m:ConnectionStatus>`)
	}
	s.ends = func(stream int) bool { return stream <= 2 }
	news, _ := s.listen(t, s.account())
	hears(t, news, "ann@example.com")
	s.mu.Lock()
	defer s.mu.Unlock()
	require.Equal(t, 3, s.streams)
	require.Equal(t, 1, s.number, "subscriptions")
}

func (t *tower) streamsSoFar() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.streams
}

// Mailboxes that one account impersonates share a stream, and all that they ask goes to one server.
func TestNotifyShared(t *testing.T) {
	s := newTower(t)
	s.live = func(_ *tower, w func(string), ids []string, _ int) {
		w(heartbeat)
		for _, id := range ids {
			w(event(id, "NewMailEvent"))
		}
	}
	var accounts []provider.Account
	for _, name := range []string{"dora", "Bob", "carl"} {
		accounts = append(accounts, s.accountOf(name+"@example.com", true))
	}
	news, stop := s.listen(t, accounts...)
	heard := make(map[string]bool)
	for len(heard) < 3 {
		select {
		case key := <-news:
			heard[key.Mailbox] = true
		case <-time.After(time.Minute):
			t.Fatal("not all were told of")
		}
	}
	stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	require.Equal(t, 1, s.streams)
	require.Equal(t, []string{
		"Subscribe anchor=Bob@example.com cookie= affinity=true",
		"Subscribe anchor=Bob@example.com cookie=X-BackEndOverrideCookie=backend7 affinity=true",
		"Subscribe anchor=Bob@example.com cookie=X-BackEndOverrideCookie=backend7 affinity=true",
		"GetStreamingEvents anchor=Bob@example.com cookie=X-BackEndOverrideCookie=backend7 affinity=true",
	}, s.requests[:4])
	require.Len(t, s.gone, 3)
}

func TestGroups(t *testing.T) {
	var accounts []provider.Account
	d := newDesk(t)
	for i := range 2*maxSubscribed + 1 {
		accounts = append(accounts, d.accountOf(fmt.Sprintf("u%03d@example.com", i), true))
	}
	accounts = append(accounts, d.accountOf("own@example.com", false), d.accountOf("another@example.com", false))
	groups := groupsOf(accounts)
	var sizes []int
	for _, g := range groups {
		sizes = append(sizes, len(g))
	}
	require.Equal(t, []int{1, 1, maxSubscribed, maxSubscribed, 1}, sizes)
	for i := range maxSubscribed * maxStreams {
		accounts = append(accounts, d.accountOf(fmt.Sprintf("v%04d@example.com", i), true))
	}
	require.Len(t, groupsOf(accounts), 2+maxStreams)
}

// An application acts as all of its mailboxes, whatever Impersonate says, so that one stream serves many; but
// not where its tokens say who is meant, of which a stream has one.
func TestGroupsOfAnApplication(t *testing.T) {
	d := newDesk(t)
	of := func(realm string) (accounts []provider.Account) {
		for _, address := range []string{"a@example.com", "b@example.com"} {
			a := d.accountOf(address, false)
			a.Endpoint.Credentials, a.Profile.Application.Realm = profile.ServerToServer, realm
			accounts = append(accounts, a)
		}
		return accounts
	}
	require.Len(t, groupsOf(of("")), 1)
	require.Len(t, groupsOf(of("contoso.com")), 2)
}

// Where there are no streams it is asked now and then.
func TestNotifyPulls(t *testing.T) {
	for _, code := range []string{"ErrorSubscriptionDelegateAccessNotSupported", "ErrorInvalidServerVersion"} {
		s := newTower(t)
		s.refuse = refuseStreams(code)
		told := make(chan bool, 3) // news that comes before the last was told is told with it
		s.pulled = func(n int) string {
			what := "StatusEvent"
			switch n {
			case 3:
				what = "NewMailEvent"
			case 4:
				<-told
				return saysNo("GetEvents", "ErrorExpiredSubscription")
			case 8:
				<-told
				what = "NewMailEvent"
			}
			return success("GetEvents", fmt.Sprintf(`<m:Notification><t:SubscriptionId>sub</t:SubscriptionId><t:PreviousWatermark>w%d</t:PreviousWatermark><t:MoreEvents>%t</t:MoreEvents><t:%s><t:Watermark>w%d</t:Watermark></t:%s></m:Notification>`, n-1, n == 2, what, n, what))
		}
		news, stop := s.listen(t, s.account())
		for range 3 { // the third event, the lost subscription, the eighth event
			hears(t, news, "ann@example.com")
			told <- true
		}
		require.ErrorIs(t, stop(), context.Canceled)
		s.mu.Lock()
		require.Zero(t, s.streams)
		require.Equal(t, 2, s.number)
		require.Equal(t, []string{"sub2"}, s.gone)
		s.mu.Unlock()
	}
}

// The subscription is ended too where the end comes while it is asked.
func TestNotifyPullsEnd(t *testing.T) {
	s := newTower(t)
	s.refuse = refuseStreams("ErrorInvalidServerVersion")
	asked, answer := make(chan bool), make(chan bool)
	s.pulled = func(int) string {
		asked <- true
		<-answer
		return ""
	}
	_, stop := s.listen(t, s.account())
	<-asked
	err := stop()
	close(answer)
	require.ErrorIs(t, err, context.Canceled)
	s.mu.Lock()
	defer s.mu.Unlock()
	require.Equal(t, []string{"sub1"}, s.gone)
}

// refuseStreams refuses subscriptions to streams.
func refuseStreams(code string) func(op, kind, address string) string {
	return func(_, kind, _ string) string {
		if kind == "StreamingSubscriptionRequest" {
			return code
		}
		return ""
	}
}

// A mailbox that the server has nothing for falls silent, and the others go on; when none
// is left Notify ends.
func TestNotifyFallsSilent(t *testing.T) {
	s := newTower(t)
	s.refuse = func(string, string, string) string { return "ErrorItemNotFound" }
	err := new(Driver).notify(context.Background(), quick, []provider.Account{s.account()}, func(mailbox.Key) { t.Error("there is no news") })
	require.Equal(t, provider.ErrNotFound, provider.KindOf(err))
	s.desk.handle = func(w http.ResponseWriter, _ *http.Request, _ string, _ *element) bool {
		w.WriteHeader(http.StatusUnauthorized)
		return true
	}
	err = new(Driver).notify(context.Background(), quick, []provider.Account{s.account()}, func(mailbox.Key) { t.Error("there is no news") })
	require.Equal(t, provider.ErrAuth, provider.KindOf(err))
}

// News of a mailbox is told at most once in a while, and what came meanwhile is told at its end.
func TestHerald(t *testing.T) {
	ann, bob := mailbox.Key{Mailbox: "ann"}, mailbox.Key{Mailbox: "bob"}
	h := newHerald(5*time.Second, nil)
	now := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	h.tell(ann)
	h.tell(ann)
	keys, next := h.due(now)
	require.Equal(t, []mailbox.Key{ann}, keys)
	require.Zero(t, next)
	h.tell(ann)
	h.tell(bob)
	keys, next = h.due(now.Add(2 * time.Second))
	require.Equal(t, []mailbox.Key{bob}, keys)
	require.Equal(t, 3*time.Second, next)
	keys, next = h.due(now.Add(5 * time.Second))
	require.Equal(t, []mailbox.Key{ann}, keys)
	require.Zero(t, next)
}

// A mailbox that the server forgets each time falls silent, and the others of the stream go on.
func TestNotifyGivesUpOnOne(t *testing.T) {
	s := newTower(t)
	first := ""
	s.live = func(_ *tower, w func(string), ids []string, stream int) {
		if len(ids) > 1 {
			s.mu.Lock()
			if first == "" {
				first = ids[0]
			}
			s.mu.Unlock()
			w(`<m:ErrorSubscriptionIds><t:SubscriptionId>` + ids[1] + `</t:SubscriptionId></m:ErrorSubscriptionIds>`)
			return
		}
		w(event(ids[0], "NewMailEvent"))
	}
	s.ends = func(int) bool { return false }
	news, stop := s.listen(t, s.accountOf("a@example.com", true), s.accountOf("b@example.com", true))
	for key := range news {
		if key.Mailbox == "a@example.com" && s.streamsSoFar() == maxDropped+1 {
			break
		}
	}
	require.ErrorIs(t, stop(), context.Canceled)
	s.mu.Lock()
	defer s.mu.Unlock()
	require.Equal(t, 1+maxDropped, s.number)
	require.Equal(t, []string{first}, s.gone)
}
