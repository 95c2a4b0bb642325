package ewstest

import (
	"strings"

	"github.com/go-serversync/serversync/ews/internal/soap"
)

// maxResolved is how many names ResolveNames gives.
const maxResolved = 100

func resolveNames(q *request, w *soap.Writer) error {
	entry := strings.TrimSpace(q.body.child("UnresolvedEntry").value())
	full := isTrue(q.body.attr("ReturnFullContactData"))
	found := q.model().resolve(entry)
	if len(found) == 0 {
		return q.one(w, func() (result, error) {
			return nil, fail("ErrorNameResolutionNoResults", "No results were found.")
		})
	}
	w.Start("m:ResponseMessages")
	if len(found) == 1 {
		w.Start("m:ResolveNamesResponseMessage", "ResponseClass", "Success")
		w.Elem("m:ResponseCode", "NoError")
	} else {
		w.Start("m:ResolveNamesResponseMessage", "ResponseClass", "Warning")
		fail("ErrorNameResolutionMultipleResults", "Multiple results were found.").write(w)
	}
	last := len(found) <= maxResolved
	found = found[:min(len(found), maxResolved)]
	w.Start("m:ResolutionSet", pageAttrs(len(found), len(found), last, "IndexedPagingOffset")[2:]...)
	for _, b := range found {
		w.Start("t:Resolution")
		group("Mailbox", elem("Name", b.name), elem("EmailAddress", b.address), elem("RoutingType", "SMTP"), elem("MailboxType", "Mailbox")).write(w)
		if full {
			b.contact().write(w)
		}
		w.End()
	}
	for range 3 {
		w.End()
	}
	return nil
}

// contact is what the directory has of who owns a mailbox.
func (b *mailbox) contact() *node {
	given, family, _ := strings.Cut(b.name, " ")
	return group("Contact", elem("DisplayName", b.name), maybe("GivenName", given),
		group("EmailAddresses", elem("Entry", "SMTP:"+b.address).with("Key", "EmailAddress1")),
		elem("ContactSource", "ActiveDirectory"), maybe("Surname", family))
}

// resolve finds the mailboxes that an entry may mean: a name's beginning, an address, or a name
// of X.500. With "smtp:" before it, it is an address as a whole.
func (m *model) resolve(entry string) (found []*mailbox) {
	kind, rest, ok := strings.Cut(entry, ":")
	exact := ok && (strings.EqualFold(kind, "smtp") || strings.EqualFold(kind, "sip"))
	if exact {
		entry = rest
	}
	for _, b := range m.boxes {
		if b.is(entry) || !exact && entry != "" && b.startsWith(entry) {
			found = append(found, b)
		}
	}
	return found
}

func (b *mailbox) startsWith(entry string) bool {
	entry = strings.ToLower(entry)
	if strings.HasPrefix(strings.ToLower(b.address), entry) || strings.HasPrefix(strings.ToLower(b.name), entry) {
		return true
	}
	for _, word := range strings.Fields(strings.ToLower(b.name)) {
		if strings.HasPrefix(word, entry) {
			return true
		}
	}
	return false
}

// convertID gives ids in another format. What an id is about need not be there, but it must look
// like one.
func convertID(q *request, w *soap.Writer) error {
	to := q.body.attr("DestinationFormat")
	return q.each(w, list(q.body.child("SourceIds")), func(n *node) (result, error) {
		id := n.attr("Id")
		if n.name.Local != "AlternateId" {
			return nil, fail("ErrorInvalidIdMalformed", "Id is malformed.")
		}
		if f := n.attr("Format"); f == "OwaId" || f == "StoreId" || f == "EntryId" || f == "HexEntryId" {
			id = strings.NewReplacer("%2b", "+", "%2f", "/", "-", "/", "_", "+").Replace(id)
		}
		if !isID(id) {
			return nil, badID()
		}
		owner := n.attr("Mailbox")
		if b := q.model().owner(id); b != nil {
			owner = b.address
		}
		if to == "OwaId" {
			id = strings.NewReplacer("+", "%2b", "/", "%2f").Replace(id)
		}
		return func(w *soap.Writer) {
			w.Empty("m:AlternateId", "xsi:type", "t:AlternateIdType", "Format", to, "Id", id, "Mailbox", owner)
		}, nil
	})
}

// owner returns the mailbox that something is in, nil if it is in none.
func (m *model) owner(id string) *mailbox {
	if f := m.folders[id]; f != nil {
		return f.box
	}
	if it := m.items[id]; it != nil {
		return it.home.box
	}
	return nil
}

func getUserConfiguration(q *request, w *soap.Writer) error {
	return q.one(w, func() (result, error) {
		if n := q.body.child("UserConfigurationName").first(); n != nil {
			if _, err := q.folder(n); err != nil {
				return nil, err
			}
		}
		return nil, noItem()
	})
}

// getDelegate tells who may do what in a mailbox.
func getDelegate(q *request, w *soap.Writer) error {
	b := q.model().mailbox(strings.TrimSpace(q.body.at("Mailbox", "EmailAddress").value()))
	switch {
	case b == nil:
		return fail("ErrorNonExistentMailbox", "No mailbox with such guid.")
	case !b.is(q.acting):
		return denied()
	}
	w.Elem("m:ResponseCode", "NoError")
	w.Start("m:ResponseMessages")
	for _, d := range q.model().boxes {
		g := b.grantOf(d.address)
		if g == nil {
			continue
		}
		w.Start("m:DelegateUserResponseMessageType", "ResponseClass", "Success")
		w.Elem("m:ResponseCode", "NoError")
		w.Start("m:DelegateUser")
		w.Start("t:UserId")
		w.Elem("t:PrimarySmtpAddress", d.address)
		w.Elem("t:DisplayName", d.name)
		w.End()
		w.Start("t:DelegatePermissions")
		for _, p := range [][2]string{{"Calendar", "calendar"}, {"Tasks", "tasks"}, {"Inbox", "inbox"}, {"Contacts", "contacts"}, {"Notes", "notes"}, {"Journal", "journal"}} {
			level := g.folders[b.known[p[1]]]
			if g.full {
				level = "Editor"
			}
			if level != "Editor" && level != "Author" && level != "Reviewer" {
				level = map[bool]string{true: "None", false: "Custom"}[level == "" || level == "None"]
			}
			w.Elem("t:"+p[0]+"FolderPermissionLevel", level)
		}
		w.End()
		w.Elem("t:ReceiveCopiesOfMeetingMessages", "false")
		w.Elem("t:ViewPrivateItems", boolean(g.full))
		w.End()
		w.End()
	}
	w.End()
	w.Elem("m:DeliverMeetingRequests", "NoForward")
	return nil
}

// getUserOofSettings tells that nobody is out of office.
func getUserOofSettings(q *request, w *soap.Writer) error {
	b := q.model().mailbox(strings.TrimSpace(q.body.at("Mailbox", "Address").value()))
	var f *failure
	switch {
	case b == nil:
		f = fail("ErrorMailRecipientNotFound", "The recipient was not found.")
	case !b.is(q.acting):
		f = fail("ErrorAccessDenied", "Access is denied. Check credentials and try again.")
	}
	if f != nil {
		w.Start("m:ResponseMessage", "ResponseClass", "Error")
		f.write(w)
		w.End()
		return nil
	}
	w.Start("m:ResponseMessage", "ResponseClass", "Success")
	w.Elem("m:ResponseCode", "NoError")
	w.End()
	w.Start("t:OofSettings")
	w.Elem("t:OofState", "Disabled")
	w.Elem("t:ExternalAudience", "All")
	w.Start("t:InternalReply")
	w.Elem("t:Message", "")
	w.End()
	w.Start("t:ExternalReply")
	w.Elem("t:Message", "")
	w.End()
	w.End()
	w.Elem("m:AllowExternalOof", "All")
	return nil
}
