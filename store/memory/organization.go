package memory

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/go-serversync/serversync/item"
)

// organization holds the messages that the mailboxes of an organization share.
// Messages are only ever added.
type organization struct {
	mu       sync.Mutex
	known    map[contentKey]*message
	messages []*message // in the order in which they were added
	emails   emails
}

type contentKey = item.Content

// message is a message that was added. Nothing changes it afterwards but its email,
// which is under the organization's lock.
type message struct {
	content contentKey
	message item.Message
	email   *email // what it is found by, if it was committed with an Index
}

func (o *organization) has(content contentKey) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.known[content] != nil
}

// add returns the message with m's content, and reports whether it is new.
func (o *organization) add(m *item.Message, raw *item.Blob) (*message, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	content := m.Content()
	if known := o.known[content]; known != nil {
		return known, false
	}
	added := &message{content: content, message: cloneMessage(m, raw)}
	o.known[content] = added
	o.messages = append(o.messages, added)
	return added, true
}

// piece is how much of a body is asked for at once.
const piece = 256 << 10

// copyBlob returns b's bytes in memory: the caller releases b once it is
// committed.
func copyBlob(ctx context.Context, b *item.Blob) (*item.Blob, error) {
	if bytes, ok := b.Bytes(); ok {
		return item.NewBlob(slices.Clone(bytes)), nil
	}
	from, to := b.Open(), make([]byte, b.Size())
	for done := 0; done < len(to); {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n, err := io.ReadFull(from, to[done:min(done+piece, len(to))])
		done += n
		if err != nil {
			return nil, fmt.Errorf("read body: %w", err)
		}
	}
	if sha256.Sum256(to) != b.Sum() {
		return nil, errors.New("the body is not the one that was announced")
	}
	return item.NewBlob(to), nil
}

// cloneMessage returns a copy of m with raw as its bytes. Its attachments cannot be
// opened, for they would read the caller's bytes, which are released.
func cloneMessage(m *item.Message, raw *item.Blob) item.Message {
	c := *m
	c.Raw = raw
	c.InReplyTo, c.References = slices.Clone(m.InReplyTo), slices.Clone(m.References)
	for _, list := range []*[]item.Address{&c.From, &c.Sender, &c.ReplyTo, &c.To, &c.Cc, &c.Bcc} {
		*list = slices.Clone(*list)
	}
	c.Fields, c.Warnings = slices.Clone(m.Fields), slices.Clone(m.Warnings)
	c.Attachments = nil
	for _, a := range m.Attachments {
		c.Attachments = append(c.Attachments, item.Attachment{
			Name: a.Name, Type: a.Type, ContentID: a.ContentID, Inline: a.Inline, Size: a.Size, Sum: a.Sum,
		})
	}
	return c
}
