package s2s_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/provider/providertest"
	"github.com/go-serversync/serversync/s2s/s2stest"
	"github.com/go-serversync/serversync/secret"
)

// A light driver asks for a token as Exchange's does, and opens mailboxes in memory.
type light struct {
	*providertest.Server
	issuer *s2stest.Issuer
}

func (d light) Open(ctx context.Context, a provider.Account) (provider.Provider, error) {
	token, err := a.Tokens.Token(ctx, a, secret.Text{})
	if err == nil {
		_, err = d.issuer.Verify(token.Value.Reveal())
	}
	if err != nil {
		return nil, err
	}
	return d.Server.Open(ctx, a)
}

// A gate is open once so many have asked.
type gate struct {
	*noting
	asked atomic.Int64
	n     int64
	open  chan struct{}
}

func (g *gate) Token(ctx context.Context, a provider.Account, refused secret.Text) (provider.Token, error) {
	if g.asked.Add(1) == g.n {
		close(g.open)
	}
	return g.noting.Token(ctx, a, refused)
}

// 10,000 mailboxes of a profile whose first cycles begin at once make one request for a token, however long that
// takes; and where it is refused, as few.
func TestTOK7Syncer(t *testing.T) {
	n := 10_000
	if testing.Short() {
		n = 1_000
	}
	for name, refused := range map[string]bool{"given": false, "refused": true} {
		t.Run(name, func(t *testing.T) { crowdOf(t, n, refused, false) })
	}
	t.Run("Exchange", func(t *testing.T) { crowdOf(t, min(n, 2_000)/10, false, true) })
}

func crowdOf(t *testing.T, n int, refused, exchange bool) {
	s := newSite(t)
	boxes := make([]mailbox.Mailbox, n)
	for i := range boxes {
		name := fmt.Sprint("m", i)
		boxes[i] = mailbox.Mailbox{Key: mailbox.Key{Organization: "acme", Mailbox: name}, Address: name + "@contoso.example"}
		if s.options.Mailboxes = append(s.options.Mailboxes, boxes[i].Address); exchange {
			s.exchange.Users[boxes[i].Address] = nil
		}
	}
	if !exchange {
		s.options.Mailboxes = nil
	}
	s.start()
	s.source.Timeout = 5 * time.Minute // the issuer answers when all are there
	cfg := s.config()
	cfg.Mailboxes = serversync.Static(s.profile, boxes...)
	// All of them wait for the token before the issuer answers.
	g := &gate{noting: &noting{s.source, &s.proofs}, n: int64(n), open: make(chan struct{})}
	cfg.Tokens[profile.ServerToServer] = g
	cfg.Dials, cfg.Logger = 4*n, nil
	if !exchange {
		cfg.Drivers[profile.EWS] = light{providertest.NewServer(providertest.EWSLike), s.issuer}
	}
	fault := s2stest.Fault{Until: g.open}
	if refused {
		fault.Code, fault.Text = 7000112, "Application is disabled."
	}
	s.issuer.SetFault(fault)
	syncer, err := serversync.New(cfg)
	require.NoError(t, err)
	defer syncer.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	var all sync.WaitGroup
	var well atomic.Int64
	for _, box := range boxes {
		all.Go(func() {
			r, err := syncer.SyncMailbox(ctx, box.Key)
			if err == nil {
				well.Add(1)
			} else if !refused || r.Incoming.Fault.Code != "AADSTS7000112" {
				t.Error(box.Key, err, r.Incoming.Fault)
			}
		})
	}
	all.Wait()
	require.GreaterOrEqual(t, g.asked.Load(), int64(n), "they asked at once")
	require.Equal(t, 1, s.issuer.RequestsOf(s2stest.Contoso, client))
	require.Equal(t, 1, s.issuer.Counts().Visits[s2stest.Discovery])
	if refused {
		require.Zero(t, well.Load())
		return
	}
	require.Equal(t, int64(n), well.Load())
	require.Equal(t, 1, s.issuer.Counts().Tokens)
}
