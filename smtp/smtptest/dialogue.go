package smtptest

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"io"
	"net"
	"strings"

	"github.com/go-serversync/serversync/internal/signin/signintest"
	"github.com/go-serversync/serversync/profile"
)

// A dialogue is one connection.
type dialogue struct {
	server *Server
	raw    net.Conn
	conn   net.Conn
	in     *bufio.Reader
	secure bool
	user   string
	mail   *Message
}

func (s *Server) serve(raw net.Conn) {
	defer raw.Close()
	defer context.AfterFunc(s.ctx, func() { raw.Close() })()
	s.mu.Lock()
	s.conns++
	s.mu.Unlock()
	d := &dialogue{server: s, raw: raw}
	d.use(raw)
	if s.options.TLS == profile.ImplicitTLS && !d.protect() {
		return
	}
	if _, on := d.answer("", "220 smtptest ready", func() {}); !on {
		return
	}
	for {
		line, err := d.in.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		s.mu.Lock()
		s.commands = append(s.commands, line)
		s.mu.Unlock()
		if !d.command(line) {
			return
		}
	}
}

func (d *dialogue) use(c net.Conn) { d.conn, d.in = c, bufio.NewReader(c) }

func (d *dialogue) protect() bool {
	t := tls.Server(d.raw, d.server.tls)
	if t.Handshake() != nil {
		return false
	}
	d.use(t)
	d.secure = true
	return true
}

func (d *dialogue) send(line string) bool {
	_, err := io.WriteString(d.conn, line+"\r\n")
	return err == nil
}

// command does one command and reports whether the connection goes on.
func (d *dialogue) command(line string) (on bool) {
	verb, rest, _ := strings.Cut(line, " ")
	nothing := func() {}
	say := func(own string, do func()) bool { _, on := d.answer(line, own, do); return on }
	switch strings.ToUpper(verb) {
	case "EHLO":
		return say(d.hello(), nothing)
	case "HELO":
		return say("250 smtptest", nothing)
	case "STARTTLS":
		if d.secure || d.server.options.TLS != profile.StartTLS {
			return say("503 5.5.1 not now", nothing)
		}
		done, on := d.answer(line, "220 2.0.0 go ahead", nothing)
		return on && (!done || d.protect())
	case "AUTH":
		return d.auth(line, rest)
	case "MAIL":
		return d.from(line, rest)
	case "RCPT":
		return d.to(line, rest)
	case "DATA":
		return d.data(line)
	case "RSET":
		return say("250 2.0.0 ok", func() { d.mail = nil })
	case "NOOP":
		return say("250 2.0.0 ok", nothing)
	case "QUIT":
		say("221 2.0.0 bye", nothing)
		return false
	}
	return say("500 5.5.2 unknown command", nothing)
}

func (d *dialogue) hello() string {
	lines := append([]string{"smtptest"}, d.server.options.Extensions...)
	if d.server.options.TLS == profile.StartTLS && !d.secure {
		lines = append(lines, "STARTTLS")
	}
	if len(d.server.options.Users) > 0 && (d.secure || d.server.options.TLS == profile.Plaintext) {
		lines = append(lines, "AUTH "+strings.Join(d.server.options.Mechanisms, " "))
	}
	for i := range lines {
		sep := "-"
		if i == len(lines)-1 {
			sep = " "
		}
		lines[i] = "250" + sep + lines[i]
	}
	return strings.Join(lines, "\r\n")
}

// auth carries a mechanism (RFC 4954). The lines behind challenges are no commands;
// Options.Fail sees "AUTH" with the challenge in their place.
func (d *dialogue) auth(line, rest string) bool {
	mechanism, initial, _ := strings.Cut(rest, " ")
	mechanism = strings.ToUpper(mechanism)
	dialogue := d.server.sasl().Begin(mechanism, d.server.options.Mechanisms, d.tls())
	if dialogue == nil {
		_, on := d.answer(line, "504 5.5.4 unknown mechanism", func() {})
		return on
	}
	var challenge, response []byte
	var done bool
	switch {
	case initial == "=":
		response = []byte{}
	case initial != "":
		response = decode(initial)
	}
	if response == nil && signintest.First(mechanism) {
		challenge = []byte{}
	} else {
		challenge, done = dialogue.Next(response)
	}
	for said := line; !done; said = "AUTH " + string(challenge) {
		if done, on := d.answer(said, "334 "+base64.StdEncoding.EncodeToString(challenge), func() {}); !on || !done {
			return on
		}
		answer, err := d.in.ReadString('\n')
		if err != nil {
			return false
		}
		if answer = strings.TrimSpace(answer); answer == "*" {
			_, on := d.answer(line, "501 5.7.0 given up", func() {})
			return on
		}
		challenge, done = dialogue.Next(append([]byte{}, decode(answer)...))
	}
	own := "535 5.7.8 wrong user name or password"
	if dialogue.User != "" {
		own = "235 2.7.0 welcome"
	}
	_, on := d.answer(line, own, func() { d.user = dialogue.User })
	return on
}

// sasl is the server's side of the mechanisms.
func (s *Server) sasl() *signintest.Server {
	return &signintest.Server{
		Password:    func(name string) (string, bool) { password, ok := s.options.Users[name]; return password, ok },
		Token:       s.options.Token,
		Certificate: s.tls.Certificates[0].Certificate[0],
	}
}

// tls returns the connection's state, nil without TLS.
func (d *dialogue) tls() *tls.ConnectionState {
	t, ok := d.conn.(*tls.Conn)
	if !ok {
		return nil
	}
	state := t.ConnectionState()
	return &state
}

func decode(s string) []byte {
	b, _ := base64.StdEncoding.DecodeString(s)
	return b
}

func (d *dialogue) from(line, rest string) bool {
	address, params, ok := path(rest, "FROM:")
	own := "250 2.1.0 ok"
	switch {
	case len(d.server.options.Users) > 0 && d.user == "":
		own = "530 5.7.0 sign in first"
	case !ok:
		own = "501 5.1.7 syntax"
	case d.mail != nil:
		own = "503 5.5.1 nested MAIL"
	}
	_, on := d.answer(line, own, func() { d.mail = &Message{From: address, Params: []string{params}, User: d.user} })
	return on
}

func (d *dialogue) to(line, rest string) bool {
	address, params, ok := path(rest, "TO:")
	own := "250 2.1.5 ok"
	switch {
	case d.mail == nil:
		own = "503 5.5.1 MAIL first"
	case !ok || address == "":
		own = "501 5.1.3 syntax"
	}
	_, on := d.answer(line, own, func() {
		if d.mail != nil {
			d.mail.To, d.mail.Params = append(d.mail.To, address), append(d.mail.Params, params)
		}
	})
	return on
}

// path reads "FROM:<address> params".
func path(rest, prefix string) (address, params string, ok bool) {
	if len(rest) < len(prefix) || !strings.EqualFold(rest[:len(prefix)], prefix) {
		return "", "", false
	}
	rest = strings.TrimSpace(rest[len(prefix):])
	end := strings.LastIndexByte(rest, '>')
	if !strings.HasPrefix(rest, "<") || end < 0 {
		return "", "", false
	}
	return rest[1:end], strings.TrimSpace(rest[end+1:]), true
}

func (d *dialogue) data(line string) bool {
	if d.mail == nil || len(d.mail.To) == 0 {
		_, on := d.answer(line, "503 5.5.1 RCPT first", func() {})
		return on
	}
	done, on := d.answer(line, "354 go ahead", func() {})
	if !on || !done {
		return on
	}
	data, err := d.message()
	if err != nil {
		return false
	}
	mail := d.mail
	d.mail = nil
	mail.Data = data
	_, on = d.answer(".", "250 2.0.0 taken", func() {
		if deliver := d.server.options.Deliver; deliver != nil {
			deliver(mail.From, mail.To, data)
		}
		d.server.mu.Lock()
		defer d.server.mu.Unlock()
		d.server.messages = append(d.server.messages, *mail)
	})
	return on
}

// message reads up to CR LF . CR LF, and to nothing else.
func (d *dialogue) message() ([]byte, error) {
	var data []byte
	fresh := true // the line end in front of the next byte is CR LF
	for {
		line, err := d.in.ReadSlice('\n')
		if err != nil && err != bufio.ErrBufferFull {
			return nil, err
		}
		if fresh && bytes.Equal(line, []byte(".\r\n")) {
			return data, nil
		}
		if fresh && len(line) > 0 && line[0] == '.' {
			line = line[1:]
		}
		data = append(data, line...)
		fresh = bytes.HasSuffix(data, []byte("\r\n")) && err == nil
	}
}
