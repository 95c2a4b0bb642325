package ewstest

import (
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestFaultsInAnswersOfHTTP(t *testing.T) {
	for name, tt := range map[string]struct {
		fault  Fault
		status int
		header string // "Name: value"
		body   string // it contains
	}{
		"401":          {Unauthorized(`2000008;reason="no permissions"`), 401, `X-Ms-Diagnostics: 2000008;reason="no permissions"`, ""},
		"403":          {Forbidden(""), 403, "X-Ms-Diagnostics: ", ""},
		"403 with why": {Forbidden("why"), 403, "X-Ms-Diagnostics: why", ""},
		"404":          {Status(404), 404, "", ""},
		"456":          {Status(456), 456, "", ""},
		"429":          {RetryAfter(429, "2.128"), 429, "Retry-After: 2.128", ""},
		"503":          {RetryAfter(503, "Wed, 21 Oct 2099 07:28:00 GMT"), 503, "Retry-After: Wed, 21 Oct 2099 07:28:00 GMT", ""},
		"error page":   {ErrorPage(), 302, "Location: /ews/genericerrorpage.htm", ""},
		"elsewhere":    {Redirect("http://169.254.169.254/"), 302, "Location: http://169.254.169.254/", ""},
		"crashed":      {Crashed(), 500, "Content-Type: text/html; charset=utf-8", "Server Error in '/EWS' Application."},
		"login":        {LoginPage(), 200, "Content-Type: text/html; charset=utf-8", "sign in"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClient(t, start(t, Options{Faults: []Fault{tt.fault}}))
			before := done.Load()
			got := c.delete(1)
			require.Equal(t, tt.status, got.status)
			name, value, _ := strings.Cut(tt.header, ": ")
			require.Equal(t, value, got.header.Get(name))
			require.Contains(t, got.body, tt.body)
			require.Equal(t, tt.status == 401, got.header.Get("WWW-Authenticate") != "")
			require.Equal(t, before, done.Load(), "nothing is done")
			c.s.SetFault()
			require.Equal(t, 200, c.delete(1).status)
		})
	}
}

func TestFaultsOfSOAP(t *testing.T) {
	for _, backOff := range []string{"", "297749", "-1", "9223372036854775807", "abc"} {
		c := newClient(t, start(t, Options{Faults: []Fault{Busy(backOff)}}))
		got := c.delete(1)
		require.Equal(t, 500, got.status)
		require.Equal(t, "ErrorServerBusy", got.code())
		require.Equal(t, backOff, between(got.body, `<t:Value Name="BackOffMilliseconds"`, "</"))
	}
	for code, f := range map[string]Fault{"ErrorExceededConnectionCount": TooManyConnections(), "ErrorTimeoutExpired": TimedOut()} {
		require.Equal(t, code, newClient(t, start(t, Options{Faults: []Fault{f}})).delete(1).code())
	}
}

// messages returns the ResponseCodes of an answer, with what was deleted.
func (a answered) messages(t *testing.T) (all []string) {
	t.Helper()
	root, err := parse(a.body[strings.Index(a.body, "<s:Envelope"):], blind{})
	require.NoError(t, err, a.body)
	for _, m := range root.child("Body").children[0].child("ResponseMessages").children {
		code := m.child("ResponseCode").text
		if code == "NoError" {
			code = m.child("MessageText").text
		}
		all = append(all, m.attr("ResponseClass")+" "+code)
	}
	return all
}

func TestFaultsOfItems(t *testing.T) {
	good := []string{"Success deleted 1", "Success deleted 2", "Success deleted 3"}
	with := func(change map[int]string) []string {
		all := append([]string(nil), good...)
		for i, s := range change {
			all[i] = s
		}
		return all
	}
	for name, tt := range map[string]struct {
		fault Fault
		want  []string
		done  int64
	}{
		"busy":        {BusyItem(2, "5000"), with(map[int]string{1: "Error ErrorServerBusy"}), 2},
		"stale":       {StaleKey(1), with(map[int]string{0: "Error ErrorIrresolvableConflict"}), 2},
		"gone":        {GoneItem(3), with(map[int]string{2: "Error ErrorItemNotFound"}), 2},
		"after":       {Fault{Item: 3, Code: "ErrorInternalServerError", After: true}, with(map[int]string{2: "Error ErrorInternalServerError"}), 3},
		"stopped":     {Stopped(2), with(map[int]string{1: "Warning ErrorBatchProcessingStopped", 2: "Warning ErrorBatchProcessingStopped"}), 1},
		"all stopped": {Stopped(1), []string{"Warning ErrorBatchProcessingStopped", "Warning ErrorBatchProcessingStopped", "Warning ErrorBatchProcessingStopped"}, 0},
		"no such":     {GoneItem(4), good, 3},
		"too many":    {Fault{Messages: 2}, append(append([]string(nil), good...), good[2], good[2]), 3},
		"too few":     {Fault{Messages: -2}, good[:1], 3},
		"none at all": {Fault{Messages: -9}, nil, 3},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClient(t, start(t, Options{Faults: []Fault{tt.fault}}))
			before := done.Load()
			got := c.delete(3)
			require.Equal(t, 200, got.status)
			require.Equal(t, tt.want, got.messages(t))
			require.Equal(t, tt.done, done.Load()-before)
		})
	}
}

// An operation about one thing has one message, which fails without being done.
func TestFaultOfAnOperationAboutOneThing(t *testing.T) {
	c := newClient(t, start(t, Options{Faults: []Fault{LostState()}}))
	got := c.post(soapOf(asked, `<m:SyncFolderItems><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape><m:SyncFolderId><t:DistinguishedFolderId Id="inbox"/></m:SyncFolderId><m:SyncState>x</m:SyncState><m:MaxChangesReturned>10</m:MaxChangesReturned></m:SyncFolderItems>`))
	require.Equal(t, []string{"Error ErrorInvalidSyncStateData"}, got.messages(t))
}

func TestFaultsInTheTextOfAnswers(t *testing.T) {
	c := newClient(t, start(t, Options{}))
	good := c.delete(1).body
	ask := func(f Fault) answered {
		c.s.SetFault(f)
		return c.delete(1)
	}
	require.Equal(t, strings.Replace(good, "deleted 1", "&#x1A;deleted 1", 1), ask(Illegal("MessageText", "&#x1A;")).body)
	require.Equal(t, strings.Replace(good, "deleted 1", "\x00deleted 1", 1), ask(Illegal("MessageText", "\x00")).body)
	require.Contains(t, ask(Include("MessageText", "http://inner/")).body, `<m:MessageText><xop:Include xmlns:xop="http://www.w3.org/2004/08/xop/include" href="http://inner/"/>deleted 1`)
	require.Contains(t, ask(Doctype()).body, `<?xml version="1.0" encoding="utf-8"?><!DOCTYPE x [`)
	require.Equal(t, good, ask(Fault{}).body)
	for _, after := range []bool{false, true} {
		for at := 1; at < len(good); at += 97 {
			before := done.Load()
			got := ask(Fault{Cut: at})
			require.Error(t, got.err)
			require.Equal(t, good[:at], got.body)
			require.EqualValues(t, 1, done.Load()-before, "a right answer that is cut is one to something done")
			f := Busy("1")
			f.Cut, f.After = at, after
			before = done.Load()
			require.Error(t, ask(f).err)
			require.Equal(t, after, done.Load() > before)
		}
	}
}

func TestHugeAnswers(t *testing.T) {
	c := newClient(t, start(t, Options{}))
	for mark, f := range map[string]Fault{"<m:Deep>": Deep(12_345), `<m:GetItemResponseMessage ResponseClass="Success"/>`: Wide(12_345), `="b"`: Attributes(12_345)} {
		c.s.SetFault(f)
		require.Equal(t, 12_345, strings.Count(c.delete(1).body, mark), mark)
	}
	c.s.SetFault(Bomb(16 << 20))
	r := c.request(http.MethodPost, c.s.URL(), soapOf(asked, zonesRequest))
	r.Header.Set("Accept-Encoding", "gzip")
	got := c.do(r)
	require.Less(t, len(got.body), 1<<20)
	z, err := gzip.NewReader(strings.NewReader(got.body))
	require.NoError(t, err)
	n, err := io.Copy(io.Discard, z)
	require.NoError(t, err)
	require.Greater(t, n, int64(16<<20))
}

// An answer that is lost is one to something that was done, or was not.
func TestLostAnswers(t *testing.T) {
	for _, after := range []bool{false, true} {
		c := newClient(t, start(t, Options{Faults: []Fault{{Lose: true, After: after, Times: 1}}}))
		before := done.Load()
		_, err := c.http.Do(c.signed(c.request(http.MethodPost, c.s.URL(), soapOf(asked, deleteOne))))
		require.Error(t, err)
		require.Equal(t, after, done.Load() > before)
		require.Equal(t, 200, c.delete(1).status)
		require.Equal(t, []int{1}, c.s.Faulted())
	}
}

const deleteOne = `<m:DeleteItem DeleteType="HardDelete"><m:ItemIds><t:ItemId Id="1"/></m:ItemIds></m:DeleteItem>`

func (c *client) signed(r *http.Request) *http.Request {
	for name, values := range c.header {
		r.Header[name] = values
	}
	return r
}

func TestHangAndStall(t *testing.T) {
	for name, stall := range map[string]func(*Server){
		"hang":  func(s *Server) { s.SetFault(Fault{Hang: true, After: true}) },
		"stall": (*Server).Stall,
		"slow":  func(s *Server) { s.SetFault(Fault{Delay: time.Hour}) },
	} {
		t.Run(name, func(t *testing.T) {
			c := newClient(t, start(t, Options{}))
			stall(c.s)
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			_, err := c.http.Do(c.signed(c.request(http.MethodPost, c.s.URL(), soapOf(asked, deleteOne))).WithContext(ctx))
			require.ErrorIs(t, err, context.DeadlineExceeded)
		})
	}
}

// Which requests a fault is for.
func TestFaultsByRequest(t *testing.T) {
	o := Options{Mailboxes: []string{alice}, Impersonators: map[string][]string{"user@example.com": {"*"}}}
	pattern := func(s *Server, n int, ask func() answered) string {
		var b strings.Builder
		for range n {
			b.WriteByte(map[bool]byte{true: '+', false: '-'}[ask().status == 200])
		}
		return b.String()
	}
	for want, f := range map[string]Fault{
		"--------": {Status: 404}, "+++-----": {Status: 404, Skip: 3}, "+-+-+-+-": {Status: 404, Every: 2}, "++--++++": {Status: 404, Skip: 2, Times: 2},
		"++++-++-": {Status: 404, Skip: 2, Every: 3, Times: 2}, "++++++++": {Status: 404, Op: "GetItem"},
	} {
		c := newClient(t, start(t, o))
		c.s.SetFault(f)
		require.Equal(t, want, pattern(c.s, 8, func() answered { return c.zones("") }))
	}
	// Chance follows from the seed.
	o.Seed, o.Faults = 7, []Fault{{Status: 404, Chance: 0.5}}
	first := newClient(t, start(t, o))
	p := pattern(first.s, 64, func() answered { return first.zones("") })
	require.InDelta(t, 32, strings.Count(p, "-"), 20)
	again := newClient(t, start(t, o))
	require.Equal(t, p, pattern(again.s, 64, func() answered { return again.zones("") }))

	o.Faults = []Fault{{Op: "DeleteItem", Status: 404}, {Mailbox: "Alice@example.com", Status: 503}}
	c := newClient(t, start(t, o))
	require.Equal(t, 404, c.delete(1).status)
	require.Equal(t, 200, c.zones("").status)
	require.Equal(t, 503, c.zones(as("SmtpAddress", alice)).status)
	require.Equal(t, []int{1, 1}, c.s.Faulted())
}
