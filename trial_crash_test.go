package serversync_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	. "github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider/providertest"
)

// I1, I2: whatever call of a test a process dies at, and whichever call fails, the
// mailbox can be tested and synchronized afterwards, and no message of a test is
// taken for the host's mail.
func TestTestCrashPoints(t *testing.T) {
	play := func(t *testing.T, temperament providertest.Temperament, injects ...injection) (calls []Call) {
		synctest.Test(t, func(t *testing.T) {
			o := newOffice(t, temperament)
			o.PutSettings(ann.Organization, mailbox.Settings{ProcessUnapprovedUsers: true})
			o.dies, o.injects = true, injects
			for n := range 2 { // the first one's message may arrive after the second began
				o.delay = time.Duration(2-n) * time.Minute
				o.server.Add(ann, "INBOX", letter(n))
				o.syncer.TestMailbox(t.Context(), ann, TestOptions{RoundTrip: 10 * time.Second})
				if o.crashed {
					o.begin()
				}
			}
			calls = o.calls
			o.dies, o.delay = false, 0
			for n := range 4 {
				_, err := o.syncer.SyncMailbox(t.Context(), ann)
				require.NoError(t, err)
				if n == 1 {
					require.True(t, o.test(TestOptions{}).Passed)
				}
				time.Sleep(gap)
			}
			require.Len(t, o.store.Messages("acme"), 2, "%v", injects)
			require.Empty(t, o.state().Open)
			require.LessOrEqual(t, len(o.server.Sent()), 5, "two tests, one more, and two that a cycle may repeat")
		})
		return calls
	}
	for _, temperament := range temperaments {
		t.Run(string(temperament), func(t *testing.T) {
			t.Parallel()
			seen := make(map[string]int)
			for i, call := range play(t, temperament) {
				if seen[call.Name]++; seen[call.Name] > 4 {
					continue // the polls of one wait are alike
				}
				for m, mode := range modes {
					if testing.Short() && (i+m)%3 != 0 {
						continue
					}
					play(t, temperament, injection{call: call, life: 1, mode: mode})
					if t.Failed() {
						t.Fatalf("%s %s#%d", mode, call.Name, call.Number)
					}
				}
			}
		})
	}
}

// A Filter is not asked about the message of a test, which is no mail of the host's.
func TestTestMessageIsNotForTheFilter(t *testing.T) {
	for _, temperament := range temperaments {
		t.Run(string(temperament), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := newOffice(t, temperament)
				var asked []string
				o.cfg.Filter = func(_ context.Context, page []Candidate) ([]Decision, error) {
					for _, c := range page {
						asked = append(asked, c.Message.Subject)
					}
					return make([]Decision, len(page)), nil
				}
				o.begin()
				o.approve()
				o.delay = 2 * time.Minute
				o.test(TestOptions{}) // too late to be read back
				o.server.Add(ann, "INBOX", letter(1))
				time.Sleep(time.Hour)
				o.delay = -1
				_, err := o.syncer.SyncMailbox(t.Context(), ann)
				require.NoError(t, err)
				o.delay = 0
				time.Sleep(time.Hour)
				_, err = o.syncer.SyncMailbox(t.Context(), ann)
				require.NoError(t, err)
				require.Equal(t, []string{"letter 1"}, asked)
				require.Len(t, o.store.Messages("acme"), 1)
			})
		})
	}
}
