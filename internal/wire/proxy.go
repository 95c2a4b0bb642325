package wire

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// A proxy is the operator's Policy.Proxy, read.
type proxy struct {
	profile.Proxy
	scheme, address string
	config          *tls.Config // to the proxy itself, for https
}

// throughProxy is the evidence that the operator's proxy is between.
const throughProxy = "through the operator's proxy"

// A tunnel is a connection to a server through a proxy.
type tunnel struct {
	net.Conn
	target string // host:port as the proxy was told it
}

// NetConn returns the connection to the proxy.
func (t *tunnel) NetConn() net.Conn { return t.Conn }

// via returns the proxy to use, nil for none. An https proxy is verified against
// the roots that the driver has, and is shown no client certificate of its.
func (o DialOptions) via() (*proxy, error) {
	if o.Policy.Proxy.IsZero() {
		return nil, nil
	}
	scheme, address, err := o.Policy.Proxy.Parse()
	if err != nil {
		return nil, &proxyError{provider.ErrUnsafe, "", "Policy." + err.Error(), nil}
	}
	p := &proxy{Proxy: o.Policy.Proxy, scheme: scheme, address: address}
	if scheme == "https" {
		host, _, _ := net.SplitHostPort(address)
		config := &tls.Config{}
		if o.TLSConfig != nil {
			config.RootCAs = o.TLSConfig.RootCAs
		}
		p.config, err = clientConfig(config, host)
	}
	return p, err
}

// dial returns a connection to target, a host:port that was checked.
func (p *proxy) dial(ctx context.Context, target string) (net.Conn, error) {
	d := net.Dialer{FallbackDelay: -1}
	conn, err := d.DialContext(ctx, "tcp", p.address)
	if err != nil {
		return nil, unreachable(err)
	}
	open, err := p.ask(ctx, conn, target)
	if err != nil {
		conn.Close()
		return nil, err
	}
	return &tunnel{open, target}, nil
}

// ask has the proxy connect to target. Not a byte that comes from there is read.
func (p *proxy) ask(ctx context.Context, conn net.Conn, target string) (net.Conn, error) {
	if deadline, ok := ctx.Deadline(); ok {
		conn.SetDeadline(deadline)
	}
	raw := conn
	stop := context.AfterFunc(ctx, func() { raw.SetDeadline(past()) })
	defer stop()
	if p.config != nil {
		secure := tls.Client(conn, p.config)
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, unreachable(&handshakeError{err})
		}
		conn = secure
	}
	err := p.connect(conn, target)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err == nil {
		return conn, raw.SetDeadline(time.Time{})
	}
	var known *proxyError
	if !errors.As(err, &known) {
		err = unreachable(err)
	}
	return nil, err
}

func (p *proxy) connect(conn net.Conn, target string) error {
	if p.scheme == "socks5" {
		return p.socks(conn, target)
	}
	return p.http(conn, target)
}

// maxHead is how many bytes of an answer to CONNECT are read.
const maxHead = 16 << 10

// http asks by CONNECT (RFC 9110, section 9.3.6). What follows an answer of 2xx is
// the server's, whatever Content-Length says, so the head is read byte by byte.
func (p *proxy) http(conn net.Conn, target string) error {
	ask := "CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\n"
	if p.Username != "" {
		ask += "Proxy-Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(p.Username+":"+p.Password.Reveal())) + "\r\n"
	}
	if _, err := io.WriteString(conn, ask+"\r\n"); err != nil {
		return err
	}
	head := make([]byte, 0, 256)
	for !bytes.HasSuffix(head, []byte("\r\n\r\n")) && !bytes.HasSuffix(head, []byte("\n\n")) {
		if len(head) == maxHead {
			return noProxy("HTTP")
		}
		head = append(head, 0)
		if _, err := io.ReadFull(conn, head[len(head)-1:]); err != nil {
			return err
		}
		if n := min(len(head), 7); string(head[:n]) != "HTTP/1."[:n] {
			return noProxy("HTTP")
		}
	}
	fields := strings.Fields(string(head[:bytes.IndexByte(head, '\n')]))
	if len(fields) < 2 || len(fields[1]) != 3 {
		return noProxy("HTTP")
	}
	return httpAnswer(fields[1])
}

// httpAnswer tells apart what the proxy itself refuses and what it ran into. The
// rest of its answer is nobody's business: some repeat the request in it.
func httpAnswer(status string) error {
	switch {
	case status[0] == '2':
		return nil
	case status == "407":
		return &proxyError{provider.ErrUnavailable, codeProxy, "the operator's proxy does not take our user name and password", nil}
	case status == "403" || status == "405":
		return &proxyError{provider.ErrUnavailable, codeProxy, "the operator's proxy does not let us reach the server", nil}
	case status == "504":
		return &proxyError{provider.ErrUnavailable, codeTime, "the server did not answer the operator's proxy in time", nil}
	case status == "502" || status == "503":
		return &proxyError{provider.ErrUnavailable, codeConnect, "the operator's proxy cannot reach the server", nil}
	}
	if _, err := strconv.Atoi(status); err != nil {
		return noProxy("HTTP")
	}
	return &proxyError{provider.ErrUnavailable, codeProxy, "the operator's proxy answers " + status, nil}
}

// codeProxy is the code of what only the operator can mend.
const codeProxy = "ProxyFailure"

// A proxyError is told apart from what goes wrong with a server. It is never
// ErrAuth: nothing is wrong with a mailbox's credentials.
type proxyError struct {
	kind  provider.Kind
	code  string
	words string
	err   error
}

func (e *proxyError) Error() string { return e.words }

func (e *proxyError) diagnosis() diagnosis {
	d := diagnosis{kind: e.kind, code: e.code, words: e.words, remedy: "whoever runs this service must look at the proxy and at Policy.Proxy"}
	if e.code != codeProxy && e.code != "" {
		d.remedy = "check host and port; the server may be down, or the proxy may not reach its network"
	}
	return d
}

// unreachable says that there is no talking to the proxy.
func unreachable(err error) error {
	return &proxyError{provider.ErrUnavailable, codeProxy, fmt.Sprintf("the operator's proxy cannot be used: %s", (&cause{diagnose(err).words, err}).Error()), err}
}

func noProxy(kind string) error {
	return &proxyError{provider.ErrUnavailable, codeProxy, "what answers at the proxy's address is no " + kind + " proxy", nil}
}
