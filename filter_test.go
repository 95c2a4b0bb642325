package serversync_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	. "github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/provider/providertest"
	"github.com/go-serversync/serversync/store/memory"
)

// The Filter is asked about each new message of each mail system, once, with its
// header, whether the page brings headers or ids alone.
func TestFilterIsAskedAboutEachMessage(t *testing.T) {
	for _, temperament := range temperaments {
		t.Run(string(temperament), func(t *testing.T) {
			server := providertest.NewServer(temperament)
			for n := range 10 {
				server.Add(ann, "INBOX", letter(n))
			}
			asked := make(map[int]int)
			cfg := newConfig(server, memory.New())
			cfg.Filter = func(_ context.Context, page []Candidate) (decisions []Decision, err error) {
				for _, c := range page {
					require.NotNil(t, c.Message)
					n := numbered(c.Message)
					asked[n]++
					decisions = append(decisions, Decision{Verdict: []RecordKind{Tracked, Ignored}[n%2]})
				}
				return decisions, nil
			}
			report := syncOnce(t, newSyncer(t, cfg), ann)
			require.Equal(t, 5, report.Tracked)
			require.Equal(t, 5, report.Ignored)
			for n := range 10 {
				require.Equal(t, 1, asked[n], "letter %d", n)
			}
		})
	}
}

// An error of the Filter decides nothing, and the page comes again.
func TestFilterErrorDecidesNothing(t *testing.T) {
	server := providertest.NewServer(providertest.IMAPLike)
	server.Add(ann, "INBOX", letter(1))
	st := memory.New()
	cfg := newConfig(server, st)
	fails := true
	cfg.Filter = func(_ context.Context, page []Candidate) ([]Decision, error) {
		if fails {
			return nil, errors.New("the directory is down")
		}
		return make([]Decision, len(page)), nil
	}
	s := newSyncer(t, cfg)
	_, err := s.SyncMailbox(context.Background(), ann)
	require.ErrorContains(t, err, "the directory is down")
	require.Empty(t, st.Messages("acme"))
	fails = false
	require.Equal(t, 1, syncOnce(t, s, ann).Tracked)
}
