package smtp_test

import (
	"strings"
	"testing"

	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
	"github.com/go-serversync/serversync/smtp/smtptest"
)

// A mechanism that the server refuses before there is a proof makes room for the next
// one, on the same connection.
func TestAuthTakesTheNextMechanism(t *testing.T) {
	server := newServer(t, smtptest.Options{Users: users, Mechanisms: []string{"SCRAM-SHA-256", "PLAIN"}, Fail: on("AUTH SCRAM", "504 5.5.4 not for you")})
	mustOpen(t, server, profile.ImplicitTLS)
	if n := server.Connections(); n != 1 {
		t.Errorf("%d connections", n)
	}
	if all := strings.Join(server.Commands(), "\n"); strings.Count(all, "AUTH") != 2 || !strings.Contains(all, "AUTH PLAIN ") {
		t.Errorf("the server heard %q", all)
	}
}

// SMTP-11: a refused proof is the answer, whatever else is offered, and what cannot be
// said at all is not said.
func TestSMTP11OneRefusal(t *testing.T) {
	for _, password := range []string{"wr0ng", "wr0ng\x00", "wr0ng\r\nRSET"} {
		server := newServer(t, smtptest.Options{Users: users, Mechanisms: []string{"SCRAM-SHA-256", "PLAIN", "LOGIN", "CRAM-MD5"}})
		a := account(server.Addr, profile.ImplicitTLS)
		a.Mailbox.Username, a.Mailbox.Password, a.Endpoint.Credentials = "ann", secret.New(password), profile.FromMailbox
		_, err := driver(server).Open(t.Context(), a)
		wantKind(t, err, provider.ErrAuth)
		want := 1
		if password != "wr0ng" {
			want = 0
		}
		if all := strings.Join(server.Commands(), "\n"); strings.Count(all, "AUTH") != want || strings.Contains(all, "RSET") {
			t.Errorf("the server heard %q", all)
		}
	}
}

// RFC 4954, section 4: what does not fit into a command of 512 bytes waits for the
// server's request, whatever words that has.
func TestAuthLongResponses(t *testing.T) {
	for _, size := range []int{10, 300, 400, 2000} {
		password := strings.Repeat("p", size)
		server := newServer(t, smtptest.Options{Users: map[string]string{"ann": password}, Mechanisms: []string{"PLAIN"}})
		a := account(server.Addr, profile.ImplicitTLS)
		a.Mailbox.Username, a.Mailbox.Password, a.Endpoint.Credentials = "ann", secret.New(password), profile.FromMailbox
		p, err := driver(server).Open(t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}
		p.Close()
		for _, line := range server.Commands() {
			if len(line)+2 > 512 {
				t.Errorf("a command of %d bytes", len(line)+2)
			}
		}
	}
}
