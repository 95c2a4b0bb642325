package ewstest

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/ews/internal/schema"
	"github.com/go-serversync/serversync/ews/internal/soap"
)

const (
	anna = "anna@example.com"
	bob  = "bob@example.com"
)

// A model under test is one that is asked without HTTP.
type bench struct {
	t testing.TB
	s *Server
	q string // the address of who asks

	said *[]string // requests and answers
}

func newBench(t testing.TB, b Behavior) *bench {
	s := &Server{model: newModel(b)}
	s.AddMailbox(anna, "Anna Berg", "a.berg@example.com")
	s.AddMailbox(bob, "Bob Cole")
	bench := &bench{t: t, s: s, q: anna, said: new([]string)}
	t.Cleanup(bench.official)
	return bench
}

// as is the same server, asked by somebody else.
func (b *bench) as(who string) *bench { c := *b; c.q = who; return &c }

// ask returns the element that answers. Each answer is held against the schema of Exchange, where that
// is at hand.
func (b *bench) ask(body string) *node {
	b.t.Helper()
	n, err := b.try(body)
	require.NoError(b.t, err)
	return n
}

func (b *bench) try(body string) (*node, error) {
	b.t.Helper()
	b.valid(`<s:Envelope xmlns:s="` + soap.Envelope + `" xmlns:m="` + soap.Messages + `" xmlns:t="` + soap.Types + `"><s:Body>` + body + `</s:Body></s:Envelope>`)
	document := b.write(body)
	if document.err != nil {
		return nil, document.err
	}
	b.valid(document.text)
	n, err := readTree(document.text)
	require.NoError(b.t, err, document.text)
	return n.child("Body").first(), nil
}

type written struct {
	text string
	err  error
}

func (b *bench) write(body string) written {
	body = strings.Replace(body, ">", ` xmlns:m="`+soap.Messages+`" xmlns:t="`+soap.Types+`">`, 1)
	n, err := readTree(body)
	require.NoError(b.t, err, body)
	do := operations()[n.name.Local]
	require.NotNil(b.t, do, n.name.Local)
	var w soap.Writer
	w.Start("s:Envelope", "xmlns:s", soap.Envelope, "xmlns:m", soap.Messages, "xmlns:t", soap.Types, "xmlns:xsi", soap.Instance)
	w.Start("s:Body")
	w.Start("m:"+strings.TrimSuffix(n.name.Local, "Request")+"Response", answerAttrs(n.name.Local)...)
	b.s.mu.Lock()
	err = do(&request{server: b.s, op: n.name.Local, body: n, caller: b.q, acting: b.q, version: "Exchange2013_SP1"}, &w)
	b.s.mu.Unlock()
	if err != nil {
		return written{err: err}
	}
	for range 3 {
		w.End()
	}
	all, err := io.ReadAll(w.Open())
	return written{string(all), err}
}

// valid holds a message against the schema: our table of it at once, and the official documents, where
// they are at hand, at the test's end.
func (b *bench) valid(document string) {
	b.t.Helper()
	require.NoError(b.t, schema.Check(strings.NewReader(document), schema.Newest), "%.4000s", document)
	*b.said = append(*b.said, document)
}

// official holds all that was said against the official schema.
func (b *bench) official() { validate(b.t, *b.said...) }

// validate holds messages against the official schema, where it is at hand. All at once is much
// faster than one by one.
func validate(t testing.TB, documents ...string) {
	t.Helper()
	dir := os.Getenv("EWS_SCHEMA_DIR")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "ews-schema")
	}
	xsd := filepath.Join(dir, "exchange-se-15.2.2562", "soap.xsd")
	lint, err := exec.LookPath("xmllint")
	if _, e := os.Stat(xsd); err != nil || e != nil || len(documents) == 0 {
		return
	}
	args := []string{"--nonet", "--noout", "--huge", "--schema", xsd}
	tmp := t.TempDir()
	for i, document := range documents {
		name := filepath.Join(tmp, fmt.Sprint(i, ".xml"))
		assert.NoError(t, os.WriteFile(name, []byte(document), 0o600))
		args = append(args, name)
	}
	out, err := exec.Command(lint, args...).CombinedOutput()
	if err != nil {
		var bad []string
		for line := range strings.Lines(string(out)) {
			if !strings.HasSuffix(line, " validates\n") {
				bad = append(bad, line)
			}
		}
		assert.NoError(t, err, strings.Join(bad, ""))
	}
}

// one returns the only ResponseMessage, which must be a success.
func (b *bench) one(body string) *node {
	b.t.Helper()
	m := b.ask(body).child("ResponseMessages").first()
	require.Equal(b.t, "Success", m.attr("ResponseClass"), "%s %s", m.child("ResponseCode").value(), m.child("MessageText").value())
	return m
}

// code returns the response codes, one for each message.
func (b *bench) code(body string) string {
	b.t.Helper()
	n, err := b.try(body)
	var f *failure
	if errors.As(err, &f) {
		return "fault " + f.code
	}
	require.NoError(b.t, err)
	var codes []string
	for _, m := range list(n.child("ResponseMessages")) {
		codes = append(codes, m.child("ResponseCode").value())
	}
	return strings.Join(codes, " ")
}

func mail(subject string, more ...string) []byte {
	return []byte("From: Eve <eve@else.example>\r\nTo: Anna Berg <anna@example.com>\r\nSubject: " + subject +
		"\r\nDate: Mon, 02 Nov 2026 10:00:00 +0100\r\nMessage-ID: <" + strings.ReplaceAll(subject, " ", ".") + "@else.example>\r\n" +
		strings.Join(more, "") + "\r\nHello,\r\nthis is " + subject + ".\r\n")
}

func getItemBody(shape string, ids ...string) string {
	var all strings.Builder
	for _, id := range ids {
		all.WriteString(`<t:ItemId Id="` + id + `"/>`)
	}
	return `<m:GetItem><m:ItemShape>` + shape + `</m:ItemShape><m:ItemIds>` + all.String() + `</m:ItemIds></m:GetItem>`
}

const idOnly = `<t:BaseShape>IdOnly</t:BaseShape>`

func (b *bench) get(shape, id string) *node {
	b.t.Helper()
	return b.one(getItemBody(shape, id)).child("Items").first()
}

// mime returns an item's MIME.
func (b *bench) mime(id string) []byte {
	b.t.Helper()
	raw, err := base64.StdEncoding.DecodeString(b.get(idOnly+`<t:IncludeMimeContent>true</t:IncludeMimeContent>`, id).child("MimeContent").value())
	require.NoError(b.t, err)
	return raw
}

func (b *bench) key(id string) string {
	b.t.Helper()
	return b.get(idOnly, id).child("ItemId").attr("ChangeKey")
}

func TestGetFolder(t *testing.T) {
	b := newBench(t, Behavior{FolderNames: map[string]string{"inbox": "Posteingang"}})
	b.s.Add(anna, "inbox", mail("one"))
	b.s.Add(anna, "inbox", mail("two"), FlagRead)
	b.s.CreateFolder(anna, "Inbox/Clients")
	f := b.one(`<m:GetFolder><m:FolderShape><t:BaseShape>AllProperties</t:BaseShape></m:FolderShape><m:FolderIds><t:DistinguishedFolderId Id="inbox"/></m:FolderIds></m:GetFolder>`).child("Folders").first()
	assert.Equal(t, "Posteingang", f.child("DisplayName").value())
	assert.Equal(t, "IPF.Note", f.child("FolderClass").value())
	assert.Equal(t, "2", f.child("TotalCount").value())
	assert.Equal(t, "1", f.child("UnreadCount").value())
	assert.Equal(t, "1", f.child("ChildFolderCount").value())
	assert.Equal(t, "true", f.at("EffectiveRights", "Read").value())
	assert.Equal(t, "ErrorFolderNotFound ErrorInvalidIdMalformed", b.code(`<m:GetFolder><m:FolderShape>`+idOnly+`</m:FolderShape><m:FolderIds><t:DistinguishedFolderId Id="archiveinbox"/><t:FolderId Id="%%"/></m:FolderIds></m:GetFolder>`))
}

func TestGetItem(t *testing.T) {
	b := newBench(t, Behavior{})
	raw := mail("hello world", "Importance: high\r\nReferences: <a@b> <c@d>\r\nX-Crm: 7\r\n")
	id := b.s.Add(anna, "inbox", raw)
	assert.Equal(t, raw, b.mime(id))
	m := b.get(`<t:BaseShape>AllProperties</t:BaseShape>`, id)
	assert.Equal(t, "Message", m.name.Local)
	for name, want := range map[string]string{
		"Subject": "hello world", "Importance": "High", "References": "<a@b> <c@d>", "InternetMessageId": "<hello.world@else.example>",
		"IsRead": "false", "IsDraft": "false", "HasAttachments": "false", "DateTimeSent": "2026-11-02T09:00:00Z", "DisplayTo": "Anna Berg",
		"Size": fmt.Sprint(len(raw)), "ConversationTopic": "hello world",
	} {
		assert.Equal(t, want, m.child(name).value(), name)
	}
	assert.Equal(t, "eve@else.example", m.at("From", "Mailbox", "EmailAddress").value())
	assert.Equal(t, "anna@example.com", m.at("ToRecipients", "Mailbox", "EmailAddress").value())
	assert.Contains(t, m.child("Body").value(), "this is hello world.")
	x := b.get(idOnly+`<t:AdditionalProperties><t:ExtendedFieldURI PropertyTag="0x7d" PropertyType="String"/><t:ExtendedFieldURI DistinguishedPropertySetId="InternetHeaders" PropertyName="x-crm" PropertyType="String"/></t:AdditionalProperties>`, id)
	require.Len(t, x.children, 3)
	assert.True(t, strings.HasPrefix(string(raw), x.children[1].child("Value").value()))
	assert.Equal(t, "7", x.children[2].child("Value").value())
	assert.Equal(t, "ErrorItemNotFound", b.code(getItemBody(idOnly, swapCase(id))), "ids are compared with regard to case")
	assert.Equal(t, "ErrorItemNotFound", b.as(bob).code(getItemBody(idOnly, id)), "what may not be read is not there")
}

func swapCase(s string) string {
	return strings.Map(func(c rune) rune {
		if c == 'q' {
			return 'Q'
		} else if c == 'Q' {
			return 'q'
		}
		return c
	}, s)
}

// sync returns the changes after a state, by element and id, and the next state.
func (b *bench) sync(folder, state string, most int) (changes []string, next string, last bool) {
	b.t.Helper()
	if state != "" {
		state = "<m:SyncState>" + state + "</m:SyncState>"
	}
	m := b.one(`<m:SyncFolderItems><m:ItemShape>` + idOnly + `</m:ItemShape><m:SyncFolderId><t:DistinguishedFolderId Id="` + folder + `"/></m:SyncFolderId>` + state +
		fmt.Sprintf(`<m:MaxChangesReturned>%d</m:MaxChangesReturned></m:SyncFolderItems>`, most))
	for _, c := range m.child("Changes").children {
		id := c.child("ItemId")
		if id == nil {
			id = c.first().child("ItemId")
		}
		changes = append(changes, c.name.Local+" "+id.attr("Id"))
	}
	return changes, m.child("SyncState").value(), isTrue(m.child("IncludesLastItemInRange").value())
}

func TestSyncFolderItems(t *testing.T) {
	b := newBench(t, Behavior{})
	var ids []string
	for i := range 5 {
		ids = append(ids, b.s.Add(anna, "inbox", mail(fmt.Sprint("number ", i))))
	}
	first, state, last := b.sync("inbox", "", 2)
	assert.Equal(t, []string{"Create " + ids[4], "Create " + ids[3]}, first, "the newest first")
	assert.False(t, last)
	newer := b.s.Add(anna, "inbox", mail("newer"))
	b.s.SetFlags(ids[4], FlagRead)
	b.s.Change(ids[3], "changed")
	b.s.Remove(ids[0])
	rest, state, last := b.sync("inbox", state, 512)
	assert.True(t, last)
	assert.Equal(t, []string{"Create " + ids[2], "Create " + ids[1], "Create " + newer, "ReadFlagChange " + ids[4], "Update " + ids[3], "Delete " + ids[0]}, rest)
	none, again, last := b.sync("inbox", state, 512)
	assert.Empty(t, none)
	assert.True(t, last)
	moved := b.s.Move(ids[1], "Inbox/Clients")
	assert.NotEqual(t, ids[1], moved)
	gone, _, _ := b.sync("inbox", again, 512)
	assert.Equal(t, []string{"Delete " + ids[1]}, gone)
}

func TestCreateAndSend(t *testing.T) {
	b := newBench(t, Behavior{})
	raw := []byte("From: Anna <anna@example.com>\r\nTo: bob@example.com\r\nBcc: x@far.example\r\nSubject: draft\r\nMessage-ID: <m1@example.com>\r\nDate: Mon, 02 Nov 2026 10:00:00 +0100\r\n\r\nHi\r\n")
	m := b.one(`<m:CreateItem MessageDisposition="SaveOnly"><m:SavedItemFolderId><t:DistinguishedFolderId Id="drafts"/></m:SavedItemFolderId><m:Items><t:Message><t:MimeContent>` +
		base64.StdEncoding.EncodeToString(raw) + `</t:MimeContent></t:Message></m:Items></m:CreateItem>`)
	id := m.at("Items", "Message", "ItemId")
	send := func(key string) string {
		return `<m:SendItem SaveItemToFolder="true"><m:ItemIds><t:ItemId Id="` + id.attr("Id") + `"` + key + `/></m:ItemIds></m:SendItem>`
	}
	assert.Equal(t, "ErrorChangeKeyRequired", b.code(send("")))
	b.s.Touch(id.attr("Id"))
	assert.Equal(t, "ErrorIrresolvableConflict", b.code(send(` ChangeKey="`+id.attr("ChangeKey")+`"`)))
	key := ` ChangeKey="` + b.key(id.attr("Id")) + `"`
	assert.Equal(t, "NoError", b.code(send(key)))
	assert.Equal(t, "ErrorItemNotFound", b.code(send(key)))
	assert.Empty(t, b.s.Messages(anna, "drafts"))
	sent := b.s.Messages(anna, "sentitems")
	require.Len(t, sent, 1)
	assert.Equal(t, raw, sent[0].Raw)
	assert.Equal(t, []string{FlagRead}, sent[0].Flags)
	inbox := b.s.Messages(bob, "inbox")
	require.Len(t, inbox, 1)
	assert.NotContains(t, string(inbox[0].Raw), "Bcc")
	require.Len(t, b.s.Sent(), 1)
	assert.Equal(t, []string{"bob@example.com", "x@far.example"}, b.s.Sent()[0].Recipients)
	assert.Equal(t, inbox[0].Raw, b.s.Sent()[0].Raw)
}
