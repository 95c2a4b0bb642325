package ews

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// A canned server answers each request with what answer says: the answer of the operation, in
// whatever form. It keeps what it was asked.
type canned struct {
	answer func(op, body string) string

	mu    sync.Mutex
	asked []string // operations
	bytes []string // whole requests
}

// open starts the server and opens a session with it.
func (c *canned) open(t *testing.T) *session {
	t.Helper()
	server := httptest.NewTLSServer(c)
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	d := &Driver{TLSConfig: &tls.Config{RootCAs: roots}, SpoolDir: t.TempDir()}
	p, err := d.Open(t.Context(), provider.Account{
		Mailbox:  mailbox.Mailbox{Key: mailbox.Key{Organization: "org", Mailbox: "box"}, Address: "ann@example.com", Username: "ann@example.com", Password: secret.New("canary-Zx9!q7")},
		Profile:  profile.Profile{Kind: profile.ExchangeServer},
		Endpoint: profile.Endpoint{URL: server.URL + "/EWS/Exchange.asmx", Authentication: profile.Basic},
		Policy:   profile.Policy{Deployment: profile.SelfHosted, AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}},
	})
	require.NoError(t, err)
	t.Cleanup(func() { p.Close() })
	s, ok := provider.As[*session](p)
	require.True(t, ok)
	c.reset()
	return s
}

func (c *canned) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked, c.bytes = nil, nil
}

func (c *canned) ops() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Join(c.asked, " ")
}

func (c *canned) requests() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.bytes...)
}

func (c *canned) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	Sent(b)
	_, rest, _ := strings.Cut(string(b), "<s:Body><m:")
	op := rest[:strings.IndexAny(rest+" ", " >/")]
	c.mu.Lock()
	c.asked, c.bytes = append(c.asked, op), append(c.bytes, string(b))
	c.mu.Unlock()
	text := ""
	if op == "GetFolder" {
		text = folders(string(b))
	}
	if c.answer != nil && text == "" {
		text = c.answer(op, string(b))
	}
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	io.WriteString(w, text)
}

// folders answers the look of a session: each distinguished folder is there.
func folders(body string) string {
	var b strings.Builder
	for part := range strings.SplitSeq(body, `<t:DistinguishedFolderId Id="`) {
		if name, _, found := strings.Cut(part, `"`); found && !strings.HasPrefix(part, "<") {
			fmt.Fprintf(&b, `<m:GetFolderResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode><m:Folders><t:Folder><t:FolderId Id="real-%s" ChangeKey="A"/></t:Folder></m:Folders></m:GetFolderResponseMessage>`, name)
		}
	}
	return soapOf("GetFolder", b.String())
}

// soapOf returns an answer with these ResponseMessages.
func soapOf(op, messages string) string {
	return `<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header/><s:Body>` +
		`<m:` + op + `Response xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages" xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"><m:ResponseMessages>` +
		messages + `</m:ResponseMessages></m:` + op + `Response></s:Body></s:Envelope>`
}

// ok returns a ResponseMessage of success, failed one of an error.
func ok(op, content string) string {
	return `<m:` + op + `ResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>` + content + `</m:` + op + `ResponseMessage>`
}

func failed(op, code string) string {
	return `<m:` + op + `ResponseMessage ResponseClass="Error"><m:MessageText>It did not work.</m:MessageText><m:ResponseCode>` + code + `</m:ResponseCode><m:DescriptiveLinkKey>0</m:DescriptiveLinkKey></m:` + op + `ResponseMessage>`
}

// synced returns an answer to SyncFolderItems.
func synced(state string, last bool, changes string) string {
	return soapOf("SyncFolderItems", ok("SyncFolderItems", fmt.Sprintf(`<m:SyncState>%s</m:SyncState><m:IncludesLastItemInRange>%t</m:IncludesLastItemInRange><m:Changes>%s</m:Changes>`, state, last, changes)))
}

// newNote returns a Create of a message.
func newNote(id string) string {
	return `<t:Create><t:Message><t:ItemId Id="` + id + `" ChangeKey="k"/><t:ItemClass>IPM.Note</t:ItemClass><t:DateTimeReceived>2026-11-21T10:00:00Z</t:DateTimeReceived><t:Size>100</t:Size><t:IsDraft>false</t:IsDraft><t:IsRead>true</t:IsRead></t:Message></t:Create>`
}

// gotten returns a message of GetItem with this MIME in base64.
func gotten(id, mime string) string {
	return ok("GetItem", `<m:Items><t:Message><t:MimeContent CharacterSet="UTF-8">`+mime+`</t:MimeContent><t:ItemId Id="`+id+`" ChangeKey="k"/></t:Message></m:Items>`)
}

// itemIDs returns the ids that a request has.
func itemIDs(body string) (list []string) {
	for part := range strings.SplitSeq(body, `<t:ItemId Id="`) {
		if id, _, found := strings.Cut(part, `"`); found && !strings.HasPrefix(part, "<") {
			list = append(list, id)
		}
	}
	return list
}

func inbox(cursor provider.Cursor) provider.Request {
	return provider.Request{Folder: "inbox", Lane: provider.Live, Cursor: cursor}
}
