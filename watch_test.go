package serversync_test

import (
	"context"
	"slices"
	"sync"
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
	"github.com/go-serversync/serversync/store/memory"
)

// An ear notes for whom it listened at once.
type ear struct {
	provider.Driver
	mu   sync.Mutex
	most int
}

func (e *ear) Notify(ctx context.Context, accounts []provider.Account, _ func(mailbox.Key)) error {
	e.mu.Lock()
	e.most = max(e.most, len(accounts))
	e.mu.Unlock()
	<-ctx.Done()
	return ctx.Err()
}

// A wideEar listens for six mailboxes over one connection, and leaves out what is beyond that.
type wideEar struct{ ear }

func (*wideEar) Gather(accounts []provider.Account) [][]provider.Account {
	return slices.Collect(slices.Chunk(accounts, 6))
}

// Of an account that mailboxes share half of the connections listen; where one of them
// serves many mailboxes, all of these are listened for.
func TestListenersAreCountedByConnection(t *testing.T) {
	for _, test := range []struct {
		name string
		make func(provider.Driver) (provider.Driver, *ear)
		want int
	}{
		{"one each", func(d provider.Driver) (provider.Driver, *ear) { e := &ear{Driver: d}; return e, e }, 2},
		{"many on one", func(d provider.Driver) (provider.Driver, *ear) { e := &wideEar{ear{Driver: d}}; return e, &e.ear }, 12},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := providertest.NewServer(providertest.EWSLike)
				d, e := test.make(server.Driver())
				cfg := newConfig(server, memory.New())
				p := testProfile
				p.MaxConnections = 4
				p.Incoming.Credentials, p.Incoming.Username, p.Incoming.Password = profile.FromProfile, "svc", secret.New("x")
				cfg.Mailboxes = Static(p, boxes("acme", 20)...)
				cfg.Drivers = map[profile.Protocol]provider.Driver{profile.IMAP: d, profile.SMTP: server.Driver()}
				cfg.Notified = 20
				require.NoError(t, running(t, newSyncer(t, cfg), time.Hour))
				require.Equal(t, test.want, e.most)
			})
		})
	}
}
