package main

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/provider"
)

// reply puts an answer to m into the outbox. It is sent with the next sync, once.
func reply(ctx context.Context, outbox serversync.Outbox, m *item.Message) error {
	draft := item.Draft{
		From: item.Address{Name: "Anna Keller", Addr: anna.Address}, To: m.From,
		Subject:   "Re: " + m.Subject,
		Text:      "Dear Marta,\n\nthe lanterns left our house this morning. I am sorry for the wait.\n\nAnna\n",
		MessageID: rand.Text() + "@northwind.example",
		Date:      m.Date.Add(25 * time.Minute), // time.Now() elsewhere: here each run is to print the same
		InReplyTo: []string{m.MessageID}, References: append(m.References, m.MessageID),
	}
	raw, err := draft.Compose()
	if err != nil {
		return err
	}
	envelope, err := draft.Envelope()
	if err != nil {
		return err
	}
	return outbox.Enqueue(ctx, serversync.Entry{
		ID: draft.MessageID, Mailbox: anna.Key, MessageID: draft.MessageID, Raw: raw,
		From: envelope.From, Recipients: []provider.Recipient{{Address: envelope.To[0]}}, Queued: draft.Date,
	})
}
