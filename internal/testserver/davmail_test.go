package testserver_test

import (
	"bufio"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-serversync/serversync/internal/testserver"
	"github.com/go-serversync/serversync/internal/testserver/servertest"
)

// exchange is an endpoint that asks everybody to sign in, and counts those who come.
func exchange(t *testing.T, ca *testserver.CA) (url string, asked *atomic.Int64) {
	t.Helper()
	asked = new(atomic.Int64)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		w.Header().Set("WWW-Authenticate", `Basic realm="mail"`)
		w.WriteHeader(http.StatusUnauthorized)
	}))
	t.Cleanup(s.Close)
	if ca == nil {
		s.Start()
		return s.URL + "/EWS/Exchange.asmx", asked
	}
	certPEM, keyPEM, err := ca.Issue()
	if err != nil {
		t.Fatal(err)
	}
	cert, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		t.Fatal(err)
	}
	s.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	s.StartTLS()
	return s.URL + "/EWS/Exchange.asmx", asked
}

// converse sends lines to a server, each after a line of its answer, and returns all
// that it answers.
func converse(t *testing.T, addr string, lines ...string) string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(time.Minute))
	in := bufio.NewReader(c)
	var all strings.Builder
	for i := 0; ; i++ {
		line, err := in.ReadString('\n')
		if err != nil {
			t.Fatalf("%s answered %q, and then %v", addr, all.String(), err)
		}
		all.WriteString(line)
		if i == len(lines) {
			return all.String()
		}
		if _, err := c.Write([]byte(lines[i] + "\r\n")); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDavMail(t *testing.T) {
	ca, err := testserver.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	for name, by := range map[string]*testserver.CA{"http": nil, "https": ca} {
		t.Run(name, func(t *testing.T) {
			url, asked := exchange(t, by)
			o := testserver.DavMailOptions{URL: url, Wire: true}
			if by != nil {
				o.Roots = by.PEM()
			}
			d := servertest.DavMail(t, o)
			for _, again := range []bool{false, true} {
				if again {
					if err := d.Restart(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				before := asked.Load()
				if got := converse(t, d.IMAPAddr); !strings.HasPrefix(got, "* OK ") || !strings.Contains(got, "DavMail") {
					t.Errorf("IMAP greets with %q", got)
				}
				if got := converse(t, d.SMTPAddr); !strings.HasPrefix(got, "220 ") || !strings.Contains(got, "DavMail") {
					t.Errorf("SMTP greets with %q", got)
				}
				if got := asked.Load() - before; got != 2 {
					t.Errorf("two connections made %d requests", got)
				}
				if got := converse(t, d.IMAPAddr, "a LOGIN anna secret"); !strings.Contains(got, "a NO ") {
					t.Errorf("a password that Exchange refuses: %q", got)
				}
			}
			if !strings.Contains(d.Log(), "<m:GetFolder>") {
				t.Error("the log does not tell what was sent")
			}
			pids := d.PIDs()
			if len(pids) != 1 {
				t.Errorf("processes %d run", pids)
			}
			if err := d.Close(); err != nil {
				t.Fatal(err)
			}
			gone(t, pids)
			if _, err := os.Stat(d.Dir()); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the folder is still there: %v", err)
			}
		})
	}
}

// Another authority of the same name is not the one that was named.
func TestDavMailTrustsNobodyElse(t *testing.T) {
	ca, err := testserver.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	other, err := testserver.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	url, asked := exchange(t, other)
	d := servertest.DavMail(t, testserver.DavMailOptions{URL: url, Roots: ca.PEM()})
	if got := converse(t, d.IMAPAddr); strings.HasPrefix(got, "* OK ") {
		t.Errorf("IMAP greets with %q", got)
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("%d requests were made", n)
	}
}

func TestDavMailRefusesOptions(t *testing.T) {
	servertest.NeedDavMail(t)
	for name, o := range map[string]testserver.DavMailOptions{
		"no URL":             {},
		"elsewhere":          {URL: "http://192.0.2.1/EWS/Exchange.asmx"},
		"another path":       {URL: "http://127.0.0.1:1/owa"},
		"a line too many":    {URL: "http://127.0.0.1:1/EWS/Exchange.asmx\ndavmail.server=false"},
		"https, no roots":    {URL: "https://127.0.0.1:1/EWS/Exchange.asmx"},
		"http and roots":     {URL: "http://127.0.0.1:1/EWS/Exchange.asmx", Roots: []byte("x")},
		"roots that are not": {URL: "https://127.0.0.1:1/EWS/Exchange.asmx", Roots: []byte("x")},
	} {
		if d, err := testserver.StartDavMail(t.Context(), o); err == nil {
			t.Errorf("%s: it was started", name)
			d.Close()
		}
	}
}
