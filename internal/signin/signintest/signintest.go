// Package signintest is the server's side of SASL mechanisms, for the loopback servers
// of tests. It is written from the RFCs and shares nothing with the client's side.
package signintest

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"crypto/tls"
	"encoding/hex"
	"strings"
)

// A Server knows who may sign in. Its methods may be called by many goroutines.
type Server struct {
	Password func(username string) (password string, ok bool)
	Token    func(username, token string) bool // nil: no token is good

	// Forge changes what a SCRAM server says: its first message, its last. Nil
	// changes nothing.
	Forge func(message string) string

	// Mute leaves SCRAM's last message out: the server says yes and proves nothing.
	Mute bool

	// Certificate is the server's own, in DER, for tls-server-end-point.
	Certificate []byte

	// Iterations is how often SCRAM derives a password. Default: 4096.
	Iterations int
}

// A Dialogue is one sign-in as the server sees it.
type Dialogue struct {
	User string // who has signed in, "" if nobody has

	next func(response []byte) (challenge []byte, done bool)
	user string // to be
}

// Begin begins a sign-in, nil if the mechanism is unknown. offered is what the server
// offers: a SCRAM client that says it saw no -PLUS is refused if there is one. state is
// the connection's, nil without TLS; a client's certificate is trusted as it is.
func (s *Server) Begin(mechanism string, offered []string, state *tls.ConnectionState) *Dialogue {
	d := new(Dialogue)
	switch mechanism {
	case "PLAIN":
		d.next = func(r []byte) ([]byte, bool) {
			part := strings.Split(string(r), "\x00")
			if len(part) == 3 && s.knows(part[1], part[2]) {
				d.User = part[1]
			}
			return nil, true
		}
	case "LOGIN":
		d.next = s.login(d)
	case "CRAM-MD5":
		d.next = s.cramMD5(d)
	case "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS":
		d.next = s.scram(d, mechanism, offered, state)
	case "OAUTHBEARER", "XOAUTH2":
		d.next = s.token(d, mechanism)
	case "EXTERNAL":
		d.next = func(r []byte) ([]byte, bool) {
			if state != nil && len(state.PeerCertificates) > 0 {
				d.User = string(r)
			}
			return nil, true
		}
	default:
		return nil
	}
	return d
}

// First reports whether the client speaks first, so that the first challenge is empty
// where there was no initial response.
func First(mechanism string) bool { return mechanism != "LOGIN" && mechanism != "CRAM-MD5" }

// Next takes the client's message, nil for none, and returns the next challenge, or that
// it is over: User then says how.
func (d *Dialogue) Next(response []byte) (challenge []byte, done bool) { return d.next(response) }

func (s *Server) knows(username, password string) bool {
	want, ok := s.Password(username)
	return ok && want == password
}

func (s *Server) login(d *Dialogue) func([]byte) ([]byte, bool) {
	return func(r []byte) ([]byte, bool) {
		switch {
		case r == nil:
			return []byte("Username:"), false
		case d.user == "":
			d.user = string(r)
			return []byte("Password:"), false
		case s.knows(d.user, string(r)):
			d.User = d.user
		}
		return nil, true
	}
}

func (s *Server) cramMD5(d *Dialogue) func([]byte) ([]byte, bool) {
	challenge := []byte("<1896.697170952@mail.example.test>")
	return func(r []byte) ([]byte, bool) {
		if r == nil {
			return challenge, false
		}
		at := bytes.LastIndexByte(r, ' ')
		if at < 0 {
			return nil, true
		}
		password, ok := s.Password(string(r[:at]))
		h := hmac.New(md5.New, []byte(password))
		h.Write(challenge)
		if ok && hex.EncodeToString(h.Sum(nil)) == string(r[at+1:]) {
			d.User = string(r[:at])
		}
		return nil, true
	}
}

// token reads both ways to show a token. A bad one is complained of in JSON first.
func (s *Server) token(d *Dialogue, mechanism string) func([]byte) ([]byte, bool) {
	complained := false
	return func(r []byte) ([]byte, bool) {
		if complained {
			return nil, true
		}
		text := string(r)
		var username string
		switch {
		case mechanism == "XOAUTH2":
			_, text, _ = strings.Cut(text, "user=")
			username, text, _ = strings.Cut(text, "\x01")
		default:
			var header string
			header, text, _ = strings.Cut(text, "\x01")
			_, header, _ = strings.Cut(header, "a=")
			username = strings.NewReplacer("=2C", ",", "=3D", "=").Replace(strings.TrimSuffix(header, ","))
		}
		token, ok := strings.CutPrefix(text, "auth=Bearer ")
		token, whole := strings.CutSuffix(token, "\x01\x01")
		if ok && whole && s.Token != nil && s.Token(username, token) {
			d.User = username
			return nil, true
		}
		complained = true
		return []byte(`{"status":"invalid_token","schemes":"bearer","scope":"https://mail.example.test/"}`), false
	}
}
