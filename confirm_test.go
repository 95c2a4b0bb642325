package serversync_test

import (
	"context"
	"errors"
	"slices"
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

// I2: a deletion is settled when the server has confirmed it and not before: whatever
// happens to the confirmation, it is done in the end and nothing else is lost.
func TestI2ADeletionIsSettledWhenConfirmed(t *testing.T) {
	refused := &provider.Error{Op: "confirm", Kind: provider.ErrBadItem, Err: errors.New("some were not removed")}
	lost := &provider.Error{Op: "confirm", Kind: provider.ErrUnavailable, Err: errors.New("no answer")}
	for name, outcome := range map[string]providertest.Outcome{
		"done":                    {},
		"refused":                 {Err: refused},
		"refused, but done":       {Err: refused, Effect: true},
		"lost before its effect":  {Err: lost, Cut: true},
		"lost behind its effect":  {Err: lost, Cut: true, Effect: true},
		"connection lost with it": {Cut: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newDryWorld(providertest.POP3Like)
				w.box.Kind, w.box.DeleteProcessed = mailbox.Queue, true
				w.put("INBOX", 1, 0)
				w.put("INBOX", 2, 0)
				confirms := 0
				w.server.Fault = func(c providertest.Call) providertest.Outcome {
					if c.Op == providertest.OpConfirm {
						if confirms++; confirms == 1 {
							return outcome
						}
					}
					return providertest.Outcome{}
				}
				s := w.syncer(t)
				defer s.Close()
				require.Equal(t, 2, syncOnce(t, s, ann).Tracked)
				time.Sleep(25 * time.Hour)
				kept := w.put("INBOX", 3, 0)
				_, err := s.SyncMailbox(t.Context(), ann)
				require.Equal(t, outcome.Cut, err != nil, "%v", err)
				if outcome.Err != nil || outcome.Cut {
					require.Len(t, load(t, w).Owed, 3, "nothing is settled that was not confirmed")
				}
				time.Sleep(time.Hour)
				syncOnce(t, s, ann)
				items := w.server.Items(ann, "INBOX")
				require.Len(t, items, 1)
				require.Equal(t, kept, items[0].ID)
				require.Len(t, load(t, w).Owed, 1, "of the one that is there")
			})
		})
	}
}

// A deletion that no server ever confirms is given up with an alert, and holds up no
// mail meanwhile.
func TestI2ADeletionThatIsNeverConfirmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newDryWorld(providertest.POP3Like)
		w.box.Kind, w.box.DeleteProcessed = mailbox.Queue, true
		w.cfg.ItemTries = 3
		w.put("INBOX", 1, 0)
		w.server.Fault = func(c providertest.Call) (o providertest.Outcome) {
			if c.Op == providertest.OpConfirm {
				o.Err = &provider.Error{Op: "confirm", Kind: provider.ErrBadItem, Err: errors.New("it was not removed")}
			}
			return o
		}
		s := w.syncer(t)
		defer s.Close()
		syncOnce(t, s, ann)
		time.Sleep(25 * time.Hour)
		for n := range 5 {
			w.put("INBOX", 10+n, 0)
			require.Equal(t, 1, syncOnce(t, s, ann).Tracked)
			time.Sleep(time.Hour)
		}
		require.Len(t, w.server.Items(ann, "INBOX"), 6)
		require.Len(t, load(t, w).Owed, 5, "the first is given up, the others wait for their day")
		walls, _ := StoreAs[Walls](w.cfg.Store)
		alerts, err := walls.Alerts(t.Context(), ann.Wall(), false, 10)
		require.NoError(t, err)
		require.True(t, slices.ContainsFunc(alerts, func(a mailbox.Alert) bool { return a.Code == "act-failed" }))
	})
}

// DeleteAfter of the mailbox and of a Filter's decision: the later one holds, and a
// day at least.
func TestI2DeleteAfter(t *testing.T) {
	const day = 24 * time.Hour
	for _, tt := range []struct{ box, filter, want time.Duration }{
		{0, 0, day}, {7 * day, 0, 7 * day}, {7 * day, 2 * day, 7 * day}, {2 * day, 7 * day, 7 * day},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newDryWorld(providertest.POP3Like)
			w.box.Kind, w.box.DeleteProcessed, w.box.DeleteAfter = mailbox.Queue, true, tt.box
			w.cfg.Filter = func(context.Context, []Candidate) ([]Decision, error) {
				return []Decision{{DeleteAfter: tt.filter}}, nil
			}
			w.put("INBOX", 1, 0)
			s := w.syncer(t)
			defer s.Close()
			syncOnce(t, s, ann)
			time.Sleep(tt.want - time.Hour)
			syncOnce(t, s, ann)
			require.Len(t, w.server.Items(ann, "INBOX"), 1)
			time.Sleep(2 * time.Hour)
			syncOnce(t, s, ann)
			require.Empty(t, w.server.Items(ann, "INBOX"))
		})
	}
}

// A session that shows a snapshot is used for one cycle: what comes later is found,
// and nobody is kept out meanwhile.
func TestSnapshotSessionsAreNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newDryWorld(providertest.POP3Like)
		s := w.syncer(t)
		defer s.Close()
		for n := range 3 {
			w.put("INBOX", n, 0)
			require.Equal(t, 1, syncOnce(t, s, ann).Tracked)
			open, _ := w.server.Sessions()
			require.Zero(t, open)
		}
		require.Empty(t, w.server.Misuse())
	})
}

// An adviser is a driver whose sessions have advice.
type adviser struct {
	provider.Driver
	err error
}

func (a adviser) Open(ctx context.Context, account provider.Account) (provider.Provider, error) {
	p, err := a.Driver.Open(ctx, account)
	return advised{p, a.err}, err
}

type advised struct {
	provider.Provider
	err error
}

func (a advised) Unwrap() provider.Provider { return a.Provider }

func (a advised) Advise(context.Context) (profile.Issues, error) {
	if a.err != nil {
		return nil, a.err
	}
	return profile.Issues{{Code: "uidl-missing", Level: profile.Warning, Field: "server", Message: "it names no message", Remedy: "none"}}, nil
}

// A test reads back through sessions that are snapshots, and tells what the driver
// advises; that there is no advice to be had is no failure.
func TestTrialOfASnapshotSystem(t *testing.T) {
	for _, err := range []error{nil, &provider.Error{Op: "advise", Kind: provider.ErrUnavailable}} {
		synctest.Test(t, func(t *testing.T) {
			o := newOffice(t, providertest.POP3Like)
			o.cfg.Drivers[profile.IMAP] = adviser{o.cfg.Drivers[profile.IMAP], err}
			o.begin()
			o.delay = 3 * time.Second
			o.server.Add(ann, "INBOX", []byte("Subject: old\r\n\r\n"))
			o.approve()
			report := o.test(TestOptions{})
			require.True(t, report.Passed, "%s", report.String())
			last := report.Stages[len(report.Stages)-1]
			require.Equal(t, "arrived and was deleted", last.Evidence.Text)
			require.Len(t, o.server.Items(ann, "INBOX"), 1)
			at := slices.IndexFunc(report.Warnings, func(i profile.Issue) bool { return i.Code == "uidl-missing" })
			require.Equal(t, err == nil, at >= 0)
			if at >= 0 {
				require.Equal(t, mailbox.Incoming, report.Warnings[at].Side)
			}
			require.Empty(t, o.server.Misuse())
			open, _ := o.server.Sessions()
			require.Zero(t, open)
			o.syncer.Close()
		})
	}
}
