package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-serversync/serversync/internal/mailgen"
	"github.com/go-serversync/serversync/internal/testserver"
	"github.com/go-serversync/serversync/internal/testserver/servertest"
)

func TestPull(t *testing.T) {
	const n, password = 700, `se"cret\`
	d := servertest.Dovecot(t, testserver.DovecotOptions{Users: map[string]string{"anna": password}})
	want := 0
	err := d.Fill(t.Context(), "anna", "", n, func(i int) []byte {
		raw := mailgen.Message(1, i, 10*i)
		want += len(raw)
		return raw
	})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	ca, secret := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "password")
	for file, content := range map[string]string{ca: string(d.CA.PEM()), secret: password + "\n", secret + ".wrong": "wrong\n"} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for protocol, server := range map[string]struct{ addr, command string }{"-imap": {d.IMAPSAddr, "LOGIN"}, "-pop3": {d.POP3SAddr, "PASS"}} {
		var out bytes.Buffer
		if err := run([]string{protocol, server.addr, "-user", "anna", "-password-file", secret, "-ca", ca}, &out); err != nil {
			t.Fatal(err)
		}
		var messages, total int
		var seconds float64
		if _, err := fmt.Sscan(out.String(), &messages, &total, &seconds); err != nil || messages != n || total != want || seconds <= 0 {
			t.Errorf("%s printed %q, %v, want %d messages, %d bytes", protocol, &out, err, n, want)
		}
		err = run([]string{protocol, server.addr, "-user", "anna", "-password-file", secret + ".wrong", "-ca", ca}, &out)
		if err == nil || !strings.Contains(err.Error(), server.command) {
			t.Errorf("%s, a wrong password: %v", protocol, err)
		}
		if err := run([]string{protocol, server.addr, "-user", "anna", "-password-file", secret}, &out); err == nil {
			t.Errorf("%s: a certificate of nobody's was trusted", protocol)
		}
	}
}

func TestLiteral(t *testing.T) {
	for line, want := range map[string]int{
		"* 1 FETCH (UID 1 BODY[] {42}\r\n": 42,
		"* 1 FETCH (BODY[] {0}\r\n":        0,
		"* 1 EXISTS\r\n":                   -1,
		"* OK a{b}\r\n":                    -1,
		"* OK {-1}\r\n":                    -1,
		"}\r\n":                            -1,
	} {
		got, ok := literal([]byte(line))
		if !ok {
			got = -1
		}
		if got != want {
			t.Errorf("literal(%q) = %d, want %d", line, got, want)
		}
	}
}
