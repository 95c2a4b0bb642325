package ews

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-serversync/serversync/ews/internal/soap"
	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/provider"
)

// What we write on our drafts: two properties with names of our own, which are few and
// fixed because a mailbox has room for some thousands of names, ever.
const (
	ourProperties = "d5a9e3c4-7b0f-4e64-9a51-2f6c8b1e70a3"

	// tokenProperty says which submission a draft is for.
	tokenProperty = "serversync-submission"

	// attemptProperty says which try of it.
	attemptProperty = "serversync-attempt"

	// answeredProperty says that the server has called a draft sent that is still there.
	answeredProperty = "serversync-answered"
)

// ours writes the path of a property of ours.
func ours(w *soap.Writer, name string) {
	w.Empty("t:ExtendedFieldURI", "PropertySetId", ourProperties, "PropertyName", name, "PropertyType", "String")
}

// setOurs writes a property of ours with its value.
func setOurs(w *soap.Writer, name, value string) {
	w.Start("t:ExtendedProperty")
	ours(w, name)
	w.Elem("t:Value", value)
	w.End()
}

// A draft names an item, in the state that its key stands for.
type draft struct{ id, key string }

// write writes an ItemId.
func (d draft) write(w *soap.Writer, name string) {
	if d.key == "" {
		w.Empty(name, "Id", d.id)
		return
	}
	w.Empty(name, "Id", d.id, "ChangeKey", d.key)
}

// tokenOf returns what a submission is known by, the same in every try of it: it is about
// these bytes for these people, as one entry of the caller's.
func tokenOf(s provider.Submission, recipients []string) string {
	recipients = slices.Clone(recipients)
	for i := range recipients {
		recipients[i] = strings.ToLower(recipients[i])
	}
	slices.Sort(recipients)
	sum := s.Raw.Sum()
	h := sha256.New()
	fmt.Fprintf(h, "%x %q %q", sum, s.EnvelopeID, recipients)
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// createDraft makes the draft of a letter, without what is enclosed.
func (l *letter) createDraft(ctx context.Context, mime *item.Blob) error {
	made, err := l.createItem(ctx, "drafts", func(w *soap.Writer) {
		w.Start("t:Message")
		w.Base64("t:MimeContent", mime, "CharacterSet", "UTF-8")
		if l.importance != "" {
			w.Elem("t:Importance", l.importance)
		}
		setOurs(w, tokenProperty, l.token)
		setOurs(w, attemptProperty, strconv.Itoa(l.sub.Attempt))
		// What is said here counts before what MIME says of the same.
		writeMailboxes(w, "t:ToRecipients", l.to)
		writeMailboxes(w, "t:CcRecipients", l.cc)
		writeMailboxes(w, "t:BccRecipients", l.bcc)
		if l.readReceipt {
			w.Elem("t:IsReadReceiptRequested", "true")
		}
		if l.sub.Report {
			w.Elem("t:IsDeliveryReceiptRequested", "true")
		}
		if l.from.Addr != "" {
			w.Start("t:From")
			writeMailbox(w, l.from)
			w.End()
		}
		w.End()
	})
	l.draft = made
	return err
}

func writeMailboxes(w *soap.Writer, name string, list []item.Address) {
	if len(list) == 0 {
		return // an empty list is refused by some servers, and MIME has nobody to name then
	}
	w.Start(name)
	for _, a := range list {
		writeMailbox(w, a)
	}
	w.End()
}

func writeMailbox(w *soap.Writer, a item.Address) {
	w.Start("t:Mailbox")
	if a.Name != "" {
		w.Elem("t:Name", a.Name)
	}
	w.Elem("t:EmailAddress", a.Addr)
	w.Elem("t:RoutingType", "SMTP")
	w.End()
}

// createItem saves an item in a folder and returns its name.
func (s *session) createItem(ctx context.Context, folder provider.FolderID, write func(*soap.Writer)) (made draft, err error) {
	err = s.client.do(ctx, call{
		op: "CreateItem",
		write: func(w *soap.Writer) {
			w.Start("m:CreateItem", "MessageDisposition", "SaveOnly")
			w.Start("m:SavedItemFolderId")
			s.writeFolder(w, folder)
			w.End()
			w.Start("m:Items")
			write(w)
			w.End()
			w.End()
		},
		read: readOne("CreateItem", func(r *soap.Reader, e soap.Element) {
			eachItem(r, e, func(field soap.Element) {
				if field.Is(soap.Types, "ItemId") {
					made = draft{field.Attr("Id"), field.Attr("ChangeKey")}
				}
			})
		}),
	})
	if err == nil && made.id == "" {
		err = fail("CreateItem", provider.ErrProtocol, "", errNoID)
	}
	return made, err
}

// readOne reads an answer of one message.
func readOne(op string, child func(r *soap.Reader, e soap.Element)) func(*soap.Reader, soap.Element) error {
	return func(r *soap.Reader, e soap.Element) error {
		return eachMessage(r, e, 1, func(_ int, e soap.Element) { child(r, e) }, func(_ int, m message) error { return m.err })
	}
}

// eachItem calls got for each field of each item in e, if e is Items.
func eachItem(r *soap.Reader, e soap.Element, got func(field soap.Element)) {
	if e.Name.Local != "Items" {
		return
	}
	for one := range r.Children(e) {
		for field := range r.Children(one) {
			got(field)
		}
	}
}

// enclose adds an attachment to the draft, whose key then is another.
func (l *letter) enclose(ctx context.Context, a *item.Attachment) error {
	content, err := l.spool.Read(a.Open(), a.Size)
	if err != nil {
		return err
	}
	defer content.Release()
	return l.client.do(ctx, call{
		op: "CreateAttachment",
		write: func(w *soap.Writer) {
			w.Start("m:CreateAttachment")
			l.draft.write(w, "m:ParentItemId")
			w.Start("m:Attachments")
			w.Start("t:FileAttachment")
			w.Elem("t:Name", nameOf(a))
			w.Elem("t:ContentType", a.Type)
			if a.ContentID != "" {
				w.Elem("t:ContentId", a.ContentID)
			}
			if a.Inline {
				w.Elem("t:IsInline", "true")
			}
			w.Base64("t:Content", content)
			w.End()
			w.End()
			w.End()
		},
		read: readOne("CreateAttachment", func(r *soap.Reader, e soap.Element) {
			for one := range r.Children(e) {
				for field := range r.Children(one) {
					if key := field.Attr("RootItemChangeKey"); field.Is(soap.Types, "AttachmentId") && key != "" {
						l.draft.key = key
						if id := field.Attr("RootItemId"); id != "" {
							l.draft.id = id
						}
					}
				}
			}
		}),
	})
}

// nameOf returns a name for an attachment that may have none.
func nameOf(a *item.Attachment) string {
	if a.Name != "" {
		return a.Name
	}
	return "attachment"
}

// discard deletes a draft for good, so that nothing can send it any more.
func (s *session) discard(ctx context.Context, d draft) error {
	return s.remove(ctx, d, "HardDelete")
}

// withdraw puts a draft among what was deleted. It has another id there, so that nothing can
// send it any more, and it tells whoever asks that it was not sent.
func (s *session) withdraw(ctx context.Context, d draft) error {
	return s.remove(ctx, d, "MoveToDeletedItems")
}

func (s *session) remove(ctx context.Context, d draft, how string) error {
	return s.client.do(ctx, call{
		op: "DeleteItem",
		write: func(w *soap.Writer) {
			w.Start("m:DeleteItem", "DeleteType", how)
			w.Start("m:ItemIds")
			d.write(w, "t:ItemId")
			w.End()
			w.End()
		},
		read: readOne("DeleteItem", func(*soap.Reader, soap.Element) {}),
	})
}

// accuse writes on a draft that the server has called it sent.
func (s *session) accuse(ctx context.Context, d draft) error {
	return s.client.do(ctx, call{
		op: "UpdateItem",
		write: func(w *soap.Writer) {
			w.Start("m:UpdateItem", "ConflictResolution", "AlwaysOverwrite", "MessageDisposition", "SaveOnly")
			w.Start("m:ItemChanges")
			w.Start("t:ItemChange")
			d.write(w, "t:ItemId")
			w.Start("t:Updates")
			w.Start("t:SetItemField")
			ours(w, answeredProperty)
			w.Start("t:Message")
			setOurs(w, answeredProperty, "yes")
			w.End()
			w.End()
			w.End()
			w.End()
			w.End()
			w.End()
		},
		read: readOne("UpdateItem", func(*soap.Reader, soap.Element) {}),
	})
}

// state asks what has become of a draft. ErrNotFound says that it is gone.
func (s *session) state(ctx context.Context, d draft) (now sighting, err error) {
	err = s.client.do(ctx, call{
		op: "GetItem",
		write: func(w *soap.Writer) {
			w.Start("m:GetItem")
			w.Start("m:ItemShape")
			writeSighting(w)
			w.End()
			w.Start("m:ItemIds")
			draft{id: d.id}.write(w, "t:ItemId")
			w.End()
			w.End()
		},
		read: readOne("GetItem", func(r *soap.Reader, e soap.Element) {
			eachItem(r, e, func(field soap.Element) { now.read(r, field) })
		}),
	})
	if err == nil && now.id == "" {
		err = fail("GetItem", provider.ErrProtocol, "", errNoID)
	}
	return now, err
}
