package ews

import (
	"context"

	"github.com/go-serversync/serversync/provider"
)

// locate returns the address of the mailbox's web services.
func (d *Driver) locate(ctx context.Context, a provider.Account) (string, error) {
	return a.Endpoint.URL, nil
}

// moved is told that a mailbox's server says that the mailbox is elsewhere.
func (d *Driver) moved(a provider.Account) {}
