package ews_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	serversync "github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/auth/ntlm"
	"github.com/go-serversync/serversync/ews"
	"github.com/go-serversync/serversync/ews/ewstest"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
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

// HTTP-12: connections that are signed in by NTLM serve who signed them in and nobody else, however
// many sessions of however many people one driver has.
func TestNTLMConnectionsServeTheirOwner(t *testing.T) {
	users := map[string]string{"alice@example.com": "a-" + canary, "bob@example.com": "b-" + canary}
	server := ewstest.NewServer(ewstest.Options{Users: users, Schemes: []string{"NTLM"}})
	t.Cleanup(server.Close)
	d := &ews.Driver{TLSConfig: &tls.Config{RootCAs: server.CertPool()}, SpoolDir: t.TempDir()}
	p := profileOf(server)
	for who := range users {
		server.Add(who, "inbox", fmt.Appendf(nil, "Subject: only for %s\r\n\r\nhush\r\n", who))
	}
	var all sync.WaitGroup
	for range 8 {
		for who, word := range users {
			account := provider.Account{
				Mailbox: mailbox.Mailbox{Key: mailbox.Key{Organization: "org", Mailbox: who}, Address: who, Username: who, Password: secret.New(word)},
				Profile: p, Endpoint: p.Incoming, Policy: loopback(), Mechanisms: []provider.Mechanism{ntlm.Mechanism{}},
			}
			all.Go(func() {
				for range 6 {
					opened, err := d.Open(t.Context(), account)
					if !assert.NoError(t, err) {
						return
					}
					for range 3 {
						page, err := opened.(provider.Source).Changes(t.Context(), provider.Request{Folder: "inbox", Lane: provider.Live, Want: provider.WantBodies})
						if !assert.NoError(t, err) || !assert.Len(t, page.Changes, 1) {
							break
						}
						raw, inMemory := page.Changes[0].Raw.Bytes()
						assert.True(t, inMemory)
						assert.True(t, bytes.Contains(raw, []byte("only for "+who)), "%s got %s", who, raw)
						page.Changes[0].Raw.Release()
					}
					assert.NoError(t, opened.Close())
				}
			})
		}
	}
	all.Wait()
	require.Zero(t, server.Counts().Refused)
	require.Less(t, server.Counts().SignIns, server.Counts().All, "connections are used again")
}
