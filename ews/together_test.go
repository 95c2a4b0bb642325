package ews_test

import (
	"crypto/tls"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	serversync "github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/ews"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// P1: two Syncers that know nothing of each other share mailboxes and a Store, at a server
// where things go wrong: nothing is there twice, and nothing is sent twice.
func TestTwoSyncersOverExchange(t *testing.T) {
	s := newStorm(t, 7)
	d := &ews.Driver{TLSConfig: &tls.Config{RootCAs: s.server.CertPool()}, SpoolDir: t.TempDir(), Limits: provider.Limits{Command: 2 * time.Second}}
	other, err := serversync.New(serversync.Config{
		Store: s.store, Mailboxes: serversync.Static(s.profile, s.boxes...), Policy: loopback(), Clock: s.clock,
		Drivers: map[profile.Protocol]provider.Driver{profile.EWS: d}, BatchItems: 7,
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, other.Close()) })
	faults := everything(0.01)
	for i := range faults {
		if faults[i].Op == "SyncFolderItems" {
			faults[i].Times = 1
		}
	}
	s.server.SetFault(faults...)
	for range 25 {
		for range 3 {
			s.arrive()
			s.meddle()
		}
		s.write()
		var both sync.WaitGroup
		both.Go(func() {
			for _, b := range s.boxes {
				report, _ := other.SyncMailbox(t.Context(), b.Key)
				s.mu.Lock()
				s.resets[b.Key] += len(report.Resets)
				s.mu.Unlock()
			}
		})
		s.cycle()
		both.Wait()
		s.clock.pass(11 * time.Minute)
	}
	s.calm()
	s.check()
}
