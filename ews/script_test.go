package ews

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// word is the password of every test here. It must never show.
const word = "canary-Yw7!k3"

// A script is a server that answers as a test says, after it has heard the password or a token.
type script struct {
	*httptest.Server
	answer func(w http.ResponseWriter, r *http.Request, op string)
	offers []string // in WWW-Authenticate
	open   bool     // it asks nobody to sign in

	refusing atomic.Bool

	mu     sync.Mutex
	served []heard
	asked  int // without a proof
	conns  int
}

// heard is a request that was signed in.
type heard struct {
	op     string
	body   string
	header http.Header
}

func newScript(t testing.TB, answer func(w http.ResponseWriter, r *http.Request, op string)) *script {
	s := &script{answer: answer, offers: []string{"Negotiate", "NTLM", `Basic realm="mail"`}}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(s.serve))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.mu.Lock()
			s.conns++
			s.mu.Unlock()
		}
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func (s *script) serve(w http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	Sent(b)
	_, password, ok := r.BasicAuth()
	if s.refusing.Load() || !s.open && !(ok && password == word) && !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer good") {
		s.mu.Lock()
		s.asked++
		s.mu.Unlock()
		for _, o := range s.offers {
			w.Header().Add("WWW-Authenticate", o)
		}
		w.Header().Set("X-Ms-Diagnostics", `2000008;reason="The token contains no permissions."`)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	_, rest, _ := strings.Cut(string(b), "<s:Body><m:")
	op := rest[:strings.IndexAny(rest+" ", " >/")]
	s.mu.Lock()
	s.served = append(s.served, heard{op, string(b), r.Header.Clone()})
	s.mu.Unlock()
	w.Header().Set("Request-Id", "request-1")
	w.Header().Set("X-FEServer", "FRONT1")
	s.answer(w, r, op)
}

func (s *script) all() []heard {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]heard(nil), s.served...)
}

func (s *script) connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conns
}

func (s *script) last() heard {
	all := s.all()
	return all[len(all)-1]
}

func (s *script) driver() *Driver {
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return &Driver{TLSConfig: &tls.Config{RootCAs: roots}}
}

var allowLoopback = profile.Policy{Deployment: profile.SelfHosted, AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}

func (s *script) account(change ...func(*provider.Account)) provider.Account {
	a := provider.Account{
		Mailbox:  mailbox.Mailbox{Key: mailbox.Key{Organization: "org", Mailbox: "anna"}, Address: "anna@example.test", Username: "anna", Password: secret.New(word)},
		Profile:  profile.Profile{ID: "p", Kind: profile.ExchangeServer},
		Endpoint: profile.Endpoint{URL: s.URL + "/EWS/Exchange.asmx"},
		Policy:   allowLoopback,
	}
	for _, c := range change {
		c(&a)
	}
	return a
}

// service takes the credentials from the profile.
func service(a *provider.Account) {
	a.Endpoint.Credentials, a.Endpoint.Username, a.Endpoint.Password = profile.FromProfile, "service", secret.New(word)
}

func impersonating(a *provider.Account) { a.Endpoint.Impersonate = true }

func autodiscovering(a *provider.Account) { a.Profile.Autodiscover = true }

func online(a *provider.Account) { a.Profile.Kind = profile.ExchangeOnline }

func mailboxOf(name string) func(*provider.Account) {
	return func(a *provider.Account) { a.Mailbox.Key.Mailbox, a.Mailbox.Address = name, name+"@example.test" }
}

// tokens gives good tokens, after as many bad ones.
type tokens struct {
	mu      sync.Mutex
	bad     int
	given   int
	refused []string
}

func (s *tokens) Token(_ context.Context, _ provider.Account, refused secret.Text) (provider.Token, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.given++
	if !refused.IsZero() {
		s.refused = append(s.refused, refused.Reveal())
		s.bad--
	}
	if s.bad > 0 {
		return provider.Token{Value: secret.New(fmt.Sprint("bad", s.bad))}, nil
	}
	return provider.Token{Value: secret.New("good-token")}, nil
}

func application(source provider.TokenSource) func(*provider.Account) {
	return func(a *provider.Account) {
		a.Endpoint.Credentials, a.Tokens = profile.ServerToServer, source
	}
}

const header15 = `<s:Header><h:ServerVersionInfo xmlns:h="http://schemas.microsoft.com/exchange/services/2006/types" MajorVersion="15" MinorVersion="1" MajorBuildNumber="2507" MinorBuildNumber="6" Version="V2017_07_11"/></s:Header>`

// scripted is a whole answer.
func scripted(body string) string {
	return `<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages" xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types">` +
		header15 + `<s:Body>` + body + `</s:Body></s:Envelope>`
}

// folderList answers GetFolder for all that Open asks for.
func folderList() string {
	var b strings.Builder
	for i := range distinguished {
		fmt.Fprintf(&b, `<m:GetFolderResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode><m:Folders><t:Folder><t:FolderId Id="F%d" ChangeKey="C"/></t:Folder></m:Folders></m:GetFolderResponseMessage>`, i)
	}
	return scripted(`<m:GetFolderResponse><m:ResponseMessages>` + b.String() + `</m:ResponseMessages></m:GetFolderResponse>`)
}

// faulted answers GetFolder with a code for each folder.
func faulted(code, xml string) string {
	return scripted(`<m:GetFolderResponse><m:ResponseMessages>` + strings.Repeat(
		`<m:GetFolderResponseMessage ResponseClass="Error"><m:MessageText>words of the server</m:MessageText><m:ResponseCode>`+code+`</m:ResponseCode>`+strings.ReplaceAll(xml, "t:MessageXml", "m:MessageXml")+`</m:GetFolderResponseMessage>`, len(distinguished)) +
		`</m:ResponseMessages></m:GetFolderResponse>`)
}

func faultOf(code, xml string) string {
	return scripted(`<s:Fault><faultcode xmlns:a="http://schemas.microsoft.com/exchange/services/2006/types">a:` + code + `</faultcode><faultstring xml:lang="de-DE">Worte</faultstring><detail><e:ResponseCode xmlns:e="http://schemas.microsoft.com/exchange/services/2006/errors">` +
		code + `</e:ResponseCode><e:Message xmlns:e="http://schemas.microsoft.com/exchange/services/2006/errors">Worte</e:Message>` + xml + `</detail></s:Fault>`)
}

func backOffOf(text string) string {
	return `<t:MessageXml><t:Value Name="BackOffMilliseconds">` + text + `</t:Value></t:MessageXml>`
}

// give writes an answer.
func give(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	w.WriteHeader(status)
	io.WriteString(w, body)
}

// well answers what Open asks.
func well(w http.ResponseWriter, r *http.Request, op string) { give(w, 200, folderList()) }

// openWith opens a session, and closes it at the end.
func (s *script) openWith(t *testing.T, d *Driver, a provider.Account) (*session, error) {
	t.Helper()
	p, err := d.Open(t.Context(), a)
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { p.Close() })
	return p.(*session), nil
}

// fails opens and wants this to fail.
func (s *script) fails(t *testing.T, kind provider.Kind, change ...func(*provider.Account)) *provider.Error {
	t.Helper()
	_, err := s.openWith(t, s.driver(), s.account(change...))
	require.Error(t, err)
	var e *provider.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, kind, e.Kind, "%v", err)
	require.NotContains(t, err.Error()+e.Remedy+e.Code, word)
	require.NotContains(t, err.Error()+e.Remedy+e.Code, "good-token")
	return e
}
