package main

import (
	"context"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/track"
)

// A directory is the CRM's: whom an address stands for. Yours would be one query over
// users, queues, contacts, accounts and leads.
type directory struct{}

var people = map[string]track.Party{
	"anna@northwind.example": {Kind: track.User, Ref: track.Ref{Type: "user", ID: "anna"}, Creates: track.Contact},
	"help@northwind.example": {Kind: track.Queue, Ref: track.Ref{Type: "queue", ID: "help"}, Accept: mailbox.AcceptKnown},
	"marta@fabrikam.example": {Kind: track.Contact, Ref: track.Ref{Type: "contact", ID: "marta"}, Owner: track.Ref{Type: "user", ID: "anna"}},
}

// Parties is called once for a page of messages, with all addresses in them.
func (directory) Parties(_ context.Context, _ string, addresses []string) (map[string][]track.Party, error) {
	found := make(map[string][]track.Party)
	for _, a := range addresses {
		if p, ok := people[a]; ok {
			found[a] = []track.Party{p}
		}
	}
	return found, nil
}
