package s2s_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/s2s"
	"github.com/go-serversync/serversync/s2s/certificate"
	"github.com/go-serversync/serversync/secret"
)

// A certificate that is given twice is one: nobody is asked twice with it, and nobody who was refused its token is given
// that again.
func TestSetCertificatesTwiceTheSame(t *testing.T) {
	w := newWorld(t)
	c := w.source.Certificates[0]
	again, err := certificate.FromSigner(c.Signer(), c.Leaf())
	require.NoError(t, err)
	require.NoError(t, w.source.SetCertificates(c, again, c))
	e, err := w.source.Certificate(account("ann"))
	require.NoError(t, err)
	require.NotContains(t, e.Text, " of ")
	require.Len(t, w.source.Expiries(w.clock.Now()), 1)
	w.issuer.remove(c)
	w.refused(provider.ErrAuth)
	require.Equal(t, 1, w.issuer.asked())

	needSHA1(t, "self-issued")
	w = newWorld(t, func(s *s2s.Source) { s.Certificates = append(s.Certificates, s.Certificates[0]) })
	first, err := w.source.Token(context.Background(), onPremises("ann"), secret.Text{})
	require.NoError(t, err)
	_, err = w.source.Token(context.Background(), onPremises("ann"), first.Value)
	require.Equal(t, s2s.CodeRefused, isError(t, err, provider.ErrAuth).Code)
	w.clock.pass(10 * time.Minute)
	second, err := w.source.Token(context.Background(), onPremises("ann"), first.Value)
	require.NoError(t, err)
	require.NotEqual(t, first.Value.Reveal(), second.Value.Reveal())
}

