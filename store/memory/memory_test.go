package memory_test

import (
	"crypto/sha256"
	"testing"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/store/memory"
	"github.com/go-serversync/serversync/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(*testing.T) storetest.Harness {
		store := memory.New()
		return storetest.Harness{
			Store:    store,
			Messages: func(_ *testing.T, organization string) []storetest.StoredMessage { return stored(store, organization) },
			Alerts: func(t *testing.T, key mailbox.Key) []mailbox.Alert {
				all, err := store.Alerts(t.Context(), key.Wall(), false, 1<<20)
				if err != nil {
					t.Error(err)
				}
				return all
			},
		}
	})
}

// stored returns the messages as the suite wants to see them.
func stored(store *memory.Store, organization string) []storetest.StoredMessage {
	var all []storetest.StoredMessage
	for _, m := range store.Messages(organization) {
		raw, _ := m.Raw.Bytes()
		s := storetest.StoredMessage{Content: m.Content, Size: int64(len(raw)), Sum: sha256.Sum256(raw)}
		for _, p := range m.Places {
			s.Places = append(s.Places, storetest.StoredPlace{Mailbox: p.Mailbox, Place: p.Place, Gone: p.Gone, Flags: p.Flags})
		}
		all = append(all, s)
	}
	return all
}
