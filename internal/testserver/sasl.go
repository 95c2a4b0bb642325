package testserver

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/go-serversync/serversync/provider"
)

// ErrRefused is that a server did not let somebody in.
var ErrRefused = errors.New("testserver: the server refuses the sign-in")

// SignIn signs in to a server by hand, with an exchange and no driver: service is
// "imap", "pop" or "smtp", and config is nil for a port without TLS. It is for tests of
// mechanisms, which drivers know nothing of. Without an error, the server said that all
// is well; whether it has proved itself is the exchange's to say.
func SignIn(ctx context.Context, service, addr string, config *tls.Config, x provider.Exchange) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // nobody is waiting for a good end
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return err
	}
	if config != nil {
		conn = tls.Client(conn, config)
	}
	d := &dialogue{conn: conn, in: bufio.NewReader(conn), words: vocabulary[service]}
	if _, err := d.line(); err != nil { // the greeting
		return err
	}
	if service == "smtp" {
		if err := d.hello(); err != nil {
			return err
		}
	}
	return d.run(x)
}

// words are how a protocol says the same.
type words struct {
	command   string
	challenge string // before one
	done      string // before what says that all is well
	skip      string // before what says nothing here
}

var vocabulary = map[string]words{
	"imap": {command: "x AUTHENTICATE ", challenge: "+ ", done: "x OK", skip: "* "},
	"pop":  {command: "AUTH ", challenge: "+ ", done: "+OK"},
	"smtp": {command: "AUTH ", challenge: "334 ", done: "235 "},
}

type dialogue struct {
	conn  net.Conn
	in    *bufio.Reader
	words words
}

func (d *dialogue) line() (string, error) {
	line, err := d.in.ReadString('\n')
	return strings.TrimRight(line, "\r\n"), err
}

func (d *dialogue) say(line string) error {
	_, err := d.conn.Write([]byte(line + "\r\n"))
	return err
}

// hello says EHLO and reads what the server offers.
func (d *dialogue) hello() error {
	if err := d.say("EHLO localhost"); err != nil {
		return err
	}
	for {
		if line, err := d.line(); err != nil || len(line) > 3 && line[3] == ' ' {
			return err
		}
	}
}

// run runs the exchange. The initial response is the answer to an empty challenge,
// which every protocol has.
func (d *dialogue) run(x provider.Exchange) error {
	name, first, err := x.Start()
	if err != nil {
		return err
	}
	if err := d.say(d.words.command + name); err != nil {
		return err
	}
	for {
		line, err := d.line()
		if err != nil {
			return err
		}
		text, more := strings.CutPrefix(line+" ", d.words.challenge)
		switch {
		case strings.HasPrefix(line, d.words.done):
			return nil
		case d.words.skip != "" && strings.HasPrefix(line, d.words.skip):
			continue
		case !more:
			return fmt.Errorf("%w: %s", ErrRefused, line)
		}
		answer := first
		if first == nil {
			challenge, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
			if err != nil {
				return err
			}
			if answer, err = x.Next(challenge); err != nil {
				return err
			}
		}
		first = nil
		if err := d.say(base64.StdEncoding.EncodeToString(answer)); err != nil {
			return err
		}
	}
}
