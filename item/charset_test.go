package item_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	. "github.com/go-serversync/serversync/item"
)

// A text file is sent in whatever charset it has, and its bytes are kept.
func TestComposeAttachmentOfAnotherCharset(t *testing.T) {
	for size := range 400 {
		content := bytes.Repeat([]byte{0xe4, 0xf6, '\n'}, size/3+1)[:size]
		d := minimalDraft()
		d.Attachments = []DraftAttachment{{Name: "list.csv", Type: "text/csv; charset=iso-8859-1", Content: NewBlob(content)}}
		raw, err := d.Compose()
		require.NoError(t, err)
		m, err := ParseMessage(raw, Limits{})
		require.NoError(t, err)
		require.Len(t, m.Attachments, 1)
		got, err := io.ReadAll(m.Attachments[0].Open())
		require.NoError(t, err)
		require.True(t, bytes.Equal(content, got), size)
		b, _ := raw.Bytes()
		require.Contains(t, string(b), "charset=iso-8859-1")
	}
}
