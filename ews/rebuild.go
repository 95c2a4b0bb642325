package ews

import (
	"context"
	"errors"
	"io"
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

// draft returns an attachment as that of a draft.
func (a attachment) draft(content *item.Blob) item.DraftAttachment {
	d := item.DraftAttachment{Name: a.name, Type: a.kind, ContentID: bareID(a.contentID), Content: content}
	d.Inline = a.inline && d.ContentID != ""
	if a.message {
		d.Type = "message/rfc822"
		if !strings.HasSuffix(strings.ToLower(d.Name), ".eml") {
			d.Name += ".eml"
		}
	}
	probe := item.Draft{From: item.Address{Addr: "a@b.invalid"}, MessageID: "a@b.invalid", Date: zeroUnix, Attachments: []item.DraftAttachment{{Type: d.Type, Content: item.NewBlob(nil)}}}
	if _, err := probe.Compose(); err != nil {
		d.Type = ""
	}
	return d
}

// attached reads the content of an attachment as it passes; of a message within the message
// its MIME.
func (s *session) attached(ctx context.Context, a attachment) (content *item.Blob, err error) {
	var failed error
	err = s.client.do(ctx, call{
		op: "GetAttachment",
		write: func(w *soap.Writer) {
			w.Start("m:GetAttachment")
			if a.message {
				w.Start("m:AttachmentShape")
				w.Elem("t:IncludeMimeContent", "true")
				w.End()
			}
			w.Start("m:AttachmentIds")
			w.Empty("t:AttachmentId", "Id", a.id)
			w.End()
			w.End()
		},
		read: func(r *soap.Reader, e soap.Element) error {
			content.Release()
			content, failed = nil, nil
			return eachMessage(r, e, 1, func(_ int, e soap.Element) {
				for one := range r.Children(e) {
					s.readAttached(r, one, a.size, &content, &failed)
				}
			}, func(_ int, m message) error {
				if m.err != nil && provider.KindOf(m.err) != provider.ErrThrottled && !isBusy(m.code) {
					return as(m.err, provider.ErrBadItem)
				}
				return m.err
			})
		},
	})
	switch {
	case err == nil && failed == nil && content == nil:
		content = item.NewBlob(nil)
	case err != nil || failed != nil:
		content.Release()
		content = nil
	}
	if err == nil {
		err = failed
	}
	return content, err
}

// readAttached reads an attachment, in whose item the content is if it is a message.
func (s *session) readAttached(r *soap.Reader, e soap.Element, size int64, content **item.Blob, failed *error) {
	for field := range r.Children(e) {
		switch {
		case field.Is(soap.Types, "Content"), field.Is(soap.Types, "MimeContent"):
			if *content != nil {
				r.Fail(soap.ErrSyntax)
				return
			}
			blob, err := s.spool.ReadAbout(io.LimitReader(r.Base64(field), maxRebuilt+1), size)
			switch {
			case err == nil:
				*content = blob
			case r.Err() != nil:
			case errors.Is(err, soap.ErrBase64), provider.KindOf(err) == provider.ErrTooLarge:
				*failed = badItem("GetAttachment", "", err)
			default:
				r.Fail(err)
			}
		case field.Name.Space == soap.Types && *content == nil && isItemElement(field.Name.Local):
			s.readAttached(r, field, size, content, failed)
		}
	}
}

// isItemElement reports whether an element of an ItemAttachment is its item.
func isItemElement(name string) bool {
	switch name {
	case "Item", "Message", "SharingMessage", "CalendarItem", "Contact", "DistributionList", "MeetingMessage", "MeetingRequest",
		"MeetingResponse", "MeetingCancellation", "Task", "PostItem":
		return true
	}
	return false
}
