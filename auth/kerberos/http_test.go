package kerberos_test

import (
	"crypto/tls"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/go-serversync/serversync/auth/kerberos"
	"github.com/go-serversync/serversync/internal/testserver"
	"github.com/go-serversync/serversync/internal/testserver/servertest"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// newWeb starts a realm with an Apache that asks for Negotiate.
func newWeb(t *testing.T) (*testserver.KDC, *testserver.Apache) {
	k := servertest.KDC(t, testserver.KDCOptions{Users: map[string]string{"anna": password, "crm": "x"}, Services: []string{"HTTP/localhost"}})
	keys, err := k.Keytab(t.Context(), "HTTP/localhost")
	if err != nil {
		t.Fatal(err)
	}
	return k, servertest.Apache(t, testserver.ApacheOptions{KDC: k, Keytab: keys})
}

func url(a *testserver.Apache) string {
	return "https://localhost:" + a.HTTPSAddr[strings.LastIndexByte(a.HTTPSAddr, ':')+1:] + "/"
}

func base(a *testserver.Apache) *http.Transport {
	return &http.Transport{TLSClientConfig: &tls.Config{RootCAs: a.CA.CertPool()}}
}

// Apache takes our ticket, and its proof is checked.
func TestRFC4559SignsIn(t *testing.T) {
	k, a := newWeb(t)
	b := base(a)
	defer b.CloseIdleConnections()
	for user, tr := range map[string]*kerberos.Transport{
		"anna@EXAMPLE.TEST": {Client: &kerberos.Client{Config: k.Conf()}, Base: b, Username: "anna", Password: secret.New(password), Policy: selfHosted},
		"crm@EXAMPLE.TEST":  {Client: &kerberos.Client{Config: k.Conf(), Keytab: keytab(t, k, "crm")}, Base: b, Policy: selfHosted},
	} {
		body := strings.Repeat("x", 100_000)
		resp, err := (&http.Client{Transport: tr}).Post(url(a), "text/plain", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != 404 || resp.Header.Get("X-User") != user || resp.Header.Get("X-Length") != "100000" {
			t.Errorf("%s: %s, user %q", user, resp.Status, resp.Header.Get("X-User"))
		}
		if resp.Header.Get("WWW-Authenticate") == "" {
			t.Error("the server sent no proof, so that none was checked")
		}
	}
}

func keytab(t *testing.T, k *testserver.KDC, principals ...string) string {
	t.Helper()
	path, err := k.Keytab(t.Context(), principals...)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// A server whose key has changed refuses the old ticket with 401; the request is sent
// once more with a new one, body and all.
func TestRFC4559TicketForAnOldKey(t *testing.T) {
	k, a := newWeb(t)
	b := base(a)
	defer b.CloseIdleConnections()
	h := &http.Client{Transport: &kerberos.Transport{Client: &kerberos.Client{Config: k.Conf()}, Base: b, Username: "anna", Password: secret.New(password), Policy: selfHosted}}
	post := func() *http.Response {
		t.Helper()
		resp, err := h.Post(url(a), "text/plain", strings.NewReader("a body"))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp
	}
	if resp := post(); resp.StatusCode != 404 {
		t.Fatal(resp.Status)
	}
	if err := k.Kadmin(t.Context(), "cpw -randkey HTTP/localhost"); err != nil {
		t.Fatal(err)
	}
	keys, err := os.ReadFile(keytab(t, k, "HTTP/localhost"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(a.Dir()+"/keytab", keys, 0o644); err != nil {
		t.Fatal(err)
	}
	asked := func() int { return strings.Count(k.Log(), "TGS_REQ (") }
	before := asked()
	if resp := post(); resp.StatusCode != 404 || resp.Header.Get("X-Length") != "6" {
		t.Errorf("%s, %s bytes", resp.Status, resp.Header.Get("X-Length"))
	}
	if !logged(func() bool { return asked() > before }) || asked() != before+1 {
		t.Error("no new ticket was asked for")
	}
}

// A proof that is another's, or damaged, is no proof, and the response is not believed.
func TestRFC4559ForgedProof(t *testing.T) {
	k, a := newWeb(t)
	b := base(a)
	defer b.CloseIdleConnections()
	change := func(now []byte) []byte { return now }
	h := &http.Client{Transport: &kerberos.Transport{Client: &kerberos.Client{Config: k.Conf()}, Username: "anna", Password: secret.New(password), Policy: selfHosted,
		Base: roundTrip(func(req *http.Request) (*http.Response, error) {
			resp, err := b.RoundTrip(req)
			if err == nil {
				raw, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(resp.Header.Get("WWW-Authenticate"), "Negotiate "))
				resp.Header.Set("WWW-Authenticate", "Negotiate "+base64.StdEncoding.EncodeToString(change(raw)))
			}
			return resp, err
		})}}
	get := func() error {
		resp, err := h.Get(url(a))
		if err == nil {
			resp.Body.Close()
		}
		return err
	}
	var earlier []byte
	change = func(now []byte) []byte { earlier = now; return now }
	if err := get(); err != nil {
		t.Fatal(err)
	}
	change = func([]byte) []byte { return earlier }
	is(t, get(), provider.ErrUnsafe)
	// The end is what is sealed. Counted from there, for proofs are not all of one length:
	// DER leaves zeros out of the times that they hold.
	for back := 1; back <= 100; back++ {
		change = func(now []byte) []byte {
			now[len(now)-back] ^= 0x20
			return now
		}
		if err := get(); err == nil {
			t.Errorf("the byte %d from the end may be another", back)
		} else if e := (*provider.Error)(nil); !errors.As(err, &e) {
			t.Errorf("the byte %d from the end: %v", back, err)
		}
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// No ticket crosses the network unprotected, nor goes where a redirect leads.
func TestTransportSendsNoTicketToJustAnyone(t *testing.T) {
	var got []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.Header.Get("Authorization"))
		http.Redirect(w, r, "https://other.example.test/", http.StatusFound)
	}))
	defer s.Close()
	k := servertest.KDC(t, testserver.KDCOptions{Users: map[string]string{"anna": password}, Services: []string{"HTTP/127.0.0.1", "HTTP/other.example.test"}})
	tr := &kerberos.Transport{Client: &kerberos.Client{Config: k.Conf()}, Username: "anna", Password: secret.New(password), Policy: selfHosted}
	_, err := (&http.Client{Transport: tr}).Get(s.URL)
	is(t, err, provider.ErrUnsafe)
	if len(got) != 0 {
		t.Errorf("the server got %q", got)
	}
	tr.AllowHTTP = true
	_, err = (&http.Client{Transport: tr}).Get(s.URL)
	is(t, err, provider.ErrUnsafe)
	if len(got) != 1 || !strings.HasPrefix(got[0], "Negotiate ") {
		t.Errorf("the server got %q", got)
	}
	if strings.Contains(k.Log(), "other.example.test") {
		t.Error("a ticket was got for where the redirect leads")
	}
	// Whatever comes of it, a body is closed.
	body := &closed{Reader: strings.NewReader("x")}
	tr.AllowHTTP = false
	req, _ := http.NewRequest("POST", s.URL, body)
	if _, err := tr.RoundTrip(req); err == nil || !body.yes {
		t.Error("the body is open")
	}
}

type closed struct {
	io.Reader
	yes bool
}

func (c *closed) Close() error { c.yes = true; return nil }
