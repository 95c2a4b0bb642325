package ews

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/provider"
)

// What Exchange has really answered: other prefixes, an order of its own, what nobody asked
// for, a character that XML has not.
func TestChangesOfARealServer(t *testing.T) {
	c := &canned{answer: func(op, _ string) string {
		return `<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema">
<soap:Header><h:ServerVersionInfo MajorVersion="14" MinorVersion="3" MajorBuildNumber="123" MinorBuildNumber="2" Version="Exchange2010_SP2" xmlns:h="http://schemas.microsoft.com/exchange/services/2006/types" xmlns="http://schemas.microsoft.com/exchange/services/2006/types"/></soap:Header>
<soap:Body xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><SyncFolderItemsResponse xmlns="http://schemas.microsoft.com/exchange/services/2006/messages" xmlns:x="http://schemas.microsoft.com/exchange/services/2006/types"><ResponseMessages>
<SyncFolderItemsResponseMessage ResponseClass="Success">
<Changes>
<x:Create><x:Message><x:Size>2048</x:Size><x:Categories><x:String>Two Words</x:String><x:String>&#x1A;odd</x:String><x:String>\Seen</x:String></x:Categories><x:ItemId ChangeKey="CQAAAB" Id="AAMkAGa="/><x:ExtendedProperty><x:ExtendedFieldURI PropertyTag="4225" PropertyType="Integer"/><x:Value>103</x:Value></x:ExtendedProperty><x:IsRead>1</x:IsRead><x:Unknown><x:IsRead>false</x:IsRead></x:Unknown></x:Message></x:Create>
<x:Create><x:MeetingRequest><x:ItemId Id="AAMkAGA="/><x:ItemClass>IPM.Schedule.Meeting.Request</x:ItemClass><x:IsRead>false</x:IsRead><x:DateTimeReceived>2026-11-21T11:00:00.123+01:00</x:DateTimeReceived><x:Flag><x:FlagStatus>Flagged</x:FlagStatus></x:Flag></x:MeetingRequest></x:Create>
<x:Create><x:Message><x:ItemId Id="ndr"/><x:ItemClass>REPORT.IPM.Note.NDR</x:ItemClass></x:Message></x:Create>
<x:Create><x:CalendarItem><x:ItemId Id="meeting"/><x:ItemClass>IPM.Appointment</x:ItemClass></x:CalendarItem></x:Create>
<x:Create><x:Contact><x:ItemId Id="contact"/></x:Contact></x:Create>
<x:Create><x:Item><x:ItemId Id="note"/><x:ItemClass>IPM.StickyNote</x:ItemClass></x:Item></x:Create>
<x:Update><x:Message><x:ItemId Id="changed" ChangeKey="v2"/><x:ItemClass>IPM.Note</x:ItemClass><x:IsRead>false</x:IsRead></x:Message></x:Update>
<x:Delete><x:ItemId Id="AAMkAGb=" ChangeKey="x"/></x:Delete>
</Changes><IncludesLastItemInRange>true</IncludesLastItemInRange><SyncState>H4sIAA==</SyncState><ResponseCode>NoError</ResponseCode>
</SyncFolderItemsResponseMessage></ResponseMessages></SyncFolderItemsResponse></soap:Body></soap:Envelope>`
	}}
	s := c.open(t)
	page, err := s.Changes(t.Context(), inbox(""))
	require.NoError(t, err)
	require.True(t, page.RoundEnd)
	require.Equal(t, []provider.Change{
		{Kind: provider.Upsert, ID: "AAMkAGa=", Version: "CQAAAB", Size: 2048, Flags: []string{"Two Words", `\Answered`, `\Seen`, "\uFFFDodd"}},
		{Kind: provider.Upsert, ID: "AAMkAGA=", Flags: []string{`\Flagged`}, Received: time.Date(2026, 11, 21, 10, 0, 0, 123e6, time.UTC)},
		{Kind: provider.Upsert, ID: "ndr"},
		{Kind: provider.Upsert, ID: "changed", Version: "v2", Flags: []string{}},
		{Kind: provider.Gone, ID: "AAMkAGb="},
	}, page.Changes)
	require.Equal(t, "SyncFolderItems", c.ops())
}

// P1: of what a page had no room for nothing is lost when the session is, nor is it asked
// for again: what is deleted meanwhile is told from the state that was told of it.
func TestP1WhatWaitsIsInTheCursor(t *testing.T) {
	c := &canned{answer: func(_, body string) string {
		if strings.Contains(body, "<m:SyncState>one</m:SyncState>") {
			return synced("two", true, `<t:Delete><t:ItemId Id="a" ChangeKey="k"/></t:Delete>`)
		}
		return synced("one", true, newNote("a")+newNote("A")+newNote("b"))
	}}
	var told []string
	cursor := provider.Cursor("")
	for range 4 {
		r := inbox(cursor)
		r.MaxItems = 1
		page, err := c.open(t).Changes(t.Context(), r)
		require.NoError(t, err)
		require.Len(t, page.Changes, 1)
		require.Equal(t, page.RoundEnd, !page.More)
		told = append(told, fmt.Sprint(page.Changes[0].Kind, " ", page.Changes[0].ID, " ", page.RoundEnd, " ", page.Next.Done()))
		cursor = page.Next
	}
	require.Equal(t, []string{"upsert a false false", "upsert A false false", "upsert b false false", "gone a true true"}, told)
}

// A poll that finds nothing is one request, and does not move the cursor.
func TestPollIsOneRequest(t *testing.T) {
	n := 0
	c := &canned{answer: func(string, string) string { n++; return synced(fmt.Sprint("state ", n), true, "") }}
	s := c.open(t)
	page, err := s.Changes(t.Context(), inbox(""))
	require.NoError(t, err)
	for range 3 {
		c.reset()
		r := inbox(page.Next)
		r.Want = provider.WantBodies
		again, err := s.Changes(t.Context(), r)
		require.NoError(t, err)
		require.Equal(t, provider.Page{Next: page.Next, RoundEnd: true}, again)
		require.Equal(t, "SyncFolderItems", c.ops())
	}
}

// EWS-06: ids that differ in case alone are two, a long one is refused, a long state is kept
// whole up to what a cursor may have, and refused beyond.
func TestEWS06LongIDsAndStates(t *testing.T) {
	state, changes := strings.Repeat("a", 15<<20), newNote("x")
	c := &canned{answer: func(_, body string) string {
		if strings.Contains(body, "<m:SyncState>") {
			require.Contains(t, body, "<m:SyncState>"+state+"</m:SyncState>")
		}
		return synced(state, true, changes)
	}}
	s := c.open(t)
	page, err := s.Changes(t.Context(), inbox(""))
	require.NoError(t, err)
	_, err = s.Changes(t.Context(), inbox(page.Next))
	require.NoError(t, err)
	for _, size := range []int{16 << 20, 100 << 20} {
		state = strings.Repeat("a", size)
		_, err = s.Changes(t.Context(), inbox(""))
		require.ErrorIs(t, err, provider.ErrTooLarge)
	}
	state, changes = "s", newNote(strings.Repeat("x", 2000))
	_, err = s.Changes(t.Context(), inbox(""))
	require.ErrorIs(t, err, provider.ErrTooLarge)
	changes = newNote(strings.Repeat("x", 10<<20))
	_, err = s.Changes(t.Context(), inbox(""))
	require.ErrorIs(t, err, provider.ErrTooLarge)
}

// EWS-08: a server that promises more for ever and gives nothing is found out, whether its
// state moves or not, and even if it tells the same again and again.
func TestEWS08MoreForEver(t *testing.T) {
	n := 0
	for name, tt := range map[string]struct {
		answer func() string
		most   int
	}{
		"the same state":   {func() string { return synced("s", false, "") }, 4},
		"moving states":    {func() string { return synced(fmt.Sprint(n), false, "") }, 32},
		"the same changes": {func() string { return synced("s", false, newNote("a")) }, 4},
	} {
		n = 0
		c := &canned{answer: func(string, string) string { n++; return tt.answer() }}
		s := c.open(t)
		r, err := inbox(""), error(nil)
		for range 3 { // the first may bring a page
			var page provider.Page
			if page, err = s.Changes(t.Context(), r); err != nil {
				break
			}
			r.Cursor = page.Next
		}
		require.ErrorIs(t, err, provider.ErrProtocol, name)
		require.LessOrEqual(t, n, tt.most, name)
	}
}

// EWS-03: what is in a wrong namespace is not what it looks like, and an answer with two
// messages for one request, with none, or with two bodies is none.
func TestEWS03WrongShapes(t *testing.T) {
	good := synced("s", true, newNote("a"))
	for name, text := range map[string]string{
		"a wrong namespace":   strings.Replace(good, "/2006/messages", "/2006/other", 1),
		"changes of another":  strings.Replace(good, `xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"`, `xmlns:t="urn:x"`, 1),
		"two messages":        soapOf("SyncFolderItems", strings.Repeat(ok("SyncFolderItems", "<m:SyncState>s</m:SyncState><m:IncludesLastItemInRange>true</m:IncludesLastItemInRange>"), 2)),
		"no message":          soapOf("SyncFolderItems", ""),
		"another's answer":    soapOf("GetItem", ""),
		"no state":            synced("", true, ""),
		"no word about more":  soapOf("SyncFolderItems", ok("SyncFolderItems", "<m:SyncState>s</m:SyncState>")),
		"a change without id": synced("s", true, `<t:Delete/>`),
		"too many changes":    synced("s", true, strings.Repeat(newNote("a"), 513)),
		"two bodies":          strings.Replace(good, "</s:Body>", "</s:Body><s:Body></s:Body>", 1),
	} {
		s := (&canned{answer: func(string, string) string { return text }}).open(t)
		page, err := s.Changes(t.Context(), inbox(""))
		if name == "changes of another" { // that tells nothing, and nothing is what it is taken for
			require.NoError(t, err)
			require.Empty(t, page.Changes)
			continue
		}
		require.ErrorIs(t, err, provider.ErrProtocol, name)
	}
}

// EWS-04: an answer that is cut is no answer, wherever it ends.
func TestEWS04CutAnswers(t *testing.T) {
	list := synced("s", true, newNote("a")+newNote("b"))
	mime := base64.StdEncoding.EncodeToString([]byte("Subject: x\r\n\r\nbody\r\n"))
	item := soapOf("GetItem", gotten("a", mime)+gotten("b", mime))
	cut, of := 0, ""
	c := &canned{answer: func(op, _ string) string {
		text := map[string]string{"SyncFolderItems": list, "GetItem": item}[op]
		if op == of {
			return text[:cut]
		}
		return text
	}}
	s := c.open(t)
	for _, of = range []string{"SyncFolderItems", "GetItem"} {
		whole := list
		if of == "GetItem" {
			whole = item
		}
		for cut = 0; cut < len(whole); cut += 7 {
			r := inbox("")
			r.Want = provider.WantBodies
			page, err := s.Changes(t.Context(), r)
			require.Error(t, err, "%s cut at %d", of, cut)
			require.Contains(t, []provider.Kind{provider.ErrUnavailable, provider.ErrProtocol}, provider.KindOf(err))
			require.Empty(t, page.Changes)
		}
	}
}

// Since leaves out what was received earlier, without asking for it, but not what does not
// say when; and a page of which nothing is left moves on.
func TestSinceNeedsNoRequest(t *testing.T) {
	undated := strings.Replace(newNote("undated"), "<t:DateTimeReceived>2026-11-21T10:00:00Z</t:DateTimeReceived>", "", 1)
	c := &canned{answer: func(_, body string) string {
		switch {
		case strings.Contains(body, "<m:SyncState>one<"):
			return synced("two", true, undated)
		case strings.Contains(body, "<m:SyncState>"):
			return synced("one", false, undated)
		}
		return synced("one", false, newNote("old"))
	}}
	s := c.open(t)
	r := inbox("")
	r.Since = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	page, err := s.Changes(t.Context(), r)
	require.NoError(t, err)
	require.Empty(t, page.Changes)
	require.True(t, page.More)
	r.Cursor = page.Next
	page, err = s.Changes(t.Context(), r)
	require.NoError(t, err)
	require.Len(t, page.Changes, 1)
	require.Equal(t, "SyncFolderItems SyncFolderItems", c.ops())
}

// ReadFlagChange says of an item only that it was read. All its flags are asked for, of a
// page in one request; what is gone meanwhile is told as gone.
func TestReadFlagChangeHasAllFlags(t *testing.T) {
	c := &canned{answer: func(op, body string) string {
		if op == "SyncFolderItems" {
			return synced("s", true, `<t:ReadFlagChange><t:ItemId Id="a" ChangeKey="k"/><t:IsRead>true</t:IsRead></t:ReadFlagChange><t:ReadFlagChange><t:ItemId Id="b" ChangeKey="k"/><t:IsRead>true</t:IsRead></t:ReadFlagChange>`)
		}
		require.Equal(t, []string{"a", "b"}, itemIDs(body))
		return soapOf("GetItem", ok("GetItem", `<m:Items><t:Message><t:ItemId Id="a" ChangeKey="v3"/><t:Categories><t:String>CRM</t:String></t:Categories><t:IsRead>true</t:IsRead></t:Message></m:Items>`)+failed("GetItem", "ErrorItemNotFound"))
	}}
	page, err := c.open(t).Changes(t.Context(), inbox(""))
	require.NoError(t, err)
	require.Equal(t, []provider.Change{
		{Kind: provider.Flags, ID: "a", Version: "v3", Flags: []string{"CRM", `\Seen`}},
		{Kind: provider.Gone, ID: "b"},
	}, page.Changes)
}

// What the server says of a state or a folder that it does not know.
func TestStateIsOfNoUse(t *testing.T) {
	code := ""
	c := &canned{answer: func(string, string) string {
		if code == "" {
			return synced("s", true, newNote("a"))
		}
		return soapOf("SyncFolderItems", failed("SyncFolderItems", code))
	}}
	s := c.open(t)
	page, err := s.Changes(t.Context(), inbox(""))
	require.NoError(t, err)
	for _, code = range []string{"ErrorInvalidSyncStateData", "ErrorSyncFolderNotFound", "ErrorFolderNotFound"} {
		_, err = s.Changes(t.Context(), inbox(page.Next))
		require.ErrorIs(t, err, provider.ErrCursorExpired, code)
	}
	_, err = s.Changes(t.Context(), provider.Request{Folder: "AAMkAGone", Lane: provider.Live})
	require.ErrorIs(t, err, provider.ErrNotFound)
}

// A poll that finds only what is no mail moves the cursor, or the next one would find it
// again; and an old message of which something changes is told as its flags.
func TestSinceTellsWhatChanges(t *testing.T) {
	c := &canned{answer: func(_, body string) string {
		switch {
		case strings.Contains(body, "<m:SyncState>one<"):
			return synced("two", true, `<t:Create><t:Contact><t:ItemId Id="c"/></t:Contact></t:Create>`)
		case strings.Contains(body, "<m:SyncState>two<"):
			return synced("three", true, strings.ReplaceAll(newNote("old"), "t:Create", "t:Update"))
		}
		return synced("one", true, newNote("old"))
	}}
	s := c.open(t)
	r := inbox("")
	r.Since = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	for _, want := range []string{"", "", "flags old"} {
		page, err := s.Changes(t.Context(), r)
		require.NoError(t, err)
		got := ""
		for _, change := range page.Changes {
			got += fmt.Sprint(change.Kind, " ", change.ID)
		}
		require.Equal(t, want, got)
		require.True(t, page.RoundEnd)
		require.NotEqual(t, r.Cursor, page.Next)
		r.Cursor = page.Next
	}
}
