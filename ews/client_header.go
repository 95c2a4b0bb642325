package ews

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/go-serversync/serversync/ews/internal/soap"
	"github.com/go-serversync/serversync/internal/websignin"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
)

// head writes a request's header.
func (c *client) head(h http.Header, k call) {
	h.Set("Content-Type", "text/xml; charset=utf-8")
	h.Set("Accept", "text/xml")
	h.Set("User-Agent", c.agent)
	h.Set("X-AnchorMailbox", c.account.Mailbox.Address) // where the request is to go within Exchange
	h.Set("Client-Request-Id", newID())
	h.Set("Return-Client-Request-Id", "true")
	if k.many {
		h.Set("Accept-Encoding", "identity") // what is packed comes in blocks, and so too late
	}
	if slices.Contains(reads, k.op) {
		websignin.MayRepeat(h)
	}
	if k.header != nil {
		k.header(h)
	}
	if h.Get("Cookie") == "" {
		c.state.cookies(c, h)
	}
}

// reads are the operations that change nothing. One that a kept connection did not take, because the server had just
// closed that, is made once more on another one.
var reads = []string{"FindFolder", "FindItem", "GetAttachment", "GetEvents", "GetFolder", "GetItem", "ResolveNames", "SyncFolderItems"}

// newID returns a GUID of chance (RFC 9562, section 5.4).
func newID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// envelope writes a whole message.
func (c *client) envelope(w *soap.Writer, body func(*soap.Writer)) {
	w.Start("s:Envelope", "xmlns:s", soap.Envelope, "xmlns:m", soap.Messages, "xmlns:t", soap.Types)
	w.Start("s:Header")
	w.Empty("t:RequestServerVersion", "Version", c.version)
	if c.impersonates() {
		w.Start("t:ExchangeImpersonation")
		w.Start("t:ConnectingSID")
		w.Elem("t:PrimarySmtpAddress", c.account.Mailbox.Address)
		w.End()
		w.End()
	}
	if c.version != oldestSchema { // 2007 has no such header, and all in UTC
		w.Start("t:TimeZoneContext")
		w.Empty("t:TimeZoneDefinition", "Id", "UTC")
		w.End()
	}
	w.End()
	w.Start("s:Body")
	body(w)
	w.End()
	w.End()
}

// The bounds of the cookies that a server has us keep.
const (
	maxCookies = 16
	maxCookie  = 4 << 10 // bytes of name and value
)

// A state is what a client learns of its server.
type state struct {
	owner mailbox.Key // whose cookies they are

	mu      sync.Mutex
	jar     []*http.Cookie
	server  string // its version
	settled bool   // the schema that is asked for was taken
	stepped bool   // down, since the client was made
	tied    bool   // to the mailbox: it is that one's server which is older
	refused int    // how often its identity had been refused when it began, and by itself since
}

func newState(a provider.Account) *state { return &state{owner: a.Mailbox.Key} }

// cookies adds the cookies of the mailbox, which have the next request reach the same server
// within Exchange. Those of one mailbox are never shown for another.
func (s *state) cookies(c *client, h http.Header) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.account.Mailbox.Key != s.owner {
		return
	}
	var all []string
	for _, cookie := range s.jar {
		if !cookie.Secure || c.at.Scheme == "https" {
			all = append(all, cookie.Name+"="+cookie.Value)
		}
	}
	if len(all) > 0 {
		h.Set("Cookie", strings.Join(all, "; "))
	}
}

// keep keeps an answer's cookies, if they are the server's own. They last as long as the client.
func (s *state) keep(c *client, answer *http.Response) {
	fresh := answer.Cookies()
	if len(fresh) == 0 || c.account.Mailbox.Key != s.owner {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, cookie := range fresh {
		if domain := strings.TrimPrefix(cookie.Domain, "."); domain != "" && !strings.EqualFold(domain, c.at.Hostname()) {
			continue // it is for other servers too
		}
		kept := s.jar[:0]
		for _, old := range s.jar {
			if old.Name != cookie.Name {
				kept = append(kept, old)
			}
		}
		s.jar = kept
		if cookie.MaxAge >= 0 && cookie.Value != "" && len(cookie.Name)+len(cookie.Value) <= maxCookie && len(s.jar) < maxCookies {
			s.jar = append(s.jar, cookie)
		}
	}
}
