package ntlm_test

import (
	"crypto/tls"
	"net/http"
	"strings"
	"testing"

	"github.com/go-serversync/serversync/ews/ewstest"
)

// An Exchange that is none of Apache's kind either takes what the library says, on each
// connection, for a request of any size; with Extended Protection it does not, for nothing
// names the channel.
func TestHTTPSignsInToExchange(t *testing.T) {
	for name, protected := range map[string]bool{"": false, "with Extended Protection": true} {
		t.Run(name, func(t *testing.T) {
			s := ewstest.NewServer(ewstest.Options{Users: map[string]string{"alice@example.com": people["alice"]}, Schemes: []string{"NTLM"}, Binding: protected})
			t.Cleanup(s.Close)
			tr := transport(t, &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.CertPool()}}, "alice", people["alice"])
			tr.Conns = 1
			const ask = `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><m:GetServerTimeZones xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"/></s:Body></s:Envelope>`
			want := http.StatusOK
			if protected {
				want = http.StatusUnauthorized
			}
			for _, body := range []string{ask, strings.Repeat(" ", 1<<20) + ask} {
				req := post(t, s.URL(), body)
				req.Header.Set("Content-Type", "text/xml; charset=utf-8")
				if status, _, _ := who(t, tr, req); status != want {
					t.Errorf("status %d, want %d", status, want)
				}
			}
			if got := s.Counts(); !protected && (got.SignIns != 1 || got.Connections != 1) {
				t.Errorf("%d sign-ins on %d connections", got.SignIns, got.Connections)
			}
			wrong := transport(t, &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.CertPool()}}, "alice", "wrong")
			if status, _, _ := who(t, wrong, post(t, s.URL(), ask)); status != http.StatusUnauthorized {
				t.Errorf("a wrong password: status %d", status)
			}
		})
	}
}
