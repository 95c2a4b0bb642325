package wire

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// P9: what a proxy that lies says is an error of the proxy's, which shows no password;
// and what it puts behind its answer is the server's, which has TLS to prove it.
func TestP9ProxiesThatLie(t *testing.T) {
	for _, tt := range []struct{ scheme, name, says string }{
		{"socks5", "a byte", "\x05"}, {"socks5", "SOCKS4", "\x00\x5a"}, {"socks5", "no method", "\x05\xff"}, {"socks5", "a method nobody offered", "\x05\x01"},
		{"socks5", "sign-in cut", "\x05\x02\x01"}, {"socks5", "sign-in refused", "\x05\x02\x01\x01"}, {"socks5", "reply cut", "\x05\x00\x05\x00"},
		{"socks5", "reply of SOCKS4", "\x05\x00\x04\x00\x00\x01"}, {"socks5", "address cut", "\x05\x00\x05\x00\x00\x01\x7f"}, {"socks5", "address of no kind", "\x05\x00\x05\x00\x00\x09\x00\x00"},
		{"socks5", "name cut", "\x05\x00\x05\x00\x00\x03\xffx"}, {"socks5", "an error of its own", "\x05\x00\x05\xee\x00\x01"},
		{"http", "nothing", ""}, {"http", "a letter", "H"}, {"http", "HTTP/2", "HTTP/2 200\r\n\r\n"}, {"http", "no status", "HTTP/1.1\r\n\r\n"}, {"http", "a status of words", "HTTP/1.1 abc OK\r\n\r\n"},
		{"http", "half a head", "HTTP/1.1 200 OK\r\nX: y\r\n"}, {"http", "a redirect", "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\n\r\n"}, {"http", "only a beginning", "HTTP/1.1 100 Continue\r\n\r\n"},
		{"http", "what was asked", "HTTP/1.1 407 %s\r\nX: " + proxyPassword + "\r\n\r\n"},
	} {
		t.Run(tt.scheme+" "+tt.name, func(t *testing.T) {
			at := listen(t, func(c net.Conn) {
				io.WriteString(c, tt.says)
				c.(*net.TCPConn).CloseWrite()
				io.Copy(io.Discard, c)
			})
			policy := profile.Policy{Proxy: profile.Proxy{URL: tt.scheme + "://" + at, Username: "anna", Password: secret.New(proxyPassword)}}
			began := time.Now()
			ctx, told := follow(t.Context())
			_, err := dial(ctx, DialOptions{Op: "test", Address: "mail.example:143", TLS: profile.StartTLS, Policy: policy}, to("192.0.3.1"))
			wantKind(t, err, provider.ErrUnavailable)
			if time.Since(began) > soon {
				t.Error("it took long")
			}
			if all := fmt.Sprintf("%v %#v %+v %s", err, err, told.evidence, err.(*provider.Error).Remedy); policy.Proxy.Password.In(all) || !strings.Contains(err.Error(), "proxy") {
				t.Errorf("%s", all)
			}
		})
	}
	for scheme, says := range map[string]string{"socks5": "\x05\x00\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x8f", "http": "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"} {
		at := listen(t, func(c net.Conn) {
			io.WriteString(c, says+"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] in\r\n")
			io.Copy(io.Discard, c)
		})
		policy := profile.Policy{Proxy: profile.Proxy{URL: scheme + "://" + at}}
		_, err := dial(t.Context(), DialOptions{Op: "test", Address: "mail.example:993", Policy: policy}, to("192.0.3.1"))
		wantKind(t, err, provider.ErrUnsafe)
	}
}

// said is a connection on which everything was said already.
type said struct {
	net.Conn
	r io.Reader
}

func (s said) Read(b []byte) (int, error)  { return s.r.Read(b) }
func (s said) Write(b []byte) (int, error) { return len(b), nil }

// P9: whatever a proxy says, there is an end and no password.
func FuzzSOCKSReply(f *testing.F) {
	f.Add([]byte("\x05\x00\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x8f"))
	f.Add([]byte("\x05\x02\x01\x00\x05\x00\x00\x03\x01x\x00\x00"))
	f.Fuzz(func(t *testing.T, says []byte) {
		p := &proxy{Proxy: profile.Proxy{Username: "anna", Password: secret.New(proxyPassword)}, scheme: "socks5"}
		if err := p.connect(said{r: strings.NewReader(string(says))}, "192.0.3.1:143"); err != nil && p.Password.In(err.Error()) {
			t.Error(err)
		}
	})
}
