package ewstest

import (
	"bytes"
	"context"
	"net/smtp"
	"strings"
	"testing"
	"time"

	goimap "github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/internal/testserver"
	"github.com/go-serversync/serversync/internal/testserver/servertest"
)

// eventually waits for something that another process does.
func eventually(t *testing.T, is func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for !is() {
		select {
		case <-ctx.Done():
			t.Fatal("it does not come")
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// TestDavMail has a client that others wrote use the server: DavMail, which serves its mailboxes
// by IMAP and SMTP.
func TestDavMail(t *testing.T) {
	servertest.NeedDavMail(t)
	s := NewServer(Options{Plain: true, Schemes: []string{"Basic"}, Users: map[string]string{anna: "pw", bob: "pw"}})
	t.Cleanup(s.Close)
	attached := large(1, 20<<10)
	for i := range 5 {
		s.Add(anna, "inbox", mail("number "+string(rune('a'+i))))
	}
	s.Add(anna, "inbox", attached, FlagRead, FlagFlagged)
	d := servertest.DavMail(t, testserver.DavMailOptions{URL: s.URL(), Extra: "davmail.folderFetchPageSize=2"})

	c, err := imapclient.DialInsecure(d.IMAPAddr, nil)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	require.NoError(t, c.Login(anna, "pw").Wait())

	folders, err := c.List("", "*", nil).Collect()
	require.NoError(t, err)
	var names []string
	for _, f := range folders {
		names = append(names, f.Mailbox)
	}
	assert.Subset(t, names, []string{"INBOX", "Sent", "Drafts", "Trash", "Junk"})

	box, err := c.Select("INBOX", nil).Wait()
	require.NoError(t, err)
	assert.EqualValues(t, 6, box.NumMessages)
	all := goimap.SeqSet{}
	all.AddRange(1, 6)
	got, err := c.Fetch(all, &goimap.FetchOptions{Flags: true, UID: true, BodySection: []*goimap.FetchItemBodySection{{}}}).Collect()
	require.NoError(t, err)
	require.Len(t, got, 6)
	assert.Equal(t, string(mail("number a")), string(got[0].BodySection[0].Bytes))
	assert.Equal(t, string(attached), string(got[5].BodySection[0].Bytes))
	assert.ElementsMatch(t, []goimap.Flag{goimap.FlagSeen, goimap.FlagFlagged}, got[5].Flags)

	one := goimap.UIDSetNum(got[0].UID)
	require.NoError(t, c.Store(one, &goimap.StoreFlags{Op: goimap.StoreFlagsAdd, Flags: []goimap.Flag{goimap.FlagSeen, goimap.FlagFlagged}}, nil).Close())
	eventually(t, func() bool {
		return strings.Join(s.Messages(anna, "inbox")[0].Flags, " ") == FlagRead+" "+FlagFlagged
	})
	found, err := c.UIDSearch(&goimap.SearchCriteria{Header: []goimap.SearchCriteriaHeaderField{{Key: "Subject", Value: "number b"}}}, nil).Wait()
	require.NoError(t, err)
	assert.Equal(t, []goimap.UID{got[1].UID}, found.AllUIDs())
	require.NoError(t, c.Create("Work", nil).Wait())
	_, err = c.Move(goimap.UIDSetNum(got[1].UID), "Work").Wait()
	require.NoError(t, err)
	require.Len(t, s.Messages(anna, "Work"), 1)
	assert.Equal(t, mail("number b"), s.Messages(anna, "Work")[0].Raw)
	require.NoError(t, c.Rename("Work", "Done", nil).Wait())
	assert.Len(t, s.Messages(anna, "Done"), 1)

	appended := mail("appended")
	a := c.Append("Drafts", int64(len(appended)), &goimap.AppendOptions{Flags: []goimap.Flag{goimap.FlagSeen, goimap.FlagDraft}, Time: time.Now()})
	_, err = a.Write(appended)
	require.NoError(t, err)
	require.NoError(t, a.Close())
	_, err = a.Wait()
	require.NoError(t, err)
	drafts := s.Messages(anna, "drafts")
	require.Len(t, drafts, 1)
	assert.Equal(t, string(bytes.TrimSpace(appended)), string(bytes.TrimSpace(drafts[0].Raw)))

	require.NoError(t, c.Store(goimap.UIDSetNum(got[2].UID), &goimap.StoreFlags{Op: goimap.StoreFlagsAdd, Flags: []goimap.Flag{goimap.FlagDeleted}}, nil).Close())
	require.NoError(t, c.Expunge().Close())
	eventually(t, func() bool { return len(s.Messages(anna, "inbox")) == 4 })
	require.NoError(t, c.Delete("Done").Wait())
	assert.Nil(t, s.Messages(anna, "Done"))

	auth := smtp.PlainAuth("", anna, "pw", "127.0.0.1")
	sent := "From: " + anna + "\r\nTo: " + bob + "\r\nSubject: sent\r\nMessage-ID: <s1@example.com>\r\n\r\nHi\r\n.\r\ndot\r\n"
	require.NoError(t, smtp.SendMail(d.SMTPAddr, auth, anna, []string{bob, "hidden@far.example"}, []byte(sent)))
	require.Len(t, s.Messages(bob, "inbox"), 1)
	assert.NotContains(t, string(s.Messages(bob, "inbox")[0].Raw), "hidden")
	require.Len(t, s.Sent(), 1)
	assert.Equal(t, []string{bob, "hidden@far.example"}, s.Sent()[0].Recipients)
	assert.Len(t, s.Messages(anna, "sentitems"), 1)
}
