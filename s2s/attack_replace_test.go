package s2s_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/s2s"
	"github.com/go-serversync/serversync/s2s/certificate"
	"github.com/go-serversync/serversync/secret"
)

// A busyClock does something when it is asked for the time.
type busyClock struct {
	*clock
	asked atomic.Int64
	do    func(asked int64)
}

func (c *busyClock) Now() time.Time {
	if c.do != nil {
		c.do(c.asked.Add(1))
	}
	return c.clock.Now()
}

// Whoever is about to have a token signed with a certificate when that is replaced has one of the new one.
func TestSetCertificatesWhileATokenIsIssued(t *testing.T) {
	needSHA1(t, "self-issued")
	for at := int64(1); at <= 3; at++ { // before the token is asked for, and before its cell is entered
		var busy *busyClock
		w := newWorld(t, func(s *s2s.Source) {
			busy = &busyClock{clock: s.Clock.(*clock)}
			s.Clock = busy
		})
		_, err := w.source.Token(context.Background(), onPremises("ann"), secret.Text{})
		require.NoError(t, err)
		require.NoError(t, w.source.SetCertificates(goodCertificate(t, 1)))
		last := goodCertificate(t, 0)
		w.settle()
		busy.do = func(asked int64) {
			if asked == at {
				require.NoError(t, w.source.SetCertificates(last))
			}
		}
		_, err = w.source.Token(context.Background(), onPremises("ann"), secret.Text{})
		require.NoError(t, err, "replaced at call %d", at)
	}
}

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

// What an issuer refuses of the old certificate, when there are others already, stands for nobody: they are tried.
func TestSetCertificatesWhileTheOldIsRefused(t *testing.T) {
	w := newWorld(t)
	old, next := w.source.Certificates[0], goodCertificate(t, 1)
	w.issuer.register(next)
	w.issuer.remove(old)
	w.replaceWhileAsked(next)
	require.Equal(t, 2, w.issuer.asked())
}

// A token that comes of the old certificate does not keep the new one, which goes before it, from being tried.
func TestSetCertificatesPrefersTheNew(t *testing.T) {
	w := newWorld(t)
	old, next := w.source.Certificates[0], goodCertificate(t, 1)
	w.issuer.register(next)
	w.replaceWhileAsked(next, old)
	w.settle()
	w.clock.pass(time.Hour)
	w.token()
	require.Equal(t, printOf(next), w.provedBy(w.issuer.asked()-1))
}

// What certificates do not prove goes on as it is when they are replaced: nobody is asked anew.
func TestSetCertificatesLeavesOtherProofsAlone(t *testing.T) {
	own := account("ann")
	own.Profile.Application.Secret = secret.New("wrong")
	for name, row := range map[string]struct {
		proof s2s.Proof
		a     provider.Account
	}{
		"a secret": {nil, own},
		"a Proof":  {s2s.Assertion(func(context.Context) (string, error) { return "e30.e30.e30", nil }), account("ann")},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(s *s2s.Source) { s.Proof = row.proof })
			_, err := w.source.Token(context.Background(), row.a, secret.Text{})
			isError(t, err, provider.ErrAuth)
			require.NoError(t, w.source.SetCertificates(goodCertificate(t, 1)))
			_, err = w.source.Token(context.Background(), row.a, secret.Text{})
			isError(t, err, provider.ErrAuth)
			require.Equal(t, 1, w.issuer.asked())
		})
	}
}

// What is told of the certificate is steady: where a host reads its certificates anew, and where one is added that the issuer
// does not know yet, it is the one that the token rests upon, of which an alert may be open.
func TestSetCertificatesTellsSteadily(t *testing.T) {
	w := newWorld(t)
	old, next := w.source.Certificates[0], goodCertificate(t, 1)
	w.token()
	told := func() string {
		e, err := w.source.Certificate(account("ann"))
		require.NoError(t, err)
		return e.Text
	}
	require.NoError(t, w.source.SetCertificates(next, old))
	require.Equal(t, "CN=crm.example 0, 2 of 2", told())
	w.clock.pass(time.Hour)
	w.token()
	require.Equal(t, 3, w.issuer.asked(), "the new one was asked with, and is not known")
	for range 3 { // and no more: what has not changed is nothing new
		require.NoError(t, w.source.SetCertificates(next, old))
		require.Equal(t, "CN=crm.example 0, 2 of 2", told())
		w.clock.pass(time.Hour)
		w.issuer.forget()
		w.token()
		require.Equal(t, 1, w.issuer.asked())
	}
	w.issuer.register(next)
	w.clock.pass(24 * time.Hour)
	w.token()
	require.Equal(t, "CN=crm.example 1, 1 of 2", told())
}

// Certificates of which none is good now do not take the place of one that is: everybody would be without a token.
func TestSetCertificatesThatAreNotGood(t *testing.T) {
	needSHA1(t, "self-issued")
	w := newWorld(t)
	expired := newCertificate(t, 1, "expired", epoch.AddDate(-2, 0, 0), epoch.AddDate(-1, 0, 0))
	early := newCertificate(t, 1, "early", epoch.Add(time.Hour), epoch.AddDate(1, 0, 0))
	for code, all := range map[string][]*certificate.Certificate{certificate.CodeExpired: {expired, early}, certificate.CodeNotYet: {early}} {
		require.Equal(t, code, isError(t, w.source.SetCertificates(all...), provider.ErrAuth).Code)
		_, err := w.source.Token(context.Background(), onPremises("ann"), secret.Text{})
		require.NoError(t, err)
	}
	require.NoError(t, w.source.SetCertificates(early, w.source.Certificates[0]), "one is enough")
	w.clock.pass(2 * time.Hour)
	require.NoError(t, w.source.SetCertificates(early))
	_, err := w.source.Token(context.Background(), onPremises("ann"), secret.Text{})
	require.NoError(t, err)
}
