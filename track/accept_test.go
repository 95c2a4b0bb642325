package track_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/mailbox"
	. "github.com/go-serversync/serversync/track"
)

// Each filter, for each kind of sender (sss.md, section 4.2).
func TestFilters(t *testing.T) {
	senders := map[string]string{
		"contact": "carol@example.org", "account": "acme@example.org", "lead": "lee@example.org",
		"other": "crane@example.org", "user": "bob@contoso.example", "queue": "sales@contoso.example", "nobody": "x@example.net",
	}
	tracks := map[mailbox.Accept]string{
		mailbox.AcceptDefault: "", mailbox.AcceptReplies: "", mailbox.AcceptNone: "",
		mailbox.AcceptAll:     "contact account lead other user queue nobody",
		mailbox.AcceptKnown:   "contact account lead",
		mailbox.AcceptRecords: "contact account lead other user queue",
	}
	rules := map[mailbox.Accept][2]Rule{
		mailbox.AcceptDefault: {AcceptedReply, NoReply}, mailbox.AcceptReplies: {AcceptedReply, NoReply},
		mailbox.AcceptNone: {"", NotAccepted}, mailbox.AcceptAll: {AcceptedAll, ""},
		mailbox.AcceptKnown: {AcceptedKnown, NotAccepted}, mailbox.AcceptRecords: {AcceptedRecord, NotAccepted},
	}
	for accept, kinds := range tracks {
		for kind, address := range senders {
			v := contoso().accept(anna, accept).one(t, header("From: "+address+"\n"+toAnna))
			want := strings.Contains(" "+kinds+" ", " "+kind+" ")
			require.Equal(t, want, v.Tracked, "%s from %s", accept, kind)
			require.False(t, v.NeedsBody)
			require.Equal(t, anna, v.Receiving)
			require.Equal(t, Incoming, v.Direction)
			if want {
				require.Equal(t, rules[accept][0], v.Rule)
				require.Equal(t, anna, v.Accepting)
				require.Equal(t, "user anna accepts "+string(accept), v.Evidence)
			} else {
				require.Equal(t, rules[accept][1], v.Rule, "%s from %s", accept, kind)
				require.Zero(t, v.Accepting)
			}
		}
	}
}

// Who is asked, and what each switch about it does.
func TestWhoDecides(t *testing.T) {
	type row struct {
		name      string
		world     func(w *world)
		mail      string
		rule      Rule
		accepting Ref
	}
	for _, r := range []row{
		{"a reply, by default", nil, fromCarol + toAnna + answers, AcceptedReply, anna},
		{"a reply of a server's own id", nil, fromCarol + toAnna + "In-Reply-To: <server-1@mail.example>\n", AcceptedReply, anna},
		{"a reply further down the thread", nil, fromCarol + toAnna + "References: <1@contoso.example> <other@example.org>\n", AcceptedReply, anna},
		{"a reply of a stranger", nil, "From: x@example.net\n" + toAnna + answers, Stranger, Ref{}},
		{"a reply of a stranger, trusted", func(w *world) { w.settings.Correlation.TrustStrangers = true }, "From: x@example.net\n" + toAnna + answers, AcceptedReply, anna},
		{"a reply to nothing of ours", nil, fromCarol + toAnna + "In-Reply-To: <other@example.org>\n", NoReply, Ref{}},
		{"a stranger's reply where every email is accepted", func(w *world) { w.accept(anna, mailbox.AcceptAll) }, "From: x@example.net\n" + toAnna + answers, AcceptedAll, anna},
		{"another recipient accepts", func(w *world) { w.accept(bob, mailbox.AcceptAll) }, fromCarol + "To: anna@contoso.example, bob@contoso.example\n", AcceptedAll, bob},
		{"To is asked before Cc", func(w *world) { w.accept(anna, mailbox.AcceptAll).accept(bob, mailbox.AcceptKnown) }, fromCarol + "Cc: anna@contoso.example\nTo: bob@contoso.example\n", AcceptedKnown, bob},
		{"Cc is asked before Bcc", func(w *world) { w.accept(anna, mailbox.AcceptAll).accept(bob, mailbox.AcceptKnown) }, fromCarol + "Bcc: anna@contoso.example\nCc: bob@contoso.example\n", AcceptedKnown, bob},
		{"a queue among the recipients accepts", func(w *world) { w.accept(support, mailbox.AcceptAll) }, fromCarol + "To: anna@contoso.example, support@contoso.example\n", AcceptedAll, support},
		{"only the mailbox that is read is asked", func(w *world) { w.settings.OnlyReceiving = true; w.accept(bob, mailbox.AcceptAll) }, fromCarol + "To: anna@contoso.example, bob@contoso.example\n", NoReply, Ref{}},
		{"the mailbox that is read accepts", func(w *world) { w.settings.OnlyReceiving = true; w.accept(anna, mailbox.AcceptAll) }, fromCarol + "To: bob@contoso.example, anna@contoso.example\n", AcceptedAll, anna},
		{"one setting for all users", func(w *world) { w.settings.ForceAccept = mailbox.AcceptKnown; w.accept(anna, mailbox.AcceptNone) }, fromCarol + toAnna, AcceptedKnown, anna},
		{"one setting for all users: none", func(w *world) { w.settings.ForceAccept = mailbox.AcceptNone; w.accept(anna, mailbox.AcceptAll) }, fromCarol + toAnna, NotAccepted, Ref{}},
		{"one setting for all users is not for queues", func(w *world) {
			w.settings.ForceAccept = mailbox.AcceptNone
			w.readFrom(support).accept(support, mailbox.AcceptAll)
		}, fromCarol + "To: support@contoso.example\n", AcceptedAll, support},
		{"Bcc, with every email accepted", func(w *world) { w.accept(anna, mailbox.AcceptAll) }, fromCarol + "To: x@example.net\n", AcceptedAll, anna},
		{"Bcc, with less accepted", func(w *world) { w.accept(anna, mailbox.AcceptRecords) }, fromCarol + "To: x@example.net\n", NoRecipient, Ref{}},
		{"Bcc, and it is a reply", nil, fromCarol + "To: x@example.net\n" + answers, NoRecipient, Ref{}},
		{"a distribution list, with every email accepted", func(w *world) { w.accept(anna, mailbox.AcceptAll) }, fromCarol + "To: all@contoso.example\n", AcceptedAll, anna},
		{"a distribution list, with less accepted", nil, fromCarol + "To: all@contoso.example\n", NoRecipient, Ref{}},
		{"Bcc, and another recipient accepts", func(w *world) { w.accept(anna, mailbox.AcceptAll).accept(bob, mailbox.AcceptKnown) }, fromCarol + "To: bob@contoso.example\n", AcceptedKnown, bob},
		{"one accepts none, the other known", func(w *world) { w.accept(anna, mailbox.AcceptNone).accept(bob, mailbox.AcceptKnown) }, fromCarol + "To: anna@contoso.example, bob@contoso.example\n", AcceptedKnown, bob},
		{"the same, and only the mailbox that is read is asked", func(w *world) {
			w.settings.OnlyReceiving = true
			w.accept(anna, mailbox.AcceptNone).accept(bob, mailbox.AcceptKnown)
		}, fromCarol + "To: anna@contoso.example, bob@contoso.example\n", NotAccepted, Ref{}},
		{"a distribution list, with known senders accepted", func(w *world) { w.accept(anna, mailbox.AcceptKnown) }, fromCarol + "To: all@contoso.example\n", NoRecipient, Ref{}},
		{"no recipient at all", nil, fromCarol, NoRecipient, Ref{}},
		{"an alias", func(w *world) {
			w.reading.Mailbox.Aliases = []string{"A.Smith@contoso.example"}
			w.accept(anna, mailbox.AcceptKnown)
		}, fromCarol + "To: a.smith@contoso.example\n", AcceptedKnown, anna},
		{"a subaddress", func(w *world) { w.accept(anna, mailbox.AcceptKnown) }, fromCarol + "To: anna+ref-17@contoso.example\n", AcceptedKnown, anna},
		{"a subaddress of another user", func(w *world) { w.accept(bob, mailbox.AcceptKnown) }, fromCarol + "To: anna@contoso.example, Bob+x@contoso.example\n", AcceptedKnown, bob},
		{"the mailbox's own setting, where the directory has none", func(w *world) { w.reading.Mailbox.Accept = mailbox.AcceptAll }, fromCarol + toAnna, AcceptedAll, anna},
		{"the directory's setting before the mailbox's", func(w *world) { w.reading.Mailbox.Accept = mailbox.AcceptAll; w.accept(anna, mailbox.AcceptNone) }, fromCarol + toAnna, NotAccepted, Ref{}},
		{"a mailbox that the directory does not know", func(w *world) {
			delete(w.parties, "anna@contoso.example")
			w.reading.Mailbox.Accept = mailbox.AcceptKnown
		}, fromCarol + toAnna, AcceptedKnown, anna},
		{"a host without users", func(w *world) {
			w.parties = nil
			w.reading.Mailbox.Regarding, w.reading.Mailbox.Accept = "", mailbox.AcceptAll
		}, fromCarol + toAnna, AcceptedAll, Ref{}},
		{"a user who is out", func(w *world) { w.party(bob).Inactive = true; w.accept(bob, mailbox.AcceptAll) }, fromCarol + "To: anna@contoso.example, bob@contoso.example\n", NoReply, Ref{}},
		{"a recipient that is a contact as well is asked, whatever it is linked with", func(w *world) {
			w.settings.Parties.AmbiguousRecipients = true
			w.parties["anna@contoso.example"] = append(w.parties["anna@contoso.example"], Party{Kind: Contact, Ref: lee})
			w.accept(anna, mailbox.AcceptKnown)
		}, fromCarol + toAnna, AcceptedKnown, anna},
	} {
		w := contoso()
		if r.world != nil {
			r.world(w)
		}
		v := w.one(t, header(r.mail))
		require.Equal(t, r.rule, v.Rule, r.name)
		require.Equal(t, r.accepting, v.Accepting, r.name)
		text, _ := r.rule.Text()
		require.Equal(t, text.Tracks, v.Tracked, r.name)
		require.False(t, v.NeedsBody, r.name)
	}
}

// What a person does by hand passes every filter (sss.md, sections 4.2 and 4.7).
func TestTrackedByHand(t *testing.T) {
	mail := "From: x@example.net\nMessage-ID: <h@x>\n" + toAnna
	folder := func(w *world) { w.reading.Folder, w.reading.Regarding = true, case6 }
	for _, r := range []struct {
		name      string
		world     func(w *world)
		category  bool
		mail      string
		rule      Rule
		regarding Ref
	}{
		{"a tracked folder", folder, false, mail, TrackedByFolder, case6},
		{"a tracked folder, though no email is accepted", func(w *world) { folder(w); w.accept(anna, mailbox.AcceptNone) }, false, mail, TrackedByFolder, case6},
		{"a tracked folder counts before what the email answers", folder, false, fromCarol + toAnna + answers, TrackedByFolder, case6},
		{"a tracked folder that stands for no record", func(w *world) { w.reading.Folder = true }, false, fromCarol + toAnna + answers, TrackedByFolder, case5},
		{"tracked folders are off", func(w *world) { folder(w); w.settings.NoFolders = true }, false, mail, NoReply, Ref{}},
		{"the category", nil, true, mail, TrackedCategory, Ref{}},
		{"the category, and a reply", nil, true, fromCarol + toAnna + answers, TrackedCategory, case5},
		{"the category, and a stranger's reply", nil, true, mail + answers, TrackedCategory, Ref{}},
		{"categories are off", func(w *world) { w.settings.NoCategories = true }, true, mail, NoReply, Ref{}},
		{"in a tracked folder with the category", folder, true, mail, TrackedByFolder, case6},
		{"protected all the same", func(w *world) { folder(w); w.settings.NoProtected = true }, true, mail + "Content-Class: rpmsg.message\n", Protected, Ref{}},
		{"too large all the same", func(w *world) { folder(w); w.settings.Content.MaxMessage = 999 }, true, mail, TooLarge, Ref{}},
	} {
		w := contoso()
		if r.world != nil {
			r.world(w)
		}
		m := header(r.mail)
		m.Category = r.category
		v := w.one(t, m)
		require.Equal(t, r.rule, v.Rule, r.name)
		require.Equal(t, r.regarding, v.Regarding, r.name)
	}
}
