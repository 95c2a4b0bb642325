package ntlm_test

import (
	"context"
	"crypto/tls"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/go-serversync/serversync/auth/ntlm"
	"github.com/go-serversync/serversync/internal/testserver"
	"github.com/go-serversync/serversync/internal/testserver/servertest"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

const password = `correct "horse" battery`

var selfHosted = profile.Policy{Deployment: profile.SelfHosted}

func peer(service, username, password string) provider.Peer {
	return provider.Peer{Service: service, Host: "localhost", Username: username, Password: secret.New(password), TLS: &tls.ConnectionState{}, Policy: selfHosted}
}

// is checks an error's kind.
func is(t *testing.T, err error, kind provider.Kind) *provider.Error {
	t.Helper()
	var e *provider.Error
	if !errors.As(err, &e) || e.Kind != kind {
		t.Fatalf("got %v, want %v", err, kind)
	}
	t.Logf("%v (%s)", e, e.Remedy)
	return e
}

// Cyrus SASL has an NTLM of its own, which Postfix can use. Dovecot has had none since 2.3.13,
// but for Samba's program.
func TestSASLSignsIn(t *testing.T) {
	users := map[string]string{"anna": password}
	d := servertest.Dovecot(t, testserver.DovecotOptions{Users: users})
	postfix := servertest.Postfix(t, testserver.PostfixOptions{Dovecot: d, NTLM: users})
	trust := &tls.Config{RootCAs: d.CA.CertPool(), ServerName: "localhost"}
	for _, tt := range []struct {
		user, password string
		want           error
	}{
		{"anna", password, nil},
		{`EXAMPLE\anna`, password, nil},
		{"anna", "wrong", testserver.ErrRefused},
		{"nobody", password, testserver.ErrRefused},
	} {
		x, err := ntlm.Mechanism{}.Begin(t.Context(), peer("smtp", tt.user, tt.password))
		if err != nil {
			t.Fatal(err)
		}
		if err := testserver.SignIn(t.Context(), "smtp", postfix.SMTPSAddr, trust, x); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", tt.user, err)
		}
	}
}

// Where NTLM cannot or must not be used it makes way, and nothing is sent.
func TestBeginRefuses(t *testing.T) {
	fips, cloud, bare, process := peer("imap", "anna", password), peer("imap", "anna", password), peer("imap", "anna", password), peer("imap", "", "")
	fips.Policy.FIPS, cloud.Policy, bare.TLS = true, profile.Policy{}, nil
	for name, tt := range map[string]struct {
		peer   provider.Peer
		kind   provider.Kind
		remedy string
	}{
		"SEC-17 FIPS":       {fips, provider.ErrUnsupported, "Kerberos"},
		"policy":            {cloud, provider.ErrUnsupported, "policy"},
		"without TLS":       {bare, provider.ErrUnsafe, "TLS"},
		"the process's own": {process, provider.ErrUnsupported, "keytab"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ntlm.Mechanism{}.Begin(t.Context(), tt.peer)
			if e := is(t, err, tt.kind); !strings.Contains(e.Remedy, tt.remedy) {
				t.Errorf("remedy %q", e.Remedy)
			}
		})
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	mine := errors.New("enough")
	cancel(mine)
	if _, err := (ntlm.Mechanism{}).Begin(ctx, peer("imap", "anna", password)); err != mine {
		t.Errorf("P3: got %v", err)
	}
}

// SEC-17: where Go itself refuses what FIPS 140-3 has not approved, NTLM says so and does
// not panic.
func TestSEC17EnforcedFIPS(t *testing.T) {
	const child = "NTLM_FIPS_CHILD"
	if os.Getenv(child) != "" {
		_, err := ntlm.Mechanism{}.Begin(t.Context(), peer("imap", "anna", password))
		is(t, err, provider.ErrUnsupported)
		t.Log("all was tried")
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestSEC17EnforcedFIPS$", "-test.v")
	cmd.Env = append(os.Environ(), "GODEBUG=fips140=only", child+"=1")
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "all was tried") {
		t.Errorf("%v\n%s", err, out)
	}
}
