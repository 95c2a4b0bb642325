package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"strings"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
)

// Reply answers an email from the mailbox. The CRM's row of the reply and the entry
// in the outbox are saved in one transaction: what the CRM shows as written is sent,
// and nothing else is. When the server's copy of it comes in from the folder of sent
// mail it is the same email, for it has the same content key.
func (c *CRM) Reply(ctx context.Context, from mailbox.Mailbox, to int64, text string, now time.Time) error {
	return c.write(ctx, func(tx *sql.Tx) error {
		draft := item.Draft{
			From:      item.Address{Addr: from.Address},
			To:        make([]item.Address, 1),
			InReplyTo: make([]string, 1),
			Text:      text,
			Date:      now,
			MessageID: rand.Text() + from.Address[strings.LastIndexByte(from.Address, '@'):],
		}
		e := email{organization: from.Organization, direction: "out"}
		err := tx.QueryRowContext(ctx, `SELECT e.message_id, e.subject, e.case_id, e.contact, c.name, c.address
			FROM emails e JOIN contacts c ON c.id = e.contact WHERE e.organization = $1 AND e.id = $2`, from.Organization, to).
			Scan(&draft.InReplyTo[0], &draft.Subject, &e.caseID, &e.contact, &draft.To[0].Name, &draft.To[0].Addr)
		if err != nil {
			return err
		}
		draft.References = draft.InReplyTo
		draft.Subject = "Re: " + strings.TrimPrefix(draft.Subject, "Re: ")

		raw, err := draft.Compose()
		if err != nil {
			return err
		}
		if e.message, err = item.ParseMessage(raw, item.Limits{}); err != nil {
			return err
		}
		if _, err := saveEmail(ctx, tx, e); err != nil {
			return err
		}
		return enqueue(ctx, tx, serversync.Entry{
			ID: draft.MessageID, Mailbox: from.Key, From: from.Address, MessageID: draft.MessageID, Raw: raw, Queued: now,
			Recipients: []provider.Recipient{{Address: draft.To[0].Addr}},
		})
	})
}
