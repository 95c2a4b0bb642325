package ntlm_test

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/go-serversync/serversync/auth/ntlm"
	"github.com/go-serversync/serversync/internal/testserver"
	"github.com/go-serversync/serversync/internal/testserver/servertest"
	"github.com/go-serversync/serversync/internal/websignin"
	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

var _ provider.HTTPMechanism = ntlm.Mechanism{}

// webAccount signs in to web servers of this machine.
func webAccount(user, password, url string, by profile.Authentication) provider.Account {
	policy := selfHosted
	policy.AllowNetworks = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	return provider.Account{
		Mailbox:  mailbox.Mailbox{Key: mailbox.Key{Organization: "org", Mailbox: user}, Username: `EXAMPLE\` + user, Password: secret.New(password)},
		Endpoint: profile.Endpoint{URL: url, Authentication: by}, Policy: policy,
		Mechanisms: []provider.Mechanism{&kerberos{}, ntlm.Mechanism{}},
	}
}

func webDo(ctx context.Context, c *websignin.Client, url, body string) (status int, user string, err error) {
	req, err := http.NewRequestWithContext(ctx, "POST", url, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	resp, err := c.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	io.Copy(io.Discard, resp.Body)
	name := resp.Header.Get("X-User")
	return resp.StatusCode, strings.ToLower(name[strings.LastIndexByte(name, '\\')+1:]), nil
}

// Apache, whose NTLM signs connections in, serves each as themselves, by whichever authentication
// the profile has, and however many of one identity's clients share connections.
func TestWebSigninWithApache(t *testing.T) {
	a := servertest.Apache(t, testserver.ApacheOptions{NTLM: people})
	url := "https://localhost:" + a.HTTPSAddr[strings.LastIndexByte(a.HTTPSAddr, ':')+1:] + "/"
	options := wire.HTTPOptions{Op: "test", TLSConfig: &tls.Config{RootCAs: a.CA.CertPool()}, Policy: webAccount("", "", "", "").Policy}
	var pool websignin.Pool
	var wg sync.WaitGroup
	for user, password := range people {
		for _, by := range []profile.Authentication{profile.NTLM, profile.Negotiate, profile.AutoDetect} {
			for range 3 {
				wg.Go(func() {
					c, err := pool.Client("test", "", options, webAccount(user, password, url, by))
					if err != nil {
						t.Error(err)
						return
					}
					defer c.Close()
					for range 5 {
						status, got, err := webDo(t.Context(), c, url, "hello")
						if err != nil || status != 404 || got != user {
							t.Errorf("%s by %q was served as %q: %d, %v", user, by, got, status, err)
						}
					}
					if c.Method() != "NTLM" {
						t.Errorf("signed in by %q", c.Method())
					}
				})
			}
		}
	}
	wg.Wait()
	c, err := websignin.New("test", options, webAccount("alice", "wrong", url, profile.AutoDetect))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, _, err = webDo(t.Context(), c, url, "x")
	is(t, err, provider.ErrAuth)
}

// A scripted server is one of NTLM's that says what a test wants: it signs a connection in, and takes every proof.
type scripted struct {
	persistent string // of Persistent-Auth
	broken     int    // status in place of the challenge
	mu         sync.Mutex
	signed     map[string]bool // connections
	legs       []string
}

func (s *scripted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	leg := "open"
	message, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(r.Header.Get("Authorization"), "NTLM "))
	if len(message) > 12 {
		leg = map[uint32]string{1: "negotiate", 3: "authenticate"}[binary.LittleEndian.Uint32(message[8:])]
	}
	if leg != "authenticate" && len(b) > 0 && !s.signed[r.RemoteAddr] {
		leg += " with a body"
	}
	s.legs = append(s.legs, leg)
	switch {
	case leg == "negotiate" && s.broken != 0:
		w.WriteHeader(s.broken)
	case leg == "negotiate":
		challenge := make([]byte, 48)
		copy(challenge, "NTLMSSP\x00")
		binary.LittleEndian.PutUint32(challenge[8:], 2)
		binary.LittleEndian.PutUint32(challenge[20:], 1|1<<9|1<<19|1<<23)
		w.Header().Set("WWW-Authenticate", "NTLM "+base64.StdEncoding.EncodeToString(challenge))
		w.WriteHeader(401)
	case leg == "authenticate", s.signed[r.RemoteAddr]:
		s.signed[r.RemoteAddr] = s.persistent != "false"
		if s.persistent != "" {
			w.Header().Set("Persistent-Auth", s.persistent)
		}
		io.WriteString(w, "well")
	default:
		w.Header().Set("WWW-Authenticate", "NTLM")
		w.WriteHeader(401)
	}
}

func newScripted(t *testing.T, s *scripted) (*websignin.Client, string, *int) {
	s.signed = make(map[string]bool)
	web := httptest.NewUnstartedServer(s)
	conns := new(int)
	web.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.mu.Lock()
			*conns++
			s.mu.Unlock()
		}
	}
	web.StartTLS()
	t.Cleanup(web.Close)
	a := webAccount("alice", "x", web.URL, profile.NTLM)
	c, err := websignin.New("test", wire.HTTPOptions{Op: "test", TLSConfig: web.Client().Transport.(*http.Transport).TLSClientConfig, Policy: a.Policy}, a)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, web.URL, conns
}

// A connection is signed in once, unless the server says Persistent-Auth: false.
func TestPersistentAuth(t *testing.T) {
	for persistent, want := range map[string]string{
		"":      "negotiate authenticate open open",
		"true":  "negotiate authenticate open open",
		"false": "negotiate authenticate negotiate authenticate negotiate authenticate",
	} {
		s := &scripted{persistent: persistent}
		c, url, conns := newScripted(t, s)
		for range 3 {
			if status, _, err := webDo(t.Context(), c, url, "hello"); status != 200 || err != nil {
				t.Fatal(status, err)
			}
		}
		if got := strings.Join(s.legs, " "); got != want || *conns != 1 {
			t.Errorf("%q: %s over %d connections, want %s", persistent, got, *conns, want)
		}
	}
}

// A server that cannot answer in the middle of the handshake says so, and does not get the body.
func TestBusyInTheHandshake(t *testing.T) {
	for _, status := range []int{408, 429, 502, 503, 504} {
		s := &scripted{broken: status}
		c, url, _ := newScripted(t, s)
		got, _, err := webDo(t.Context(), c, url, "hello")
		if got != status || err != nil || strings.Join(s.legs, " ") != "negotiate" {
			t.Errorf("%d: %d, %v, %q", status, got, err, s.legs)
		}
	}
}

// P5: a connection in use when the last client closes is not kept behind it.
func TestP5ClosedWhileInUse(t *testing.T) {
	s := &scripted{}
	c, url, _ := newScripted(t, s)
	req, _ := http.NewRequestWithContext(t.Context(), "POST", url, strings.NewReader("hello"))
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	resp.Body.Close()
	if status, _, err := webDo(t.Context(), c, url, "again"); status != 200 || err != nil {
		t.Fatal(status, err)
	}
	if got := strings.Join(s.legs, " "); got != "negotiate authenticate negotiate authenticate" {
		t.Errorf("the connection was kept: %s", got)
	}
}
