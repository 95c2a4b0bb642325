package imap_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/go-serversync/serversync/imap"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// plays plays a greeting and then an answer to each line, "%tag" being the last tag; ""
// is silence until the next line.
func plays(greeting string, answers ...string) func(*peer) {
	return func(p *peer) {
		p.send("%s\r\n", greeting)
		tag := ""
		for _, answer := range answers {
			line := p.line()
			if first, _, ok := strings.Cut(line, " "); ok && strings.HasPrefix(first, "A") {
				tag = first
			}
			p.send("%s", strings.ReplaceAll(answer, "%tag", tag))
		}
		p.line()
	}
}

// The wire of AUTHENTICATE: what a server may say to it, and what we say.
func TestAuthenticateOnTheWire(t *testing.T) {
	base := base64.StdEncoding.EncodeToString
	proof := base([]byte("\x00user\x00" + canary))
	const ir = "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi"
	const plain = "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi"
	const both = "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN AUTH=SCRAM-SHA-256] hi"
	const done = "%tag OK [CAPABILITY IMAP4rev1] in\r\n"
	for _, tt := range []struct {
		name  string
		play  func(*peer)
		kind  provider.Kind
		heard string
	}{
		{"at once", plays(ir, done), "", "AUTHENTICATE PLAIN " + proof + "\r\n"},
		{"when it is asked for", plays(plain, "+ \r\n", done), "", "AUTHENTICATE PLAIN\r\n" + proof + "\r\n"},
		{"by words", plays(plain, "+ go ahead, please\r\n", done), "", proof},
		{"without a blank", plays(plain, "+\r\n", done), "", proof},
		{"with chatter before", plays(plain, "* OK hello\r\n* 3 EXISTS\r\n+ \r\n", "* OK still here\r\n"+done), "", proof},
		{"no base64", plays(ir, "+ ???\r\n"), provider.ErrProtocol, ""},
		{"one question too many", plays(ir, "+ \r\n", "%tag BAD given up\r\n"), provider.ErrProtocol, "\r\n*\r\n"},
		{"goodbye", plays(ir, "* BYE [UNAVAILABLE] later\r\n"), provider.ErrUnavailable, ""},
		{"an answer to something else", plays(ir, "A99 OK in\r\n"), provider.ErrProtocol, ""},
		{"hung up", plays(ir), provider.ErrUnavailable, ""},
		{"the next one on the same connection", plays(both, "%tag NO [AUTHENTICATIONFAILED] not for you\r\n", done), "", "AUTHENTICATE SCRAM-SHA-256 "},
		{"SCRAM's nonce of somebody else", plays(both, "+ "+base([]byte("r=x,s=AAAA,i=4096"))+"\r\n", "%tag BAD given up\r\n"), provider.ErrProtocol, "\r\n*\r\n"},
		{"signed in before a word was said", plays("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=SCRAM-SHA-256 LOGINDISABLED] hi", done), provider.ErrUnsafe, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a, heard := script(t, profile.Plaintext, tt.play)
			p, err := (&imap.Driver{Limits: patient}).Open(t.Context(), a)
			if err == nil {
				p.Close()
			}
			if provider.KindOf(err) != tt.kind {
				t.Errorf("Open = %v, want %q", err, tt.kind)
			}
			if !strings.Contains(heard(), tt.heard) {
				t.Errorf("the server heard %q, want %q in it", heard(), tt.heard)
			}
			if strings.Contains(heard(), canary) || strings.Count(heard(), proof) > 1 {
				t.Errorf("the server heard %q", heard())
			}
		})
	}
}
