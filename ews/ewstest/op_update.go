package ewstest

import (
	"maps"
	"slices"
	"strings"

	"github.com/go-serversync/serversync/ews/internal/soap"
)

func updateItem(q *request, w *soap.Writer) error {
	conflict, how := q.body.attr("ConflictResolution"), q.body.attr("MessageDisposition")
	return q.each(w, list(q.body.child("ItemChanges")), func(n *node) (result, error) {
		it, err := q.item(n.first())
		switch {
		case err != nil:
			return nil, err
		case !it.home.rightsFor(q.acting).modify:
			return nil, denied()
		case it.kind.isMail() && it.kind.name != "PostItem" && how == "":
			return nil, fail("ErrorMessageDispositionRequired", "Message disposition is required.")
		case it.kind.name == "CalendarItem" && q.body.attr("SendMeetingInvitationsOrCancellations") == "":
			return nil, fail("ErrorSendMeetingInvitationsOrCancellationsRequired", "SendMeetingInvitationsOrCancellations attribute is required for calendar items.")
		}
		key := n.first().attr("ChangeKey")
		switch {
		case key == "" && conflict != "AlwaysOverwrite":
			return nil, fail("ErrorChangeKeyRequiredForWriteOperations", "Change key is required for this operation.")
		case key != "" && key != it.key() && conflict == "NeverOverwrite":
			return nil, stale()
		}
		if err := it.updateAll(list(n.child("Updates")), q.name()); err != nil {
			return nil, err
		}
		if it.kind.isMail() && (how == "SendOnly" || how == "SendAndSaveCopy") {
			to, err := q.target(it, true, how == "SendAndSaveCopy")
			if err == nil {
				err = q.send(it, to)
			}
			if err != nil {
				return nil, err
			}
			return func(w *soap.Writer) { w.Empty("m:Items"); conflicts(w) }, nil
		}
		return func(w *soap.Writer) { withItem(it)(w); conflicts(w) }, nil
	})
}

func conflicts(w *soap.Writer) {
	w.Start("m:ConflictResults")
	w.Elem("t:Count", "0")
	w.End()
}

// updateAll does all of several updates, or none.
func (it *stored) updateAll(updates []*node, by string) error {
	next := *it
	next.set, next.ext = maps.Clone(it.set), slices.Clone(it.ext)
	next.home = nil // that nothing is counted yet
	readBefore := it.read
	for _, u := range updates {
		if err := next.update(it, u); err != nil {
			return err
		}
	}
	if it.kind.name == "CalendarItem" {
		if err := next.checkTimes(); err != nil {
			return err
		}
	}
	read := next.read
	next.home, next.read = it.home, readBefore
	*it = next
	it.setRead(read)
	why := updated
	if read != readBefore && len(updates) == 1 {
		why = flagged
	}
	it.changed(why, by)
	return nil
}

// update does one update to it, a copy of old that is in no folder.
func (it *stored) update(old *stored, u *node) error {
	if len(u.children) == 0 {
		return badRequest("An update is empty.")
	}
	path := u.children[0]
	bad := func(code string) error {
		return wrongField(code, "The property cannot be changed so.", path.attr("FieldURI"))
	}
	if path.name.Local == "ExtendedFieldURI" {
		p, err := readPropertyName(path)
		if err != nil {
			return err
		}
		if u.name.Local == "DeleteItemField" {
			it.unsetExtended(p)
			return nil
		}
		return it.giveExtended(u, p)
	}
	name := fieldOf(path)
	if _, ok := it.kind.places[name]; !ok {
		return bad("ErrorInvalidPropertyRequest")
	}
	if u.name.Local == "DeleteItemField" {
		switch {
		case readOnly[name] || name == "MimeContent" || name == "IsRead" || name == "ItemClass":
			return bad("ErrorInvalidPropertyDelete")
		case path.name.Local == "IndexedFieldURI":
			it.unsetEntry(name, path)
			return nil
		}
		it.set[name] = nil
		if !inMIME[name] || it.raw == nil {
			delete(it.set, name)
		}
		it.edited = it.edited || inMIME[name] && it.raw != nil
		return nil
	}
	if len(u.children) != 2 || len(u.children[1].children) != 1 {
		return fail("ErrorIncorrectUpdatePropertyCount", "An object within a change description must contain one and only one property to modify.")
	}
	value := u.children[1].children[0]
	if value.name.Local != name {
		return fail("ErrorUpdatePropertyMismatch", "The property in the path is not the one that is given.")
	}
	if it.kind.isMail() && !old.draft && (name == "IsReadReceiptRequested" || name == "IsDeliveryReceiptRequested") {
		return bad("ErrorInvalidPropertyUpdateSentMessage")
	}
	if u.name.Local == "AppendToItemField" {
		return it.append(old, name, value, bad)
	}
	if path.name.Local == "IndexedFieldURI" {
		it.setEntries(name, value)
		return nil
	}
	if name == "IsRead" {
		it.read = isTrue(value.value())
		return nil
	}
	return it.give(nil, value, false)
}

// giveExtended sets the extended property that stands in an update.
func (it *stored) giveExtended(u *node, p propertyName) error {
	if len(u.children) != 2 {
		return badRequest("An update is without a value.")
	}
	all, err := readExtendedList(u.children[1])
	switch {
	case err != nil:
		return err
	case len(all) != 1 || !all[0].same(p):
		return fail("ErrorUpdatePropertyMismatch", "The property in the path is not the one that is given.")
	}
	if all[0].tag != 0x0E07 { // fixed when the item was created
		it.setExtended(all[0])
	}
	return nil
}

// append appends to a property that is text or a list.
func (it *stored) append(old *stored, name string, value *node, bad func(string) error) error {
	switch name {
	case "Body":
		kind, text := old.body("Best")
		if n, ok := it.set["Body"]; ok {
			kind, text = n.attr("BodyType"), n.value()
		}
		it.edited = it.raw != nil
		it.set["Body"] = elem("Body", text+value.value()).with("BodyType", kind)
	case "ToRecipients", "CcRecipients", "BccRecipients", "ReplyTo", "RequiredAttendees", "OptionalAttendees", "Resources", "Categories":
		n := group(name)
		if before := old.property(nil, name); before != nil {
			n.children = slices.Clone(before.children)
		}
		n.children = append(n.children, value.children...)
		it.set[name] = n
		it.edited = it.edited || inMIME[name] && it.raw != nil
	default:
		return bad("ErrorInvalidPropertyAppend")
	}
	return nil
}

// setEntries sets the entries of a dictionary, such as PhoneNumbers, by their keys. What an entry
// has already stays.
func (it *stored) setEntries(name string, value *node) {
	n := group(name)
	n.children = append(n.children, list(it.set[name])...)
	for _, c := range value.children {
		i := slices.IndexFunc(n.children, func(e *node) bool { return e.attr("Key") == c.attr("Key") })
		switch {
		case i < 0:
			n.children = append(n.children, c)
		case len(c.children) == 0:
			n.children[i] = c
		default:
			n.children[i] = merge(n.children[i], c)
		}
	}
	it.set[name] = n
}

// addressOrder is the order of what stands in an entry of PhysicalAddresses.
var addressOrder = []string{"Street", "City", "State", "CountryOrRegion", "PostalCode"}

// merge returns an entry with the parts of another in place of its own.
func merge(old, with *node) *node {
	m := &node{name: old.name, attrs: old.attrs}
	for _, part := range addressOrder {
		c := with.child(part)
		if c == nil {
			c = old.child(part)
		}
		if c != nil {
			m.children = append(m.children, c)
		}
	}
	return m
}

// unsetEntry removes an entry of a dictionary, or a part of it.
func (it *stored) unsetEntry(name string, path *node) {
	n := group(name)
	for _, c := range list(it.set[name]) {
		if c.attr("Key") == path.attr("FieldIndex") {
			parts := strings.Split(path.attr("FieldURI"), ":")
			if len(parts) < 3 || len(c.children) == 0 {
				continue
			}
			rest := &node{name: c.name, attrs: c.attrs}
			for _, p := range c.children {
				if p.name.Local != parts[2] {
					rest.children = append(rest.children, p)
				}
			}
			c = rest
		}
		n.children = append(n.children, c)
	}
	it.set[name] = n
	if len(n.children) == 0 {
		delete(it.set, name)
	}
}
