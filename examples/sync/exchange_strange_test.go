package main

import (
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-serversync/serversync/ews"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

const (
	soapSpace     = "http://schemas.xmlsoap.org/soap/envelope/"
	messagesSpace = "http://schemas.microsoft.com/exchange/services/2006/messages"
	typesSpace    = "http://schemas.microsoft.com/exchange/services/2006/types"
)

// An el is an element of an answer, with attributes as they are written.
type el struct {
	space, name, attrs, text string
	in                       []el
}

func types(name, text string, in ...el) el    { return el{typesSpace, name, "", text, in} }
func messages(name, text string, in ...el) el { return el{messagesSpace, name, "", text, in} }
func id(name, value string) el {
	return el{typesSpace, name, fmt.Sprintf(" Odd='1' Id='%s'", html.EscapeString(value)), "", nil}
}

// A stranger is a server that no other test knows: it speaks EWS as no Exchange writes it. Each
// element has a prefix of its own, the fields of a record come in one order and then in the other,
// texts are CDATA, in pieces, and there are comments, instructions and elements that
// nobody knows. Headers, texts of errors, ChangeKeys and most properties are left out.
type stranger struct {
	mu      sync.Mutex
	prefix  int
	answers int
	mail    []string        // raw messages; the id is the place
	read    map[string]bool // ids
	gone    map[string]bool
	news    []el // what the next listing says besides, as changes
	bare    bool // the last page does not say that it is
}

// write writes an element, the fields of records backwards with every second answer.
func (s *stranger) write(b *strings.Builder, e el) {
	s.prefix++
	tag := fmt.Sprintf("p%d:%s", s.prefix, e.name)
	fmt.Fprintf(b, "<%s xmlns:p%d='%s'%s >", tag, s.prefix, e.space, e.attrs)
	in := slices.Clone(e.in)
	if s.answers%2 == 1 && e.name != "Changes" && e.name != "ResponseMessages" && e.name != "Items" && e.name != "Folders" {
		slices.Reverse(in)
	}
	for _, c := range in {
		fmt.Fprintf(b, "\n<!-- <x> & --><?odd one?><new xmlns='urn:odd' of='%s'><new>?</new></new>", c.name)
		s.write(b, c)
	}
	if half := len(e.text) / 2; e.text != "" {
		fmt.Fprintf(b, "<![CDATA[%s]]><!-- - -->%s", e.text[:half], e.text[half:])
	}
	fmt.Fprintf(b, "</%s\n>", tag)
}

func (s *stranger) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if name, pass, _ := r.BasicAuth(); name != user || pass != password {
		w.Header().Set("WWW-Authenticate", "bASIC  realm=odd")
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	op, ids, state := understand(body)
	s.answers++
	var b strings.Builder
	b.WriteString("\ufeff<?xml version='1.0'?><!-- odd -->\n")
	answers := messages("ResponseMessages", "", s.answer(op, ids, state)...)
	s.write(&b, el{soapSpace, "Envelope", "", "", []el{{soapSpace, "Body", " odd='yes' xmlns='urn:odd'", "", []el{messages(op+"Response", "", answers)}}}})
	w.Header().Set("Content-Type", `Text/XML;charset="UTF-8"`)
	io.WriteString(w, b.String())
}

// understand reads of a request what the stranger cares for.
func understand(body []byte) (op string, ids []string, state string) {
	d := xml.NewDecoder(strings.NewReader(string(body)))
	for inBody := false; ; {
		token, err := d.Token()
		if err != nil {
			return op, ids, state
		}
		e, ok := token.(xml.StartElement)
		switch {
		case !ok:
		case e.Name.Local == "Body":
			inBody = true
		case inBody && op == "":
			op = e.Name.Local
		case e.Name.Local == "SyncState":
			d.DecodeElement(&state, &e)
		case e.Name.Local == "ItemId" || e.Name.Local == "DistinguishedFolderId" && op == "GetFolder":
			for _, a := range e.Attr {
				if a.Name.Local == "Id" {
					ids = append(ids, a.Value)
				}
			}
		}
	}
}

// answer returns the messages of an answer.
func (s *stranger) answer(op string, ids []string, state string) (all []el) {
	said := func(class string, in ...el) {
		all = append(all, el{messagesSpace, op + "ResponseMessage", " ResponseClass='" + class + "'", "", in})
	}
	missing := func() { said("Error", messages("ResponseCode", "ErrorItemNotFound"), messages("Items", "")) }
	ok := messages("ResponseCode", "NoError")
	switch op {
	case "GetFolder":
		for _, name := range ids {
			if name != "inbox" && name != "sentitems" {
				said("Error", messages("ResponseCode", "ErrorFolderNotFound"))
				continue
			}
			said("Success", ok, messages("Folders", "", types("Folder", "", id("FolderId", "f-"+name))))
		}
	case "FindFolder":
		root := el{messagesSpace, "RootFolder", " IncludesLastItemInRange='true' TotalItemsInView='2'", "", []el{types("Folders", "",
			types("Folder", "", id("FolderId", "f-inbox"), types("DisplayName", "Entrée & cie")),
			types("Folder", "", id("FolderId", "f-sentitems"), types("DisplayName", "Envoyés")))}}
		said("Success", ok, root)
	case "SyncFolderItems":
		var changes []el
		from := 0
		fmt.Sscanf(state, "state %d", &from)
		to := min(from+7, len(s.mail))
		for i := from; i < to; i++ {
			changes = append(changes, types("Create", "", types("Message", "", id("ItemId", fmt.Sprint("<i&", i)), types("ItemClass", "IPM.Note"))))
		}
		last := messages("IncludesLastItemInRange", fmt.Sprint(to == len(s.mail)))
		if to == len(s.mail) {
			changes, s.news = append(changes, s.news...), nil
		}
		parts := []el{ok, messages("SyncState", fmt.Sprint("state ", to)), last, messages("Changes", "", changes...)}
		if s.bare && to == len(s.mail) {
			parts = slices.Delete(parts, 2, 3)
		}
		said("Success", parts...)
	case "GetItem":
		for _, item := range ids {
			n := -1
			if fmt.Sscanf(item, "<i&%d", &n); n < 0 || n >= len(s.mail) || s.gone[item] {
				missing()
				continue
			}
			mime := types("MimeContent", base64.StdEncoding.EncodeToString([]byte(s.mail[n])))
			said("Success", ok, messages("Items", "", types("Message", "", mime, id("ItemId", item), types("IsRead", map[bool]string{true: "1", false: " 0 "}[s.read[item]]))))
		}
	case "UpdateItem", "DeleteItem":
		for _, item := range ids {
			map[string]map[string]bool{"UpdateItem": s.read, "DeleteItem": s.gone}[op][item] = true
			said("Success", ok)
		}
	default:
		said("Error", messages("ResponseCode", "ErrorInvalidOperation"))
	}
	return all
}

// The main job at a server that is no Exchange: mail in, byte for byte, in pages; what is read and
// deleted there; and what we mark and delete there.
func TestExchangeStranger(t *testing.T) {
	s := &stranger{read: map[string]bool{}, gone: map[string]bool{}}
	web := httptest.NewServer(s)
	t.Cleanup(web.Close)
	for i := range 30 {
		s.mail = append(s.mail, mail(i))
	}
	b := newBench(t, "", "")
	x := &exchange{bench: b, ews: []string{"-ews", web.URL + "/services", "-tls", "plain"}}
	r := x.once(t, "-export", b.out)
	r.want(t, 0, "30 came in")
	want := slices.Sorted(slices.Values(s.mail))
	if got := exported(t, b.out); !slices.Equal(got, want) {
		t.Errorf("%d messages exported, want those %d that are there, byte for byte", len(got), len(want))
	}
	x.once(t).want(t, 0, "nothing new")

	s.mu.Lock()
	s.mail = append(s.mail, mail(30))
	s.read["<i&3"] = true
	s.news = []el{
		types("ReadFlagChange", "", id("ItemId", "<i&3"), types("IsRead", "true")),
		types("Delete", "", id("ItemId", "<i&4")),
		types("Swap", "", id("ItemId", "<i&5")), // nobody knows what that is
	}
	s.mu.Unlock()
	x.once(t, "-export", b.out).want(t, 0, "1 came in, 1 changed flags, 1 left the server")
	x.once(t, "-folders", `INBOX,\Sent`).want(t, 0)
	x.once(t, "-folders", "Entrée & cie").want(t, 0)
	if got := exported(t, b.out); len(got) != 31 {
		t.Errorf("%d messages exported, want 31", len(got))
	}

	// We mark and delete there.
	d := &ews.Driver{}
	p, err := d.Open(t.Context(), provider.Account{
		Mailbox:  mailbox.Mailbox{Address: user, Username: user, Password: secret.New(password)},
		Profile:  profile.Profile{Kind: profile.ExchangeServer},
		Endpoint: profile.Endpoint{URL: web.URL + "/services", TLS: profile.Plaintext},
		Policy:   profile.Policy{Deployment: profile.SelfHosted, AllowPlaintext: true, AllowBasicWithoutTLS: true, AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}},
	})
	must(t, err)
	defer p.Close()
	source, _ := provider.As[provider.Source](p)
	page, err := source.Changes(t.Context(), provider.Request{Folder: "inbox", Lane: provider.Live})
	must(t, err)
	actor, _ := provider.As[provider.Actor](p)
	for _, act := range []provider.Act{
		{Kind: provider.Mark, Folder: "inbox", ID: "<i&7", Flag: `\Seen`},
		{Kind: provider.Delete, Folder: "inbox", ID: "<i&8"},
	} {
		act.Epoch = page.Next.Epoch()
		must(t, actor.Act(t.Context(), act))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.read["<i&7"] || !s.gone["<i&8"] || len(s.gone) != 1 {
		t.Errorf("read are %v, gone %v", s.read, s.gone)
	}
}

// Of a page that does not say whether it is the last nobody knows: that is told, and what
// came with it is not taken for all.
func TestExchangeStrangerLacksTheEnd(t *testing.T) {
	s := &stranger{read: map[string]bool{}, gone: map[string]bool{}, mail: []string{mail(1)}, bare: true}
	web := httptest.NewServer(s)
	t.Cleanup(web.Close)
	x := &exchange{bench: newBench(t, "", ""), ews: []string{"-ews", web.URL + "/services", "-tls", "plain"}}
	r := x.once(t)
	r.want(t, 1, "the answer lacks its SyncState, or whether there is more")
	s.mu.Lock()
	s.bare = false
	s.mu.Unlock()
	wait(t, func() bool { r = x.once(t); return r.status == 0 && strings.Contains(r.err, "1 came in") })
}
