package serversync_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	. "github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/provider/providertest"
	"github.com/go-serversync/serversync/store/memory"
)

// stubborn is a driver whose server does not know the password.
type stubborn struct{ tries int }

func (r *stubborn) Open(context.Context, provider.Account) (provider.Provider, error) {
	r.tries++
	return nil, &provider.Error{Op: "imap: sign in", Kind: provider.ErrAuth}
}

// M1: filing a copy of what was sent does not sign in where bringing mail in has
// to wait, and does not hold up sending.
func TestM1SendingDoesNotSignInElsewhere(t *testing.T) {
	server := providertest.NewServer(providertest.IMAPLike)
	incoming := new(stubborn)
	st := memory.New()
	cfg := newConfig(server, st)
	cfg.Drivers[profile.IMAP] = incoming
	s := newSyncer(t, cfg)
	require.NoError(t, st.Enqueue(context.Background(), entry(ann, 1, "carl@example.org")))
	for range 3 {
		report, _ := s.SyncMailbox(context.Background(), ann)
		require.Equal(t, mailbox.Retrying, report.Incoming.Phase)
		require.Equal(t, mailbox.Healthy, report.Outgoing.Phase)
	}
	require.Equal(t, 1, incoming.tries)
	require.Len(t, server.Sent(), 1)
	e, err := st.Entry(context.Background(), ann, "e001")
	require.NoError(t, err)
	require.Equal(t, PhaseAccepted, e.Phase)
	require.Contains(t, e.Reason, "has to wait")
}
