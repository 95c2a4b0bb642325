package ews

import (
	"context"
	"slices"
	"strings"

	"github.com/go-serversync/serversync/ews/internal/soap"
	"github.com/go-serversync/serversync/provider"
)

// maxSightings is how many items of a folder are looked at that a search finds.
const maxSightings = 100

// A sighting is what a search tells of an item.
type sighting struct {
	draft
	folder    string // the id of the folder that it is in
	messageID string // as the server has it, with angle brackets or without
	unsent    bool   // it is a draft, or was one when it was thrown away
	submitted bool   // it is on its way out
	token     string // of the submission that it is our draft or copy of
	attempt   string // which try of it
	answered  bool   // the server has called it sent while it lay there
}

// writeSighting writes what of an item is asked for.
func writeSighting(w *soap.Writer) {
	w.Elem("t:BaseShape", "IdOnly")
	w.Start("t:AdditionalProperties")
	for _, uri := range []string{"item:ParentFolderId", "item:IsSubmitted", "item:IsDraft", "message:InternetMessageId"} {
		w.Empty("t:FieldURI", "FieldURI", uri)
	}
	ours(w, tokenProperty)
	ours(w, attemptProperty)
	ours(w, answeredProperty)
	w.End()
}

// read reads a field of an item.
func (s *sighting) read(r *soap.Reader, e soap.Element) {
	if e.Name.Space != soap.Types {
		return
	}
	switch e.Name.Local {
	case "ItemId":
		s.draft = draft{e.Attr("Id"), e.Attr("ChangeKey")}
	case "ParentFolderId":
		s.folder = e.Attr("Id")
	case "IsSubmitted":
		s.submitted = isTrue(r.Text(e, maxCode))
	case "IsDraft":
		s.unsent = isTrue(r.Text(e, maxCode))
	case "InternetMessageId":
		s.messageID = r.Text(e, maxText)
	case "ExtendedProperty":
		name, value := "", ""
		for e := range r.Children(e) {
			switch e.Name.Local {
			case "ExtendedFieldURI":
				name = e.Attr("PropertyName")
			case "Value":
				value = r.Text(e, maxText)
			}
		}
		switch strings.ToLower(name) { // Exchange has names in the case in which it saw them first
		case tokenProperty:
			s.token = value
		case attemptProperty:
			s.attempt = value
		case answeredProperty:
			s.answered = value != ""
		}
	}
}

// A criterion is a property that is looked for by its value.
type criterion struct {
	field func(*soap.Writer)
	value string
}

func byToken(token string) criterion {
	return criterion{func(w *soap.Writer) { ours(w, tokenProperty) }, token}
}

// byMessageID returns what a Message-ID is looked for by. Exchange has it with angle brackets, as
// the header does; who writes the property itself may have left them out.
func byMessageID(id string) []criterion {
	field := func(w *soap.Writer) { w.Empty("t:FieldURI", "FieldURI", "message:InternetMessageId") }
	return []criterion{{field, "<" + id + ">"}, {field, id}}
}

// sight searches a folder for items that meet one of the criteria, and a little more: servers
// compare text without regard to case, so the caller compares what comes.
func (s *session) sight(ctx context.Context, folder provider.FolderID, any ...criterion) (found []sighting, err error) {
	err = s.client.do(ctx, call{
		op: "FindItem",
		write: func(w *soap.Writer) {
			w.Start("m:FindItem", "Traversal", "Shallow")
			w.Start("m:ItemShape")
			writeSighting(w)
			w.End()
			w.Empty("m:IndexedPageItemView", "MaxEntriesReturned", "100", "Offset", "0", "BasePoint", "Beginning")
			w.Start("m:Restriction")
			writeAny(w, any)
			w.End()
			w.Start("m:ParentFolderIds")
			s.writeFolder(w, folder)
			w.End()
			w.End()
		},
		read: readOne("FindItem", func(r *soap.Reader, e soap.Element) {
			for items := range r.Children(e) {
				if !items.Is(soap.Types, "Items") {
					continue
				}
				for one := range r.Children(items) {
					if len(found) == maxSightings {
						return
					}
					var next sighting
					for field := range r.Children(one) {
						next.read(r, field)
					}
					if next.id != "" {
						found = append(found, next)
					}
				}
			}
		}),
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// writeAny writes a restriction that one of the criteria meets.
func writeAny(w *soap.Writer, any []criterion) {
	if len(any) > 1 {
		w.Start("t:Or")
		defer w.End()
	}
	for _, c := range any {
		w.Start("t:IsEqualTo")
		c.field(w)
		w.Start("t:FieldURIOrConstant")
		w.Empty("t:Constant", "Value", c.value)
		w.End()
		w.End()
	}
}

// has reports whether the item has this Message-ID.
func (s sighting) has(messageID string) bool {
	return messageID != "" && strings.Trim(strings.TrimSpace(s.messageID), "<>") == messageID
}

// Find searches each folder. A folder that is not there is passed over.
func (s *session) Find(ctx context.Context, folders []provider.FolderID, messageID string) (places []provider.Place, err error) {
	if messageID == "" || soap.Clean(messageID) != messageID {
		return nil, nil // no header can hold it
	}
	for _, folder := range folders {
		found, err := s.sight(ctx, folder, byMessageID(messageID)...)
		switch {
		case noSuchFolder(err):
			continue
		case err != nil:
			return nil, err
		}
		for _, one := range found {
			if one.has(messageID) {
				places = append(places, provider.Place{Folder: folder, Epoch: epochOf(one.folder), ID: provider.ID(one.id)})
			}
		}
	}
	return places, nil
}

// notThere are the codes for a folder that is not there, or whose id is none of this server's.
var notThere = []string{
	"ErrorFolderNotFound", "ErrorInvalidIdMalformed", "ErrorInvalidId", "ErrorInvalidIdEmpty", "ErrorInvalidFolderId",
	"ErrorInvalidIdNotAnItemAttachmentId", "ErrorInvalidIdMalformedEwsLegacyIdFormat", "ErrorInvalidIdMonikerTooLong",
}

// noSuchFolder reports whether err says that a folder is not there. Whether an item
// or a folder is meant is known from what was asked for.
func noSuchFolder(err error) bool {
	return slices.Contains(notThere, codeOf(err)) || provider.KindOf(err) == provider.ErrNotFound
}
