package s2s_test

import (
	"context"
	"crypto"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/s2s"
	"github.com/go-serversync/serversync/s2s/certificate"
	"github.com/go-serversync/serversync/s2s/s2stest"
	"github.com/go-serversync/serversync/secret"
)

// provedBy returns the thumbprint that the nth request's assertion names.
func (w *world) provedBy(n int) any {
	_, header, _ := w.issuer.proof(n)
	return header["x5t#S256"]
}

func printOf(c *certificate.Certificate) any {
	sum := c.SHA256()
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// The certificates can be replaced while the host runs. The token of the old one serves until there is one of the
// new, so that nobody waits.
func TestSetCertificates(t *testing.T) {
	w := newWorld(t)
	old, next := w.source.Certificates[0], goodCertificate(t, 1)
	w.issuer.register(next)
	first := w.token()
	require.NoError(t, w.source.SetCertificates(next))
	require.Equal(t, first, w.token(), "nobody waits")
	w.settle()
	second := w.token()
	require.NotEqual(t, first, second)
	require.Equal(t, 2, w.issuer.asked())
	require.Equal(t, printOf(next), w.provedBy(1))
	e, err := w.source.Certificate(account("ann"))
	require.NoError(t, err)
	require.Equal(t, next.Thumbprints(), e.Thumbprints)
	require.Len(t, w.source.Expiries(w.clock.Now()), 1)

	// One that stays keeps its token, also where it was read anew, and which is preferred is looked at anew.
	reread, err := certificate.FromSigner(next.Signer(), next.Leaf())
	require.NoError(t, err)
	require.NoError(t, w.source.SetCertificates(reread))
	require.NoError(t, w.source.SetCertificates(old, reread))
	require.Equal(t, second, w.token())
	w.settle()
	require.Equal(t, 2, w.issuer.asked())
	w.clock.pass(time.Hour)
	w.token()
	require.Equal(t, printOf(old), w.provedBy(2))
}

// A new certificate that the issuer does not know yet stops nobody as long as the last token is good. Whoever
// tests is told, and once it is registered it goes on by itself.
func TestSetCertificatesBeforeItIsRegistered(t *testing.T) {
	w := newWorld(t)
	next := goodCertificate(t, 1)
	first := w.token()
	w.clock.pass(2 * time.Minute)
	require.NoError(t, w.source.SetCertificates(next))
	require.Equal(t, first, w.token())
	w.settle()
	require.Equal(t, first, w.token())
	_, err := w.source.Token(traced(), account("ann"), secret.Text{})
	require.Contains(t, isError(t, err, provider.ErrAuth).Error(), "AADSTS700027")
	require.Equal(t, first, w.token())
	w.issuer.register(next)
	w.clock.pass(5 * time.Minute)
	w.token()
	w.settle()
	require.NotEqual(t, first, w.token())
}

// What was refused with the old certificate is asked for anew at once, unless the issuer wants to be left alone.
func TestSetCertificatesAfterARefusal(t *testing.T) {
	w := newWorld(t)
	old, next := w.source.Certificates[0], goodCertificate(t, 1)
	w.issuer.remove(old)
	w.issuer.register(next)
	w.refused(provider.ErrAuth)
	require.NoError(t, w.source.SetCertificates(next))
	w.token()

	w = newWorld(t)
	w.issuer.SetFault(s2stest.Fault{Status: 429, Header: map[string][]string{"Retry-After": {"60"}}, Times: 1})
	w.refused(provider.ErrThrottled)
	asked := w.issuer.asked()
	require.NoError(t, w.source.SetCertificates(w.source.Certificates[0]))
	w.refused(provider.ErrThrottled)
	require.Equal(t, asked, w.issuer.asked())
}

// Certificates that nobody could use do not take the place of those that are used.
func TestSetCertificatesRefuses(t *testing.T) {
	w := newWorld(t)
	first := w.token()
	for name, all := range map[string][]*certificate.Certificate{
		"none": nil, "nil": {nil}, "one is nil": {goodCertificate(t, 1), nil}, "no RSA": {onCurve(t)},
	} {
		isError(t, w.source.SetCertificates(all...), provider.ErrUnsupported)
		require.Equal(t, first, w.token(), name)
	}
	w.settle()
	require.Equal(t, 1, w.issuer.asked())
	wrong := &s2s.Source{Timeout: -1}
	isError(t, wrong.SetCertificates(goodCertificate(t, 1)), provider.ErrUnsupported)
}

// replaceWhileAsked replaces the certificates while the issuer is asked for a token, and returns that.
func (w *world) replaceWhileAsked(all ...*certificate.Certificate) string {
	w.t.Helper()
	hold, got := make(chan struct{}), make(chan string)
	w.issuer.SetFault(s2stest.Fault{Until: hold, Times: 1})
	go func() {
		token, err := w.source.Token(context.Background(), account("ann"), secret.Text{})
		if err != nil {
			w.t.Error(err)
		}
		got <- token.Value.Reveal()
	}()
	w.issuer.arrived()
	require.NoError(w.t, w.source.SetCertificates(all...))
	close(hold)
	return <-got
}

// A token that was asked for with the old certificate, and comes when that is gone, is replaced.
func TestSetCertificatesWhileATokenIsAskedFor(t *testing.T) {
	w := newWorld(t)
	next := goodCertificate(t, 1)
	w.issuer.register(next)
	first := w.replaceWhileAsked(next)
	w.clock.pass(31 * time.Second)
	require.Equal(t, first, w.token())
	w.settle()
	require.NotEqual(t, first, w.token())
	require.Equal(t, printOf(next), w.provedBy(1))
}

// A brokenKey is one whose module has lost its session.
type brokenKey struct{ crypto.Signer }

func (brokenKey) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("the session is closed")
}

// What the host issues itself is signed with the new one from then on, and the document that Exchange
// reads names it. A certificate whose key is had anew is used with that.
func TestSetCertificatesOfIssued(t *testing.T) {
	needSHA1(t, "self-issued")
	w := newWorld(t)
	next := goodCertificate(t, 1)
	token := func() (string, error) {
		got, err := w.source.Token(context.Background(), onPremises("ann"), secret.Text{})
		if err != nil {
			return "", err
		}
		by, _ := actorOf(t, w, got)
		return by, nil
	}
	by, err := token()
	require.NoError(t, err)
	require.Equal(t, "crm.example 0", by)
	before, err := w.source.Metadata(client, contoso, "https://crm.example/metadata")
	require.NoError(t, err)

	lost, err := certificate.FromSigner(brokenKey{next.Signer()}, next.Leaf())
	require.NoError(t, err)
	require.NoError(t, w.source.SetCertificates(lost))
	_, err = token()
	require.ErrorContains(t, isError(t, err, provider.ErrUnavailable), "the session is closed")
	require.NoError(t, w.source.SetCertificates(next))
	w.source.Certificates = append(w.source.Certificates, next) // for actorOf
	by, err = token()
	require.NoError(t, err)
	require.Equal(t, "crm.example 1", by)
	after, err := w.source.Metadata(client, contoso, "https://crm.example/metadata")
	require.NoError(t, err)
	require.NotEqual(t, before, after)
	require.Contains(t, string(after), base64.StdEncoding.EncodeToString(next.Leaf().Raw))
}

// They are replaced while everybody asks for tokens, and nobody is without one.
func TestSetCertificatesInACrowd(t *testing.T) {
	for name, of := range map[string]func(string) provider.Account{"online": account, "self-issued": onPremises} {
		t.Run(name, func(t *testing.T) {
			needSHA1(t, name)
			w := newWorld(t)
			all := []*certificate.Certificate{w.source.Certificates[0], goodCertificate(t, 1)}
			w.issuer.register(all[1])
			var crowd sync.WaitGroup
			for n := range 8 {
				crowd.Go(func() {
					for m := range 50 {
						_, err := w.source.Token(context.Background(), of(fmt.Sprintf("m%d-%d", n, m)), secret.Text{})
						if err != nil {
							t.Error(err)
						}
					}
				})
			}
			crowd.Go(func() {
				for n := range 50 {
					w.clock.pass(time.Second)
					if err := w.source.SetCertificates(all[n%2]); err != nil {
						t.Error(err)
					}
				}
			})
			crowd.Wait()
			require.Zero(t, w.source.Stats().Failures)
		})
	}
}

// Mailboxes sync over it without a failure.
func TestSetCertificatesWhileMailboxesSync(t *testing.T) {
	for _, way := range []string{"online", "on premises", "self-issued"} {
		t.Run(way, func(t *testing.T) {
			r := newRollover(t, way)
			require.NoError(t, r.source.SetCertificates(r.old))
			r.round(nil)
			require.NoError(t, r.issuer.AddCertificate(client, r.next.Leaf()))
			r.trusts(r.old, r.next)
			r.round(func() {
				if err := r.source.SetCertificates(r.next); err != nil {
					t.Error(err)
				}
			})
			r.round(nil)
			require.NoError(t, r.issuer.RemoveCertificate(client, r.old.Leaf()))
			r.trusts(r.next)
			r.round(nil)
			r.round(nil)
		})
	}
}
