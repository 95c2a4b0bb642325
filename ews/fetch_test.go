package ews

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/provider"
)

func mimeOf(id string) string { return "Subject: " + id + "\r\n\r\nthe body of " + id + "\r\n" }

func coded(id string) string { return base64.StdEncoding.EncodeToString([]byte(mimeOf(id))) }

// fetchAll fetches ids and returns what came of each, in short.
func fetchAll(t *testing.T, s *session, ids ...provider.ID) ([]string, error) {
	t.Helper()
	id, _ := s.real("inbox")
	var got []string
	err := s.Fetch(t.Context(), "inbox", epochOf(id), ids, func(c provider.Change) error {
		got = append(got, outcomeOf(t, c))
		return nil
	})
	return got, err
}

func outcomeOf(t *testing.T, c provider.Change) string {
	t.Helper()
	switch {
	case c.Err != nil:
		require.Nil(t, c.Raw)
		return fmt.Sprintf("%s: %s", c.ID, provider.KindOf(c.Err))
	case c.Kind == provider.Gone:
		return fmt.Sprintf("%s: gone", c.ID)
	case c.Raw == nil:
		return fmt.Sprintf("%s: %s", c.ID, c.Kind)
	}
	defer c.Raw.Release()
	raw, err := io.ReadAll(c.Raw.Open())
	require.NoError(t, err)
	require.Equal(t, mimeOf(string(c.ID)), string(raw))
	return fmt.Sprintf("%s: whole", c.ID)
}

// each answers a GetItem with what one says of each id.
func each(one func(id string) string) func(op, body string) string {
	return func(op, body string) string {
		var b strings.Builder
		for _, id := range itemIDs(body) {
			b.WriteString(one(id))
		}
		return soapOf(op, b.String())
	}
}

// EWS-05: damaged base64, junk behind it, and no content at all are the item's failure, and
// those around it come.
func TestEWS05BadContent(t *testing.T) {
	for name, content := range map[string]string{
		"damaged": "U3Vi?mVjdA==", "cut": coded("x")[:21], "junk behind": coded("xy") + "AAAA====", "empty": "", "an element": "<t:Include href=\"http://inner/\"/>",
	} {
		c := &canned{answer: each(func(id string) string {
			if id == "bad" {
				return gotten(id, content)
			}
			return gotten(id, coded(id))
		})}
		got, err := fetchAll(t, c.open(t), "a", "bad", "b")
		require.NoError(t, err, name)
		require.Equal(t, []string{"a: whole", "bad: bad item", "b: whole"}, got, name)
	}
	c := &canned{answer: each(func(id string) string {
		return ok("GetItem", `<m:Items><t:Message><t:ItemId Id="`+id+`"/></t:Message></m:Items>`)
	})}
	got, err := fetchAll(t, c.open(t), "a")
	require.NoError(t, err)
	require.Equal(t, []string{"a: bad item"}, got)
}

// EWS-05: a message over the limit is too large, whether its size was told or not, and the
// next one comes; one that does not end is not read to its end.
func TestEWS05TooLarge(t *testing.T) {
	long := base64.StdEncoding.EncodeToString(make([]byte, 150<<10))
	c := &canned{answer: each(func(id string) string {
		if id == "long" {
			return gotten(id, long)
		}
		return gotten(id, coded(id))
	})}
	s := c.open(t)
	s.limits.Message, s.spool.Max = 100<<10, 100<<10
	s.sizes = map[provider.ID]int64{"long": 10, "listed": 101 << 10, "a": 10, "b": 10}
	got, err := fetchAll(t, s, "a", "long", "b", "listed")
	require.NoError(t, err)
	slices.Sort(got)
	require.Equal(t, []string{"a: whole", "b: whole", "listed: too large", "long: too large"}, got)
	long = base64.StdEncoding.EncodeToString(make([]byte, 300<<10))
	got, err = fetchAll(t, s, "a", "long", "b")
	require.NoError(t, err)
	require.Equal(t, []string{"a: whole", "long: too large", "b: whole"}, got)
}

// EWS-03: an answer to another item than was asked for is never taken for that one's. By
// their ids items are known in any order.
func TestEWS03PairedByPositionAndID(t *testing.T) {
	var ids []string
	var answer func() string
	c := &canned{answer: func(op, body string) string { ids = itemIDs(body); return soapOf(op, answer()) }}
	s := c.open(t)
	answer = func() string { return gotten(ids[1], coded(ids[1])) + gotten(ids[0], coded(ids[0])) }
	got, err := fetchAll(t, s, "a", "b")
	require.NoError(t, err)
	require.Equal(t, []string{"a: whole", "b: whole"}, got)
	for name, text := range map[string]func() string{
		"another item": func() string { return gotten("a", coded("a")) + gotten("z", coded("z")) },
		"one twice":    func() string { return gotten("a", coded("a")) + gotten("a", coded("a")) },
		"another case": func() string { return gotten("A", coded("a")) + gotten("b", coded("b")) },
		"fewer":        func() string { return gotten("a", coded("a")) },
		"more":         func() string { return gotten("a", coded("a")) + gotten("b", coded("b")) + gotten("c", coded("c")) },
		"two in one": func() string {
			return strings.Replace(gotten("a", coded("a")), "</m:Items>", "<t:Message><t:MimeContent>eA==</t:MimeContent></t:Message></m:Items>", 1) + gotten("b", coded("b"))
		},
		"success without an item": func() string { return ok("GetItem", "<m:Items/>") + gotten("b", coded("b")) },
	} {
		answer = text
		got, err := fetchAll(t, s, "a", "b")
		require.ErrorIs(t, err, provider.ErrProtocol, name)
		require.Empty(t, got, name)
	}
}

// EWS-09: one of 50 items for which the server has no time stays pending: the others are
// told, what waits is told once the server has time, and behind it what happened to it since.
func TestEWS09BusyItemWaits(t *testing.T) {
	busy := true
	one := func(id string) string {
		if id == "id07" && busy {
			return failed("GetItem", "ErrorServerBusy")
		}
		return gotten(id, coded(id))
	}
	c := &canned{answer: func(op, body string) string {
		if op == "GetItem" {
			return each(one)(op, body)
		}
		if strings.Contains(body, "<m:SyncState>") {
			return synced("two", true, "")
		}
		var b strings.Builder
		for i := range 49 {
			b.WriteString(newNote(fmt.Sprintf("id%02d", i)))
		}
		return synced("one", true, b.String()+`<t:Delete><t:ItemId Id="id07"/></t:Delete>`)
	}}
	s := c.open(t)
	r := inbox("")
	r.Want = provider.WantBodies
	page, err := s.Changes(t.Context(), r)
	require.NoError(t, err)
	require.Len(t, page.Changes, 48)
	require.True(t, page.More)
	require.False(t, page.RoundEnd)
	for _, change := range page.Changes {
		require.NotEqual(t, provider.ID("id07"), change.ID)
		require.Contains(t, outcomeOf(t, change), "whole")
	}
	r.Cursor = page.Next
	_, err = s.Changes(t.Context(), r)
	require.ErrorIs(t, err, provider.ErrThrottled)
	busy = false
	page, err = s.Changes(t.Context(), r)
	require.NoError(t, err)
	require.Equal(t, "id07: whole", outcomeOf(t, page.Changes[0]))
	require.Equal(t, "id07: gone", outcomeOf(t, page.Changes[1]))
}

// EWS-09: an item for which the server never has time does not hold up the folder for ever:
// after some tries it is told as one that could not be read. A server that has time for
// nobody is another matter.
func TestEWS09PatienceEnds(t *testing.T) {
	all := false
	c := &canned{answer: func(op, body string) string {
		if strings.Contains(body, "<m:SyncState>") {
			return synced("two", true, "")
		}
		if op == "SyncFolderItems" {
			return synced("one", true, newNote("a")+newNote("b")+newNote("c")+newNote("d")+newNote("poison"))
		}
		return each(func(id string) string {
			if id == "poison" || all {
				return failed("GetItem", "ErrorServerBusy")
			}
			return gotten(id, coded(id))
		})(op, body)
	}}
	s := c.open(t)
	r := inbox("")
	r.Want = provider.WantBodies
	all = true
	for range 10 {
		_, err := s.Changes(t.Context(), r)
		require.ErrorIs(t, err, provider.ErrThrottled)
	}
	all = false
	page, err := s.Changes(t.Context(), r)
	require.NoError(t, err)
	require.Len(t, page.Changes, 4)
	releaseAll(page.Changes)
	for r.Cursor = page.Next; ; {
		if page, err = s.Changes(t.Context(), r); err == nil {
			break
		}
		require.ErrorIs(t, err, provider.ErrThrottled)
	}
	require.Equal(t, "poison: throttled", outcomeOf(t, page.Changes[0]))
}

// A group is as large as the server can give: halved where it has no time for all, alone
// where an item is large, and larger again with time.
func TestGroupsAdapt(t *testing.T) {
	var sizes []int
	most := 10
	c := &canned{answer: func(op, body string) string {
		ids := itemIDs(body)
		sizes = append(sizes, len(ids))
		var b strings.Builder
		for i, id := range ids {
			if i < most {
				b.WriteString(gotten(id, coded(id)))
			} else {
				b.WriteString(strings.Replace(failed("GetItem", "ErrorBatchProcessingStopped"), `"Error"`, `"Warning"`, 1))
			}
		}
		return soapOf(op, b.String())
	}}
	s := c.open(t)
	s.sizes = make(map[provider.ID]int64)
	var ids []provider.ID
	for i := range 200 {
		id := provider.ID(fmt.Sprintf("id%03d", i))
		ids = append(ids, id)
		s.sizes[id] = 1000
	}
	got, err := fetchAll(t, s, ids[:100]...)
	require.NoError(t, err)
	require.Len(t, got, 100)
	require.Equal(t, 50, sizes[0])
	require.LessOrEqual(t, slices.Min(sizes), 15)
	require.LessOrEqual(t, len(sizes), 20, "%v", sizes)
	most, sizes = 1000, nil
	for range 3 {
		_, err = fetchAll(t, s, ids...)
		require.NoError(t, err)
	}
	require.Equal(t, 100, slices.Max(sizes), "%v", sizes)
	sizes = nil
	for _, id := range ids[:3] {
		s.sizes[id] = 20 << 20
	}
	_, err = fetchAll(t, s, ids[:53]...)
	require.NoError(t, err)
	require.Equal(t, []int{1, 1, 1, 50}, sizes)
}

// A page of 50 small messages is one request for all.
func TestPageIsOneGetItem(t *testing.T) {
	c := &canned{answer: func(op, body string) string {
		if op == "GetItem" {
			return each(func(id string) string { return gotten(id, coded(id)) })(op, body)
		}
		var b strings.Builder
		for i := range 50 {
			b.WriteString(newNote(fmt.Sprintf("id%02d", i)))
		}
		return synced("one", true, b.String())
	}}
	r := inbox("")
	r.Want = provider.WantBodies
	page, err := c.open(t).Changes(t.Context(), r)
	require.NoError(t, err)
	require.Len(t, page.Changes, 50)
	releaseAll(page.Changes)
	require.Equal(t, "SyncFolderItems GetItem", c.ops())
}

// An id that is none of Exchange's is not sent, for what XML leaves out of it would make it
// another one.
func TestStrangeIDsAreNotSent(t *testing.T) {
	c := &canned{answer: each(func(id string) string { return gotten(id, coded(id)) })}
	s := c.open(t)
	got, err := fetchAll(t, s, "", "a\x00", provider.ID(strings.Repeat("x", 2000)), "\xff", "b")
	require.NoError(t, err)
	require.ElementsMatch(t, []string{"\xff: gone", ": gone", "a\x00: gone", "b: whole", strings.Repeat("x", 2000) + ": gone"}, got)
	require.Equal(t, []string{"b"}, itemIDs(c.requests()[0]))
	real, _ := s.real("inbox")
	err = s.Act(t.Context(), provider.Act{Kind: provider.Delete, Folder: "inbox", Epoch: epochOf(real), ID: "a\x00"})
	require.ErrorIs(t, err, provider.ErrNotFound)
}

// P7: an item whose content Exchange cannot give is put together from its properties, the same
// each time, with the address of a person whom the directory names.
func TestP7ContentPutTogether(t *testing.T) {
	c := &canned{answer: everything}
	s := c.open(t)
	var raws [][]byte
	for range 2 {
		s.smtp = nil
		id, _ := s.real("inbox")
		require.NoError(t, s.Fetch(t.Context(), "inbox", epochOf(id), []provider.ID{"a"}, func(change provider.Change) error {
			require.NoError(t, change.Err)
			m, err := item.ParseMessage(change.Raw, item.Limits{})
			require.NoError(t, err)
			require.Equal(t, []item.Address{{Name: "Ann", Addr: "ann@example.com"}}, m.From)
			require.Equal(t, []item.Address{{Name: "Bob", Addr: "bob@example.com"}}, m.To)
			require.Equal(t, "m1@example.com", m.MessageID)
			require.Equal(t, "Hello", m.Subject)
			require.Equal(t, "<p>Hi</p>", strings.TrimSpace(m.HTML))
			require.Len(t, m.Attachments, 2)
			require.Equal(t, "forwarded.eml", m.Attachments[1].Name)
			raw, err := io.ReadAll(change.Raw.Open())
			raws = append(raws, raw)
			return err
		}))
	}
	require.True(t, bytes.Equal(raws[0], raws[1]))
}

// P7: what cannot be put together either is that item's failure.
func TestP7NothingToPutTogether(t *testing.T) {
	c := &canned{answer: each(func(id string) string {
		if id == "a" {
			return gotten(id, coded(id))
		}
		return failed("GetItem", "ErrorItemCorrupt")
	})}
	got, err := fetchAll(t, c.open(t), "bad", "a")
	require.NoError(t, err)
	require.Equal(t, []string{"bad: bad item", "a: whole"}, got)
}

// What a header is made of: what came over the Internet where Exchange has kept it, else the
// properties; and nothing where those say too little, so that the whole is asked for.
func TestHeaders(t *testing.T) {
	transport := "Microsoft Mail Internet Headers Version 2.0\r\nReceived: from a by b\r\nFrom: ann@example.com\r\nSubject: =?utf-8?q?=C3=A4?=\r\n folded\r\n\r\n--part\r\nContent-Type: text/plain\r\n"
	items := map[string]string{
		"internet": `<t:ExtendedProperty><t:ExtendedFieldURI PropertyTag="0x7d" PropertyType="String"/><t:Value>` + strings.ReplaceAll(transport, "\r", "&#xD;") + `</t:Value></t:ExtendedProperty>`,
		"internal": `<t:Subject>Grüße</t:Subject><t:InReplyTo>&lt;m0@example.com&gt;</t:InReplyTo><t:InternetMessageHeaders><t:InternetMessageHeader HeaderName="Auto-Submitted">auto-replied</t:InternetMessageHeader><t:InternetMessageHeader HeaderName="Subject">twice</t:InternetMessageHeader><t:InternetMessageHeader HeaderName="bad name">x</t:InternetMessageHeader></t:InternetMessageHeaders>` +
			`<t:DateTimeSent>2026-11-21T10:00:00Z</t:DateTimeSent><t:ExtendedProperty><t:ExtendedFieldURI PropertyTag="0x71" PropertyType="Binary"/><t:Value>AdxS</t:Value></t:ExtendedProperty><t:ExtendedProperty><t:ExtendedFieldURI PropertyTag="0x5D02" PropertyType="String"/><t:Value>ann@example.com</t:Value></t:ExtendedProperty>` +
			`<t:ToRecipients><t:Mailbox><t:Name>Left, the Company</t:Name><t:EmailAddress>/o=Org/cn=left</t:EmailAddress><t:RoutingType>EX</t:RoutingType></t:Mailbox><t:Mailbox><t:Name>nobody</t:Name></t:Mailbox></t:ToRecipients><t:From><t:Mailbox><t:Name>Ann</t:Name><t:EmailAddress>/o=Org/cn=ann</t:EmailAddress><t:RoutingType>EX</t:RoutingType></t:Mailbox></t:From>` +
			`<t:InternetMessageId>&lt;m1@example.com&gt;</t:InternetMessageId><t:References>&lt;m0@example.com&gt; &lt;bad id&gt;</t:References>`,
		"unknown": `<t:Subject>a draft</t:Subject>`,
	}
	c := &canned{answer: func(op, body string) string {
		switch op {
		case "SyncFolderItems":
			return synced("s", true, newNote("internet")+newNote("internal")+newNote("unknown")+newNote("corrupt"))
		case "ResolveNames":
			return soapOf(op, failed(op, "ErrorNameResolutionNoResults"))
		}
		return each(func(id string) string {
			if id == "corrupt" {
				return failed("GetItem", "ErrorItemCorrupt")
			}
			return ok("GetItem", `<m:Items><t:Message><t:ItemId Id="`+id+`"/>`+items[id]+`</t:Message></m:Items>`)
		})(op, body)
	}}
	s := c.open(t)
	r := inbox("")
	r.Want = provider.WantHeaders
	page, err := s.Changes(t.Context(), r)
	require.NoError(t, err)
	require.Len(t, page.Changes, 4)
	require.Equal(t, "Received: from a by b\r\nFrom: ann@example.com\r\nSubject: =?utf-8?q?=C3=A4?=\r\n folded\r\n\r\n", string(page.Changes[0].Header))
	m := item.ParseHeader(page.Changes[1].Header, item.Limits{})
	require.Equal(t, "Grüße", m.Subject)
	require.Equal(t, []item.Address{{Name: "Ann", Addr: "ann@example.com"}}, m.From)
	require.Equal(t, []item.Address{{Name: "Left, the Company", Addr: "IMCEAEX-_o=Org_cn=left@example.com"}}, m.To)
	require.Equal(t, []string{"m0@example.com"}, m.InReplyTo)
	require.Equal(t, "m1@example.com", m.MessageID)
	require.Contains(t, string(page.Changes[1].Header), "Auto-Submitted: auto-replied\r\n")
	require.Contains(t, string(page.Changes[1].Header), "Thread-Index: AdxS\r\n")
	for _, change := range page.Changes[2:] {
		require.NoError(t, change.Err)
		require.Nil(t, change.Header)
	}
	require.Equal(t, "SyncFolderItems GetItem ResolveNames", c.ops())
	_, err = s.Changes(t.Context(), r)
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(c.ops(), "ResolveNames"), "a name is asked about once a session")
}
