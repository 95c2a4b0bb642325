// Bareimap is the floor of the benchmark: it pulls a whole INBOX over TLS with one
// UID FETCH and throws the bytes away. No program that does something with the
// mail can be faster; how much slower it is, is what the something costs.
//
// It prints the number of messages, the bytes of their bodies, and the seconds
// from dialling to the end of the FETCH.
package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bareimap:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("bareimap", flag.ContinueOnError)
	addr := flags.String("imap", "", "`host:port` of the IMAP server, with TLS from the start")
	user := flags.String("user", "", "login `name`")
	passwordFile := flags.String("password-file", "", "`file` whose first line is the password")
	ca := flags.String("ca", "", "`file` of the PEM certificates to trust; default: the system's")
	if err := flags.Parse(args); err != nil {
		return err
	}
	password, err := os.ReadFile(*passwordFile)
	if err != nil {
		return err
	}
	secret, _, _ := strings.Cut(string(password), "\n")
	config, err := tlsConfig(*addr, *ca)
	if err != nil {
		return err
	}
	began := time.Now()
	conn, err := tls.Dial("tcp", *addr, config)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // nothing is lost with it
	c := &client{conn, bufio.NewReaderSize(conn, 256<<10)}
	got, err := c.pull(*user, strings.TrimRight(secret, "\r"))
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%d %d %.3f\n", got.messages, got.bytes, time.Since(began).Seconds())
	// Never pipelined behind the FETCH: some servers then cut the FETCH short.
	return errors.Join(err, c.do("LOGOUT", nil))
}

func tlsConfig(addr, ca string) (*tls.Config, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	if ca == "" {
		return config, nil
	}
	pem, err := os.ReadFile(ca)
	if err != nil {
		return nil, err
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", ca)
	}
	return config, nil
}

type client struct {
	net.Conn
	in *bufio.Reader
}

// total is what was pulled.
type total struct{ messages, bytes int64 }

// pull signs in and fetches every message of INBOX.
func (c *client) pull(user, password string) (total, error) {
	var t total
	if _, err := c.in.ReadSlice('\n'); err != nil {
		return t, fmt.Errorf("greeting: %w", err)
	}
	if err := c.do("LOGIN "+quoted(user)+" "+quoted(password), nil); err != nil {
		return t, fmt.Errorf("LOGIN: %w", err)
	}
	if err := c.do("EXAMINE INBOX", nil); err != nil {
		return t, fmt.Errorf("EXAMINE: %w", err)
	}
	err := c.do("UID FETCH 1:* BODY.PEEK[]", &t)
	if err != nil {
		err = fmt.Errorf("FETCH: %w", err)
	}
	return t, err
}

// do sends a command and reads until its end. It counts literals in t, if not nil,
// and skips their bytes in the reader's buffer.
func (c *client) do(command string, t *total) error {
	if _, err := io.WriteString(c, "x "+command+"\r\n"); err != nil {
		return err
	}
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return err
		}
		if size, ok := literal(line); ok {
			if _, err := c.in.Discard(size); err != nil {
				return err
			}
			if t != nil {
				t.messages++
				t.bytes += int64(size)
			}
			continue
		}
		if status, ok := bytes.CutPrefix(line, []byte("x ")); ok {
			if !bytes.HasPrefix(status, []byte("OK")) {
				return fmt.Errorf("the server answered %q", status)
			}
			return nil
		}
	}
}

// literal returns the size that a line's end announces, as in "{42}\r\n".
func literal(line []byte) (int, bool) {
	line, ok := bytes.CutSuffix(line, []byte("}\r\n"))
	if !ok {
		return 0, false
	}
	size, err := strconv.Atoi(string(line[bytes.LastIndexByte(line, '{')+1:]))
	return size, err == nil && size >= 0
}

func quoted(s string) string { return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"` }
