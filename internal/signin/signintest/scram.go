package signintest

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
)

var salt = []byte("a salt of 16 byte")[:16]

// A proof is what a SCRAM server remembers between its messages.
type proof struct {
	header, bare, first, nonce, password string
	known                                bool
}

func (s *Server) scram(d *Dialogue, mechanism string, offered []string, state *tls.ConnectionState) func([]byte) ([]byte, bool) {
	var p *proof
	ended := false
	return func(r []byte) ([]byte, bool) {
		switch {
		case ended:
			return nil, true
		case p == nil:
			var message string
			if p, message = s.scramFirst(d, mechanism, offered, string(r)); p == nil {
				ended = message == ""
				return []byte(message), message == ""
			}
			return []byte(message), false
		}
		message := s.scramFinal(d, p, mechanism, string(r), state)
		ended = true
		if s.Mute {
			return nil, true
		}
		return []byte(s.forged(message)), false
	}
}

func (s *Server) forged(message string) string {
	if s.Forge != nil {
		return s.Forge(message)
	}
	return message
}

// scramFirst answers the client's first message. A nil proof ends the exchange.
func (s *Server) scramFirst(d *Dialogue, mechanism string, offered []string, message string) (*proof, string) {
	part := strings.SplitN(message, ",", 3)
	if len(part) != 3 {
		return nil, ""
	}
	flag, _, _ := strings.Cut(part[0], "=")
	if (flag == "p") != strings.HasSuffix(mechanism, "-PLUS") {
		return nil, ""
	}
	p := &proof{header: part[0] + "," + part[1] + ",", bare: part[2]}
	name, nonce, ok := strings.Cut(strings.TrimPrefix(part[2], "n="), ",r=")
	if !ok {
		return nil, ""
	}
	d.user = strings.NewReplacer("=2C", ",", "=3D", "=").Replace(name)
	if p.password, p.known = s.Password(d.user); !p.known {
		return nil, ""
	}
	p.nonce = nonce + "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
	count := s.Iterations
	if count == 0 {
		count = 4096
	}
	p.first = s.forged(fmt.Sprintf("r=%s,s=%s,i=%d", p.nonce, base64.StdEncoding.EncodeToString(salt), count))
	if flag == "y" && slices.Contains(offered, "SCRAM-SHA-256-PLUS") {
		p.known = false // and the last message says why
		p.password = "\x00downgrade"
	}
	return p, p.first
}

// scramFinal looks at the client's proof and returns the server's last message.
func (s *Server) scramFinal(d *Dialogue, p *proof, mechanism, message string, state *tls.ConnectionState) string {
	if p.password == "\x00downgrade" {
		return "e=server-does-support-channel-binding"
	}
	without, encoded, ok := strings.Cut(message, ",p=")
	given, err := base64.StdEncoding.DecodeString(encoded)
	bound, nonce, two := strings.Cut(strings.TrimPrefix(without, "c="), ",r=")
	if !ok || !two || err != nil || nonce != p.nonce || len(given) != sha256.Size {
		return "e=invalid-encoding"
	}
	want := p.header
	if name, _, found := strings.Cut(strings.TrimPrefix(p.header, "p="), ","); found && strings.HasSuffix(mechanism, "-PLUS") {
		data := s.bindingOf(name, state)
		if data == nil {
			return "e=unsupported-channel-binding-type"
		}
		want += string(data)
	}
	if base64.StdEncoding.EncodeToString([]byte(want)) != bound {
		return "e=channel-bindings-dont-match"
	}
	count := s.Iterations
	if count == 0 {
		count = 4096
	}
	salted, err := pbkdf2.Key(sha256.New, p.password, salt, count, sha256.Size)
	if err != nil {
		return "e=other-error"
	}
	all := p.bare + "," + p.first + "," + without
	sign := func(key []byte, text string) []byte {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(text))
		return h.Sum(nil)
	}
	client := sign(salted, "Client Key")
	stored := sha256.Sum256(client)
	subtle.XORBytes(given, given, sign(stored[:], all))
	if sha256.Sum256(given) != stored {
		return "e=invalid-proof"
	}
	d.User = d.user
	return "v=" + base64.StdEncoding.EncodeToString(sign(sign(salted, "Server Key"), all))
}

// bindingOf returns the server's end of a channel binding. The loopback servers'
// certificates are signed with SHA-256.
func (s *Server) bindingOf(name string, state *tls.ConnectionState) []byte {
	switch {
	case state == nil:
		return nil
	case name == "tls-exporter" && state.Version == tls.VersionTLS13:
		data, _ := state.ExportKeyingMaterial("EXPORTER-Channel-Binding", []byte{}, 32)
		return data
	case name == "tls-server-end-point" && len(s.Certificate) > 0:
		sum := sha256.Sum256(s.Certificate)
		return sum[:]
	}
	return nil
}
