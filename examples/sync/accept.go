package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/track"
)

// contacts are the addresses that are known. In a CRM they would be rows of contacts,
// accounts and leads.
type contacts map[string]bool

// Parties resolves the addresses of a page of messages at once.
func (c contacts) Parties(_ context.Context, _ string, addresses []string) (map[string][]track.Party, error) {
	found := make(map[string][]track.Party)
	for _, a := range addresses {
		if c[a] {
			found[a] = []track.Party{{Kind: track.Contact, Ref: track.Ref{Type: "contact", ID: a}}}
		}
	}
	return found, nil
}

// readContacts reads a file of addresses, one a line.
func readContacts(file string) (contacts, error) {
	known := make(contacts)
	if file == "" {
		return known, nil
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if a := strings.ToLower(strings.TrimSpace(lines.Text())); a != "" && !strings.HasPrefix(a, "#") {
			known[a] = true
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return known, nil
}

// tracking has rules decide which mail is tracked, if a flag asks for that.
func (o options) tracking() (*serversync.Tracking, error) {
	if o.accept == "" {
		return nil, nil
	}
	known, err := readContacts(o.contacts)
	return &serversync.Tracking{Addresses: known}, err
}

// accepts is what the mailbox accepts.
func (o options) accepts() mailbox.Accept { return mailbox.Accept(o.accept) }
