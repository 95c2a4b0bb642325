package ews

import (
	"context"
	"errors"
	"strings"

	"github.com/go-serversync/serversync/ews/internal/soap"
	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/provider"
)

// maxRebuilt is how many bytes the attachments of a message may have that is put together,
// for that is done in memory.
const maxRebuilt = 32 << 20

// rebuild puts together a message from its properties, whose content Exchange cannot give.
// The result says what came of it; the error is not the item's.
func (s *session) rebuild(ctx context.Context, res *result) error {
	why := res.err
	p, err := s.properties(ctx, res)
	if provider.KindOf(err) == provider.ErrTooLarge {
		res.outcome = itemBad
		return nil
	}
	if err != nil || res.outcome != itemHad {
		return err
	}
	p.received = res.received
	raw, err := s.assemble(ctx, &p)
	var own *provider.Error
	switch {
	case err == nil:
		s.log.Warn("the server cannot give a message as it is: it was put together from its properties", "id", string(res.id), "reason", why)
		res.raw = raw
		return nil
	case !errors.As(err, &own):
		return err
	case own.Kind == provider.ErrBadItem, own.Kind == provider.ErrTooLarge, own.Kind == provider.ErrNotFound:
		res.outcome, res.err = itemBad, why
		return nil
	}
	return err
}

// properties asks for those that a message is put together of.
func (s *session) properties(ctx context.Context, res *result) (p parts, err error) {
	id, why := res.id, res.err
	var got result
	err = s.client.do(ctx, call{
		op: "GetItem",
		write: func(w *soap.Writer) {
			w.Start("m:GetItem")
			list := append(headerProperties(), named("item:Body", "item:Attachments", "message:BccRecipients")...)
			writeItemShape(w, false, "Best", append(list, s.flagProperties()...))
			w.Start("m:ItemIds")
			w.Empty("t:ItemId", "Id", string(id))
			w.End()
			w.End()
		},
		read: func(r *soap.Reader, e soap.Element) error {
			got, p = result{}, parts{}
			return eachMessage(r, e, 1, func(_ int, e soap.Element) {
				if !e.Is(soap.Messages, "Items") || got.read {
					return
				}
				for one := range r.Children(e) {
					if one.Name.Space != soap.Types {
						continue
					}
					got.read = true
					for field := range r.Children(one) {
						if !p.readField(r, field) {
							got.readField(r, field)
						}
					}
				}
				got.settle()
			}, func(_ int, m message) error { return got.judge(m) })
		},
	})
	if err != nil {
		return p, err
	}
	if got.id = id; got.outcome == itemCorrupt || got.outcome == itemBad {
		got.outcome, got.err = itemBad, why
	}
	*res = got
	return p, nil
}

// assemble makes the message.
func (s *session) assemble(ctx context.Context, p *parts) (*item.Blob, error) {
	d, err := s.draft(ctx, p)
	if err != nil {
		return nil, err
	}
	if strings.EqualFold(p.bodyType, "HTML") {
		d.HTML = p.body
	} else {
		d.Text = p.body
	}
	var total int64
	for _, a := range p.attachments {
		if total += max(a.size, 0); total > maxRebuilt {
			return nil, tooLong("GetAttachment", maxRebuilt)
		}
	}
	defer func() {
		for _, a := range d.Attachments {
			a.Content.Release()
		}
	}()
	total = 0
	for _, a := range p.attachments {
		content, err := s.attached(ctx, a)
		if err != nil {
			return nil, err
		}
		d.Attachments = append(d.Attachments, a.draft(content))
		if total += content.Size(); total > maxRebuilt {
			return nil, tooLong("GetAttachment", maxRebuilt)
		}
	}
	raw, err := d.Compose()
	if err != nil {
		return nil, badItem("GetItem", "", err)
	}
	return s.spool.Read(raw.Open(), raw.Size())
}
