package ews

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-serversync/serversync/ews/internal/soap"
	"github.com/go-serversync/serversync/provider"
)

// A property is one that is asked for: by the name that Exchange has for it, or by its tag
// in MAPI ([MS-OXPROPS]).
type property struct {
	uri  string
	tag  uint64
	kind string // of a tag's value, such as String
}

// The properties that have no name of their own.
const (
	tagHidden       = 0x10F4 // PidTagAttributeHidden
	tagHeader       = 0x007D // PidTagTransportMessageHeaders
	tagThreadIndex  = 0x0071 // PidTagConversationIndex
	tagInReplyTo    = 0x1042 // PidTagInReplyToId
	tagReferences   = 0x1039 // PidTagInternetReferences
	tagLastVerb     = 0x1081 // PidTagLastVerbExecuted
	tagFlagStatus   = 0x1090 // PidTagFlagStatus
	tagSenderSMTP   = 0x5D01 // PidTagSenderSmtpAddress
	tagSentForSMTP  = 0x5D02 // PidTagSentRepresentingSmtpAddress
	verbReply       = "102"  // ([MS-OXOMSG], section 2.2.1.59)
	verbReplyAll    = "103"
	statusFlagged   = "2" // ([MS-OXOFLAG], section 2.2.1.1)
	classOfNote     = "IPM.Note"
	maxID           = 1 << 10 // bytes of an id; Exchange's have about 150
	maxHeader       = 16 << 20
	maxCategories   = 16 << 10 // bytes of an item's; one has at most 255 characters
	categoryOfOurs  = "item:Categories"
	receivedOfItem  = "item:DateTimeReceived"
	classOfItem     = "item:ItemClass"
	readOfMessage   = "message:IsRead"
	flagOfItem      = "item:Flag"
	sizeOfItem      = "item:Size"
	draftOfItem     = "item:IsDraft"
	subjectOfItem   = "item:Subject"
	sentOfItem      = "item:DateTimeSent"
	headersOfItem   = "item:InternetMessageHeaders"
	inReplyToOfItem = "item:InReplyTo"
)

func named(uris ...string) (list []property) {
	for _, uri := range uris {
		list = append(list, property{uri: uri})
	}
	return list
}

// flagProperties are those that flags are made of. Exchange knows a flag as such since
// 2013, and before as a property of MAPI.
func (s *session) flagProperties() []property {
	list := append(named(readOfMessage, categoryOfOurs, draftOfItem), property{tag: tagLastVerb, kind: "Integer"})
	if s.hasFlag() {
		return append(list, property{uri: flagOfItem})
	}
	return append(list, property{tag: tagFlagStatus, kind: "Integer"})
}

// listProperties are those of a listing, so that nobody has to ask for an item to know
// whether it is wanted.
func (s *session) listProperties() []property {
	return append(named(classOfItem, receivedOfItem, sizeOfItem), s.flagProperties()...)
}

// hasFlag reports whether the schema that is spoken has item:Flag.
func (s *session) hasFlag() bool {
	return !strings.HasPrefix(s.client.version, "Exchange20") || s.client.version >= "Exchange2013"
}

// suppresses reports whether the schema that is spoken can keep receipts from being sent.
func (s *session) suppresses() bool {
	return !strings.HasPrefix(s.client.version, "Exchange20") || s.client.version >= "Exchange2013_SP1"
}

// writeProperty writes the path of a property.
func writeProperty(w *soap.Writer, p property) {
	if p.uri != "" {
		w.Empty("t:FieldURI", "FieldURI", p.uri)
		return
	}
	w.Empty("t:ExtendedFieldURI", "PropertyTag", tagText(p.tag), "PropertyType", p.kind)
}

func tagText(tag uint64) string {
	digits := strings.ToUpper(strconv.FormatUint(tag, 16))
	return "0x" + strings.Repeat("0", max(4-len(digits), 0)) + digits
}

// writeItemShape writes an ItemShape: ids, and what is asked besides.
func writeItemShape(w *soap.Writer, mime bool, body string, list []property) {
	w.Start("m:ItemShape")
	w.Elem("t:BaseShape", "IdOnly")
	if mime {
		w.Elem("t:IncludeMimeContent", "true")
	}
	if body != "" {
		w.Elem("t:BodyType", body)
	}
	if len(list) > 0 {
		w.Start("t:AdditionalProperties")
		for _, p := range list {
			writeProperty(w, p)
		}
		w.End()
	}
	w.End()
}

// An entry is what is said of an item by a listing, or when it is asked for.
type entry struct {
	kind     changeKind
	id       provider.ID
	version  string // its ChangeKey
	class    string
	received time.Time
	size     int64
	flags    []string // nil if not known

	seen, flagged, answered, draft, told bool // told: whether it is read was said
	categories                           []string
}

// readField reads a field that an entry has, and reports whether it is one.
func (n *entry) readField(r *soap.Reader, e soap.Element) bool {
	if e.Name.Space != soap.Types {
		return false
	}
	switch e.Name.Local {
	case "ItemId":
		n.id, n.version = provider.ID(e.Attr("Id")), e.Attr("ChangeKey")
	case "ItemClass":
		n.class = r.Text(e, maxText)
	case "DateTimeReceived":
		n.received = readTime(r.Text(e, maxText))
	case "Size":
		n.size, _ = strconv.ParseInt(r.Text(e, maxText), 10, 64)
		n.size = max(n.size, 0)
	case "IsRead":
		n.seen, n.told = isTrue(r.Text(e, maxText)), true
	case "IsDraft":
		n.draft = isTrue(r.Text(e, maxText))
	case "Flag":
		for status := range r.Children(e) {
			if status.Is(soap.Types, "FlagStatus") {
				n.flagged = r.Text(status, maxText) == "Flagged"
			}
		}
	case "Categories":
		n.categories = readStrings(r, e)
	case "ExtendedProperty":
		n.readExtended(readExtended(r, e))
	default:
		return false
	}
	return true
}

func (n *entry) readExtended(tag uint64, value string) {
	switch tag {
	case tagLastVerb:
		n.answered = value == verbReply || value == verbReplyAll
	case tagFlagStatus:
		n.flagged = value == statusFlagged
	}
}

// settle makes the flags of what was read. Where nothing says whether the item was read they
// are not known.
func (n *entry) settle() {
	if n.told {
		n.flags = n.flagList()
	}
	n.categories = nil
}

func (n *entry) flagList() []string {
	flags := make([]string, 0, 1+len(n.categories))
	for flag, set := range map[string]bool{`\Seen`: n.seen, `\Flagged`: n.flagged, `\Answered`: n.answered, `\Draft`: n.draft} {
		if set {
			flags = append(flags, flag)
		}
	}
	for _, c := range n.categories {
		if c != "" && c[0] != '\\' { // which would be taken for what it is not
			flags = append(flags, c)
		}
	}
	slices.Sort(flags)
	return slices.Compact(flags)
}

// readExtended reads an ExtendedProperty with one value.
func readExtended(r *soap.Reader, e soap.Element) (tag uint64, value string) {
	for part := range r.Children(e) {
		switch {
		case part.Is(soap.Types, "ExtendedFieldURI"):
			tag, _ = strconv.ParseUint(part.Attr("PropertyTag"), 0, 32)
		case part.Is(soap.Types, "Value"):
			value = r.Text(part, maxHeader)
		}
	}
	return tag, value
}

// readStrings reads a list of strings, as far as a cursor has room for it.
func readStrings(r *soap.Reader, e soap.Element) (list []string) {
	left := maxCategories
	for one := range r.Children(e) {
		if !one.Is(soap.Types, "String") {
			continue
		}
		text := r.Text(one, maxText)
		if left -= len(text) + 1; left < 0 {
			return list
		}
		list = append(list, text)
	}
	return list
}

func isTrue(s string) bool {
	s = strings.TrimSpace(s)
	return s == "true" || s == "1"
}

// readTime reads a dateTime, UTC where it says no zone. What is none is the zero Time.
func readTime(s string) time.Time {
	s = strings.TrimSpace(s)
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}

// isMail reports whether an item, by its element and class, is a message: what people send
// each other, requests for meetings and reports of delivery among it. An appointment, a
// contact or a note may lie in a folder of mail as well.
func isMail(element, class string) bool {
	switch element {
	case "Message", "MeetingMessage", "MeetingRequest", "MeetingResponse", "MeetingCancellation", "SharingMessage":
		return !hasClass(class, "IPM.Post") && !hasClass(class, "IPM.StickyNote") && !hasClass(class, "IPM.Activity")
	case "Item":
		if class == "" {
			return true
		}
		for _, mail := range []string{classOfNote, "IPM.Schedule", "IPM.TaskRequest", "IPM.Recall", "IPM.Outlook.Recall", "IPM.Sharing", "REPORT"} {
			if hasClass(class, mail) {
				return true
			}
		}
	}
	return false
}

// hasClass reports whether a class is another one or is derived from it.
func hasClass(class, from string) bool {
	return len(class) >= len(from) && strings.EqualFold(class[:len(from)], from) && (len(class) == len(from) || class[len(from)] == '.')
}
