package ews

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/ews/internal/soap"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// What a request says in its header, HTTP's and SOAP's.
func TestRequestHeaders(t *testing.T) {
	s := newScript(t, well)
	d := s.driver()
	d.UserAgent = "CRM/1.0"
	_, err := s.openWith(t, d, s.account(service, impersonating, mailboxOf("bob")))
	require.NoError(t, err)
	got := s.last()
	for name, want := range map[string]string{
		"Content-Type": "text/xml; charset=utf-8", "Accept": "text/xml", "User-Agent": "CRM/1.0", "X-Anchormailbox": "bob@example.test",
		"Return-Client-Request-Id": "true", "Accept-Encoding": "gzip",
	} {
		require.Equal(t, want, got.header.Get(name), name)
	}
	require.Regexp(t, `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, got.header.Get("Client-Request-Id"))
	require.Contains(t, got.body, `<s:Header><t:RequestServerVersion Version="Exchange2013_SP1"/><t:ExchangeImpersonation><t:ConnectingSID><t:PrimarySmtpAddress>bob@example.test</t:PrimarySmtpAddress></t:ConnectingSID></t:ExchangeImpersonation><t:TimeZoneContext><t:TimeZoneDefinition Id="UTC"/></t:TimeZoneContext></s:Header>`)
	require.NotContains(t, got.body, "t:Mailbox")

	_, err = s.openWith(t, d, s.account(service, mailboxOf("bob")))
	require.NoError(t, err)
	got = s.last()
	require.NotContains(t, got.body, "Impersonation")
	require.Contains(t, got.body, `<t:DistinguishedFolderId Id="inbox"><t:Mailbox><t:EmailAddress>bob@example.test</t:EmailAddress></t:Mailbox></t:DistinguishedFolderId>`)
	require.Equal(t, "bob@example.test", got.header.Get("X-Anchormailbox"))

	_, err = s.openWith(t, d, s.account()) // its own mailbox
	require.NoError(t, err)
	require.NotContains(t, s.last().body, "t:Mailbox")
	require.NotContains(t, s.last().body, "Impersonation")

	_, err = s.openWith(t, d, s.account(application(new(tokens))))
	require.NoError(t, err)
	require.Contains(t, s.last().body, "<t:PrimarySmtpAddress>anna@example.test<", "an application has no mailbox of its own")

	_, err = s.openWith(t, d, s.account(func(a *provider.Account) { a.Mailbox.Address = "anna@example.test\r\nX-Evil: 1" }))
	require.Equal(t, provider.ErrUnsafe, provider.KindOf(err))
}

// The side that the account was opened for says whether it is a delegate's, not the incoming one.
func TestDelegationIsOfTheSide(t *testing.T) {
	s := newScript(t, well)
	a := s.account(service, func(a *provider.Account) {
		a.Profile.OwnOutgoing = true
		a.Profile.Incoming = profile.Endpoint{URL: a.Endpoint.URL, Impersonate: true, Credentials: profile.FromProfile}
		a.Profile.Outgoing = a.Endpoint
	})
	_, err := s.openWith(t, s.driver(), a)
	require.NoError(t, err)
	require.Contains(t, s.last().body, "<t:Mailbox>")
}

// Cookies are the mailbox's and the host's, and bounded.
func TestCookies(t *testing.T) {
	n := 0
	s := newScript(t, func(w http.ResponseWriter, r *http.Request, op string) {
		n++
		switch n {
		case 1:
			http.SetCookie(w, &http.Cookie{Name: "X-BackEndCookie", Value: "one", Secure: true, HttpOnly: true, Path: "/EWS"})
			http.SetCookie(w, &http.Cookie{Name: "strange", Value: "x", Domain: "example.org"})
			http.SetCookie(w, &http.Cookie{Name: "large", Value: strings.Repeat("x", 5000)})
			for i := range 30 {
				http.SetCookie(w, &http.Cookie{Name: fmt.Sprint("n", i), Value: "v"})
			}
		case 2:
			http.SetCookie(w, &http.Cookie{Name: "X-BackEndCookie", Value: "two"})
			for i := range 30 {
				http.SetCookie(w, &http.Cookie{Name: fmt.Sprint("n", i), MaxAge: -1})
			}
		}
		well(w, r, op)
	})
	d := s.driver()
	anna, err := s.openWith(t, d, s.account(service, impersonating))
	require.NoError(t, err)
	require.Empty(t, s.last().header.Get("Cookie"))
	require.NoError(t, anna.Check(t.Context()))
	cookie := s.last().header.Get("Cookie")
	require.Contains(t, cookie, "X-BackEndCookie=one")
	require.NotContains(t, cookie, "strange")
	require.NotContains(t, cookie, "large")
	require.Equal(t, maxCookies, strings.Count(cookie, "="))
	_, err = s.openWith(t, d, s.account(service, impersonating, mailboxOf("bob")))
	require.NoError(t, err)
	require.Empty(t, s.last().header.Get("Cookie"), "another mailbox's")
	require.NoError(t, anna.Check(t.Context()))
	require.Equal(t, "X-BackEndCookie=two", s.last().header.Get("Cookie"))
	other := *anna.client
	other.account.Mailbox.Key.Mailbox = "bob"
	require.NoError(t, other.do(t.Context(), ping))
	require.Empty(t, s.last().header.Get("Cookie"), "a client that acts for another mailbox")
}

// ping asks for nothing that is looked at.
var ping = call{op: "GetFolder", write: func(w *soap.Writer) {
	w.Start("m:GetFolder")
	w.Start("m:FolderShape")
	w.Elem("t:BaseShape", "IdOnly")
	w.End()
	w.Start("m:FolderIds")
	w.Empty("t:DistinguishedFolderId", "Id", "inbox")
	w.End()
	w.End()
}, read: func(r *soap.Reader, e soap.Element) error { r.Skip(e); return nil }}

// An error names the request as an administrator finds it in Exchange's logs.
func TestErrorsNameTheRequest(t *testing.T) {
	s := newScript(t, func(w http.ResponseWriter, _ *http.Request, _ string) {
		give(w, 500, faultOf("ErrorInternalServerError", ""))
	})
	e := s.fails(t, provider.ErrUnavailable)
	require.Contains(t, e.Error(), "request-id request-1")
	require.Contains(t, e.Error(), "x-feserver FRONT1")
	require.Contains(t, e.Error(), "client-request-id "+s.last().header.Get("Client-Request-Id"))
	require.Equal(t, "ews: GetFolder", e.Op)
	require.Equal(t, "ErrorInternalServerError", e.Code)
}

// P5 and P7 of connections: the sessions of one identity have a few between them, and none is left.
func TestP5SharedConnections(t *testing.T) {
	s := newScript(t, well)
	d := s.driver()
	var all []provider.Provider
	for i := range 100 {
		p, err := d.Open(t.Context(), s.account(service, impersonating, mailboxOf(fmt.Sprint("m", i))))
		require.NoError(t, err)
		all = append(all, p)
	}
	require.Equal(t, 1, s.connections(), "a hundred mailboxes, one after the other")
	require.Equal(t, 1, s.asked, "the server was asked once what it offers")
	p, err := d.Open(t.Context(), s.account(service, impersonating, func(a *provider.Account) { a.Endpoint.Username = "another" }))
	require.NoError(t, err)
	require.Equal(t, 2, s.connections(), "another identity has its own")
	require.NoError(t, p.Close())
	for _, p := range all {
		require.NoError(t, p.Close())
		require.NoError(t, p.Close(), "P4")
	}
	_, err = s.openWith(t, d, s.account(service, impersonating))
	require.NoError(t, err)
	require.Equal(t, 3, s.connections(), "the last one to leave has closed it")
}

// P6: nothing of a driver at work prints what proves us.
func TestP6DriverPrintsNoSecret(t *testing.T) {
	s := newScript(t, well)
	d := s.driver()
	p, err := s.openWith(t, d, s.account(service, impersonating))
	require.NoError(t, err)
	for _, v := range []any{d, p, p.client, p.client.web, p.client.account} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
			text := fmt.Sprintf(verb, v)
			require.NotContains(t, text, word)
			require.NotContains(t, text, base64.StdEncoding.EncodeToString([]byte("service:"+word)))
		}
	}
}

// BenchmarkOpen opens and closes the mailboxes of one account, while another one is open, and while none is.
func BenchmarkOpen(b *testing.B) {
	for _, shared := range []bool{true, false} {
		b.Run(map[bool]string{true: "shared", false: "alone"}[shared], func(b *testing.B) {
			s := newScript(b, well)
			d := s.driver()
			if shared {
				p, err := d.Open(b.Context(), s.account(service, impersonating))
				require.NoError(b, err)
				defer p.Close()
			}
			for b.Loop() {
				p, err := d.Open(b.Context(), s.account(service, impersonating, mailboxOf("bob")))
				require.NoError(b, err)
				p.Close()
			}
			b.ReportMetric(float64(s.connections())/float64(b.N), "conns/op")
		})
	}
}
