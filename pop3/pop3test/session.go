package pop3test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/go-serversync/serversync/internal/signin/signintest"
	"github.com/go-serversync/serversync/profile"
)

// A session is a client's connection.
type session struct {
	s      *Server
	conn   net.Conn
	secure bool
	in     *bufio.Reader
	out    *bufio.Writer

	name   string // signed in as; "" before
	asked  string // by USER
	number int    // of the session, for UIDLs that change

	view   []*Message // under s.mu
	marked map[*Message]bool
	ended  bool
}

func (s *Server) serve(conn net.Conn) {
	c := &session{s: s, conn: conn, marked: map[*Message]bool{}}
	defer func() {
		c.leave() // as in quit
		conn.Close()
		s.mu.Lock()
		delete(s.conns, conn)
		s.mu.Unlock()
	}()
	if s.options.TLS == profile.ImplicitTLS && !c.shakeHands() {
		return
	}
	c.start()
	if !s.stalled.Load() {
		c.say("+OK ready <@>") // a challenge for APOP that is none
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
	c.in = bufio.NewReaderSize(counter{c.s, c.conn}, 64<<10)
	c.out = bufio.NewWriterSize(&wire{s: c.s, conn: c.conn}, 64<<10)
}

// say sends a line.
func (c *session) say(format string, args ...any) {
	end := "\r\n"
	if c.s.fault.Load().LineFeed {
		end = "\n"
	}
	fmt.Fprintf(c.out, format+end, args...)
}

// line reads a line. It sends what is due before it waits for one.
func (c *session) line() (line string, ok bool) {
	if c.in.Buffered() == 0 && c.out.Flush() != nil {
		return "", false
	}
	text, err := c.in.ReadSlice('\n')
	if err != nil {
		return "", false
	}
	if c.s.stalled.Load() {
		io.Copy(io.Discard, c.conn)
		return "", false
	}
	c.s.commands.Add(1)
	return strings.TrimRight(string(text), "\r\n"), true
}

// one answers one command and reports whether there may be another.
func (c *session) one() bool {
	line, ok := c.line()
	if !ok {
		return false
	}
	f := c.s.fault.Load()
	for f.Endless != "" {
		c.say("%s", f.Endless)
		if c.out.Flush() != nil {
			return false
		}
		time.Sleep(f.Slow)
	}
	time.Sleep(f.Slow)
	if f.Chatter != "" {
		c.say("%s", f.Chatter)
	}
	if done, goOn := c.failed(line); done {
		return goOn
	}
	verb, rest, _ := strings.Cut(line, " ")
	c.do(strings.ToUpper(verb), rest)
	return !c.ended
}

// failed has Options.Fail answer a line.
func (c *session) failed(line string) (done, goOn bool) {
	switch answer := (*c.s.fail.Load())(line); answer {
	case "":
		return false, true
	case "drop":
		c.out.Flush()
		c.leave() // as in quit
		c.conn.Close()
		return true, false
	default:
		c.say("%s", answer)
		return true, true
	}
}

func (c *session) do(verb, rest string) {
	switch {
	case verb == "CAPA" && c.s.has("CAPA"):
		c.capa()
	case verb == "QUIT":
		c.quit()
	case verb == "NOOP":
		c.say("+OK")
	case c.name == "":
		c.greet(verb, rest)
	default:
		c.read(verb, rest)
	}
}

func (c *session) capa() {
	c.say("+OK these")
	for _, cap := range []string{"TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING", "UTF8 USER"} {
		if first, _, _ := strings.Cut(cap, " "); c.s.has(first) {
			c.say("%s", cap)
		}
	}
	if c.mayKnow() {
		if c.s.has("USER") {
			c.say("USER")
		}
		if c.s.has("SASL") {
			c.say("SASL %s", strings.Join(c.s.options.Mechanisms, " "))
		}
	} else {
		c.say("STLS")
	}
	if c.s.options.Delay > 0 {
		c.say("LOGIN-DELAY %d", c.s.options.Delay)
	}
	c.say(".")
}

// mayKnow reports whether a password may come over this connection.
func (c *session) mayKnow() bool { return c.secure || c.s.options.TLS == profile.Plaintext }

// greet answers a command of a client that has not signed in.
func (c *session) greet(verb, rest string) {
	switch {
	case verb == "STLS" && c.s.options.TLS == profile.StartTLS && !c.secure:
		c.say("+OK begin")
		if c.out.Flush() != nil || !c.shakeHands() {
			c.ended = true
			return
		}
		c.start()
	case !c.mayKnow():
		c.say("-ERR not without TLS")
	case verb == "USER":
		c.asked = rest
		c.say("+OK")
	case verb == "PASS":
		c.signIn(c.asked, rest)
	case verb == "AUTH" && c.s.has("SASL"):
		c.auth(rest)
	case verb == "UTF8" && c.s.has("UTF8"):
		c.say("+OK")
	default:
		c.say("-ERR not now")
	}
}

// auth carries a mechanism (RFC 5034, section 4).
func (c *session) auth(rest string) {
	mechanism, first, initial := strings.Cut(rest, " ")
	mechanism = strings.ToUpper(mechanism)
	dialogue := c.s.sasl().Begin(mechanism, c.s.options.Mechanisms, c.tls())
	if dialogue == nil || !slices.Contains(c.s.options.Mechanisms, mechanism) {
		c.say("-ERR no such mechanism")
		return
	}
	var challenge, response []byte
	var done bool
	var err error
	if initial && first != "=" {
		response, err = base64.StdEncoding.DecodeString(first)
	} else if initial {
		response = []byte{}
	}
	if response != nil || !signintest.First(mechanism) {
		challenge, done = dialogue.Next(response)
	}
	for err == nil && !done {
		c.say("+ %s", base64.StdEncoding.EncodeToString(challenge))
		line, ok := c.line()
		if response, err = base64.StdEncoding.DecodeString(line); !ok || err != nil { // "*" gives it up
			break
		}
		challenge, done = dialogue.Next(append([]byte{}, response...))
	}
	if !done {
		c.say("-ERR no")
		return
	}
	c.enter(dialogue.User)
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

func (c *session) signIn(name, password string) {
	if u := c.s.users[name]; u == nil || u.password != password {
		name = ""
	}
	c.enter(name)
}

// enter lets a user in, or nobody.
func (c *session) enter(name string) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	u := c.s.users[name]
	switch {
	case u == nil || c.s.refusing.Load():
		c.say("-ERR [AUTH] no")
	case c.s.options.Exclusive && u.open > 0:
		c.say("-ERR [IN-USE] somebody else is at it")
	default:
		u.open++
		c.s.count++
		c.name, c.number, c.view = name, c.s.count, slices.Clone(u.mail)
		c.s.sessions[c] = true
		c.say("+OK signed in")
	}
}

// leave gives the mailbox free.
func (c *session) leave() {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if c.s.sessions[c] {
		delete(c.s.sessions, c)
		c.s.users[c.name].open--
	}
}

// quit deletes what is marked and says so.
func (c *session) quit() {
	f := c.s.fault.Load()
	c.ended = true
	time.Sleep(f.SlowQuit)
	switch {
	case f.Keep:
		c.leave() // before the client sees the end and comes again
		c.conn.Close()
	case f.Quit != "":
		c.leave()
		c.say("%s", f.Quit)
	default:
		c.s.mu.Lock()
		if u := c.s.users[c.name]; u != nil {
			u.mail = slices.DeleteFunc(u.mail, func(m *Message) bool { return c.isMarked(m) })
		}
		c.s.mu.Unlock()
		c.leave()
		c.say("+OK bye")
	}
}

// isMarked reports whether m, which may have another UIDL by now, is marked.
func (c *session) isMarked(m *Message) bool {
	for other := range c.marked {
		if other == m || &other.Raw[0] == &m.Raw[0] {
			return true
		}
	}
	return false
}

// stuff sends raw with dots doubled at the beginnings of lines.
func (c *session) stuff(raw []byte) {
	end := []byte("\n")
	for len(raw) > 0 {
		line, rest, found := bytes.Cut(raw, end)
		if len(line) > 0 && line[0] == '.' {
			c.out.WriteByte('.')
		}
		c.out.Write(line)
		if found {
			c.out.WriteByte('\n')
		}
		raw = rest
	}
}
