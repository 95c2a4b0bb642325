package serversync_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	. "github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/provider/providertest"
)

// An odd driver makes something else of each session.
type odd struct {
	provider.Driver
	make func(provider.Provider) provider.Provider
}

func (d odd) Open(ctx context.Context, a provider.Account) (provider.Provider, error) {
	p, err := d.Driver.Open(ctx, a)
	if err != nil {
		return nil, err
	}
	return d.make(p), nil
}

func (o *office) odd(of func(provider.Provider) provider.Provider) {
	for protocol, d := range o.cfg.Drivers {
		o.cfg.Drivers[protocol] = odd{d, of}
	}
	o.begin()
	o.approve()
}

type (
	bare     struct{ provider.Provider } // no ability at all
	endless  struct{ provider.Provider }
	mute     struct{ provider.Provider }
	panicker struct{ provider.Provider }
	reader   struct {
		provider.Provider
		read *int // headers and whole messages
	}
	claimed struct {
		provider.Provider
		claim *mailbox.Claim
		err   error
	}
)

func (p mute) Unwrap() provider.Provider     { return p.Provider }
func (p panicker) Unwrap() provider.Provider { return p.Provider }
func (p reader) Unwrap() provider.Provider   { return p.Provider }
func (p claimed) Unwrap() provider.Provider  { return p.Provider }

func (endless) Folders(context.Context) ([]provider.Folder, error) {
	return []provider.Folder{{ID: "INBOX", Name: "INBOX", Kind: provider.Mail, Role: provider.Inbox}}, nil
}

func (endless) Changes(_ context.Context, r provider.Request) (provider.Page, error) {
	time.Sleep(5 * time.Second)
	return provider.Page{Next: provider.Cursor(time.Now().String()), More: true, Changes: []provider.Change{{Kind: provider.Upsert, ID: provider.ID(r.Cursor)}}}, nil
}

func (endless) Fetch(context.Context, provider.FolderID, string, []provider.ID, func(provider.Change) error) error {
	return nil
}

func (p endless) Send(ctx context.Context, s provider.Submission) (provider.Result, error) {
	return p.Provider.(provider.Sender).Send(ctx, s)
}

func (mute) Send(context.Context, provider.Submission) (provider.Result, error) {
	return provider.Result{}, nil
}

func (panicker) Send(context.Context, provider.Submission) (provider.Result, error) { panic("odd") }
func (panicker) Claim(context.Context) (mailbox.Claim, error)                       { panic("odd") }
func (panicker) SetClaim(context.Context, mailbox.Claim) error                      { panic("odd") }

func (p reader) Folders(ctx context.Context) ([]provider.Folder, error) {
	return p.Provider.(provider.Source).Folders(ctx)
}

func (p reader) Changes(ctx context.Context, r provider.Request) (provider.Page, error) {
	page, err := p.Provider.(provider.Source).Changes(ctx, r)
	if r.Want != provider.WantIDs {
		*p.read += len(page.Changes)
	}
	return page, err
}

func (p reader) Fetch(ctx context.Context, f provider.FolderID, epoch string, ids []provider.ID, got func(provider.Change) error) error {
	*p.read += len(ids)
	return p.Provider.(provider.Source).Fetch(ctx, f, epoch, ids, got)
}

func (p claimed) Claim(context.Context) (mailbox.Claim, error) { return *p.claim, nil }

func (p claimed) SetClaim(_ context.Context, c mailbox.Claim) error {
	if p.err == nil {
		*p.claim = c
	}
	return p.err
}

// Where a mailbox is listed whole each time, waiting for the message of a test does
// not read all its mail again and again.
func TestTestReadsNotTheWholeMailbox(t *testing.T) {
	for _, temperament := range temperaments {
		t.Run(string(temperament), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o, read := newOffice(t, temperament), 0
				o.odd(func(p provider.Provider) provider.Provider { return reader{p, &read} })
				for n := range 100 {
					o.server.Add(ann, "INBOX", letter(n))
				}
				o.delay = 20 * time.Second
				report := o.test(TestOptions{})
				require.True(t, report.Passed, report.String())
				require.Less(t, read, 5)
			})
		})
	}
}

// A driver that cannot, does not keep its word or panics makes a test fail, with a
// cause and a remedy, and nothing else.
func TestTestOfOddDrivers(t *testing.T) {
	for name, tt := range map[string]struct {
		temperament providertest.Temperament
		of          func(provider.Provider) provider.Provider
		stage       provider.Stage
	}{
		"no abilities":      {providertest.IMAPLike, func(p provider.Provider) provider.Provider { return bare{p} }, StageInbox},
		"endless pages":     {providertest.GraphLike, func(p provider.Provider) provider.Provider { return endless{p} }, ""},
		"no recipients":     {providertest.IMAPLike, func(p provider.Provider) provider.Provider { return mute{p} }, StageSend},
		"a panic in Send":   {providertest.IMAPLike, func(p provider.Provider) provider.Provider { return panicker{p} }, StageSend},
		"nothing is opened": {providertest.IMAPLike, func(p provider.Provider) provider.Provider { p.Close(); return nil }, StageConnect},
		"a panic in Open":   {providertest.IMAPLike, func(p provider.Provider) provider.Provider { p.Close(); panic("odd") }, StageConnect},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := newOffice(t, tt.temperament)
				o.odd(tt.of)
				report := o.test(TestOptions{})
				require.False(t, report.Passed)
				require.Equal(t, tt.stage, failedStage(report).Stage, report.String())
				for _, side := range []mailbox.Side{mailbox.Incoming, mailbox.Outgoing} {
					if why := o.state().Direction(side).Fault; why != (mailbox.Fault{}) {
						require.NotEmpty(t, why.Cause)
						require.NotEmpty(t, why.Remedy)
					}
				}
				open, _ := o.server.Sessions()
				require.Zero(t, open)
			})
		})
	}
}

// A mailbox is claimed for appointments, contacts and tasks by one organization, and
// taken over only on purpose; a test that is only a test takes nothing.
func TestTestOfClaims(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, providertest.EWSLike)
		p, _ := o.Profile(t.Context(), ann.Organization, testProfile.ID)
		p.Kind = profile.ExchangeServer
		p.Incoming = profile.Endpoint{URL: "https://mail.example.test/EWS/Exchange.asmx"}
		p.Outgoing = profile.Endpoint{}
		o.PutProfile(ann.Organization, p)
		o.cfg.Policy.Deployment = profile.SelfHosted
		o.cfg.Drivers[p.Kind.Protocol(mailbox.Incoming)] = o.server.Driver()
		require.NoError(t, o.Edit(t.Context(), ann, func(m *mailbox.Mailbox) {
			m.Methods = mailbox.Methods{Incoming: mailbox.None, Outgoing: mailbox.None, ACT: mailbox.ServerSide}
		}))
		others := mailbox.Claim{Organization: "other"}
		claim := others
		var setErr error
		o.odd(func(p provider.Provider) provider.Provider { return claimed{p, &claim, setErr} })

		report := o.test(TestOptions{})
		require.Equal(t, "act-claimed", report.Fault.Code, report.String())
		require.Equal(t, []mailbox.Side(nil), report.Enabled)
		require.True(t, o.test(TestOptions{TakeACT: true, TestOnly: true}).Passed)
		require.Equal(t, others, claim)
		setErr = &provider.Error{Op: "set", Kind: provider.ErrUnavailable, Err: errors.New("busy")}
		require.False(t, o.test(TestOptions{TakeACT: true}).Passed)
		setErr = nil
		report = o.test(TestOptions{TakeACT: true})
		require.True(t, report.Passed, report.String())
		require.Equal(t, []mailbox.Side{mailbox.ACT}, report.Enabled)
		require.Equal(t, "acme", claim.Organization)
	})
}

// One connection is enough for a test, even where mail in and out share the server.
func TestTestWithOneConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, providertest.EWSLike)
		p, _ := o.Profile(t.Context(), ann.Organization, testProfile.ID)
		p.Kind, p.MaxConnections = profile.ExchangeServer, 1
		p.Incoming = profile.Endpoint{URL: "https://mail.example.test/EWS/Exchange.asmx"}
		p.Outgoing = p.Incoming
		o.PutProfile(ann.Organization, p)
		o.cfg.Policy.Deployment = profile.SelfHosted
		o.cfg.Drivers[p.Kind.Protocol(mailbox.Incoming)] = o.server.Driver()
		o.begin()
		o.approve()
		report := o.test(TestOptions{})
		require.True(t, report.Passed, report.String())
	})
}

// Addresses that no Message-ID can have can be tested, as far as servers take them.
func TestTestOfOddAddresses(t *testing.T) {
	for _, address := range []string{fmt.Sprintf("ann@%0240d.test", 1)} {
		synctest.Test(t, func(t *testing.T) {
			o := newOffice(t, providertest.IMAPLike)
			require.NoError(t, o.Edit(t.Context(), ann, func(m *mailbox.Mailbox) { m.Address = address }))
			o.approve()
			report := o.test(TestOptions{})
			require.True(t, report.Passed, "%s", report.String())
		})
	}
	for _, address := range []string{"ann@bücher.example", `"ann@home"@example.test`, "ann@[192.0.2.1]"} {
		synctest.Test(t, func(t *testing.T) {
			o := newOffice(t, providertest.IMAPLike)
			require.NoError(t, o.Edit(t.Context(), ann, func(m *mailbox.Mailbox) { m.Address = address }))
			o.approve()
			report := o.test(TestOptions{})
			require.Contains(t, report.Fault.Remedy, "in ASCII")
			require.Zero(t, report.Again, "nor will it be another time")
		})
	}
}

// What an administrator does during a test and what the test has found both stand.
func TestTestWhileOthersChangeTheMailbox(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, providertest.IMAPLike)
		o.approve()
		o.delay = 30 * time.Second
		go func() {
			time.Sleep(10 * time.Second)
			other := o.syncer
			require.NoError(t, other.Pause(t.Context(), ann, "Eve"))
			require.NoError(t, other.SetVerbose(t.Context(), ann, 3))
		}()
		report := o.test(TestOptions{})
		require.True(t, report.Passed)
		s := o.state()
		require.Equal(t, "Eve", s.Paused.By)
		require.Equal(t, 3, s.Verbose)
		require.True(t, s.Incoming.Enabled && s.Outgoing.Enabled)
	})
}

// With leases a test waits for another node's cycle, and outlives its own lease.
func TestTestWithLeases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, providertest.IMAPLike)
		o.cfg.Lease = 15 * time.Second
		o.begin()
		o.approve()
		_, err := o.store.Acquire(t.Context(), ann, "another", time.Now(), time.Now().Add(20*time.Second))
		require.NoError(t, err)
		o.delay = 40 * time.Second
		go func() {
			time.Sleep(30 * time.Second)
			_, err := o.store.Acquire(t.Context(), ann, "another", time.Now(), time.Now().Add(time.Second))
			require.ErrorIs(t, err, ErrLeased, "the test holds it")
		}()
		report := o.test(TestOptions{})
		require.True(t, report.Passed, report.String())
	})
}

// M1: what a test that leaves the mailbox as it is was refused counts for its cycles,
// and a new password has three tries, not three a side.
func TestM1RefusalsOfTestsCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, providertest.IMAPLike)
		o.cfg.Organizations = nil
		o.begin()
		opened := 0
		o.server.Fault = func(c providertest.Call) providertest.Outcome {
			if c.Op != providertest.OpOpen {
				return providertest.Outcome{}
			}
			opened++
			return providertest.Outcome{Err: &provider.Error{Op: "sign-in", Kind: provider.ErrAuth, Err: errors.New("no")}}
		}
		require.NoError(t, o.store.Enqueue(t.Context(), entry(ann, 1, "carl@example.org")))
		o.test(TestOptions{TestOnly: true})
		require.Equal(t, mailbox.NotRun, o.state().Incoming.Phase)
		try := func() {
			for range 14 {
				o.syncer.SyncMailbox(t.Context(), ann)
				time.Sleep(time.Minute)
			}
		}
		try()
		require.Equal(t, 3, opened)
		report, _ := o.syncer.SyncMailbox(t.Context(), ann)
		for side, why := range report.Closed { // M5
			require.NotEmpty(t, why.Code, side)
			require.NotEmpty(t, why.Cause, side)
			require.NotEmpty(t, why.Remedy, side)
		}
		time.Sleep(time.Hour)
		require.NoError(t, o.Edit(t.Context(), ann, func(*mailbox.Mailbox) {}))
		try()
		require.Equal(t, 6, opened)
	})
}
