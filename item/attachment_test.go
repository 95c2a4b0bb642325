package item_test

import (
	"crypto/sha256"
	"encoding/base64"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/item"
)

// An attachment that is not encoded is a Blob that lies in the message's Raw, whether
// that lies in memory or not; one that is encoded is none.
func TestAttachmentBlob(t *testing.T) {
	inner := "Subject: inner\r\n\r\nHi, Jörg\r\n"
	text := []byte("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n" + inner +
		"\r\n--b\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
		base64.StdEncoding.EncodeToString([]byte(inner)) + "\r\n--b--\r\n")
	released := false
	for name, raw := range map[string]*item.Blob{
		"memory": item.NewBlob(text),
		"spool":  item.OpenBlob(strings.NewReader(string(text)), int64(len(text)), sha256.Sum256(text), func() error { released = true; return nil }),
	} {
		m, err := item.ParseMessage(raw, item.Limits{})
		require.NoError(t, err)
		require.Len(t, m.Attachments, 2)
		b := m.Attachments[0].Blob()
		require.NotNil(t, b, name)
		got, err := io.ReadAll(b.Open())
		require.NoError(t, err)
		require.Equal(t, inner, string(got), name)
		require.Equal(t, int64(len(inner)), b.Size())
		require.Equal(t, sha256.Sum256([]byte(inner)), b.Sum())
		inMemory, ok := b.Bytes()
		require.Equal(t, name == "memory", ok)
		if ok {
			require.Equal(t, inner, string(inMemory))
		}
		require.NoError(t, b.Release())
		require.False(t, released, "the message's Raw is not its part's to release")
		require.Nil(t, m.Attachments[1].Blob())
	}
	require.Nil(t, new(item.Attachment).Blob())
}
