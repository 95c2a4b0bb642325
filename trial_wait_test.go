package serversync_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	. "github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/provider/providertest"
)

// M1: a test that is repeated by itself brings no account closer to being locked than
// a cycle would: three refusals within 15 minutes, over both sides, and it ends.
func TestM1ARepeatedTestLocksNoAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, providertest.IMAPLike)
		o.approve()
		o.openErr = &provider.Error{Op: "sign-in", Kind: provider.ErrAuth, Err: errors.New("no")}
		require.False(t, o.test(TestOptions{}).Again.IsZero())
		require.Len(t, o.state().Refused, 2, "somebody asked how both sides do")
		var repeated []TestReport
		o.cfg.Hooks.Test = func(r TestReport) { repeated = append(repeated, r) }
		o.begin()
		for range 3 {
			time.Sleep(6 * time.Minute)
			_, err := o.syncer.SyncMailbox(t.Context(), ann)
			require.NoError(t, err)
		}
		require.Len(t, repeated, 1)
		var signIns, skipped int
		for _, st := range repeated[0].Stages {
			switch {
			case st.Stage == StageConnect:
				signIns++
			case st.Stage == provider.StageSignIn && st.Status == StageSkipped:
				skipped++
			}
		}
		require.Equal(t, 1, signIns, repeated[0].String())
		require.Equal(t, 1, skipped)
		require.True(t, repeated[0].Again.IsZero())
		s := o.state()
		require.Equal(t, mailbox.Stopped, s.Incoming.Phase)
		require.Equal(t, mailbox.Stopped, s.Outgoing.Phase)
		o.openErr = nil
		require.True(t, o.test(TestOptions{}).Passed)
	})
}

// Whenever the test message arrives, the test ends within a second of it.
func TestATestEndsWhenItsMessageArrives(t *testing.T) {
	for _, delay := range []time.Duration{0, 60 * time.Millisecond, time.Second, 7 * time.Second, 59 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			o := newOffice(t, providertest.IMAPLike)
			o.approve()
			o.delay = delay
			report := o.test(TestOptions{})
			require.True(t, report.Passed, report.String())
			require.Less(t, report.Took-delay, time.Second, "after %v", delay)
		})
	}
}
