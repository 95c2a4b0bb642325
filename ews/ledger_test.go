package ews

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// sent has what the tests of this package have sent.
var sent ledger

// Sent notes a request that a test's server got. Empty ones are questions, which hold nothing.
func Sent(body []byte) { sent.note(body) }

// Every request that any test has sent is held to Exchange's own schema, behind the tests.
func TestMain(m *testing.M) {
	status := m.Run()
	said, err := sent.check()
	if testing.Verbose() || err != nil {
		fmt.Println(said)
	}
	if err != nil {
		fmt.Println(err)
		status = 1
	}
	os.Exit(status)
}

// A ledger keeps requests, those that differ in values alone once.
type ledger struct {
	mu   sync.Mutex
	all  int
	seen map[string]int // how often each came
}

func (l *ledger) note(body []byte) {
	if len(body) == 0 {
		return
	}
	text := plain(body)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.seen == nil {
		l.seen = make(map[string]int)
	}
	l.all++
	l.seen[text]++
}

var (
	idValue    = regexp.MustCompile(`(<t:(?:Item|ParentItem|RootItem|Folder|Attachment|Occurrence|RecurringMaster)Id|<m:ParentItemId) Id="[-A-Za-z0-9+/=_.]+"`)
	keyValue   = regexp.MustCompile(` ChangeKey="[-A-Za-z0-9+/=_.]+"`)
	tokenValue = regexp.MustCompile(`<([mt]:(?:SyncState|SubscriptionId|Watermark))>[-A-Za-z0-9+/=_.: ]+</`)
)

// whole stands for content in base64, and stray for what should be that: xmllint passes over what
// base64 does not have, and the schema has MimeContent as any text.
const whole, stray = "QUJD", "<stray/>"

// plain puts the same value in place of each that is opaque, and a few bytes in place of content.
func plain(body []byte) string {
	var b strings.Builder
	for {
		at := contentIn(body)
		if at < 0 {
			break
		}
		end := bytes.IndexByte(body[at:], '<')
		if end < 0 {
			break
		}
		b.Write(body[:at])
		switch content := body[at : at+end]; {
		case len(content) == 0:
		case isBase64(content):
			b.WriteString(whole)
		default:
			b.WriteString(stray)
		}
		body = body[at+end:]
	}
	b.Write(body)
	text := idValue.ReplaceAllString(b.String(), `$1 Id="id"`)
	text = keyValue.ReplaceAllString(text, ` ChangeKey="key"`)
	return tokenValue.ReplaceAllString(text, "<$1>token</")
}

// contentIn returns where the content of the next element with base64 begins, -1 if there is none.
func contentIn(body []byte) int {
	at := -1
	for _, element := range []string{"<t:MimeContent", "<t:Content>"} {
		i := bytes.Index(body, []byte(element))
		if i < 0 {
			continue
		}
		if j := bytes.IndexByte(body[i:], '>'); j >= 0 && (at < 0 || i+j+1 < at) {
			at = i + j + 1
		}
	}
	return at
}

// isBase64 reports whether text is whole base64, without copying it.
func isBase64(text []byte) bool {
	n, pad := 0, 0
	for _, c := range text {
		switch {
		case c == '\r' || c == '\n' || c == ' ':
			continue
		case c == '=':
			pad++
		case pad > 0 || (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '+' && c != '/':
			return false
		}
		n++
	}
	return n > 0 && n%4 == 0 && pad <= 2
}

// schemaDir is where the schemas are.
func schemaDir() string {
	if dir := os.Getenv("EWS_SCHEMA_DIR"); dir != "" {
		return dir
	}
	return filepath.Join("..", "..", "shared", "ews-schema")
}

// unchecked says why nothing can be held to the schemas, "" if it can.
func unchecked() string {
	if _, err := exec.LookPath("xmllint"); err != nil {
		return "there is no xmllint"
	}
	if _, err := os.Stat(schemaFor("")); err != nil {
		return "there are no schemas (EWS_SCHEMA_DIR)"
	}
	return ""
}

var askedVersion = regexp.MustCompile(`<t:RequestServerVersion Version="([^"]*)"`)

// schemaFor returns the file of the schema that a request is held to: that of 2013 SP1, and the
// newest for other versions, which that of 2013 SP1 does not let be asked for.
func schemaFor(body string) string {
	set := "exchange-se-15.2.2562"
	if m := askedVersion.FindStringSubmatch(body); m == nil || m[1] == "Exchange2013_SP1" {
		set = "exchange2013sp1"
	}
	return filepath.Join(schemaDir(), set, "soap.xsd")
}

// check holds all that was noted to the schemas. It says how much that was, and what is wrong.
func (l *ledger) check() (said string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if why := unchecked(); why != "" {
		return fmt.Sprintf("the schema was not asked about %d requests, %d of them distinct: %s", l.all, len(l.seen), why), nil
	}
	dir, err := os.MkdirTemp("", "ews-requests-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	files, bodies := make(map[string][]string), make(map[string]string)
	for body := range l.seen {
		name := filepath.Join(dir, fmt.Sprintf("%d.xml", len(bodies)))
		if err := os.WriteFile(name, []byte(body), 0o600); err != nil {
			return "", err
		}
		bodies[name] = body
		files[schemaFor(body)] = append(files[schemaFor(body)], name)
	}
	var wrong []error
	distinct, all := len(l.seen), l.all
	for schema, names := range files {
		for batch := range slices.Chunk(names, 1000) {
			for name, why := range lint(schema, batch) {
				distinct, all = distinct-1, all-l.seen[bodies[name]]
				wrong = append(wrong, fmt.Errorf("a request is not as the schema has it, %d times:\n%s%.4000s", l.seen[bodies[name]], why, bodies[name]))
			}
		}
	}
	return fmt.Sprintf("by the schema %d of %d distinct requests are valid, %d of %d in all", distinct, len(l.seen), all, l.all), errors.Join(wrong...)
}

// lint returns what xmllint has against each file.
func lint(schema string, names []string) map[string]string {
	out, err := exec.Command("xmllint", append([]string{"--nonet", "--noout", "--schema", schema}, names...)...).CombinedOutput()
	wrong := make(map[string]string)
	if err == nil {
		return wrong
	}
	for line := range strings.SplitSeq(string(out), "\n") {
		name, rest, _ := strings.Cut(line, ".xml")
		if name += ".xml"; rest != " validates" && slices.Contains(names, name) {
			wrong[name] += strings.TrimPrefix(rest, ":") + "\n"
		}
	}
	if len(wrong) == 0 { // of the schema, or of xmllint itself
		wrong[names[0]] = fmt.Sprintf("%v: %.4000s", err, out)
	}
	return wrong
}

// The ledger finds what is wrong, however it is hidden among what is right, and tells of each
// once.
func TestLedgerFindsWhatIsWrong(t *testing.T) {
	const head = `<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types" xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"><s:Header><t:RequestServerVersion Version="Exchange2013_SP1"/></s:Header><s:Body>`
	const tail = `</s:Body></s:Envelope>`
	get := func(id, key string) []byte {
		return []byte(head + `<m:GetItem><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape><m:ItemIds><t:ItemId Id="` + id + `" ChangeKey="` + key + `"/></m:ItemIds></m:GetItem>` + tail)
	}
	create := func(content, more string) []byte {
		return []byte(head + `<m:CreateItem MessageDisposition="SaveOnly"><m:Items><t:Message><t:MimeContent CharacterSet="UTF-8">` + content + `</t:MimeContent>` + more + `</t:Message></m:Items></m:CreateItem>` + tail)
	}
	sync := func(state string) []byte {
		return []byte(head + `<m:SyncFolderItems><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape><m:SyncFolderId><t:DistinguishedFolderId Id="inbox"/></m:SyncFolderId><m:SyncState>` + state + `</m:SyncState><m:MaxChangesReturned>9</m:MaxChangesReturned></m:SyncFolderItems>` + tail)
	}
	attach := func(content string) []byte {
		return []byte(head + `<m:CreateAttachment><m:ParentItemId Id="a" ChangeKey="b"/><m:Attachments><t:FileAttachment><t:Name>x</t:Name><t:Content>` + content + `</t:Content></t:FileAttachment></m:Attachments></m:CreateAttachment>` + tail)
	}
	var l ledger
	l.note(nil)
	for _, good := range [][]byte{get("AAMk+/=", "CQ=="), get("AAMkB", "CQA"), create("U3ViamVjdA==", ""), create("eHh4", ""), attach("eHh4"), sync("H4sIA="), sync("s2")} {
		l.note(good)
	}
	require.Equal(t, 7, l.all)
	require.Len(t, l.seen, 4, "of each kind one: %v", l.seen)
	if why := unchecked(); why != "" {
		t.Skip(why)
	}
	said, err := l.check()
	require.NoError(t, err)
	require.Equal(t, "by the schema 4 of 4 distinct requests are valid, 7 of 7 in all", said)

	for name, tt := range map[string]struct {
		body []byte
		why  string
	}{
		"no base64":       {attach("!!!"), "Content"},
		"nor here":        {create("!!!!", ""), "MimeContent"},
		"cut base64":      {attach("QUJ"), "Content"},
		"out of order":    {create("eHh4", `<t:IsRead>true</t:IsRead><t:Subject>x</t:Subject>`), "Subject"},
		"no such folder":  {bytes.ReplaceAll(sync("s"), []byte("inbox"), []byte("no-inbox")), "DistinguishedFolderId"},
		"no number":       {bytes.ReplaceAll(sync("s"), []byte(">9<"), []byte(">many<")), "MaxChangesReturned"},
		"no version":      {bytes.ReplaceAll(get("a", "b"), []byte("2013_SP1"), []byte("1999")), "RequestServerVersion"},
		"no such request": {[]byte(head + `<m:GetNothing/>` + tail), "GetNothing"},
		"no XML":          {[]byte(head), "parser error"},
	} {
		wrong := ledger{}
		wrong.note(get("a", "b"))
		for range 3 {
			wrong.note(tt.body)
		}
		said, err := wrong.check()
		require.ErrorContains(t, err, tt.why, name)
		require.ErrorContains(t, err, "3 times", name)
		require.ErrorContains(t, err, string(tt.body[len(tt.body)-20:]), name)
		require.Equal(t, "by the schema 1 of 2 distinct requests are valid, 1 of 4 in all", said, name)
	}
}
