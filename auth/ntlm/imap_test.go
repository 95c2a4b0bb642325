package ntlm_test

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"unicode/utf16"

	"github.com/go-serversync/serversync/auth/ntlm"
	"github.com/go-serversync/serversync/imap"
	"github.com/go-serversync/serversync/internal/testserver"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// hashed is MD4 over the password in UTF-16 (MS-NLMP, section 3.3.2), worked out elsewhere
// than in the library that is tested.
const hashed = "5e8759fd4fa9ff43059cb6a9341d1480"

// An imapServer is one of ours, for none that could be had speaks NTLM over IMAP. It
// offers GSSAPI and NTLM and reckons the proof itself.
type imapServer struct {
	addr  string
	roots *x509.CertPool

	mu    sync.Mutex
	heard []string
}

func newIMAPServer(t *testing.T) *imapServer {
	ca, err := testserver.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	pem, key, err := ca.Issue("localhost")
	if err != nil {
		t.Fatal(err)
	}
	cert, err := tls.X509KeyPair(pem, key)
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}})
	if err != nil {
		t.Fatal(err)
	}
	s := &imapServer{addr: l.Addr().String(), roots: ca.CertPool()}
	var wg sync.WaitGroup
	t.Cleanup(func() { l.Close(); wg.Wait() })
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { s.serve(c) })
		}
	})
	return s
}

func (s *imapServer) serve(c net.Conn) {
	defer c.Close()
	in := bufio.NewScanner(c)
	fmt.Fprint(c, "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=GSSAPI AUTH=NTLM AUTH=PLAIN] hi\r\n")
	for in.Scan() {
		s.mu.Lock()
		s.heard = append(s.heard, in.Text())
		s.mu.Unlock()
		tag, command, _ := strings.Cut(in.Text(), " ")
		switch {
		case strings.HasPrefix(command, "AUTHENTICATE NTLM "):
			fmt.Fprintf(c, "+ %s\r\n", base64.StdEncoding.EncodeToString(challenge(names)))
			in.Scan()
			answer, _ := base64.StdEncoding.DecodeString(in.Text())
			if proven(answer) {
				fmt.Fprintf(c, "%s OK [CAPABILITY IMAP4rev1] in\r\n", tag)
			} else {
				fmt.Fprintf(c, "%s NO [AUTHENTICATIONFAILED] no\r\n", tag)
			}
		case command == "LOGOUT":
			fmt.Fprintf(c, "* BYE bye\r\n%s OK bye\r\n", tag)
			return
		default:
			fmt.Fprintf(c, "%s BAD what?\r\n", tag)
		}
	}
}

// proven reports whether an authenticate message shows that anna's password is known
// (MS-NLMP, sections 2.2.1.3 and 3.3.2).
func proven(m []byte) bool {
	field := func(at int) []byte {
		if len(m) < at+8 {
			return nil
		}
		n, from := int(binary.LittleEndian.Uint16(m[at:])), int(binary.LittleEndian.Uint32(m[at+4:]))
		if from+n > len(m) {
			return nil
		}
		return m[from : from+n]
	}
	nt, domain, user := field(20), field(28), field(36)
	if len(nt) < 16 {
		return false
	}
	var name []byte
	for _, u := range utf16.Encode([]rune("ANNA")) {
		name = binary.LittleEndian.AppendUint16(name, u)
	}
	if !bytes.EqualFold(user, name) {
		return false
	}
	key, _ := hex.DecodeString(hashed)
	want := sum(sum(key, append(name, domain...)), append([]byte("12345678"), nt[16:]...))
	return hmac.Equal(want, nt[:16])
}

func sum(key, text []byte) []byte {
	h := hmac.New(md5.New, key)
	h.Write(text)
	return h.Sum(nil)
}

// RFC 4422: NTLM through the IMAP driver, where Kerberos cannot be used here; and a wrong
// password is refused once, though PLAIN is offered.
func TestNTLMThroughTheIMAPDriver(t *testing.T) {
	s := newIMAPServer(t)
	driver := &imap.Driver{TLSConfig: &tls.Config{RootCAs: s.roots}}
	for _, by := range []profile.Authentication{profile.NTLM, profile.Negotiate} {
		k := &kerberos{}
		mechanism, err := open(t, driver, account(t, s.addr, password, by, ntlm.Mechanism{}, k))
		if err != nil || mechanism != "NTLM" {
			t.Errorf("%q: %s, %v", by, mechanism, err)
		}
		if k.begun > 0 != (by == profile.Negotiate) {
			t.Errorf("%q: GSSAPI was begun %d times", by, k.begun)
		}
		s.mu.Lock()
		s.heard = nil
		s.mu.Unlock()
		_, err = open(t, driver, account(t, s.addr, "wr0ng", by, ntlm.Mechanism{}, &kerberos{}))
		is(t, err, provider.ErrAuth)
		s.mu.Lock()
		if all := strings.Join(s.heard, "\n"); strings.Count(all, "AUTHENTICATE") != 1 || strings.Contains(all, "LOGIN ") {
			t.Errorf("the server heard %s", all)
		}
		s.mu.Unlock()
	}
	// The process's own identity has nothing that NTLM could show.
	a := account(t, s.addr, password, profile.Negotiate, ntlm.Mechanism{})
	a.Endpoint.Credentials = profile.IntegratedWindows
	_, err := open(t, driver, a)
	if e := is(t, err, provider.ErrUnsupported); !strings.Contains(e.Remedy, "keytab") {
		t.Errorf("remedy %q", e.Remedy)
	}
}
