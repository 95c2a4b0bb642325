package ewstest

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/ews/internal/soap"
)

const syncInbox = `<m:SyncFolderItems><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape><m:SyncFolderId><t:DistinguishedFolderId Id="inbox"/></m:SyncFolderId><m:MaxChangesReturned>10</m:MaxChangesReturned></m:SyncFolderItems>`

// A mailbox's requests are bounded, and not those of others.
func TestConcurrency(t *testing.T) {
	for name, tt := range map[string]struct {
		o            Options
		body         string
		code, policy string
	}{
		"connections": {Options{Concurrency: 2}, zonesRequest, "ErrorExceededConnectionCount", "EWSMaxConcurrency"},
		"syncs":       {Options{Syncs: 2}, syncInbox, "ErrorServerBusy", "ConcurrentSyncCalls"},
	} {
		t.Run(name, func(t *testing.T) {
			tt.o.Mailboxes, tt.o.Impersonators = []string{alice}, map[string][]string{"user@example.com": {"*"}}
			s := start(t, tt.o)
			inside, out := make(chan bool), make(chan bool)
			wait := func(q *request, w *soap.Writer) error { // it holds no lock while it waits
				s.mu.Unlock()
				defer s.mu.Lock()
				inside <- true
				<-out
				return nil
			}
			s.table["GetServerTimeZones"], s.table["SyncFolderItems"] = wait, wait
			var wg sync.WaitGroup
			for range 2 {
				wg.Go(func() { assert.Equal(t, 200, newClient(t, s).post(soapOf(asked, tt.body)).status) })
				<-inside
			}
			got := newClient(t, s).post(soapOf(asked, tt.body))
			require.Equal(t, tt.code, got.code())
			require.Equal(t, tt.policy, between(got.body, `<t:Value Name="Policy"`, "</"))
			wg.Go(func() {
				assert.Equal(t, 200, newClient(t, s).post(soapOf(asked+as("SmtpAddress", alice), tt.body)).status)
			})
			<-inside
			close(out)
			wg.Wait()
			wg.Go(func() { <-inside })
			require.Equal(t, 200, newClient(t, s).post(soapOf(asked, tt.body)).status)
			wg.Wait()
		})
	}
}

func TestLatency(t *testing.T) {
	c := newClient(t, start(t, Options{Latency: 20 * time.Millisecond}))
	from := time.Now()
	require.Equal(t, 200, c.zones("").status)
	require.GreaterOrEqual(t, time.Since(from), 20*time.Millisecond)
}
