package s2s_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/s2s"
	"github.com/go-serversync/serversync/s2s/certificate"
	"github.com/go-serversync/serversync/s2s/s2stest"
	"github.com/go-serversync/serversync/secret"
)

// overTLS is an issuer on loopback, and a Source that reaches it by its own transport.
func overTLS(t *testing.T, policy profile.Policy) (*s2stest.Issuer, *s2s.Source) {
	cert := newCertificate(t, 0, "crm.example", time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour))
	i, err := s2stest.NewIssuer(s2stest.Options{
		Tenants: []s2stest.Tenant{{ID: contoso}}, Key: keys()[2], Life: time.Hour,
		Applications: []s2stest.Application{{ID: client, Certificates: []*x509.Certificate{cert.Leaf()}}},
	})
	require.NoError(t, err)
	t.Cleanup(i.Close)
	s := &s2s.Source{
		Certificates: []*certificate.Certificate{cert}, Policy: policy, TLSConfig: &tls.Config{RootCAs: i.CertPool()},
		Cloud: s2s.Cloud{Authority: i.URL, Resource: outlook, Hosts: s2s.WorldWide().Hosts},
	}
	t.Cleanup(func() { s.Close() })
	return i, s
}

func loopback() profile.Policy {
	return profile.Policy{AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
}

// A Source without a Transport reaches a private cloud over TLS, under its Policy.
func TestOwnTransport(t *testing.T) {
	i, s := overTLS(t, loopback())
	token, err := s.Token(context.Background(), account("ann"), secret.Text{})
	require.NoError(t, err)
	_, err = i.Verify(token.Value.Reveal())
	require.NoError(t, err)
	require.InDelta(t, float64(time.Hour), float64(time.Until(token.Expires)), float64(time.Minute))

	_, s = overTLS(t, profile.Policy{})
	_, err = s.Token(context.Background(), account("ann"), secret.Text{})
	isError(t, err, provider.ErrUnsafe)

	_, s = overTLS(t, loopback())
	s.TLSConfig = nil
	_, err = s.Token(context.Background(), account("ann"), secret.Text{})
	require.Contains(t, isError(t, err, provider.ErrUnsafe).Error(), "no answer from the issuer")
}

// An issuer that does not answer is given up, and Close ends whatever is under way.
func TestSlowIssuer(t *testing.T) {
	i, s := overTLS(t, loopback())
	i.SetFault(s2stest.Fault{Hang: true})
	s.Timeout = 50 * time.Millisecond
	_, err := s.Token(context.Background(), account("ann"), secret.Text{})
	require.Equal(t, "TimedOut", isError(t, err, provider.ErrUnavailable).Code)

	i, s = overTLS(t, loopback())
	i.SetFault(s2stest.Fault{Place: s2stest.Discovery, Hang: true})
	failed := make(chan error, 1)
	go func() {
		_, err := s.Token(context.Background(), account("ann"), secret.Text{})
		failed <- err
	}()
	for s.Stats() == (s2s.Stats{}) && len(failed) == 0 {
		if _, cells := s2s.Kept(s); cells > 0 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	require.NoError(t, s.Close())
	isError(t, <-failed, provider.ErrUnavailable)
	_, err = s.Token(context.Background(), account("bob"), secret.Text{})
	require.Contains(t, isError(t, err, provider.ErrUnavailable).Error(), "closed")
	require.NoError(t, s.Close())
}

// A host's Transport that panics, or fails in words of its own, is the host's affair and nobody's panic.
func TestHostsTransport(t *testing.T) {
	w := newWorld(t, func(s *s2s.Source) {
		s.Transport = roundTrip(func(*http.Request) (*http.Response, error) { panic("s3cret") })
	})
	require.NotContains(t, w.refused(provider.ErrUnavailable).Error(), "s3cret")
	w = newWorld(t, func(s *s2s.Source) {
		s.Transport = roundTrip(func(*http.Request) (*http.Response, error) { return nil, context.Canceled })
	})
	require.Equal(t, "TimedOut", w.refused(provider.ErrUnavailable).Code)
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A flight does not have the Trace of whoever began it: that one's stages are his own.
func TestFlightTellsNoTrace(t *testing.T) {
	_, s := overTLS(t, loopback())
	var stages []provider.Stage
	ctx := provider.WithTrace(context.Background(), &provider.Trace{Begin: func(stage provider.Stage) { stages = append(stages, stage) }})
	_, err := s.Token(ctx, account("ann"), secret.Text{})
	require.NoError(t, err)
	require.Empty(t, stages)
}

// Who is refused while a refresh is under way gets what comes of it.
func TestTOK1RefusedJoinsTheFlight(t *testing.T) {
	w := newWorld(t)
	first := w.token()
	hold := make(chan struct{})
	w.issuer.SetFault(s2stest.Fault{Until: hold})
	w.clock.pass(55 * time.Minute)
	require.Equal(t, first, w.token())
	w.issuer.arrived()
	got := make(chan string, 1)
	go func() {
		token, err := w.source.Token(context.Background(), account("bob"), secret.New(first))
		if err != nil {
			got <- err.Error()
			return
		}
		got <- token.Value.Reveal()
	}()
	close(hold)
	second := <-got
	w.settle()
	require.Equal(t, w.token(), second)
	require.Equal(t, 2, w.issuer.asked())
}

// After Close nothing is left, also of what was under way (P5).
func TestCloseLeavesNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 20 {
		w := newWorld(t)
		w.issuer.SetFault(said(503, ""))
		w.crowd(50, "")
		require.NoError(t, w.source.Close())
	}
	require.Eventually(t, func() bool { return runtime.NumGoroutine() <= before+2 }, time.Minute, 5*time.Millisecond)
}
