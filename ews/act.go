package ews

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-serversync/serversync/ews/internal/soap"
	"github.com/go-serversync/serversync/provider"
)

// Act does what the Syncer owes. An item that is moved has another id then, so that what is
// done again finds it gone.
func (s *session) Act(ctx context.Context, a provider.Act) error {
	epoch, _, err := s.epoch(a.Folder)
	if err == nil && (epoch != a.Epoch || !isItemID(a.ID)) {
		err = &provider.Error{Op: "ews: act", Kind: provider.ErrNotFound, Err: errors.New("the item's epoch has ended, or its id is none")}
	}
	if err != nil {
		return err
	}
	switch a.Kind {
	case provider.Mark, provider.Unmark:
		return s.mark(ctx, a.ID, a.Flag, a.Kind == provider.Mark)
	case provider.Move:
		return s.move(ctx, a.ID, a.To)
	case provider.Delete:
		return s.delete(ctx, a.ID)
	}
	return unable(fmt.Sprintf("it does not know how to %q", a.Kind))
}

func unable(why string) error {
	return &provider.Error{Op: "ews: act", Kind: provider.ErrUnsupported, Err: errors.New(why)}
}

// mark sets a flag or takes it away. What is no flag of Exchange's is a category.
func (s *session) mark(ctx context.Context, id provider.ID, flag string, on bool) error {
	set := update{id: id, element: "t:Message"}
	switch {
	case strings.EqualFold(flag, `\Seen`):
		set.property = property{uri: readOfMessage}
		set.value = func(w *soap.Writer) { w.Elem("t:IsRead", fmt.Sprint(on)) }
	case strings.EqualFold(flag, `\Flagged`) && s.hasFlag():
		status := "NotFlagged"
		if on {
			status = "Flagged"
		}
		set.property = property{uri: flagOfItem}
		set.value = func(w *soap.Writer) {
			w.Start("t:Flag")
			w.Elem("t:FlagStatus", status)
			w.End()
		}
	case strings.EqualFold(flag, `\Flagged`):
		set.setTag(tagFlagStatus, statusFlagged, on)
	case strings.EqualFold(flag, `\Answered`):
		set.setTag(tagLastVerb, verbReply, on)
	case flag == "", strings.HasPrefix(flag, `\`):
		return unable("Exchange has no such flag")
	default:
		return s.categorize(ctx, id, soap.Clean(flag), on)
	}
	err := s.update(ctx, set)
	for range maxConflicts {
		if !isConflict(codeOf(err)) {
			return err
		}
		var now entry
		if now, err = s.current(ctx, id); err != nil {
			return err
		}
		set.version = now.version
		err = s.update(ctx, set)
	}
	if isConflict(codeOf(err)) {
		err = as(err, provider.ErrUnavailable) // somebody else is busy with it
	}
	return err
}

// maxConflicts is how often an item is read again because somebody else has changed it.
const maxConflicts = 3

// isConflict reports whether a code means that an item must be read again before it is changed.
func isConflict(code string) bool {
	switch code {
	case "ErrorIrresolvableConflict", "ErrorStaleObject", "ErrorInvalidChangeKey", "ErrorChangeKeyRequired", "ErrorChangeKeyRequiredForWriteOperations":
		return true
	}
	return false
}

// categorize gives an item a category or takes it away. There is no request for that: the
// others are read and written too, and if somebody has changed them meanwhile that is done again.
func (s *session) categorize(ctx context.Context, id provider.ID, category string, on bool) (err error) {
	for range 1 + maxConflicts {
		var now entry
		if now, err = s.current(ctx, id); err != nil {
			return err
		}
		left := slices.DeleteFunc(slices.Clone(now.categories), func(c string) bool { return strings.EqualFold(c, category) })
		if on == (len(left) < len(now.categories)) {
			return nil
		}
		if on {
			left = append(left, category)
		}
		set := update{id: id, version: now.version, element: "t:Message", property: property{uri: categoryOfOurs}, careful: true}
		if len(left) > 0 {
			set.value = func(w *soap.Writer) {
				w.Start("t:Categories")
				for _, c := range left {
					w.Elem("t:String", c)
				}
				w.End()
			}
		}
		if err = s.update(ctx, set); !isConflict(codeOf(err)) {
			return err
		}
	}
	return as(err, provider.ErrUnavailable)
}

// current reads an item's version and categories.
func (s *session) current(ctx context.Context, id provider.ID) (now entry, err error) {
	err = s.client.do(ctx, call{
		op: "GetItem",
		write: func(w *soap.Writer) {
			w.Start("m:GetItem")
			writeItemShape(w, false, "", named(categoryOfOurs))
			w.Start("m:ItemIds")
			w.Empty("t:ItemId", "Id", string(id))
			w.End()
			w.End()
		},
		read: func(r *soap.Reader, e soap.Element) error {
			now = entry{}
			return eachMessage(r, e, 1, func(_ int, e soap.Element) {
				for one := range r.Children(e) {
					for field := range r.Children(one) {
						now.readField(r, field)
					}
				}
			}, func(_ int, m message) error { return ofItem(m) })
		},
	})
	if err == nil && now.version == "" {
		err = &provider.Error{Op: "ews: GetItem", Kind: provider.ErrProtocol, Err: errors.New("the server gives no ChangeKey")}
	}
	return now, err
}

// ofItem returns what a ResponseMessage says of the item that an act is about.
func ofItem(m message) error {
	if m.err != nil && isGone(m.code) {
		return as(m.err, provider.ErrNotFound)
	}
	return m.err
}

// An update changes one property of an item.
type update struct {
	id       provider.ID
	version  string // "" for whichever it has
	element  string
	property property
	value    func(*soap.Writer) // nil to delete it
	careful  bool               // not if it has another version
}

// setTag sets a property that has no name of its own, or deletes it.
func (u *update) setTag(tag uint64, value string, on bool) {
	u.property = property{tag: tag, kind: "Integer"}
	if !on {
		return
	}
	u.value = func(w *soap.Writer) {
		w.Start("t:ExtendedProperty")
		writeProperty(w, u.property)
		w.Elem("t:Value", value)
		w.End()
	}
}

// update makes an UpdateItem, of which nobody is told: no receipt, and no mail about a meeting.
func (s *session) update(ctx context.Context, u update) error {
	attrs := []string{"ConflictResolution", "AlwaysOverwrite", "MessageDisposition", "SaveOnly", "SendMeetingInvitationsOrCancellations", "SendToNone"}
	if u.careful {
		attrs[1] = "NeverOverwrite"
	}
	if s.suppresses() {
		attrs = append(attrs, "SuppressReadReceipts", "true")
	}
	return s.client.do(ctx, call{
		op: "UpdateItem",
		write: func(w *soap.Writer) {
			w.Start("m:UpdateItem", attrs...)
			w.Start("m:ItemChanges")
			w.Start("t:ItemChange")
			writeItemID(w, u.id, u.version)
			w.Start("t:Updates")
			u.write(w)
			w.End()
			w.End()
			w.End()
			w.End()
		},
		read: func(r *soap.Reader, e soap.Element) error {
			return eachMessage(r, e, 1, func(int, soap.Element) {}, func(_ int, m message) error { return ofItem(m) })
		},
	})
}

func (u update) write(w *soap.Writer) {
	if u.value == nil {
		w.Start("t:DeleteItemField")
		writeProperty(w, u.property)
		w.End()
		return
	}
	w.Start("t:SetItemField")
	writeProperty(w, u.property)
	w.Start(u.element)
	u.value(w)
	w.End()
	w.End()
}

func writeItemID(w *soap.Writer, id provider.ID, version string) {
	if version == "" {
		w.Empty("t:ItemId", "Id", string(id))
		return
	}
	w.Empty("t:ItemId", "Id", string(id), "ChangeKey", version)
}

// delete deletes an item for good. Nobody is told: no receipt that it was not read, and no
// mail that a meeting is off.
func (s *session) delete(ctx context.Context, id provider.ID) error {
	attrs := []string{"DeleteType", "HardDelete", "SendMeetingCancellations", "SendToNone", "AffectedTaskOccurrences", "AllOccurrences"}
	if s.suppresses() {
		attrs = append(attrs, "SuppressReadReceipts", "true")
	}
	return s.client.do(ctx, call{
		op: "DeleteItem",
		write: func(w *soap.Writer) {
			w.Start("m:DeleteItem", attrs...)
			w.Start("m:ItemIds")
			writeItemID(w, id, "")
			w.End()
			w.End()
		},
		read: func(r *soap.Reader, e soap.Element) error {
			return eachMessage(r, e, 1, func(int, soap.Element) {}, func(_ int, m message) error { return ofItem(m) })
		},
	})
}
