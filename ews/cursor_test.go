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
		"news":    {state: "H4sIAA==", last: true},
		"more":    {state: "a state\nof \x01 two lines", full: true},
		"waiting": {state: "s", last: true, rest: []entry{{kind: wasCreated, id: "AAMk=\n'\"", version: "v", received: time.Unix(1.7e9, 0).UTC(), size: 12, flags: []string{}}, {kind: wasDeleted, id: "aamk="}}},
	} {
		c, err := p.cursor("e1")
		require.NoError(t, err, name)
		require.Equal(t, p.done(), c.Done(), name)
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
