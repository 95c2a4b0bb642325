package storetest_test

import (
	"crypto/sha256"
	"testing"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/store/memory"
	"github.com/go-serversync/serversync/storetest"
)

// A host's test opens its Store on empty data and says how to look behind it; here
// the host is store/memory. In the host's own package this is TestStore.
func ExampleRun() {
	_ = func(t *testing.T) {
		storetest.Run(t, func(t *testing.T) storetest.Harness {
			store := memory.New()
			return storetest.Harness{
				Store: store,
				Messages: func(t *testing.T, organization string) []storetest.StoredMessage {
					return messages(store, organization)
				},
				Alerts: func(t *testing.T, key mailbox.Key) []mailbox.Alert {
					alerts, err := store.Alerts(t.Context(), key.Wall(), false, 1000)
					if err != nil {
						t.Fatal(err)
					}
					return alerts
				},
			}
		})
	}
}

// messages reads back what the Store holds, by whatever means the host has.
func messages(store *memory.Store, organization string) []storetest.StoredMessage {
	var all []storetest.StoredMessage
	for _, m := range store.Messages(organization) {
		raw, _ := m.Raw.Bytes()
		stored := storetest.StoredMessage{Content: m.Content, Size: int64(len(raw)), Sum: sha256.Sum256(raw)}
		for _, p := range m.Places {
			stored.Places = append(stored.Places, storetest.StoredPlace{Mailbox: p.Mailbox, Place: p.Place, Gone: p.Gone, Flags: p.Flags})
		}
		all = append(all, stored)
	}
	return all
}
