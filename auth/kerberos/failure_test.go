package kerberos_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-serversync/serversync/auth/kerberos"
	"github.com/go-serversync/serversync/internal/testserver"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// Each refusal of a real KDC has its kind, and says what to do.
func TestErrorsOfAKDC(t *testing.T) {
	w := newWorld(t, testserver.KDCOptions{})
	old, err := w.KDC.Keytab(t.Context(), "crm")
	if err != nil {
		t.Fatal(err)
	}
	wrong := anna("imap")
	wrong.Password = secret.New("wrong")
	nobody := anna("imap")
	nobody.Username = "nobody"
	host := anna("imap")
	host.Host = "other.example.test"
	strange := anna("imap")
	strange.Username = "anna@evil.example"
	for _, q := range []string{"cpw -pw changed crm", `addprinc -pw "` + password + `" locked`, "modprinc -allow_tix locked", `addprinc -pw "` + password + `" late`, "modprinc -pwexpire yesterday late"} {
		if err := w.Kadmin(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	locked, late := anna("imap"), anna("imap")
	locked.Username, late.Username = "locked", "late"
	c := &kerberos.Client{Config: w.Conf()}
	for _, tt := range []struct {
		name   string
		client *kerberos.Client
		peer   provider.Peer
		kind   provider.Kind
		code   string
		remedy string
	}{
		{"password", c, wrong, provider.ErrAuth, "KDC_ERR_PREAUTH_FAILED", "anna@EXAMPLE.TEST"},
		{"user", c, nobody, provider.ErrAuth, "KDC_ERR_C_PRINCIPAL_UNKNOWN", "nobody@EXAMPLE.TEST"},
		{"locked", c, locked, provider.ErrAuth, "KDC_ERR_CLIENT_REVOKED", "locked@EXAMPLE.TEST"},
		{"expired", c, late, provider.ErrAuth, "KDC_ERR_KEY_EXPIRED", "late@EXAMPLE.TEST"},
		{"keytab", &kerberos.Client{Config: w.Conf(), Keytab: old}, peer("imap"), provider.ErrAuth, "KDC_ERR_PREAUTH_FAILED", "keytab"},
		{"service", c, host, provider.ErrUnsupported, "KDC_ERR_S_PRINCIPAL_UNKNOWN", "imap/other.example.test"},
		{"realm", c, strange, provider.ErrUnsupported, "", "Realms"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := tt.client.Begin(t.Context(), tt.peer)
			e := is(t, err, tt.kind)
			if e.Code != tt.code || !strings.Contains(e.Remedy, tt.remedy) {
				t.Errorf("code %q, remedy %q", e.Code, e.Remedy)
			}
		})
	}
	// A wrong password was tried once: KDCs lock accounts.
	refusals := func() int { return strings.Count(w.Log(), "PREAUTH_FAILED") }
	if !logged(func() bool { return refusals() >= 2 }) || refusals() != 2 { // anna's and crm's
		t.Errorf("the KDC refused %d times", refusals())
	}
	if err := w.signIn(t.Context(), c, anna("imap")); err != nil {
		t.Errorf("after all that: %v", err)
	}
}

// What this process lacks makes way for the next mechanism.
func TestErrorsBeforeAKDC(t *testing.T) {
	dir := t.TempDir()
	junk := filepath.Join(dir, "junk")
	if err := os.WriteFile(junk, []byte("\x05\x04\x00\x0cno such thing"), 0o600); err != nil {
		t.Fatal(err)
	}
	const conf = "[libdefaults]\n default_realm = EXAMPLE.TEST\n[realms]\n EXAMPLE.TEST = {\n  kdc = 127.0.0.1:1\n }\n"
	ftp := peer("ftp")
	cloud := anna("imap")
	cloud.Policy = profile.Policy{}
	for name, tt := range map[string]struct {
		client *kerberos.Client
		peer   provider.Peer
		kind   provider.Kind
	}{
		"no configuration":  {&kerberos.Client{Config: filepath.Join(dir, "none")}, anna("imap"), provider.ErrUnsupported},
		"bad configuration": {&kerberos.Client{ConfigText: "[libdefaults]\nnonsense\n"}, anna("imap"), provider.ErrUnsupported},
		"no realm":          {&kerberos.Client{ConfigText: "[libdefaults]\n"}, anna("imap"), provider.ErrUnsupported},
		"old types only":    {&kerberos.Client{ConfigText: conf[:14] + " permitted_enctypes = des-cbc-crc\n" + conf[14:]}, anna("imap"), provider.ErrUnsupported},
		"no keytab":         {&kerberos.Client{ConfigText: conf, Keytab: filepath.Join(dir, "none")}, peer("imap"), provider.ErrUnsupported},
		"bad keytab":        {&kerberos.Client{ConfigText: conf, Keytab: junk}, peer("imap"), provider.ErrUnsupported},
		"no cache":          {&kerberos.Client{ConfigText: conf, CCache: filepath.Join(dir, "none")}, peer("imap"), provider.ErrUnsupported},
		"bad cache":         {&kerberos.Client{ConfigText: conf, CCache: junk}, peer("imap"), provider.ErrUnsupported},
		"cache in a ring":   {&kerberos.Client{ConfigText: conf, CCache: "KEYRING:persistent:0"}, peer("imap"), provider.ErrUnsupported},
		"service":           {&kerberos.Client{ConfigText: conf}, ftp, provider.ErrUnsupported},
		"policy":            {&kerberos.Client{ConfigText: conf}, cloud, provider.ErrUnsupported},
		"nothing listens":   {&kerberos.Client{ConfigText: conf}, anna("imap"), provider.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tt.client.Begin(t.Context(), tt.peer)
			is(t, err, tt.kind)
		})
	}
}

// A ticket that has expired in its cache cannot be renewed by anyone but its owner.
func TestExpiredCredentialCache(t *testing.T) {
	w := newWorld(t, testserver.KDCOptions{})
	cache, err := w.CCache(t.Context(), "anna", "-l", "1s")
	if err != nil {
		t.Fatal(err)
	}
	c := &kerberos.Client{Config: w.Conf(), CCache: cache}
	for until := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		_, err = c.Begin(t.Context(), peer("imap"))
		if errors.Is(err, provider.ErrAuth) || time.Now().After(until) {
			break
		}
	}
	is(t, err, provider.ErrAuth)
	if _, err := w.CCache(t.Context(), "anna"); err != nil {
		t.Fatal(err)
	}
	if err := w.signIn(t.Context(), c, peer("imap")); err != nil {
		t.Errorf("with a new one in its place: %v", err)
	}
}

// Clocks that differ mend without a change to the profile, and the remedy says so.
func TestClockSkewIsUnavailable(t *testing.T) {
	w := newWorld(t, testserver.KDCOptions{})
	c := &kerberos.Client{Config: w.Conf(), Keytab: w.keytab}
	kerberos.SetClock(c, func() time.Time { return time.Now().Add(time.Hour) })
	_, err := c.Begin(t.Context(), peer("imap"))
	if e := is(t, err, provider.ErrUnavailable); e.Code != "KRB_AP_ERR_SKEW" || !strings.Contains(e.Remedy, "clocks") {
		t.Errorf("code %q, remedy %q", e.Code, e.Remedy)
	}
	kerberos.SetClock(c, nil)
	if err := w.signIn(t.Context(), c, peer("imap")); err != nil {
		t.Error(err)
	}
}

// P3: Begin ends with its context, be the KDC silent, and whoever waits behind it too.
func TestP3BeginEndsWithItsContext(t *testing.T) {
	kdc := fakeKDC(t, func(c net.Conn) { io.Copy(io.Discard, c) })
	c := &kerberos.Client{ConfigText: kdc}
	ctx, cancel := context.WithCancelCause(t.Context())
	mine := errors.New("enough")
	errs := make(chan error)
	for range 3 {
		go func() {
			_, err := c.Begin(ctx, anna("imap"))
			errs <- err
		}()
	}
	cancel(mine)
	for range 3 {
		if err := <-errs; err != mine {
			t.Errorf("got %v", err)
		}
	}
}

// P9: a hostile KDC can do no harm.
func TestP9HostileKDC(t *testing.T) {
	say := func(b []byte) func(net.Conn) {
		return func(c net.Conn) {
			io.ReadFull(c, make([]byte, 4))
			c.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...))
		}
	}
	for name, tt := range map[string]struct {
		kdc  func(net.Conn)
		kind provider.Kind
	}{
		"promises 4 GiB":    {func(c net.Conn) { c.Write([]byte{0xff, 0xff, 0xff, 0xff}) }, provider.ErrUnavailable},
		"hangs up":          {func(c net.Conn) {}, provider.ErrUnavailable},
		"says nothing":      {say(nil), provider.ErrProtocol},
		"says nonsense":     {say([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")), provider.ErrProtocol},
		"a reply of nought": {say([]byte{0x6b, 0x00}), provider.ErrProtocol},
		"an endless length": {say([]byte{0x6b, 0x84, 0xff, 0xff, 0xff, 0xff}), provider.ErrProtocol},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := (&kerberos.Client{ConfigText: fakeKDC(t, tt.kdc)}).Begin(t.Context(), anna("imap"))
			is(t, err, tt.kind)
		})
	}
}

// fakeKDC returns the configuration of a realm whose KDC does what serve does.
func fakeKDC(t *testing.T, serve func(net.Conn)) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				c.SetDeadline(time.Now().Add(20 * time.Second))
				serve(c)
				c.(*net.TCPConn).CloseWrite()
				io.Copy(io.Discard, c)
			}()
		}
	}()
	return fmt.Sprintf("[libdefaults]\n default_realm = EXAMPLE.TEST\n[realms]\n EXAMPLE.TEST = {\n  kdc = %s\n }\n", ln.Addr())
}
