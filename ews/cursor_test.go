package ews

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/provider"
)

// P1: what a cursor says is read as it was, with what waits in it.
func TestP1CursorRoundTrip(t *testing.T) {
	for name, p := range map[string]place{
		"news":    {state: "H4sIAA==", done: true},
		"more":    {state: "a state\nof \x01 two lines", full: true},
		"waiting": {state: "s", rest: []entry{{kind: wasCreated, id: "AAMk=\n'\"", version: "v", received: time.Unix(1.7e9, 0).UTC(), size: 12, flags: []string{}}, {kind: wasDeleted, id: "aamk="}, {kind: wasRead, id: "aamk=x", version: "v"}, {kind: wasUpdated, id: "aamk=x", version: "vw", received: time.Unix(-5, 0).UTC(), flags: []string{"Two Words", `\Seen`}}, {kind: wasUpdated, id: "aamk=x", version: "w", flags: []string{"Two Words", `\Seen`}}}},
	} {
		c, err := p.cursor("e1")
		require.NoError(t, err, name)
		require.Equal(t, p.done, c.Done(), name)
		got, err := readCursor(c, "e1")
		require.NoError(t, err, name)
		require.Equal(t, p, got, name)
		_, err = readCursor(c, "e2")
		require.ErrorIs(t, err, provider.ErrCursorExpired, name)
		for i := range len(c) {
			for _, bad := range []provider.Cursor{c[:i], c[:i] + "\x7f" + c[i+1:]} {
				if _, err := readCursor(bad, "e1"); bad != "" {
					require.ErrorIs(t, err, provider.ErrCursorExpired, "%s damaged at %d", name, i)
				}
			}
		}
	}
}

// What waits of a whole batch is small, for it is written with each page.
func TestWaitingIsSmall(t *testing.T) {
	p := place{state: "s"}
	for i := range maxChanges {
		id := fmt.Sprintf("AAMkAGFhYWFhYWFhLWJiYmItY2NjYy1kZGRkLWVlZWVlZWVlZWVlZQBGAAAAAAAfX0pQy3d7Q5nJ0oV5y0qNBwBhYWFhYWFhYWFhYWFhYWFhAAAAAAEMAABhYWFhYWFhYWFhYWFhYWFh%08dAAA=", i*7919)
		p.rest = append(p.rest, entry{kind: wasCreated, id: provider.ID(id), version: fmt.Sprintf("CQAAABYAAABhYWFhYWFhYWFhYWFhYWFh%08d", i*104729), received: time.Unix(1.7e9-int64(i)*977, 0), size: int64(2000 + i*31%5000), flags: []string{`\Seen`}})
	}
	c, err := p.cursor("e")
	require.NoError(t, err)
	require.Less(t, len(c), 40<<10)
	t.Logf("%d changes wait in %d bytes", maxChanges, len(c))
}

// P2: what waits is read without harm whatever it is.
func FuzzP2Waiting(f *testing.F) {
	f.Add(packed(nil, []entry{{kind: wasCreated, id: "AAMk=", version: "v", flags: []string{`\Seen`}}, {kind: wasDeleted, id: "AAMl="}}))
	f.Add([]byte("c\x05"))
	f.Fuzz(func(t *testing.T, b []byte) {
		rest, ok := unpacked(string(b))
		if !ok {
			return
		}
		again, ok := unpacked(string(packed(nil, rest)))
		require.True(t, ok)
		require.Equal(t, rest, again)
	})
}

// A cursor of a whole batch is made and read with every page.
func BenchmarkWaiting(b *testing.B) {
	p := place{state: "s"}
	for i := range maxChanges {
		p.rest = append(p.rest, entry{kind: wasCreated, id: provider.ID(fmt.Sprintf("AAMkAGFhYWFhYWFhLWJiYmItY2NjYy1kZGRkLWVlZWVlZWVlZWVlZQBGAAAAAAAfX0pQy3d7Q5nJ0oV5y0qNBwBhYWFhYWFhYWFhYWFhYWFhAAAAAAEMAABhYWFhYWFhYWFhYWFhYWFh%08dAAA=", i*7919)), version: fmt.Sprint(i)})
	}
	b.ReportAllocs()
	for b.Loop() {
		c, err := p.cursor("e")
		require.NoError(b, err)
		_, err = readCursor(c, "e")
		require.NoError(b, err)
	}
}
