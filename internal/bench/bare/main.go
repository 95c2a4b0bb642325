// Bare is the floor of the benchmarks: it pulls a whole INBOX over TLS, from IMAP with
// one UID FETCH, from POP3 with RETR commands of which many are under way, and throws
// the bytes away. No program that does something with the mail can be faster; how much
// slower it is, is what the something costs.
//
// It prints the number of messages, the bytes of their bodies, and the seconds
// from dialling to the end of the last body.
package main

import (
	"bufio"
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bare:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("bare", flag.ContinueOnError)
	imap := flags.String("imap", "", "`host:port` of the IMAP server, with TLS from the start")
	pop3 := flags.String("pop3", "", "`host:port` of the POP3 server instead")
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
	addr := cmp.Or(*imap, *pop3)
	config, err := tlsConfig(addr, *ca)
	if err != nil {
		return err
	}
	began := time.Now()
	conn, err := tls.Dial("tcp", addr, config)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // nothing is lost with it
	c := &client{conn, bufio.NewReaderSize(conn, 256<<10)}
	pull, quit := c.pull, func() error { return c.do("LOGOUT", nil) }
	if *imap == "" {
		pull, quit = c.retrieve, func() error { return c.order("QUIT") }
	}
	got, err := pull(*user, strings.TrimRight(secret, "\r"))
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%d %d %.3f\n", got.messages, got.bytes, time.Since(began).Seconds())
	// Never pipelined behind the FETCH: some servers then cut the FETCH short.
	return errors.Join(err, quit())
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
