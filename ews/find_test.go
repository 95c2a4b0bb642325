package ews

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/provider"
)

// Servers compare text without regard to case, and a Message-ID has it: what they find is compared.
func TestFindComparesWhatServersFind(t *testing.T) {
	d := newDesk(t)
	s := d.open()
	ctx := context.Background()
	require.NoError(t, s.File(ctx, "sentitems", jotted(1), []string{`\Seen`, `\Flagged`, `\Answered`, "Red"}))
	require.NoError(t, s.File(ctx, "sentitems", item.NewBlob([]byte("Message-ID: <NOTE1@example.com>\r\n\r\nx")), []string{`\Draft`}))
	filed := d.in("sentitems")
	require.Len(t, filed, 2)
	require.Equal(t, "1", filed[0].ours["0x0E07"], "read, and no draft")
	require.Equal(t, "2", filed[0].ours["0x1090"])
	require.Equal(t, "102", filed[0].ours["0x1081"])
	require.Equal(t, "true", filed[0].fields["IsRead"])
	require.Contains(t, filed[0].fields, "Categories")
	require.Equal(t, "8", filed[1].ours["0x0E07"])
	require.Equal(t, "false", filed[1].fields["IsRead"])

	places, err := s.Find(ctx, []provider.FolderID{"no such folder", "drafts", "sentitems"}, "note1@example.com")
	require.NoError(t, err)
	require.Equal(t, []provider.Place{{Folder: "sentitems", Epoch: epochOf("the-sentitems"), ID: provider.ID(filed[0].id)}}, places)
	for _, none := range []string{"", "note", "\x00", "note1@example.com>"} {
		places, err = s.Find(ctx, []provider.FolderID{"sentitems"}, none)
		require.NoError(t, err)
		require.Empty(t, places)
	}
	require.Equal(t, provider.ErrNotFound, provider.KindOf(s.File(ctx, "no such folder", jotted(2), nil)))
	require.Equal(t, provider.ErrUnsupported, provider.KindOf(s.File(ctx, "drafts", jotted(2), []string{`\Deleted`})))
}
