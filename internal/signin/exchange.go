package signin

import (
	"crypto/hmac"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/provider"
)

// This file holds the mechanisms that take a few lines each.

// plain is PLAIN (RFC 4616).
type plain struct{ username, password string }

func (p *plain) Start() (string, []byte, error) {
	return plainName, []byte("\x00" + p.username + "\x00" + p.password), nil
}

func (p *plain) Next([]byte) ([]byte, error) { return nil, errMore }

// login is LOGIN as servers speak it, by the order of the questions: no two servers
// word them alike.
type login struct{ answers []string }

func (l *login) Start() (string, []byte, error) { return loginName, nil, nil }

func (l *login) Next([]byte) ([]byte, error) {
	if len(l.answers) == 0 {
		return nil, errMore
	}
	answer := l.answers[0]
	l.answers = l.answers[1:]
	return []byte(answer), nil
}

// cram is CRAM-MD5 (RFC 2195), which is not FIPS 140 approved and never chosen where
// that matters.
type cram struct{ username, password string }

func (c *cram) Start() (string, []byte, error) { return cramMD5, nil, nil }

func (c *cram) Next(challenge []byte) ([]byte, error) {
	if c.password == "" {
		return nil, errMore
	}
	mac := hmac.New(md5.New, []byte(c.password))
	mac.Write(challenge)
	c.password = "" // one answer is all there is
	return []byte(c.username + " " + hex.EncodeToString(mac.Sum(nil))), nil
}

// certificate is EXTERNAL (RFC 4422, appendix A): TLS has proven us, and the user name
// says who is meant.
type certificate struct{ username string }

func (c *certificate) Start() (string, []byte, error) { return external, []byte(c.username), nil }

func (c *certificate) Next([]byte) ([]byte, error) { return nil, errMore }

// bearer is OAUTHBEARER (RFC 7628).
type bearer struct {
	username, token string
	complaint       []byte // of the server's, which is not to be trusted
	complained      bool
}

func (b *bearer) Start() (string, []byte, error) {
	// Commas and equal signs are GS2's own (RFC 5801, section 4).
	who := strings.NewReplacer("=", "=3D", ",", "=2C").Replace(b.username)
	return oauth, []byte("n,a=" + who + ",\x01auth=Bearer " + b.token + "\x01\x01"), nil
}

// Next takes the server's complaint and lets it come to its refusal (section 3.2.3).
func (b *bearer) Next(challenge []byte) ([]byte, error) {
	if b.complained {
		return nil, errMore
	}
	b.complaint, b.complained = challenge, true
	return []byte{1}, nil
}

// Verified refuses a server that complains and says yes all the same.
func (b *bearer) Verified() error { return contradicts(b.complained) }

func (b *bearer) refused(err error, s *SignIn) error { return complained(err, b.complaint, s) }

// xoauth is XOAUTH2, which Google made up before there was OAUTHBEARER, and which
// Exchange Online knows alone.
type xoauth struct {
	username, token string
	complaint       []byte
	complained      bool
}

func (x *xoauth) Start() (string, []byte, error) {
	return xoauth2, []byte("user=" + x.username + "\x01auth=Bearer " + x.token + "\x01\x01"), nil
}

func (x *xoauth) Next(challenge []byte) ([]byte, error) {
	if x.complained {
		return nil, errMore
	}
	x.complaint, x.complained = challenge, true
	return []byte{}, nil
}

// Verified refuses a server that complains and says yes all the same.
func (x *xoauth) Verified() error { return contradicts(x.complained) }

func (x *xoauth) refused(err error, s *SignIn) error { return complained(err, x.complaint, s) }

var errContradiction = errors.New("the server complained of the token and then took it")

func contradicts(complained bool) error {
	if complained {
		return &provider.Error{Kind: provider.ErrProtocol, Err: errContradiction}
	}
	return nil
}

// complained adds the status of a server's complaint to its refusal.
func complained(refused error, complaint []byte, s *SignIn) error {
	var e *provider.Error
	status := statusOf(complaint)
	if status == "" || !errors.As(refused, &e) || s.Repeats(string(complaint)) {
		return refused
	}
	told := *e
	told.Err = fmt.Errorf("%w (of the token: %s)", e.Err, wire.Quote(status))
	return &told
}

// statusOf returns the status in a complaint about a token, "" for none.
func statusOf(complaint []byte) string {
	var told struct {
		Status string `json:"status"`
	}
	if len(complaint) > maxChallenge || json.Unmarshal(complaint, &told) != nil {
		return ""
	}
	return told.Status
}
