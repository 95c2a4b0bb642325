package serversync_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	. "github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/provider/providertest"
	"github.com/go-serversync/serversync/secret"
)

// An office is an organization with one mailbox, whose server delivers to it what it
// sends, after a while.
type office struct {
	*world
	*Directory
	delay   time.Duration // of delivery; negative: nothing arrives
	sendErr error
	openErr error
	dies    bool // calls are injected into as in a world
}

var (
	eve  = mailbox.Approver{Name: "Eve", Roles: []mailbox.Role{mailbox.CRMAdministrator}}
	carl = mailbox.Approver{Name: "Carl"}
)

func newOffice(t *testing.T, temperament providertest.Temperament) *office {
	o := &office{world: newWorld(t, temperament), Directory: new(Directory)}
	box, p, err := o.cfg.Mailboxes.Mailbox(t.Context(), ann)
	require.NoError(t, err)
	box.Profile, box.Password = p.ID, secret.New("correct horse")
	o.PutProfile(ann.Organization, p)
	o.PutMailbox(box)
	o.cfg.Mailboxes, o.cfg.Organizations = o.Directory, o.Directory
	o.begin()
	return o
}

func (o *office) begin() {
	o.start()
	o.syncer.Intercept(func(ctx context.Context, c Call, do func(context.Context) error) error {
		if o.dies {
			return o.world.intercept(ctx, c, func(ctx context.Context) error { return o.call(ctx, c, do) })
		}
		time.Sleep(time.Millisecond)
		return o.call(ctx, c, do)
	})
}

// call makes a call of the office's.
func (o *office) call(ctx context.Context, c Call, do func(context.Context) error) error {
	switch {
	case c.Name == "Driver.Open" && o.openErr != nil:
		return o.openErr
	case c.Name == "Sender.Send" && o.sendErr != nil:
		return o.sendErr
	}
	err := do(ctx)
	if sent := o.server.Sent(); c.Name == "Sender.Send" && err == nil && o.delay >= 0 && len(sent) > 0 {
		raw, delay := sent[len(sent)-1].Raw, o.delay
		go func() {
			time.Sleep(delay)
			o.server.Add(ann, "INBOX", raw)
		}()
	}
	return err
}

func (o *office) test(opts TestOptions) TestReport {
	report, err := o.syncer.TestMailbox(o.t.Context(), ann, opts)
	require.NoError(o.t, err)
	return report
}

func (o *office) state() mailbox.State {
	s, err := o.syncer.State(o.t.Context(), ann)
	require.NoError(o.t, err)
	return s
}

func (o *office) approve() { require.NoError(o.t, o.syncer.Approve(o.t.Context(), eve, ann)[0].Err) }

func codes(alerts []mailbox.Alert) (codes []string) {
	for _, a := range alerts {
		codes = append(codes, a.Code)
	}
	return codes
}

// MBX-1: no byte of mail moves unless it is approved, tested and enabled; and then
// it does. All temperaments can be tested.
func TestMBX1NothingMovesBeforeApprovalAndTest(t *testing.T) {
	for _, temperament := range temperaments {
		t.Run(string(temperament), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := newOffice(t, temperament)
				o.server.Add(ann, "INBOX", letter(1))
				closed := func(code string) {
					report, err := o.syncer.SyncMailbox(t.Context(), ann)
					require.NoError(t, err)
					require.Equal(t, code, report.Closed[mailbox.Incoming].Code)
					require.NotEmpty(t, report.Closed[mailbox.Incoming].Remedy)
				}
				closed("not-approved")
				require.Zero(t, o.server.Calls())

				report := o.test(TestOptions{})
				require.False(t, report.Passed)
				require.Equal(t, "not-approved", report.Fault.Code)
				require.Zero(t, o.server.Calls(), "a test, too, waits for approval")

				o.approve()
				closed("not-enabled")
				report = o.test(TestOptions{})
				require.True(t, report.Passed, report.String())
				require.Equal(t, []mailbox.Side{mailbox.Incoming, mailbox.Outgoing}, report.Enabled)
				require.Empty(t, o.state().Open)

				after, err := o.syncer.SyncMailbox(t.Context(), ann)
				require.NoError(t, err)
				require.Empty(t, after.Closed)
				require.Equal(t, 1, after.Tracked, "the mail, and not the test message")
			})
		})
	}
}

// One that passes sets statuses with their times, and says so on the wall; one that
// fails explains in words, and is repeated by itself or disables.
func TestTestEnablesOrExplains(t *testing.T) {
	for name, tt := range map[string]struct {
		spoil func(*office)
		stage provider.Stage
		side  mailbox.Side
		again bool
	}{
		"refused": {func(o *office) {
			o.openErr = &provider.Error{Op: "sign-in", Kind: provider.ErrAuth, Err: errors.New("no")}
		}, StageConnect, mailbox.Incoming, true},
		"unsafe": {func(o *office) {
			o.openErr = &provider.Error{Op: "tls", Kind: provider.ErrUnsafe, Err: errors.New("the certificate expired"), Remedy: "renew it"}
		}, StageConnect, mailbox.Incoming, false},
		"unreachable": {func(o *office) {
			o.openErr = &provider.Error{Op: "dial", Kind: provider.ErrUnavailable, Err: errors.New("nothing listens there")}
		}, StageConnect, mailbox.Incoming, true},
		"not sent": {func(o *office) {
			o.sendErr = &provider.Error{Op: "smtp: MAIL", Kind: provider.ErrUnavailable, Code: "452 4.2.2", Err: errors.New("busy")}
		}, StageSend, mailbox.Outgoing, true},
		"not received": {func(o *office) { o.delay = -1 }, StageReadBack, mailbox.Incoming, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := newOffice(t, providertest.IMAPLike)
				o.approve()
				tt.spoil(o)
				report := o.test(TestOptions{})
				require.False(t, report.Passed)
				require.NotEmpty(t, report.Fault.Code)
				require.NotEmpty(t, report.Fault.Remedy)
				require.Equal(t, mailbox.StatusFailure, report.Statuses[tt.side])
				failed := failedStage(report)
				require.Equal(t, tt.stage, failed.Stage)
				require.Equal(t, tt.side, failed.Side)
				require.Equal(t, tt.again, !report.Again.IsZero())
				require.Contains(t, strings.Join(strings.Fields(report.String()), " "), report.Fault.Remedy)

				s := o.state()
				require.False(t, s.Direction(tt.side).Enabled)
				require.Equal(t, "test-failed", s.Open[0].Code)
				status, at := s.Direction(tt.side).Status()
				require.Equal(t, mailbox.StatusFailure, status)
				require.False(t, at.IsZero())

				o.openErr, o.sendErr, o.delay = nil, nil, 0
				if !tt.again {
					closed, err := o.syncer.SyncMailbox(t.Context(), ann)
					require.NoError(t, err)
					require.Equal(t, s.Direction(tt.side).Fault, closed.Closed[tt.side])
					require.True(t, o.test(TestOptions{}).Passed, "somebody mended it and tests again")
				}
				time.Sleep(20 * time.Minute)
				_, err := o.syncer.SyncMailbox(t.Context(), ann)
				require.NoError(t, err)
				s = o.state()
				require.True(t, s.Incoming.Enabled && s.Outgoing.Enabled, "the cycle repeats a test that is due")
				require.Empty(t, s.Open, "and resolves what the wall said")
			})
		})
	}
}

func failedStage(r TestReport) StageReport {
	for _, st := range r.Stages {
		if st.Status == StageFailed {
			return st
		}
	}
	return StageReport{}
}

// Address and profile are what was approved: another one has to be approved anew.
func TestAnotherAddressOrProfileTakesApprovalBack(t *testing.T) {
	for name, change := range map[string]func(*office, *mailbox.Mailbox){
		"address": func(_ *office, m *mailbox.Mailbox) { m.Address = "anna@example.com" },
		"profile": func(_ *office, m *mailbox.Mailbox) { m.Profile = "other" },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := newOffice(t, providertest.IMAPLike)
				p, _ := o.Profile(t.Context(), ann.Organization, testProfile.ID)
				p.ID = "other"
				o.PutProfile(ann.Organization, p)
				o.approve()
				require.True(t, o.test(TestOptions{}).Passed)
				require.NoError(t, o.Edit(t.Context(), ann, func(m *mailbox.Mailbox) { m.Password = secret.New("another") }))
				report, err := o.syncer.SyncMailbox(t.Context(), ann)
				require.NoError(t, err)
				require.Empty(t, report.Closed, "another password needs no approval")
				require.NoError(t, o.Edit(t.Context(), ann, func(m *mailbox.Mailbox) { change(o, m) }))
				report, err = o.syncer.SyncMailbox(t.Context(), ann)
				require.NoError(t, err)
				require.Equal(t, "not-approved", report.Closed[mailbox.Incoming].Code)
				require.False(t, o.state().Incoming.Enabled)
			})
		})
	}
}

// Approving works on a selection, by who may; each mailbox has its own result.
func TestApproveASelection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, providertest.IMAPLike)
		box, _, _ := o.Mailbox(t.Context(), ann)
		box.Key = mailbox.Key{Organization: ann.Organization, Mailbox: "zoe"}
		o.PutMailbox(box)
		nobody := mailbox.Key{Organization: ann.Organization, Mailbox: "nobody"}

		for _, r := range o.syncer.Approve(t.Context(), carl, ann, box.Key) {
			require.Error(t, r.Err)
			require.NotEmpty(t, r.Issues[0].Remedy)
		}
		require.Equal(t, mailbox.NotAsked, o.state().Approval.Status)

		results := o.syncer.Approve(t.Context(), eve, ann, nobody, box.Key)
		require.Len(t, results, 3)
		require.NoError(t, results[0].Err)
		require.ErrorIs(t, results[1].Err, ErrNotFound)
		require.NoError(t, results[2].Err)
		require.Equal(t, box.Key, results[2].Mailbox)
		require.Equal(t, "Eve", o.state().Approval.By)

		require.NoError(t, o.syncer.Reject(t.Context(), eve, ann)[0].Err)
		report, err := o.syncer.SyncMailbox(t.Context(), ann)
		require.NoError(t, err)
		require.Equal(t, "rejected", report.Closed[mailbox.Incoming].Code)
		require.Equal(t, []string{"rejected"}, codes(o.state().Open))
		o.approve()
		require.Empty(t, o.state().Open)
	})
}

// A pause is a state that every path respects (erpnext #27529 ignored it).
func TestPauseResumeDisable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, providertest.IMAPLike)
		o.approve()
		require.True(t, o.test(TestOptions{}).Passed)
		require.NoError(t, o.store.Enqueue(t.Context(), entry(ann, 1, "carl@example.org")))
		sent := len(o.server.Sent())
		require.NoError(t, o.syncer.Pause(t.Context(), ann, "Eve"))
		calls := o.server.Calls()
		report, err := o.syncer.SyncMailbox(t.Context(), ann)
		require.NoError(t, err)
		require.Equal(t, "paused", report.Closed[mailbox.Incoming].Code)
		require.Equal(t, "paused", report.Closed[mailbox.Outgoing].Code)
		require.Equal(t, calls, o.server.Calls())
		require.Len(t, o.server.Sent(), sent)

		require.NoError(t, o.syncer.Resume(t.Context(), ann, "Eve"))
		report, err = o.syncer.SyncMailbox(t.Context(), ann)
		require.NoError(t, err)
		require.Empty(t, report.Closed)
		require.Equal(t, 1, report.Sent)

		require.NoError(t, o.syncer.Disable(t.Context(), ann, mailbox.Outgoing, "Eve"))
		require.NoError(t, o.Edit(t.Context(), ann, func(m *mailbox.Mailbox) { m.Name = "Ann" }))
		report, err = o.syncer.SyncMailbox(t.Context(), ann)
		require.NoError(t, err)
		require.Equal(t, "disabled", report.Closed[mailbox.Outgoing].Code, "no edit undoes it")
		require.NotContains(t, report.Closed, mailbox.Incoming)
		require.True(t, o.test(TestOptions{}).Passed)
		require.True(t, o.state().Outgoing.Enabled)
	})
}

// Mailboxes get a profile, or the organization's defaults, and are tested; one that
// would not be valid with it stays as it is.
func TestAssign(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, providertest.IMAPLike)
		p, err := o.Profile(t.Context(), ann.Organization, testProfile.ID)
		require.NoError(t, err)
		p.ID = "new"
		o.PutProfile(ann.Organization, p)
		o.PutSettings(ann.Organization, mailbox.Settings{ProcessUnapprovedUsers: true, DefaultProfile: "new",
			DefaultMethods: mailbox.Methods{Incoming: mailbox.ServerSide, Outgoing: mailbox.None}})

		results := o.syncer.Assign(t.Context(), Assignment{Profile: "new"}, ann)
		require.NoError(t, results[0].Err)
		require.True(t, results[0].Test.Passed, results[0].Test.String())
		box, got, _ := o.Mailbox(t.Context(), ann)
		require.Equal(t, profile.ID("new"), got.ID)
		require.Equal(t, mailbox.Method(""), box.Methods.Outgoing)

		results = o.syncer.Assign(t.Context(), Assignment{Defaults: true, NoTest: true}, ann)
		require.NoError(t, results[0].Err)
		require.Zero(t, results[0].Test)
		box, _, _ = o.Mailbox(t.Context(), ann)
		require.Equal(t, mailbox.None, box.Methods.Outgoing)

		p.ID, p.Outgoing = "reads", profile.Endpoint{}
		o.PutProfile(ann.Organization, p)
		results = o.syncer.Assign(t.Context(), Assignment{Profile: "reads", NoTest: true}, ann)
		require.NoError(t, results[0].Err, "it does not send, and needs no server for it")
		require.NoError(t, o.syncer.Assign(t.Context(), Assignment{Profile: "new", NoTest: true}, ann)[0].Err)

		results = o.syncer.Assign(t.Context(), Assignment{Profile: "none such"}, ann)
		require.ErrorIs(t, results[0].Err, ErrNotFound)

		require.NoError(t, o.Edit(t.Context(), ann, func(m *mailbox.Mailbox) { m.Methods.ACT = mailbox.ServerSide }))
		results = o.syncer.Assign(t.Context(), Assignment{Profile: testProfile.ID}, ann)
		require.Error(t, results[0].Err, "V3: no appointments on IMAP")
		require.NotEmpty(t, results[0].Issues)
		box, _, _ = o.Mailbox(t.Context(), ann)
		require.Equal(t, profile.ID("new"), box.Profile)
	})
}

// SEC-7: where organizations enter hosts a failure is told by its class and after a
// fixed time, the operator's report goes to the operator, and tests are rationed.
func TestSEC7APublicReportTellsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, providertest.IMAPLike)
		var full []TestReport
		o.cfg.Policy.OrganizationsEnterHosts = true
		o.cfg.Hooks.Test = func(r TestReport) { full = append(full, r) }
		o.begin()
		o.approve()
		var first string
		for i, err := range []error{
			&provider.Error{Op: "imap: dial", Kind: provider.ErrUnavailable, Code: "ConnectFailure", Err: errors.New("nothing listens there")},
			&provider.Error{Op: "imap: dial", Kind: provider.ErrUnavailable, Code: "TimedOut", Err: errors.New("the server did not answer in time")},
			&provider.Error{Op: "imap: greeting", Kind: provider.ErrProtocol, Err: errors.New("HTTP/1.1 400")},
		} {
			o.openErr = err
			began := time.Now()
			report := o.test(TestOptions{})
			require.Equal(t, 30*time.Second, time.Since(began).Truncate(time.Second), "15 for each way")
			require.Equal(t, "cannot-connect", report.Fault.Code)
			require.Empty(t, report.Stages)
			require.NotEmpty(t, full[i].Stages)
			report.Began = time.Time{}
			doc, err := json.Marshal(report)
			require.NoError(t, err)
			if first == "" {
				first = string(doc)
			}
			require.Equal(t, first, string(doc))
		}
		for range 7 {
			o.test(TestOptions{TestOnly: true})
		}
		_, err := o.syncer.TestMailbox(t.Context(), ann, TestOptions{})
		require.ErrorIs(t, err, ErrTooManyTests)
		began := time.Now()
		o.test(TestOptions{Operator: true, TestOnly: true})
		require.Less(t, time.Since(began), time.Second, "the operator is told at once")
		time.Sleep(time.Hour)
		o.openErr = nil
		require.True(t, o.test(TestOptions{}).Passed)
	})
}

// A report prints for a terminal and survives JSON; it holds no password.
func TestReportPrintsAndMarshals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, providertest.IMAPLike)
		o.approve()
		report := o.test(TestOptions{})
		doc, err := json.Marshal(report)
		require.NoError(t, err)
		var back TestReport
		require.NoError(t, json.Unmarshal(doc, &back))
		again, err := json.Marshal(back)
		require.NoError(t, err)
		require.Equal(t, string(doc), string(again))
		for _, want := range []string{"passed in", "settings", "inbox", "send", "read-back", "arrived and was deleted"} {
			require.Contains(t, report.String(), want)
		}
		require.NotContains(t, report.String()+string(doc), "correct horse")
	})
}

// All mailboxes of a profile are tested in the background, with progress.
func TestTestProfile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, providertest.IMAPLike)
		o.PutSettings(ann.Organization, mailbox.Settings{ProcessUnapprovedUsers: true})
		box, p, _ := o.Mailbox(t.Context(), ann)
		for _, name := range []string{"b", "c", "d"} {
			box.Key.Mailbox = name
			o.PutMailbox(box)
		}
		box.Key.Mailbox, box.Profile = "e", "another"
		o.PutMailbox(box)
		var seen []int
		sum, err := o.syncer.TestProfile(t.Context(), ann.Organization, p.ID, TestOptions{NoMessage: true}, func(p TestProgress) {
			require.Equal(t, 4, p.Total)
			seen = append(seen, p.Done)
		})
		require.NoError(t, err)
		require.Equal(t, []int{1, 2, 3, 4}, seen)
		require.Equal(t, 4, sum.Passed)

		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		sum, err = o.syncer.TestProfile(ctx, ann.Organization, p.ID, TestOptions{}, nil)
		require.ErrorIs(t, err, context.Canceled)
		require.Zero(t, sum.Passed)
	})
}

// Steps are logged for so many cycles, without content.
func TestVerboseForSomeCycles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, providertest.IMAPLike)
		var log strings.Builder
		o.cfg.Logger = textLogger(&log)
		o.PutSettings(ann.Organization, mailbox.Settings{ProcessUnapprovedUsers: true, MaxVerboseCycles: 2})
		o.begin()
		require.True(t, o.test(TestOptions{NoMessage: true}).Passed)
		require.NoError(t, o.syncer.SetVerbose(t.Context(), ann, 50))
		o.server.Add(ann, "INBOX", letter(7))
		for n, want := range []bool{true, true, false} {
			log.Reset()
			_, err := o.syncer.SyncMailbox(t.Context(), ann)
			require.NoError(t, err)
			require.Equal(t, want, strings.Contains(log.String(), "call=Source.Changes"), "cycle %d", n)
			require.NotContains(t, log.String(), "Subject")
		}
	})
}

func textLogger(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, nil))
}

// Where the mailbox's mail goes elsewhere, three test messages go there and no more.
func TestTestMessagesThatNeverArriveAreFew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, providertest.IMAPLike)
		o.approve()
		o.delay = -1
		require.False(t, o.test(TestOptions{}).Passed)
		for range 20 {
			time.Sleep(20 * time.Minute)
			_, err := o.syncer.SyncMailbox(t.Context(), ann)
			require.NoError(t, err)
		}
		require.Len(t, o.server.Sent(), 3)
		require.Equal(t, mailbox.Stopped, o.state().Incoming.Phase)
		require.True(t, o.state().Outgoing.Enabled, "what it sends is taken")
	})
}

// A dry run may be made before a mailbox is enabled, but not before it is approved.
func TestDryRunWaitsForApproval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, providertest.IMAPLike)
		o.server.Add(ann, "INBOX", letter(1))
		report, err := o.syncer.DryRun(t.Context(), ann, DryRun{})
		require.NoError(t, err)
		require.Equal(t, "not-approved", report.Closed[mailbox.Incoming].Code)
		require.Zero(t, o.server.Calls())
		o.approve()
		report, err = o.syncer.DryRun(t.Context(), ann, DryRun{})
		require.NoError(t, err)
		require.Empty(t, report.Closed)
		require.Equal(t, 1, report.Tracked)
	})
}

// A test says whether nobody approved the address or somebody rejected it, and that is
// over when somebody approves.
func TestTestOfARejectedAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, providertest.IMAPLike)
		require.NoError(t, o.syncer.Reject(t.Context(), eve, ann)[0].Err)
		report := o.test(TestOptions{})
		require.Equal(t, "rejected", report.Fault.Code)
		require.Contains(t, report.Fault.Cause, "Eve")
		require.Zero(t, o.server.Calls())
		o.approve()
		cycle, err := o.syncer.SyncMailbox(t.Context(), ann)
		require.NoError(t, err)
		require.Equal(t, "not-enabled", cycle.Closed[mailbox.Incoming].Code)
	})
}
