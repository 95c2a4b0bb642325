package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/go-serversync/serversync/oauth"
	"github.com/go-serversync/serversync/oauth/oauthtest"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
	"github.com/go-serversync/serversync/store/sqlite"
)

// Two processes and more refresh one grant through one SQLite file, as fast as they can.
// The test binary is each of them: these name what a child works on.
const (
	envStore  = "OAUTH_TEST_STORE"
	envIssuer = "OAUTH_TEST_ISSUER"
	envTimes  = "OAUTH_TEST_TIMES"
	envClaim  = "OAUTH_TEST_CLAIM"
)

func TestMain(m *testing.M) {
	if os.Getenv(envStore) != "" {
		if err := child(context.Background()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// source returns a Source over a file, as each process has it.
func source(file, issuerURL string, pool *x509.CertPool, claim time.Duration) (*oauth.Source, io.Closer, error) {
	store, err := sqlite.Open(context.Background(), file, sqlite.Options{})
	if err != nil {
		return nil, nil, err
	}
	keyring, err := secret.NewKeyring("k", map[string][]byte{"k": []byte("a test's key, which has 32 bytes")})
	issuer := oauthtest.NewInMemory(oauthtest.Options{})
	issuer.URL = issuerURL
	return &oauth.Source{
		Grants: store, Keyring: keyring, Issuers: []oauth.Issuer{issuer.Issuer()}, TLSConfig: &tls.Config{RootCAs: pool}, Policy: policy(),
		RefusedAfter: 1, Claim: claim, Timeout: claim / 3,
	}, store, err
}

// child says of each token that it is given that it was refused, until it has had so
// many, or for ever.
func child(ctx context.Context) error {
	times, _ := strconv.Atoi(os.Getenv(envTimes))
	claim, _ := time.ParseDuration(os.Getenv(envClaim))
	file := os.Getenv(envStore)
	roots, err := os.ReadFile(file + ".pem")
	if err != nil {
		return err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(roots)
	s, store, err := source(file, os.Getenv(envIssuer), pool, claim)
	if err != nil {
		return err
	}
	defer store.Close()
	a := owner(oauthtest.NewInMemory(oauthtest.Options{}))
	var refused secret.Text
	for n := 0; times == 0 || n < times; n++ {
		token, err := s.Token(ctx, a, refused)
		var e *provider.Error
		switch {
		case errors.As(err, &e) && e.Kind == provider.ErrAuth:
			return fmt.Errorf("after %d tokens: %w (%s)", n, err, e.Remedy)
		case err != nil: // as where a turn has to be waited for
			time.Sleep(20 * time.Millisecond)
			n--
			continue
		case token.Value.Equal(refused):
			return errors.New("a refused token came back")
		}
		refused = token.Value
	}
	return s.Close()
}

// hammer starts a child.
func hammer(t *testing.T, file string, issuer *oauthtest.Issuer, times int, claim time.Duration) *exec.Cmd {
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), envStore+"="+file, envIssuer+"="+issuer.URL, envTimes+"="+strconv.Itoa(times), envClaim+"="+claim.String())
	c.Stderr = t.Output()
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end(c) })
	return c
}

// end kills a child that has not ended.
func end(c *exec.Cmd) {
	c.Process.Kill()
	c.Wait()
}

// granted returns an issuer and a Store in which Anna has consented.
func granted(t *testing.T, grace bool, claim time.Duration) (*oauthtest.Issuer, *oauth.Source, string) {
	issuer := oauthtest.New(oauthtest.Options{Grace: grace})
	t.Cleanup(issuer.Close)
	file := filepath.Join(t.TempDir(), "store.db")
	pemBytes := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: issuer.Certificate().Raw})
	if err := os.WriteFile(file+".pem", pemBytes, 0o600); err != nil {
		t.Fatal(err)
	}
	open := func(claim time.Duration) (*oauth.Source, io.Closer) {
		s, store, err := source(file, issuer.URL, issuer.CertPool(), claim)
		if err != nil {
			t.Fatal(err)
		}
		return s, store
	}
	first, its := open(time.Minute) // a short claim leaves consenting little time
	if err := consent(t.Context(), first, issuer, owner(issuer)); err != nil {
		t.Fatal(err)
	}
	its.Close()
	s, store := open(claim)
	t.Cleanup(func() { store.Close() })
	return issuer, s, file
}

// TOK-1, TOK-5: an issuer that revokes the grant on the first second use of a refresh
// token sees none, however many processes refresh it.
func TestTOK1Processes(t *testing.T) {
	issuer, s, file := granted(t, false, time.Minute)
	children := []*exec.Cmd{hammer(t, file, issuer, 25, time.Minute), hammer(t, file, issuer, 25, time.Minute), hammer(t, file, issuer, 25, time.Minute)}
	for _, c := range children {
		if err := c.Wait(); err != nil {
			t.Error(err)
		}
	}
	if n := issuer.Reuses(); n != 0 {
		t.Errorf("%d refresh tokens were used twice", n)
	}
	if n := issuer.Calls("refresh_token"); n < 24 {
		t.Errorf("%d refreshes, and each child wanted 24 other tokens than its first", n)
	}
	t.Logf("%d refreshes by 3 processes", issuer.Calls("refresh_token"))
	lives(t, issuer, s)
}

// TOK-5: processes that are killed at any moment cost no grant, where the issuer allows
// for an answer that was lost.
func TestTOK5Killed(t *testing.T) {
	claim := 900 * time.Millisecond
	issuer, s, file := granted(t, true, claim)
	issuer.SetFault(oauthtest.Fault{Slow: 20 * time.Millisecond}) // so that most kills hit a refresh
	children := []*exec.Cmd{hammer(t, file, issuer, 0, claim), hammer(t, file, issuer, 0, claim)}
	kills := 12
	for n := range kills {
		seen := issuer.Calls("refresh_token")
		for until := time.Now().Add(5 * time.Minute); issuer.Calls("refresh_token") < seen+1+n%2; time.Sleep(time.Millisecond) {
			if time.Now().After(until) { // they are not at it
				t.Fatal("nobody refreshes the grant")
			}
		}
		time.Sleep(rand.N(30 * time.Millisecond))
		one := rand.N(len(children))
		end(children[one])
		children[one] = hammer(t, file, issuer, 0, claim)
	}
	for _, c := range children {
		end(c)
	}
	t.Logf("%d refreshes and %d kills", issuer.Calls("refresh_token"), kills)
	lives(t, issuer, s)
}

// lives holds that Anna's grant gives another token than the Store has.
func lives(t *testing.T, issuer *oauthtest.Issuer, s *oauth.Source) {
	t.Helper()
	a := owner(issuer)
	first := live(t, s, a, secret.Text{})
	if user := issuer.User(live(t, s, a, first).Reveal()); user != a.Mailbox.Address {
		t.Errorf("the grant is %q's", user)
	}
}

// live returns a token, for which a turn may have to be waited for that somebody has who
// was killed.
func live(t *testing.T, s *oauth.Source, a provider.Account, refused secret.Text) secret.Text {
	t.Helper()
	for until := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		token, err := s.Token(t.Context(), a, refused)
		if err == nil {
			return token.Value
		}
		if provider.KindOf(err) == provider.ErrAuth || time.Now().After(until) {
			t.Fatalf("the grant is lost: %v", err)
		}
	}
}

func owner(issuer *oauthtest.Issuer) provider.Account {
	return account(mailProfile(issuer, profile.Endpoint{Host: "127.0.0.1"}), "anna")
}
