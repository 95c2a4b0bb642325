package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-serversync/serversync/s2s/certificate"
	"github.com/go-serversync/serversync/secret"
)

// A certificate that there is already is not copied, and one that cannot be opened stops the first step, in words.
func TestCertificateOfAFile(t *testing.T) {
	c, err := certificate.SelfSigned(certificate.SelfSignedOptions{})
	if err != nil {
		t.Fatal(err)
	}
	text, err := c.PEM(secret.New("correct horse"))
	if err != nil {
		t.Fatal(err)
	}
	file, password, dir := filepath.Join(t.TempDir(), "crm.pem"), filepath.Join(t.TempDir(), "password"), t.TempDir()
	args := []string{"-tenant", tenant, "-client", client, "-mailbox", "anna@contoso.example", "-cert", file, "-password-file", password, "-dir", dir}
	for _, of := range []struct{ password, stops, says string }{
		{"wrong horse", "stopped at step 1", "password is wrong"},
		{"correct horse", "stopped at step 3", "Application.ClientID"},
	} {
		if err := errors.Join(os.WriteFile(file, text, 0o600), os.WriteFile(password, []byte(of.password), 0o600)); err != nil {
			t.Fatal(err)
		}
		o, err := parse(args, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		if of.password == "correct horse" {
			o.client = "" // so that it stops before it asks anybody
		}
		var out bytes.Buffer
		if err := run(t.Context(), &out, o); err == nil || !strings.Contains(err.Error(), of.stops) {
			t.Fatal(err, out.String())
		}
		holds(t, out.String(), of.says, "what to do:")
		lacks(t, out.String(), of.password)
	}
	if _, err := os.Stat(filepath.Join(dir, keyFile)); !os.IsNotExist(err) {
		t.Error("the key was copied", err)
	}
}

// its place only once it has expired.
func TestKeyThatIsThereIsNotReplaced(t *testing.T) {
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte("correct horse\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		spoil func(dir string) error
		args  []string // of the next run
		stops string   // "" where it goes on to the end
		says  string
	}{
		"no password":     {nil, nil, "stopped at step 1", "the password is wrong"},
		"damaged":         {func(dir string) error { return os.Truncate(filepath.Join(dir, keyFile), 600) }, []string{"-password-file", password}, "stopped at step 1", "damaged"},
		"steps are lost":  {func(dir string) error { return os.Remove(filepath.Join(dir, stepsFile)) }, []string{"-password-file", password}, "", "1 came in"},
		"steps are empty": {func(dir string) error { return os.WriteFile(filepath.Join(dir, stepsFile), []byte("null"), 0o600) }, []string{"-password-file", password}, "", "1 came in"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if _, err := program(t, "-dir", dir, "-password-file", password); err == nil {
				t.Fatal("nothing is registered")
			}
			if c.spoil != nil {
				if err := c.spoil(dir); err != nil {
					t.Fatal(err)
				}
			}
			before, err := os.ReadFile(filepath.Join(dir, keyFile))
			if err != nil {
				t.Fatal(err)
			}
			out, err := program(t, append(c.args, "-dir", dir)...)
			if (err == nil) != (c.stops == "") || err != nil && !strings.Contains(err.Error(), c.stops) {
				t.Error(err)
			}
			holds(t, out, c.says)
			if after, err := os.ReadFile(filepath.Join(dir, keyFile)); err != nil || !bytes.Equal(before, after) {
				t.Error("the key was replaced", err)
			}
		})
	}

	dir := t.TempDir()
	old, err := certificate.SelfSigned(certificate.SelfSignedOptions{NotBefore: begin.AddDate(-2, 0, 0)})
	if err != nil {
		t.Fatal(err)
	}
	text, err := old.PEM(secret.Text{})
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, keyFile), text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	out, err := program(t, "-dir", dir)
	if err == nil {
		t.Error("the new certificate is registered with nobody")
	}
	holds(t, out, " 1. have a certificate", "AADSTS700027")
	if after, err := os.ReadFile(filepath.Join(dir, keyFile)); err != nil || bytes.Equal(text, after) {
		t.Error("the certificate has expired, and stands there still", err)
	}
}

// What no issuer takes stops the first step, before an administrator registers it.
func TestCertificateThatNoIssuerTakes(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "crm"}, NotBefore: begin.AddDate(-1, 0, 0), NotAfter: begin.AddDate(50, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "crm.pem")
	text := append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: plain}), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := program(t, "-tenant", tenant, "-client", client, "-mailbox", "anna@contoso.example", "-cert", file)
	if err == nil || !strings.Contains(err.Error(), "stopped at step 1") {
		t.Error(err)
	}
	holds(t, out, "no RSA key", "what to do:    use a certificate with an RSA key")
}
