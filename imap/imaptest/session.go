package imaptest

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/go-serversync/serversync/imap/internal/syntax"
	"github.com/go-serversync/serversync/internal/signin/signintest"
	"github.com/go-serversync/serversync/profile"
)

// A session is a client's connection.
type session struct {
	s      *Server
	conn   net.Conn
	secure bool
	in     *syntax.Reader
	out    *bufio.Writer

	tag      string // of the command under way
	user     *user
	qresync  bool
	selected *box
	view     []seen // what the client was told of the selected folder, by sequence number
}

// seen is what a client was told of a message.
type seen struct {
	uid    uint32
	modseq uint64
}

// A no is an answer of NO or BAD, such as "NO [TRYCREATE] no such folder".
type no string

func (n no) Error() string { return string(n) }

const (
	errSyntax   = no("BAD that is no command")
	errState    = no("BAD not now")
	errNoFolder = no("NO [NONEXISTENT] no such folder")
	errNoTarget = no("NO [TRYCREATE] no such folder")
)

func (s *Server) serve(conn net.Conn) {
	defer func() {
		conn.Close()
		s.mu.Lock()
		delete(s.conns, conn)
		s.mu.Unlock()
	}()
	c := &session{s: s, conn: conn}
	if s.options.TLS == profile.ImplicitTLS {
		if !c.shakeHands() {
			return
		}
	}
	c.start()
	if !s.stalled.Load() {
		c.sendf("* OK %sready", c.capsCode())
	}
	for c.out.Flush() == nil && c.one() {
	}
	c.out.Flush()
}

func (c *session) shakeHands() bool {
	t := tls.Server(c.conn, c.s.config)
	c.conn.SetDeadline(time.Now().Add(time.Minute))
	err := t.Handshake()
	c.conn.SetDeadline(time.Time{})
	c.conn, c.secure = t, true
	return err == nil
}

func (c *session) start() {
	c.in = syntax.NewReader(counter{c.s, c.conn}, syntax.Limits{Line: 1 << 20, Literal: 1 << 28, Response: 1 << 29, Nesting: 50})
	c.out = bufio.NewWriterSize(&wire{s: c.s, conn: c.conn}, 64<<10)
	c.in.Continue = func() error {
		c.sendf("+ go on")
		return c.out.Flush()
	}
}

func (c *session) sendf(format string, args ...any) {
	fmt.Fprintf(c.out, format+"\r\n", args...)
}

func (c *session) capsCode() string {
	if c.s.options.Quiet {
		return ""
	}
	return "[CAPABILITY " + c.s.capabilities(c.secure, c.user != nil) + "] "
}

// one answers one command and reports whether there may be another.
func (c *session) one() bool {
	if c.in.Next() != nil {
		return false
	}
	if c.s.stalled.Load() {
		io.Copy(io.Discard, c.conn)
		return false
	}
	c.s.commands.Add(1)
	line := string(c.in.Line())
	c.tag = string(c.in.Word())
	tag := c.tag
	c.in.Space()
	if f := c.s.fault.Load(); f.Endless != "" {
		for c.out.Flush() == nil {
			c.sendf("%s", f.Endless)
			time.Sleep(f.Slow)
		}
		return false
	} else if f.Slow > 0 {
		time.Sleep(f.Slow)
	}
	answer := (*c.s.fail.Load())(line)
	if f := c.s.fault.Load(); f.Chatter != "" {
		c.sendf("%s", f.Chatter)
	}
	switch answer {
	case "":
	case "drop":
		return false
	default:
		// The line may end in a literal that is yet to come.
		c.in.SkipAll()
		c.sendf("%s", strings.ReplaceAll(answer, "%tag", tag))
		return true
	}
	name := strings.ToUpper(string(c.in.Word()))
	c.in.Space()
	if name == "LOGOUT" {
		c.sendf("* BYE goodbye\r\n%s OK gone", tag)
		return false
	}
	text, err := c.command(name)
	switch err := err.(type) {
	case nil:
		c.sendf("%s OK %s", tag, text)
	case no:
		c.sendf("%s %s", tag, err)
	case *syntax.Error:
		c.sendf("%s BAD %s", tag, err)
	default:
		return false
	}
	if name == "STARTTLS" && err == nil {
		if c.out.Flush() != nil || !c.shakeHands() {
			return false
		}
		c.start()
	}
	return true
}

// command does a command and returns what follows OK.
func (c *session) command(name string) (string, error) {
	switch name {
	case "CAPABILITY":
		c.sendf("* CAPABILITY %s", c.s.capabilities(c.secure, c.user != nil))
		return "done", nil
	case "NOOP", "CHECK":
		c.sync(true)
		return "done", nil
	case "ID":
		c.sendf(`* ID ("name" "imaptest")`)
		return "done", c.in.SkipAll()
	case "STARTTLS":
		if c.s.options.TLS != profile.StartTLS || c.secure {
			return "", errState
		}
		return "begin", nil
	case "AUTHENTICATE":
		return c.authenticate()
	case "LOGIN":
		return c.login()
	}
	if c.user == nil {
		return "", errState
	}
	switch name {
	case "ENABLE":
		c.qresync = c.s.has("QRESYNC") && strings.Contains(strings.ToUpper(string(c.in.Rest())), "QRESYNC")
		if c.qresync {
			c.sendf("* ENABLED QRESYNC")
		}
		return "done", nil
	case "NAMESPACE":
		c.sendf(`* NAMESPACE (("" "%s")) NIL NIL`, c.s.options.Delim)
		return "done", nil
	case "LIST":
		return c.list()
	case "SELECT", "EXAMINE":
		return c.selectFolder()
	case "STATUS":
		return c.status()
	case "CREATE", "DELETE":
		return c.makeOrDelete(name)
	case "APPEND":
		return c.append()
	}
	if c.selected == nil {
		return "", errState
	}
	return c.selectedCommand(name)
}

func (c *session) selectedCommand(name string) (string, error) {
	byUID := name == "UID"
	if byUID {
		name = strings.ToUpper(string(c.in.Word()))
		c.in.Space()
	}
	switch name {
	case "FETCH":
		return c.fetch(byUID)
	case "SEARCH":
		return c.search(byUID)
	case "STORE":
		return c.store(byUID)
	case "COPY":
		return c.copy(byUID, false)
	case "MOVE":
		if !c.s.has("MOVE") {
			return "", errSyntax
		}
		return c.copy(byUID, true)
	case "EXPUNGE":
		return c.expunge(byUID)
	case "IDLE":
		return c.idle()
	case "UNSELECT", "CLOSE":
		c.selected, c.view = nil, nil
		return "done", nil
	}
	return "", errSyntax
}

// word reads a string and a space.
func (c *session) word() (string, error) {
	b, _, err := c.in.String()
	s := string(b)
	c.in.Space()
	return s, err
}

// authenticate carries a mechanism (RFC 3501, section 6.2.2).
func (c *session) authenticate() (string, error) {
	mechanism := strings.ToUpper(string(c.in.Word()))
	c.in.Space()
	initial := string(c.in.Rest())
	dialogue := c.s.sasl().Begin(mechanism, c.s.options.Mechanisms, c.tls())
	if dialogue == nil || !c.s.has("AUTH="+mechanism) {
		return "", errSyntax
	}
	var challenge, response []byte
	var done bool
	switch {
	case initial == "=":
		response = []byte{}
	case initial != "":
		var err error
		if response, err = base64.StdEncoding.DecodeString(initial); err != nil {
			return "", errSyntax
		}
	}
	if response == nil && signintest.First(mechanism) {
		challenge = []byte{}
	} else {
		challenge, done = dialogue.Next(response)
	}
	for !done {
		c.sendf("+ %s", base64.StdEncoding.EncodeToString(challenge))
		if c.out.Flush() != nil {
			return "", net.ErrClosed
		}
		if err := c.in.Next(); err != nil {
			return "", err
		}
		line := string(c.in.Rest())
		response, err := base64.StdEncoding.DecodeString(line)
		if err != nil { // "*" gives it up
			return "", errSyntax
		}
		challenge, done = dialogue.Next(append([]byte{}, response...))
	}
	return c.welcome(dialogue.User)
}

// sasl is the server's side of the mechanisms.
func (s *Server) sasl() *signintest.Server {
	return &signintest.Server{
		Password: func(name string) (string, bool) {
			u := s.users[name]
			if u == nil {
				return "", false
			}
			return u.password, true
		},
		Token:       s.options.Token,
		Certificate: s.config.Certificates[0].Certificate[0],
	}
}

// tls returns the connection's state, nil without TLS.
func (c *session) tls() *tls.ConnectionState {
	t, ok := c.conn.(*tls.Conn)
	if !ok {
		return nil
	}
	state := t.ConnectionState()
	return &state
}

func (c *session) login() (string, error) {
	name, err := c.word()
	if err != nil {
		return "", err
	}
	password, err := c.word()
	if err != nil {
		return "", err
	}
	return c.signIn(name, password)
}

func (c *session) signIn(name, password string) (string, error) {
	if u := c.s.users[name]; u == nil || u.password != password {
		name = ""
	}
	return c.welcome(name)
}

// welcome lets a user in who has proven to be that one, "" for nobody.
func (c *session) welcome(name string) (string, error) {
	if c.s.options.TLS == profile.StartTLS && !c.secure {
		return "", no("NO [PRIVACYREQUIRED] use STARTTLS first")
	}
	u := c.s.users[name]
	if u == nil || c.s.refusing.Load() {
		return "", no("NO [AUTHENTICATIONFAILED] that is not the password")
	}
	c.user = u
	return c.capsCode() + "signed in", nil
}

func (c *session) idle() (string, error) {
	if !c.s.has("IDLE") {
		return "", errSyntax
	}
	c.sendf("+ idling")
	done := make(chan error, 1)
	go func() { done <- c.in.Next() }()
	for {
		c.s.mu.Lock()
		news := c.s.news
		c.s.mu.Unlock()
		c.sync(true)
		if c.out.Flush() != nil {
			c.conn.Close()
		}
		select {
		case err := <-done:
			if err == nil && !strings.EqualFold(string(c.in.Rest()), "DONE") {
				err = errSyntax
			}
			return "done", err
		case <-news:
		}
	}
}
