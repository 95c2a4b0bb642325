package kerberos_test

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/go-serversync/serversync/auth/kerberos"
	"github.com/go-serversync/serversync/internal/testserver"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// SEC-17: under a policy with FIPS only RFC 8009's encryption is used, or none.
func TestSEC17PolicyWithFIPS(t *testing.T) {
	w := newWorld(t, testserver.KDCOptions{})
	old := newWorld(t, testserver.KDCOptions{Enctypes: "aes256-cts-hmac-sha1-96:normal"})
	p := anna("imap")
	p.Policy.FIPS = true
	if err := w.signIn(t.Context(), &kerberos.Client{Config: w.Conf()}, p); err != nil {
		t.Error(err)
	}
	chosen := func() bool { return strings.Contains(w.Log(), "ses=aes256-cts-hmac-sha384-192(20)}, anna") }
	if !logged(chosen) || strings.Contains(w.Log(), "(2 etypes {aes256-cts-hmac-sha1-96") {
		t.Error("the KDC was offered or chose something else")
	}
	_, err := (&kerberos.Client{Config: old.Conf()}).Begin(t.Context(), p)
	if e := is(t, err, provider.ErrUnsupported); !strings.Contains(e.Remedy, "RFC 8009") {
		t.Errorf("remedy %q", e.Remedy)
	}
	p.Username, p.Password = "", secret.Text{}
	_, err = (&kerberos.Client{Config: old.Conf(), Keytab: old.keytab}).Begin(t.Context(), p)
	is(t, err, provider.ErrUnsupported)
}

// SEC-17: where Go itself refuses what FIPS 140-3 has not approved, everything works or
// says why it does not, and nothing panics.
func TestSEC17EnforcedFIPS(t *testing.T) {
	const child = "KERBEROS_FIPS_CHILD"
	if addr := os.Getenv(child); addr != "" {
		underFIPS(t, addr)
		return
	}
	w := newWorld(t, testserver.KDCOptions{})
	old := newWorld(t, testserver.KDCOptions{Enctypes: "aes256-cts-hmac-sha1-96:normal"})
	cmd := exec.Command(os.Args[0], "-test.run=^TestSEC17EnforcedFIPS$", "-test.v")
	cmd.Env = append(os.Environ(), "GODEBUG=fips140=only", child+"="+w.dovecot.IMAPSAddr, "CONF="+w.Conf(), "KEYTAB="+w.keytab,
		"OLDCONF="+old.Conf(), "OLDKEYTAB="+old.keytab, "ROOT="+string(w.dovecot.CA.PEM()))
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "all was tried") {
		t.Errorf("%v\n%s", err, out)
	}
}

func underFIPS(t *testing.T, addr string) {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM([]byte(os.Getenv("ROOT")))
	signIn := func(c *kerberos.Client, p provider.Peer) error {
		x, err := c.Begin(t.Context(), p)
		if err != nil {
			return err
		}
		if err := testserver.SignIn(t.Context(), "imap", addr, &tls.Config{RootCAs: pool, ServerName: "localhost"}, x); err != nil {
			return err
		}
		return verified(x)
	}
	conf, old := os.Getenv("CONF"), os.Getenv("OLDCONF")
	if err := signIn(&kerberos.Client{Config: conf, Keytab: os.Getenv("KEYTAB")}, peer("imap")); err != nil {
		t.Errorf("keytab: %v", err)
	}
	if err := signIn(&kerberos.Client{Config: conf}, anna("imap")); err != nil {
		t.Errorf("password: %v", err)
	}
	is(t, signIn(&kerberos.Client{Config: old, Keytab: os.Getenv("OLDKEYTAB")}, peer("imap")), provider.ErrUnsupported)
	is(t, signIn(&kerberos.Client{Config: old}, anna("imap")), provider.ErrUnsupported)
	t.Log("all was tried")
}
