package ews

import (
	"context"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/go-serversync/serversync/ews/internal/soap"
	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/provider"
)

// An attachment is what a message says of one.
type attachment struct {
	id, name, kind, contentID string
	size                      int64
	inline, message           bool
}

// maxAttachments is how many attachments a message that is put together may have.
const maxAttachments = 1000

func readAttachments(r *soap.Reader, e soap.Element) (list []attachment) {
	for one := range r.Children(e) {
		if one.Name.Space != soap.Types || len(list) >= maxAttachments {
			continue
		}
		a := attachment{message: one.Name.Local == "ItemAttachment"}
		for field := range r.Children(one) {
			a.readField(r, field)
		}
		if a.id != "" && (a.message || one.Name.Local == "FileAttachment") {
			list = append(list, a)
		}
	}
	return list
}

func (a *attachment) readField(r *soap.Reader, e soap.Element) {
	if e.Name.Space != soap.Types {
		return
	}
	switch e.Name.Local {
	case "AttachmentId":
		a.id = e.Attr("Id")
	case "Name":
		a.name = oneLine(r.Text(e, maxText))
	case "ContentType":
		a.kind = oneLine(r.Text(e, maxText))
	case "ContentId":
		a.contentID = r.Text(e, maxText)
	case "Size":
		a.size, _ = strconv.ParseInt(r.Text(e, maxText), 10, 64)
	case "IsInline":
		a.inline = isTrue(r.Text(e, maxText))
	}
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
