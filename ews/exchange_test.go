package ews

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/ews/internal/schema"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// An element is a piece of a request.
type element struct {
	XMLName  xml.Name
	Attrs    []xml.Attr `xml:",any,attr"`
	Text     string     `xml:",chardata"`
	Children []*element `xml:",any"`
}

func (e *element) attr(name string) string {
	if e == nil {
		return ""
	}
	for _, a := range e.Attrs {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// at returns what is at the end of a path, nil if it is not there.
func (e *element) at(path ...string) *element {
	for _, name := range path {
		if e == nil {
			return nil
		}
		i := slices.IndexFunc(e.Children, func(c *element) bool { return c.XMLName.Local == name })
		if i < 0 {
			return nil
		}
		e = e.Children[i]
	}
	return e
}

func (e *element) value(path ...string) string {
	if e = e.at(path...); e == nil {
		return ""
	}
	return strings.TrimSpace(e.Text)
}

// A desk is the part of an Exchange that mail goes out by, with faults: one mailbox's drafts,
// sent mail, outbox and what was deleted. Every request is held against the schema.
type desk struct {
	t      *testing.T
	server *httptest.Server

	mu     sync.Mutex
	items  []*deskItem
	out    []*deskItem // in the order in which they were sent
	number int
	ops    map[string]int

	before, after func(op string, n int) bool // whether the nth request of that kind is cut, without its effect or with it
	code          func(op string, n int) string
	status        func(op string, n int) int
	again         string // what a second SendItem is answered; "NoError" or "ErrorItemNotFound"
	stays         bool   // what is called sent stays where it is
	race          int    // how often a draft's key changes on its own after it was made
	handle        func(w http.ResponseWriter, r *http.Request, op string, body *element) bool
}

type deskItem struct {
	folder, id string
	key        int
	mime       []byte
	ours       map[string]string // extended properties
	to, cc     []string
	bcc        []string
	from       string
	fields     map[string]string
	files      []deskFile
	unsent     bool
}

type deskFile struct {
	name, kind string
	content    []byte
}

func newDesk(t *testing.T) *desk {
	d := &desk{t: t, ops: make(map[string]int), again: "ErrorItemNotFound"}
	d.server = httptest.NewServer(http.HandlerFunc(d.serve))
	t.Cleanup(d.server.Close)
	return d
}

// account returns the account of the desk's one mailbox.
func (d *desk) account() provider.Account { return d.accountOf("ann@example.com", false) }

func (d *desk) accountOf(address string, impersonate bool) provider.Account {
	e := profile.Endpoint{URL: d.server.URL + "/EWS/Exchange.asmx", TLS: profile.Plaintext, Credentials: profile.FromProfile, Username: "svc", Password: secret.New("hush"), Impersonate: impersonate, Authentication: profile.Basic}
	return provider.Account{
		Mailbox:  mailbox.Mailbox{Key: mailbox.Key{Organization: "acme", Mailbox: address}, Address: address},
		Profile:  profile.Profile{ID: "p", Kind: profile.ExchangeServer, Incoming: e},
		Endpoint: e,
		Policy: profile.Policy{Deployment: profile.SelfHosted, AllowPlaintext: true, AllowBasicWithoutTLS: true,
			AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}},
	}
}

// open opens a session.
func (d *desk) open() *session {
	d.t.Helper()
	p, err := new(Driver).Open(context.Background(), d.account())
	require.NoError(d.t, err)
	d.t.Cleanup(func() { p.Close() })
	return p.(*session)
}

func (d *desk) serve(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	Sent(raw)
	if len(raw) < 100_000 { // what is larger is no different, and slow to read
		if err := schema.Check(bytes.NewReader(raw), schema.Newest); err != nil {
			d.t.Errorf("the schema has: %v\n%.2000s", err, raw)
		}
	}
	var envelope element
	if err := xml.Unmarshal(raw, &envelope); err != nil {
		d.t.Errorf("a request is no XML: %v", err)
		return
	}
	body := envelope.at("Body").Children[0]
	op := body.XMLName.Local
	if d.handle != nil && d.handle(w, r, op, body) {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ops[op]++
	n := d.ops[op]
	if d.before != nil && d.before(op, n) {
		panic(http.ErrAbortHandler)
	}
	if d.status != nil && d.status(op, n) != 0 {
		w.WriteHeader(d.status(op, n))
		return
	}
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	if d.code != nil && d.code(op, n) != "" {
		fmt.Fprint(w, wrap(op, saysNo(op, d.code(op, n))))
		return
	}
	answer := d.perform(op, body)
	if d.after != nil && d.after(op, n) {
		panic(http.ErrAbortHandler)
	}
	fmt.Fprint(w, wrap(op, answer))
}

const nothing = `<m:ResponseCode>NoError</m:ResponseCode>`

func wrap(op, messages string) string {
	return `<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><m:` + op + `Response xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages" xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"><m:ResponseMessages>` +
		messages + `</m:ResponseMessages></m:` + op + `Response></s:Body></s:Envelope>`
}

func success(op, content string) string {
	return `<m:` + op + `ResponseMessage ResponseClass="Success">` + nothing + content + `</m:` + op + `ResponseMessage>`
}

func saysNo(op, code string) string {
	return `<m:` + op + `ResponseMessage ResponseClass="Error"><m:MessageText>It says no.</m:MessageText><m:ResponseCode>` + code + `</m:ResponseCode></m:` + op + `ResponseMessage>`
}

func (d *desk) perform(op string, body *element) string {
	switch op {
	case "GetFolder":
		all := ""
		for _, f := range body.at("FolderIds").Children {
			all += success(op, `<m:Folders><t:Folder><t:FolderId Id="the-`+f.attr("Id")+`"/></t:Folder></m:Folders>`)
		}
		return all
	case "FindItem":
		return d.find(body)
	case "CreateItem":
		return d.create(body)
	case "CreateAttachment":
		return d.attach(body)
	case "SendItem":
		return d.send(body)
	}
	id := body.at("ItemIds", "ItemId")
	if op == "UpdateItem" {
		id = body.at("ItemChanges", "ItemChange", "ItemId")
	}
	at := slices.IndexFunc(d.items, func(i *deskItem) bool { return i.id == id.attr("Id") })
	if at < 0 {
		return saysNo(op, "ErrorItemNotFound")
	}
	it := d.items[at]
	switch op {
	case "GetItem":
		return success(op, `<m:Items>`+it.show()+`</m:Items>`)
	case "DeleteItem":
		if body.attr("DeleteType") == "HardDelete" {
			d.items = slices.Delete(d.items, at, at+1)
		} else {
			d.move(it, "the-deleteditems")
		}
		return success(op, "")
	case "UpdateItem":
		for _, u := range body.at("ItemChanges", "ItemChange", "Updates").Children {
			it.set(u.at("Message", "ExtendedProperty"))
		}
		it.key++
		return success(op, `<m:Items>`+it.show()+`</m:Items>`)
	}
	d.t.Errorf("nobody knows %s", op)
	return saysNo(op, "ErrorInvalidOperation")
}

func (d *desk) move(it *deskItem, folder string) {
	d.number++
	it.folder, it.id, it.key = folder, fmt.Sprintf("id%d", d.number), 1
}

func (i *deskItem) set(p *element) {
	uri := p.at("ExtendedFieldURI")
	i.ours[uri.attr("PropertyName")+uri.attr("PropertyTag")] = p.value("Value")
}

// messageID is the item's Message-ID as Exchange has it.
func (i *deskItem) messageID() string {
	for _, line := range strings.Split(string(i.mime), "\r\n") {
		if name, value, _ := strings.Cut(line, ":"); strings.EqualFold(name, "Message-ID") {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func (i *deskItem) show() string {
	esc := func(s string) string {
		var b bytes.Buffer
		xml.EscapeText(&b, []byte(s))
		return b.String()
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<t:Message><t:ItemId Id="%s" ChangeKey="k%d"/><t:ParentFolderId Id="%s"/><t:IsSubmitted>false</t:IsSubmitted><t:IsDraft>%t</t:IsDraft>`, i.id, i.key, i.folder, i.unsent)
	for name, value := range i.ours {
		fmt.Fprintf(&b, `<t:ExtendedProperty><t:ExtendedFieldURI PropertySetId="%s" PropertyName="%s" PropertyType="String"/><t:Value>%s</t:Value></t:ExtendedProperty>`, ourProperties, name, esc(value))
	}
	fmt.Fprintf(&b, `<t:InternetMessageId>%s</t:InternetMessageId></t:Message>`, esc(i.messageID()))
	return b.String()
}

func folderOf(e *element) string {
	if f := e.at("DistinguishedFolderId"); f != nil {
		return "the-" + f.attr("Id")
	}
	return e.at("FolderId").attr("Id")
}

func (d *desk) find(body *element) string {
	folder := folderOf(body.at("ParentFolderIds"))
	if !strings.HasPrefix(folder, "the-") {
		return saysNo("FindItem", "ErrorInvalidIdMalformed")
	}
	criteria := body.at("Restriction").Children
	if criteria[0].XMLName.Local == "Or" {
		criteria = criteria[0].Children
	}
	found := ""
	for _, it := range d.items {
		for _, c := range criteria {
			value := c.at("FieldURIOrConstant", "Constant").attr("Value")
			has := it.messageID()
			if uri := c.at("ExtendedFieldURI"); uri != nil {
				has = it.ours[uri.attr("PropertyName")]
			}
			if it.folder == folder && strings.EqualFold(has, value) { // as Exchange compares
				found += it.show()
				break
			}
		}
	}
	return success("FindItem", `<m:RootFolder IncludesLastItemInRange="true"><t:Items>`+found+`</t:Items></m:RootFolder>`)
}

func (d *desk) create(body *element) string {
	folder := folderOf(body.at("SavedItemFolderId"))
	if !strings.HasPrefix(folder, "the-") {
		return saysNo("CreateItem", "ErrorInvalidIdMalformed")
	}
	m := body.at("Items", "Message")
	mime, err := base64.StdEncoding.DecodeString(m.value("MimeContent"))
	if err != nil {
		d.t.Errorf("MimeContent is no base64: %v", err)
	}
	it := &deskItem{mime: mime, ours: make(map[string]string), fields: make(map[string]string), unsent: true}
	for _, f := range m.Children {
		switch f.XMLName.Local {
		case "ExtendedProperty":
			it.set(f)
		case "From":
			it.from = f.value("Mailbox", "EmailAddress")
		case "ToRecipients":
			it.to = addressesOf(f)
		case "CcRecipients":
			it.cc = addressesOf(f)
		case "BccRecipients":
			it.bcc = addressesOf(f)
		case "MimeContent":
		default:
			it.fields[f.XMLName.Local] = strings.TrimSpace(f.Text)
		}
	}
	if flags, ok := it.ours["0x0E07"]; ok {
		it.unsent = flags == "8" || flags == "9"
	}
	d.items = append(d.items, it)
	d.move(it, folder)
	answer := success("CreateItem", `<m:Items>`+it.show()+`</m:Items>`)
	if d.race > 0 {
		d.race--
		it.key++
	}
	return answer
}

func addressesOf(e *element) (list []string) {
	for _, m := range e.Children {
		list = append(list, m.value("EmailAddress"))
	}
	return list
}

// take returns the item that is meant in the state that is meant.
func (d *desk) take(id *element) (*deskItem, string) {
	for _, it := range d.items {
		if it.id != id.attr("Id") {
			continue
		}
		if id.attr("ChangeKey") != fmt.Sprintf("k%d", it.key) {
			return nil, "ErrorIrresolvableConflict"
		}
		return it, ""
	}
	return nil, "ErrorItemNotFound"
}

func (d *desk) attach(body *element) string {
	it, code := d.take(body.at("ParentItemId"))
	if code != "" {
		return saysNo("CreateAttachment", code)
	}
	f := body.at("Attachments", "FileAttachment")
	content, err := base64.StdEncoding.DecodeString(f.value("Content"))
	if err != nil {
		d.t.Errorf("Content is no base64: %v", err)
	}
	it.files = append(it.files, deskFile{f.value("Name"), f.value("ContentType"), content})
	it.key++
	return success("CreateAttachment", fmt.Sprintf(`<m:Attachments><t:FileAttachment><t:AttachmentId Id="a%d" RootItemId="%s" RootItemChangeKey="k%d"/></t:FileAttachment></m:Attachments>`, len(it.files), it.id, it.key))
}

func (d *desk) send(body *element) string {
	it, code := d.take(body.at("ItemIds", "ItemId"))
	if code == "ErrorItemNotFound" && d.again == "NoError" {
		return success("SendItem", "")
	}
	if code != "" {
		return saysNo("SendItem", code)
	}
	if d.race > 0 {
		d.race--
		it.key++
		return saysNo("SendItem", "ErrorIrresolvableConflict")
	}
	if !d.stays {
		it.unsent = false
		d.move(it, "the-sentitems")
		d.out = append(d.out, it)
	}
	return success("SendItem", "")
}

// in returns what a folder has.
func (d *desk) in(folder string) (list []*deskItem) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, it := range d.items {
		if it.folder == "the-"+folder {
			list = append(list, it)
		}
	}
	return list
}

func (d *desk) sent() []*deskItem {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.out)
}
