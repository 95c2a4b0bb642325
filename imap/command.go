package imap

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	goimap "github.com/emersion/go-imap/v2"

	"github.com/go-serversync/serversync/imap/internal/syntax"
	"github.com/go-serversync/serversync/internal/signin"
)

// A command is one to the server, and what became of it.
type command struct {
	text   string            // without tag and line end
	takes  []string          // names of the untagged replies that are for it; nil for all
	data   func(reply) error // gets those that come before the tagged one; may be nil
	tag    string
	status status // the tagged one; zero while there is none
}

// A reply is an untagged response. What follows its name is still to be read.
type reply struct {
	name   string // in upper case, such as FETCH
	num    uint32 // the number in front of the name, if there is one
	tag    string // in an ESEARCH: the command that it answers
	status status // of OK, NO and BAD
}

// A status is a status response (RFC 3501, section 7.1).
type status struct {
	kind goimap.StatusResponseType
	code goimap.ResponseCode // in upper case, "" for none
	args string              // what follows the code
	text string              // the server's words
	echo bool                // they show our password
}

func (st status) ok() bool { return st.kind == goimap.StatusResponseTypeOK }

func (s *session) tag() string {
	s.tags++
	return "A" + strconv.Itoa(s.tags)
}

// run sends the commands in one flight and reads the answers to all of them, which
// may come in another order where that changes nothing (RFC 3501, section 5.5). A
// command that was refused is no error here: its status says so. An error means
// that the connection is lost.
func (s *session) run(cmds ...*command) error {
	if err := s.ready(); err != nil {
		return err
	}
	if err := s.send(cmds...); err != nil {
		return err
	}
	return s.await(cmds...)
}

// ready returns an error if no command can be sent.
func (s *session) ready() error {
	if s.broken != nil {
		return errBroken
	}
	return s.settle()
}

// send sends the commands in one flight.
func (s *session) send(cmds ...*command) error {
	var out strings.Builder
	for _, c := range cmds {
		c.tag, c.status = s.tag(), status{}
		out.WriteString(c.tag + " " + c.text + "\r\n")
	}
	if _, err := s.conn.Write([]byte(out.String())); err != nil {
		return s.fail(err)
	}
	return nil
}

// await reads the answers to commands that were sent.
func (s *session) await(cmds ...*command) error {
	p := patience{limit: s.limits.Command, since: time.Now()}
	for open, replies := len(cmds), 0; open > 0; replies++ {
		if replies > s.limits.Responses {
			return s.fail(syntax.TooLarge("more than %d responses to one command", s.limits.Responses))
		}
		done, err := s.answer(cmds, &p)
		if err != nil {
			return s.fail(err)
		}
		if done {
			open--
		}
	}
	return nil
}

// answer reads one response and reports whether it was the last to a command.
func (s *session) answer(cmds []*command, p *patience) (done bool, err error) {
	if err := s.in.Next(); err != nil {
		return false, err
	}
	return s.take(cmds, p)
}

// take is answer for a response whose first line is there.
func (s *session) take(cmds []*command, p *patience) (done bool, err error) {
	if s.in.Accept('*') {
		return false, s.untagged(p, func(r reply) error {
			for _, c := range cmds {
				if c.wants(r) {
					return c.data(r)
				}
			}
			return nil
		})
	}
	tag := s.in.Word()
	for _, c := range cmds {
		if c.tag == string(tag) && c.status.kind == "" {
			c.status, err = s.status()
			return true, err
		}
	}
	return false, syntax.Malformed("an answer to nothing that was asked")
}

// wants reports whether an untagged reply is for c.
func (c *command) wants(r reply) bool {
	return c.status.kind == "" && c.data != nil && (r.tag == "" || r.tag == c.tag) &&
		(c.takes == nil || slices.Contains(c.takes, r.name))
}

// untagged reads an untagged response behind its star and passes it on.
func (s *session) untagged(p *patience, data func(reply) error) error {
	s.in.Space()
	var r reply
	var err error
	if c := s.in.Peek(); c >= '0' && c <= '9' {
		n, err := s.in.Number()
		if err != nil || n > 1<<32-1 {
			return syntax.Malformed("a message number that is none")
		}
		r.num = uint32(n)
		s.in.Space()
	}
	r.name = replyName(s.in.Word())
	s.in.Space()
	switch r.name {
	case "OK", "NO", "BAD", "BYE", "PREAUTH":
		r.status = s.statusText(r.name)
		if r.name == "BYE" {
			return refusal("", r.status, signedIn)
		}
		if r.status.code == "CAPABILITY" {
			s.setCaps([]byte(r.status.args))
		}
		if err := p.idle(r.status.code == ""); err != nil {
			return err
		}
	case "CAPABILITY":
		s.setCaps(s.in.Rest())
	case "ESEARCH":
		if r.tag, err = s.searchTag(); err != nil {
			return err
		}
		p.progress()
	default:
		p.progress()
	}
	if data == nil {
		return nil
	}
	return data(r)
}

// searchTag reads the (TAG "A1") of an ESEARCH reply (RFC 4466, section 2.6.2).
func (s *session) searchTag() (tag string, err error) {
	open, err := s.in.Open()
	if err != nil || !open {
		return "", err
	}
	if string(s.in.Word()) != "TAG" {
		return "", syntax.Malformed("a result of a search that is none")
	}
	s.in.Space()
	name, _, err := s.in.String()
	tag = string(name)
	if err == nil && !s.in.Close() {
		err = syntax.Malformed("a result of a search that is none")
	}
	s.in.Space()
	return tag, err
}

// replyName returns name in upper case, without allocating for the usual ones.
func replyName(name []byte) string {
	switch string(name) {
	case "FETCH":
		return "FETCH"
	case "OK":
		return "OK"
	case "SEARCH":
		return "SEARCH"
	case "VANISHED":
		return "VANISHED"
	}
	return strings.ToUpper(string(name[:min(len(name), 64)]))
}

// status reads a status response from its kind on.
func (s *session) status() (status, error) {
	s.in.Space()
	kind := strings.ToUpper(string(s.in.Word()))
	s.in.Space()
	switch kind {
	case "OK", "NO", "BAD":
		return s.statusText(kind), nil
	}
	return status{}, syntax.Malformed("an answer that is neither OK nor NO nor BAD")
}

func (s *session) statusText(kind string) status {
	st := status{kind: goimap.StatusResponseType(kind)}
	text := s.in.Rest()
	st.echo = kind != "OK" && s.login.Repeats(string(text))
	if code, after, ok := bytes.Cut(text, []byte("]")); ok && len(code) > 0 && code[0] == '[' {
		name, args, _ := strings.Cut(string(code[1:]), " ")
		st.code, st.args = goimap.ResponseCode(strings.ToUpper(name)), args
		text = after
	}
	st.text = strings.TrimSpace(string(text))
	return st
}

// acted are the capabilities that something is done about.
var acted = []string{
	"IMAP4REV1", "IMAP4REV2", "LOGINDISABLED", "SASL-IR", "LITERAL+", "LITERAL-", "ENABLE", "NAMESPACE", "SPECIAL-USE", "LIST-EXTENDED",
	"CONDSTORE", "QRESYNC", "ESEARCH", "UIDPLUS", "MOVE", "IDLE",
}

// setCaps notes the server's capabilities, at most 200. Of a list that shows what
// proves us, words of old alone are kept: a blank in a password makes two words of
// it, of which neither shows it.
func (s *session) setCaps(list []byte) {
	s.caps = map[string]bool{}
	echo := s.login.Repeats(string(list))
	for _, c := range bytes.Fields(list) {
		if len(s.caps) == 200 {
			break
		}
		name := strings.ToUpper(string(c))
		mechanism, _ := strings.CutPrefix(name, "AUTH=")
		if !echo || slices.Contains(acted, name) || signin.Registered(mechanism) {
			s.caps[name] = true
		}
	}
}

// A patience ends when a server keeps talking but says nothing.
type patience struct {
	limit  time.Duration
	since  time.Time // of the last progress
	moving bool      // there was progress since then
}

func (p *patience) progress() {
	if p != nil {
		p.moving = true
	}
}

// idle notes words that are no progress, if empty says that they are none.
func (p *patience) idle(empty bool) error {
	switch {
	case p == nil:
	case !empty || p.moving:
		p.moving, p.since = false, time.Now()
	case time.Since(p.since) > p.limit:
		return fmt.Errorf("%w for %v", errStalled, p.limit)
	}
	return nil
}
