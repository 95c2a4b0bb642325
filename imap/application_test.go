package imap_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strconv"
	"testing"

	"github.com/go-serversync/serversync/imap"
	loopbacks "github.com/go-serversync/serversync/internal/loopback"
	"github.com/go-serversync/serversync/internal/proxytest"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// application is a source with one token.
type application struct{}

func (application) Token(_ context.Context, _ provider.Account, refused secret.Text) (provider.Token, error) {
	return provider.Token{Value: secret.New("token")}, nil
}

// Peers 3.E, row 71: Exchange Online lets an application in that may not open the mailbox, and refuses what follows.
// It is told what is missing, and is no outage of the server's, which would stop the profile's other mailboxes.
func TestAuthenticatedButNotConnected(t *testing.T) {
	play := plays("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] hi", "%tag OK [CAPABILITY IMAP4rev1] AUTHENTICATE completed.\r\n", "%tag BAD User is authenticated but not connected.\r\n", "%tag BAD User is authenticated but not connected.\r\n")
	for host, code := range map[string]string{"outlook.office365.com": "mailbox_permission", "mail.example.test": ""} {
		config, roots := loopbacks.Certificate{Name: host}.Config()
		a, _ := script(t, profile.ImplicitTLS, func(p *peer) {
			conn := tls.Server(p.Conn, config)
			play(&peer{conn, bufio.NewReader(conn)})
		})
		where := net.JoinHostPort(a.Endpoint.Host, strconv.Itoa(a.Endpoint.Port))
		via := proxytest.New(proxytest.Options{Lead: func(string) (string, int) { return where, 0 }})
		t.Cleanup(via.Close)
		a.Endpoint.Host, a.Endpoint.Credentials, a.Tokens = host, profile.ServerToServer, application{}
		a.Policy.Proxy = profile.Proxy{URL: "socks5://" + via.Addr, Resolves: true}
		p, err := (&imap.Driver{TLSConfig: &tls.Config{RootCAs: roots}}).Open(t.Context(), a)
		if err == nil {
			t.Cleanup(func() { p.Close() })
			err = p.Check(t.Context())
		}
		var e *provider.Error
		if !errors.As(err, &e) {
			t.Fatalf("%s: %v", host, err)
		}
		if e.Kind != provider.ErrUnavailable || e.Code != code || (code == "") != (e.Remedy == "") || e.Op != "imap: check" {
			t.Errorf("%s: %v, code %q, remedy %q", host, err, e.Code, e.Remedy)
		}
	}
}
