package providertest_test

import (
	"context"
	"testing"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/provider/providertest"
)

// A driver's test as somebody else writes it. What the harness leaves out is
// skipped.
func TestTenLines(t *testing.T) {
	providertest.Run(t, func(*testing.T) providertest.Harness {
		server, ann := providertest.NewServer(providertest.DAVLike), mailbox.Mailbox{}
		return providertest.Harness{
			Open: func(ctx context.Context) (provider.Provider, error) {
				return server.Open(ctx, provider.Account{Mailbox: ann})
			},
			Folder: "INBOX",
			Add:    func(f provider.FolderID, raw []byte, flags ...string) { server.Add(ann.Key, f, raw, flags...) },
			Items:  func(f provider.FolderID) []providertest.Message { return server.Items(ann.Key, f) },
			Remove: func(f provider.FolderID, id provider.ID) { server.Remove(ann.Key, f, id) },
		}
	})
}
