package track_test

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
	. "github.com/go-serversync/serversync/track"
)

// Whom an address stands for (sss.md, section 4.5).
func TestPrecedence(t *testing.T) {
	all := func(n int) (list []Party) {
		for i := range n {
			list = append(list, Party{Kind: Contact, Ref: Ref{"contact", strconv.Itoa(i)}})
		}
		return list
	}
	every := []Party{{Kind: Other, Ref: crane}, {Kind: Queue, Ref: sales}, {Kind: Lead, Ref: lee}, {Kind: Account, Ref: acme}, {Kind: Contact, Ref: carol}, {Kind: User, Ref: bob}}
	for _, r := range []struct {
		name     string
		list     []Party
		switches mailbox.Parties
		sender   []Ref
		to       []Ref
	}{
		{"one", []Party{{Kind: Contact, Ref: carol}}, mailbox.Parties{}, []Ref{carol}, []Ref{carol}},
		{"nobody", nil, mailbox.Parties{}, nil, nil},
		{"by kind", every, mailbox.Parties{}, []Ref{bob}, []Ref{bob, carol, acme, lee, sales, crane}},
		{"within a kind, in the host's order", []Party{{Kind: Contact, Ref: carol}, {Kind: Contact, Ref: lee}}, mailbox.Parties{}, []Ref{carol}, []Ref{carol, lee}},
		{"an unknown kind comes last", []Party{{Kind: "vessel", Ref: crane}, {Kind: Lead, Ref: lee}}, mailbox.Parties{}, []Ref{lee}, []Ref{lee, crane}},
		{"records of the mailbox's user come first", []Party{{Kind: User, Ref: bob}, {Kind: Contact, Ref: carol, Owner: bob}, {Kind: Lead, Ref: lee, Owner: anna}}, mailbox.Parties{}, []Ref{lee}, []Ref{lee, bob, carol}},
		{"of the user's, by kind", []Party{{Kind: Lead, Ref: lee, Owner: anna}, {Kind: Account, Ref: acme, Owner: anna}}, mailbox.Parties{}, []Ref{acme}, []Ref{acme, lee}},
		{"inactive ones are out", []Party{{Kind: Contact, Ref: carol, Inactive: true}, {Kind: Lead, Ref: lee}}, mailbox.Parties{}, []Ref{lee}, []Ref{lee}},
		{"the only one is inactive", []Party{{Kind: Contact, Ref: carol, Inactive: true}}, mailbox.Parties{}, nil, nil},
		{"inactive ones count", []Party{{Kind: Contact, Ref: carol, Inactive: true}, {Kind: Lead, Ref: lee}}, mailbox.Parties{Inactive: true}, []Ref{carol}, []Ref{carol, lee}},
		{"a user who is out never counts", []Party{{Kind: User, Ref: bob, Inactive: true}}, mailbox.Parties{Inactive: true}, nil, nil},
		{"a sender of several records stands for none", every, mailbox.Parties{AmbiguousSender: true}, nil, []Ref{bob, carol, acme, lee, sales, crane}},
		{"a sender of one record stands for it", every[:1], mailbox.Parties{AmbiguousSender: true}, []Ref{crane}, []Ref{crane}},
		{"a recipient of several records stands for none", every, mailbox.Parties{AmbiguousRecipients: true}, []Ref{bob}, nil},
		{"one of two is inactive, so that it is not ambiguous", []Party{{Kind: Contact, Ref: carol, Inactive: true}, {Kind: Lead, Ref: lee}}, mailbox.Parties{AmbiguousSender: true, AmbiguousRecipients: true}, []Ref{lee}, []Ref{lee}},
		{"one record told twice is one", []Party{{Kind: Lead, Ref: lee}, {Kind: Lead, Ref: lee}}, mailbox.Parties{AmbiguousSender: true}, []Ref{lee}, []Ref{lee}},
		{"a hundred", all(100), mailbox.Parties{}, []Ref{{"contact", "0"}}, refs(all(100))},
		{"more than a hundred stand for none", all(101), mailbox.Parties{}, nil, nil},
	} {
		w := contoso().accept(anna, mailbox.AcceptAll)
		w.settings.Parties = r.switches
		w.parties["p@example.net"] = r.list
		v := w.one(t, header("From: P@example.net\nTo: anna@contoso.example\nCc: p@Example.net\n"))
		require.Equal(t, r.sender, refs(v.Sender), r.name)
		require.Len(t, v.Recipients, 2)
		require.Equal(t, Cc, v.Recipients[1].Role)
		require.Equal(t, "p@example.net", v.Recipients[1].Address)
		require.Equal(t, r.to, refs(v.Recipients[1].Parties), r.name)
	}
}

func refs(list []Party) (out []Ref) {
	for _, p := range list {
		out = append(out, p.Ref)
	}
	return out
}

// MIME-30, SEC-14: a sender whom the header names ambiguously is nobody, answers
// nothing and is made nobody.
func TestMIME30AmbiguousSenders(t *testing.T) {
	for _, from := range []string{
		"From: carol@example.org\nFrom: x@example.net\n",
		"From: carol@example.org, x@example.net\n",
		"From: friends: carol@example.org;\n",
		"From: \"carol@example.org\" <x@example.net>\n",
		"From: carol@example.org (x@example.net)\n",
		"From: \"carol@example.org\" <carol@example.org>, x@example.net\n",
		"From: =?utf-8?q?carol=40example.org?= <x@example.net>\n",
		"From: carol@example.org@example.net\n",
		"From: nobody\n",
		"",
	} {
		w := contoso().accept(anna, mailbox.AcceptAll)
		w.party(anna).Creates = Contact
		v := w.one(t, header(from+toAnna+answers))
		require.Empty(t, v.Sender, from)
		require.Empty(t, v.Create, from)
		require.Zero(t, v.Regarding, from)
		for _, accept := range []mailbox.Accept{mailbox.AcceptKnown, mailbox.AcceptRecords, mailbox.AcceptReplies} {
			require.False(t, w.accept(anna, accept).one(t, header(from+toAnna+answers)).Tracked, "%s %q", accept, from)
		}
	}
	require.True(t, contoso().accept(anna, mailbox.AcceptKnown).one(t, header("From: \"carol@example.org\" <Carol@example.org>\n"+toAnna)).Tracked)
}

// A contact or lead is made of a person whom nobody knows, where the accepting user
// wants it.
func TestCreate(t *testing.T) {
	unknown := "From: New <new@example.net>\n"
	wants := func(w *world) { w.accept(anna, mailbox.AcceptAll).party(anna).Creates = Contact }
	for _, r := range []struct {
		name  string
		world func(w *world)
		mail  string
		want  Kind
	}{
		{"a contact", wants, unknown + toAnna, Contact},
		{"a lead", func(w *world) { wants(w); w.party(anna).Creates = Lead }, unknown + toAnna, Lead},
		{"nothing else", func(w *world) { wants(w); w.party(anna).Creates = User }, unknown + toAnna, ""},
		{"not asked for", func(w *world) { w.accept(anna, mailbox.AcceptAll) }, unknown + toAnna, ""},
		{"not in this organization", func(w *world) { wants(w); w.settings.Parties.NoCreate = true }, unknown + toAnna, ""},
		{"not of whom we know", wants, fromCarol + toAnna, ""},
		{"not of whom we know as inactive", func(w *world) { wants(w); w.party(carol).Inactive = true }, fromCarol + toAnna, ""},
		{"not of whom we know too well", func(w *world) {
			wants(w)
			w.settings.Parties.AmbiguousSender = true
			w.parties["new@example.net"] = []Party{{Kind: Lead, Ref: lee}, {Kind: Contact, Ref: carol}}
		}, unknown + toAnna, ""},
		{"not of what is not tracked", func(w *world) { wants(w); w.accept(anna, mailbox.AcceptNone) }, unknown + toAnna, ""},
		{"not of an absence", wants, unknown + toAnna + "Auto-Submitted: auto-replied\n", ""},
		{"not of a list", wants, unknown + toAnna + "List-Id: <l.example.net>\n", ""},
		{"not of bulk mail", wants, unknown + toAnna + "Precedence: bulk\n", ""},
		{"not of two senders", wants, "From: new@example.net, other@example.net\n" + toAnna, ""},
		{"not of ourselves", func(w *world) { wants(w); w.reading.Mailbox.Aliases = []string{"new@example.net"} }, unknown + toAnna, ""},
		{"by the accepting user, not by the mailbox that is read", func(w *world) { wants(w); w.accept(anna, mailbox.AcceptNone).accept(bob, mailbox.AcceptAll) }, unknown + "To: bob@contoso.example\n", ""},
		{"by a queue", func(w *world) { w.accept(support, mailbox.AcceptAll).party(support).Creates = Lead }, unknown + "To: support@contoso.example\n", Lead},
		{"by hand", func(w *world) { wants(w); w.accept(anna, mailbox.AcceptNone); w.reading.Folder = true }, unknown + toAnna, Contact},
	} {
		w := contoso()
		r.world(w)
		require.Equal(t, r.want, w.one(t, header(r.mail)).Create, r.name)
	}
}

// A page asks for each address once, as address books are asked.
func TestAddresses(t *testing.T) {
	w := contoso()
	w.reading.Mailbox.Aliases = []string{"A.Smith@Contoso.example", "ANNA@contoso.example"}
	page := w.rules(t).Page(w.reading, []Message{
		header("From: Carol <CAROL@Example.ORG>\nTo: anna@contoso.example, \"Odd Name\"@Example.org\nCc: carol@example.org., Jörg@example.org\nBcc: bob+x@contoso.example\n"),
		header("From: x\nTo: undisclosed-recipients:;\nCc: <>, a@b@c, \"a b\"@example.org, x@\nBcc: carol@example.org\n"),
	})
	require.Equal(t, []string{
		"anna@contoso.example", "a.smith@contoso.example", "carol@example.org", `"Odd Name"@example.org`, "jörg@example.org",
		"bob+x@contoso.example", "bob@contoso.example", `"a b"@example.org`,
	}, page.Addresses())
}

// A page asks for what its messages answer, are and report of, each once.
func TestQuery(t *testing.T) {
	w := contoso()
	page := w.rules(t).Page(w.reading, []Message{
		header(fromCarol + toAnna + answers),
		header(fromCarol + toAnna + "References: <1@contoso.example> <2@x>\n"),
		whole(t, report("3@contoso.example", "failed", "5.1.1", "carol@example.org")),
		{Message: &item.Message{}},
	})
	q := page.Query()
	require.ElementsMatch(t, []string{"new@example.org", "1@contoso.example", "2@x", "report@mail.example", "3@contoso.example"}, q.IDs)
	require.Empty(t, w.rules(t).Page(w.reading, nil).Query().IDs)
	require.True(t, w.rules(t).Page(w.reading, nil).Query().Empty())
	require.Empty(t, w.rules(t).Page(w.reading, nil).Judge(nil, nil))
}

// Five thousand recipients cost a thousand look-ups, and the mailbox's own address
// counts wherever it stands.
func TestManyRecipients(t *testing.T) {
	m := &item.Message{From: []item.Address{{Addr: "carol@example.org"}}}
	for i := range 5000 {
		m.To = append(m.To, item.Address{Addr: fmt.Sprintf("r%d@example.org", i)})
	}
	m.To = append(m.To, item.Address{Addr: "anna@contoso.example"})
	w := contoso().accept(anna, mailbox.AcceptKnown)
	page := w.rules(t).Page(w.reading, []Message{{Message: m}})
	require.Len(t, page.Addresses(), 1002)
	v := w.one(t, Message{Message: m})
	require.Equal(t, AcceptedKnown, v.Rule)
	require.Len(t, v.Recipients, 1001)
}
