package ewstest

import (
	"slices"
	"strconv"
	"strings"

	"github.com/go-serversync/serversync/ews/internal/soap"
)

// A shape says what of an item is wanted.
type shape struct {
	base     string
	mime     bool
	body     string // Best, HTML or Text
	most     int    // bytes of a body; 0: all
	more     []*node
	listing  bool // of FindItem or SyncFolderItems, which leave things out
	plans    map[*kind]*plan
	extended []propertyName
	uris     []*node // of extended
}

// A plan is a shape for items of one kind.
type plan struct {
	fields []string // in order
	err    error
}

// readShape reads an ItemShape or AttachmentShape; nil is one without anything.
func readShape(n *node, listing bool) (*shape, error) {
	s := &shape{base: n.child("BaseShape").value(), mime: isTrue(n.child("IncludeMimeContent").value()), body: "Best", listing: listing, plans: make(map[*kind]*plan)}
	if v := n.child("BodyType").value(); v != "" {
		s.body = v
	}
	s.most, _ = strconv.Atoi(n.child("MaximumBodySize").value())
	if more := n.child("AdditionalProperties"); more != nil {
		s.more = more.children
	}
	if listing && s.mime {
		return nil, notInListing("item:MimeContent")
	}
	for _, f := range s.more {
		if f.name.Local == "ExtendedFieldURI" {
			p, err := readPropertyName(f)
			if err != nil {
				return nil, err
			}
			s.extended, s.uris = append(s.extended, p), append(s.uris, f)
			continue
		}
		if listing && slices.Contains(notListed, f.attr("FieldURI")) {
			return nil, notInListing(f.attr("FieldURI"))
		}
	}
	return s, nil
}

// notListed are the properties that nobody may ask for where many items are given at once.
var notListed = []string{
	"item:MimeContent", "item:Attachments", "item:Body", "item:UniqueBody", "item:NormalizedBody", "item:TextBody",
	"message:ToRecipients", "message:CcRecipients", "message:BccRecipients", "message:ReplyTo",
	"calendar:RequiredAttendees", "calendar:OptionalAttendees", "calendar:Resources", "calendar:Recurrence",
	"calendar:ModifiedOccurrences", "calendar:DeletedOccurrences", "item:InternetMessageHeaders", "item:ResponseObjects",
}

func notInListing(uri string) error {
	return wrongField("ErrorInvalidPropertyForOperation", "Property is not valid for this operation.", uri)
}

// What shapes have without asking. Default is of each kind; AllProperties is all that the item
// has, without what is made for the asking only.
var (
	defaults = map[string]string{
		"":                 "ItemId Subject Sensitivity Attachments DateTimeSent Size HasAttachments ResponseObjects",
		"Message":          "ItemId Subject Sensitivity Body Attachments Size DateTimeSent DateTimeCreated HasAttachments From ToRecipients CcRecipients BccRecipients IsReadReceiptRequested IsDeliveryReceiptRequested IsRead IsResponseRequested ReplyTo InternetMessageId References",
		"CalendarItem":     "ItemId Subject Body Attachments HasAttachments Start End LegacyFreeBusyStatus Location IsAllDayEvent CalendarItemType Organizer RequiredAttendees OptionalAttendees Resources Recurrence FirstOccurrence LastOccurrence ModifiedOccurrences DeletedOccurrences UID",
		"Contact":          "ItemId Attachments HasAttachments Culture FileAs CompanyName EmailAddresses PhoneNumbers DisplayName GivenName Surname JobTitle PhysicalAddresses ImAddresses Body",
		"Task":             "ItemId Subject Attachments HasAttachments DueDate PercentComplete StartDate Status Body",
		"DistributionList": "ItemId Attachments HasAttachments Culture DisplayName FileAs Members",
	}
	notInAll = strings.Fields("MimeContent UniqueBody NormalizedBody TextBody Preview InstanceKey StoreEntryId SearchKey ResponseObjects ExtendedProperty IsUnmodified ReminderNextTime Photo")
)

// planFor returns what s means for items of a kind.
func (s *shape) planFor(k *kind) *plan {
	if p := s.plans[k]; p != nil {
		return p
	}
	want := map[string]bool{"ItemId": true}
	switch s.base {
	case "Default":
		list, ok := defaults[k.name]
		if !ok && k.isMail() {
			list = defaults["Message"]
		} else if !ok {
			list = defaults[""]
		}
		for _, f := range strings.Fields(list) {
			want[f] = true
		}
	case "AllProperties":
		for _, f := range k.fields {
			want[f] = !slices.Contains(notInAll, f)
		}
	}
	if s.mime {
		want["MimeContent"] = true
	}
	p := &plan{}
	for _, f := range s.more {
		name := fieldOf(f)
		if f.name.Local == "ExtendedFieldURI" {
			name = "ExtendedProperty"
		}
		if _, ok := k.places[name]; !ok {
			p.err = wrongField("ErrorInvalidPropertyRequest", "Property is not valid for this object type.", f.attr("FieldURI"))
		}
		want[name] = true
	}
	for _, f := range k.fields {
		if want[f] && !(s.listing && slices.Contains(leftOut, f)) {
			p.fields = append(p.fields, f)
		}
	}
	s.plans[k] = p
	return p
}

// leftOut are the elements that listings are without, whatever the shape.
var leftOut = strings.Fields("MimeContent Body UniqueBody NormalizedBody TextBody Attachments ToRecipients CcRecipients BccRecipients ReplyTo InternetMessageHeaders RequiredAttendees OptionalAttendees Resources Recurrence ModifiedOccurrences DeletedOccurrences ResponseObjects")

// fieldOf returns the name of the element that a FieldURI or IndexedFieldURI is about.
func fieldOf(n *node) string {
	uri := n.attr("FieldURI")
	space, name, _ := strings.Cut(uri, ":")
	if n.name.Local == "IndexedFieldURI" {
		switch first, _, _ := strings.Cut(name, ":"); {
		case space == "item":
			return "InternetMessageHeaders"
		case first == "EmailAddress":
			return "EmailAddresses"
		case first == "ImAddress":
			return "ImAddresses"
		case first == "PhoneNumber":
			return "PhoneNumbers"
		case first == "PhysicalAddress":
			return "PhysicalAddresses"
		case space == "distributionlist":
			return "Members"
		}
	}
	return name
}

// write writes an item in a shape, which check has found to be good for it.
func (s *shape) write(q *request, w *soap.Writer, it *stored) {
	p := s.planFor(it.kind)
	defer it.hold()()
	w.Start("t:" + it.kind.name)
	for _, f := range p.fields {
		switch f {
		case "MimeContent":
			if blob := it.mime(); blob != nil {
				w.Base64("t:MimeContent", blob, "CharacterSet", "UTF-8")
			}
		case "Body", "UniqueBody", "NormalizedBody":
			it.bodyElement(f, s.body, s.most).write(w)
		case "TextBody":
			it.bodyElement(f, "Text", s.most).write(w)
		case "ExtendedProperty":
			for i, p := range s.extended {
				if values, ok := it.extendedValue(p); ok {
					writeExtended(w, s.uris[i], values, strings.HasSuffix(p.kind, "Array"))
				}
			}
		case "From", "Sender":
			n := it.property(q, f)
			if s.listing && n != nil && len(n.children) > 0 {
				n = group(f, group("Mailbox", elem("Name", n.at("Mailbox", "Name").value())))
			}
			n.writeIf(w)
		case "InternetMessageHeaders":
			s.pick(it.property(q, f)).writeIf(w)
		default:
			it.property(q, f).writeIf(w)
		}
	}
	w.End()
}

// pick returns of a message's header fields those that were asked for by name, if any were.
func (s *shape) pick(all *node) *node {
	var names []string
	for _, f := range s.more {
		switch {
		case f.attr("FieldURI") == "item:InternetMessageHeaders":
			return all
		case f.attr("FieldURI") == "item:InternetMessageHeader":
			names = append(names, strings.ToLower(f.attr("FieldIndex")))
		}
	}
	if all == nil || len(names) == 0 {
		return all
	}
	some := group("InternetMessageHeaders")
	for _, c := range all.children {
		if slices.Contains(names, strings.ToLower(c.attr("HeaderName"))) {
			some.children = append(some.children, c)
		}
	}
	if len(some.children) == 0 {
		return nil
	}
	return some
}

// check returns why an item cannot be given in a shape, before anything of it is written.
func (s *shape) check(it *stored) error {
	if it.damage == "corrupt" {
		return fail("ErrorItemCorrupt", "The item is corrupt.")
	}
	p := s.planFor(it.kind)
	if p.err == nil && slices.Contains(p.fields, "MimeContent") {
		if err := it.withoutMIME(); err != nil {
			return err
		}
	}
	return p.err
}
