package s2s_test

import (
	"crypto/x509"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/s2s/certificate"
	"github.com/go-serversync/serversync/s2s/s2stest"
)

// A rollover is a site whose host has two certificates, of which the issuer, or the server, knows the old one. Time
// passes for the host's tokens, the issuer and Exchange when the test says so.
type rollover struct {
	*site
	clock     *clock
	next, old *certificate.Certificate
	boxes     []mailbox.Mailbox
	unknown   string // the mailbox whose user Exchange does not know
	at        atomic.Pointer[s2stest.Exchange]
}

func newRollover(t *testing.T, way string) *rollover {
	needSHA1(t, way)
	r := &rollover{site: newSite(t), clock: &clock{now: time.Now()}}
	r.old = r.proofs.certificate(t, 0, time.Now().Add(-time.Hour), time.Now().AddDate(1, 0, 0))
	r.next = r.proofs.certificate(t, 1, time.Now().Add(-time.Hour), time.Now().AddDate(2, 0, 0))
	issuer, err := s2stest.NewIssuer(s2stest.Options{Now: r.clock.Now, Key: keys()[2], Applications: []s2stest.Application{{ID: client, Multitenant: true, Certificates: []*x509.Certificate{r.old.Leaf()}}}})
	require.NoError(t, err)
	t.Cleanup(issuer.Close)
	require.NoError(t, issuer.Grant(s2stest.Contoso, client, s2stest.ExchangeOnline, "full_access_as_app"))
	r.issuer, r.exchange.Verify = issuer, issuer.Verify
	ways[way](r.site)
	r.source.Certificates = []*certificate.Certificate{r.next, r.old}
	r.source.Cloud.Authority, r.source.TLSConfig.RootCAs, r.source.Clock = issuer.URL, issuer.CertPool(), r.clock
	r.exchange.Clock = r.clock.Now
	for n := range 5 {
		address := fmt.Sprintf("m%d@contoso.example", n)
		r.boxes = append(r.boxes, mailbox.Mailbox{Key: mailbox.Key{Organization: "acme", Mailbox: fmt.Sprint("m", n)}, Address: address})
		r.options.Mailboxes = append(r.options.Mailboxes, address)
		r.exchange.Users[address] = nil
	}
	r.trusts(r.old)
	r.options.Token = func(token string) (string, bool, bool) { return r.at.Load().Token(token) }
	r.options.Refusal = func(token string) string { return r.at.Load().Refusal(token) }
	r.start()
	r.syncer.Close()
	cfg := r.config()
	cfg.Mailboxes = serversync.Static(r.profile, r.boxes...)
	r.syncer, err = serversync.New(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { r.syncer.Close() })
	return r
}

// trusts has Exchange trust these certificates of the partner application from now on.
func (r *rollover) trusts(all ...*certificate.Certificate) {
	e := *r.exchange
	e.Partners = maps.Clone(e.Partners)
	if p, is := e.Partners[client]; is {
		p.Certificates = nil
		for _, c := range all {
			p.Certificates = append(p.Certificates, c.Leaf())
		}
		e.Partners[client] = p
	}
	r.at.Store(&e)
}

// round has all mailboxes do a cycle at once, and do runs meanwhile.
func (r *rollover) round(do func()) {
	var all sync.WaitGroup
	for _, box := range r.boxes {
		all.Go(func() {
			report, err := r.syncer.SyncMailbox(r.t.Context(), box.Key)
			if box.Address == r.unknown {
				assert.NotEmpty(r.t, report.Incoming.Fault.Code)
			} else if err != nil || report.Incoming.Fault.Code != "" {
				r.t.Error(box.Key, r.clock.Now(), err, report.Incoming.Fault)
			}
		})
	}
	if do != nil {
		do()
	}
	all.Wait()
	r.hush()
	r.clock.pass(2 * time.Hour)
}

// One certificate takes over from another while mailboxes sync, and no cycle fails: before the new one is registered,
// while both are, and once the old one is gone, each for longer than the preferred one is left alone.
func TestOverlapWhileMailboxesSync(t *testing.T) {
	for _, way := range []string{"online", "on premises", "self-issued"} {
		t.Run(way, func(t *testing.T) {
			r := newRollover(t, way)
			rounds := 13
			if testing.Short() {
				rounds = 4
			}
			for _, change := range []func(){nil, func() {
				require.NoError(t, r.issuer.AddCertificate(client, r.next.Leaf()))
				r.trusts(r.old, r.next)
			}, func() {
				require.NoError(t, r.issuer.RemoveCertificate(client, r.old.Leaf()))
				r.trusts(r.next)
			}} {
				r.round(change)
				for range rounds {
					if r.round(nil); t.Failed() {
						return
					}
				}
			}
		})
	}
}

// A mailbox that is refused whatever token it shows does not have the others fail, although its refusals look as if the
// certificate were not known.
func TestOverlapWithARefusedMailbox(t *testing.T) {
	r := newRollover(t, "self-issued")
	r.unknown = r.boxes[3].Address
	delete(r.exchange.Users, r.unknown)
	for range 12 {
		r.round(nil)
		require.NoError(t, r.syncer.Resume(t.Context(), r.boxes[3].Key, "somebody")) // it is tried again
	}
	r.trusts(r.old, r.next)
	r.round(nil)
	r.trusts(r.next)
	r.round(nil)
	require.False(t, t.Failed())
}
