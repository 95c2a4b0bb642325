package track

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/secret"
)

// An index and what belongs to it, as a mail program writes it.
const (
	threadIndex   = "AQHaRkXzVq1cQ2bLbE2sYf0oT7x9w7Dk8zqA"
	conversation1 = "0101da4645f356ad5c4366cb6c4dac61fd284fbc7dc3"
)

var matchDay = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func matchSigner(t testing.TB) *Signer {
	s, err := NewSigner(SigningKey{"k1", secret.New(strings.Repeat("k", 32))})
	require.NoError(t, err)
	return s
}

func matchRules(t testing.TB, change ...func(*mailbox.Tracking)) *Rules {
	settings := mailbox.Tracking{Smart: mailbox.Smart{On: true}}
	for _, f := range change {
		f(&settings)
	}
	r, err := NewRules("contoso", settings, matchSigner(t))
	require.NoError(t, err)
	return r
}

func matchRef(id string) Ref { return Ref{"email", id} }

func matchAddresses(list ...string) (all []item.Address) {
	for _, a := range list {
		all = append(all, item.Address{Addr: a})
	}
	return all
}

// An answer of Bob's to Support that may be matched in every way.
func matchAnswer(t testing.TB, r *Rules) *item.Message {
	id, err := r.signer.MessageID("contoso", matchRef("byid"), "r1", "contoso.example")
	require.NoError(t, err)
	plus, err := r.signer.Address("contoso", matchRef("byaddress"), "support@contoso.example")
	require.NoError(t, err)
	return &item.Message{
		MessageID: "answer@bob.example", InReplyTo: []string{id, "parent@contoso.example"},
		References: []string{"first@contoso.example", "second@contoso.example", "parent@contoso.example"},
		Date:       matchDay, Subject: "RE: Broken lamp in hall CRM:0007012",
		From: matchAddresses("bob@bob.example"), To: matchAddresses(plus), Cc: matchAddresses("Carl@bob.example"),
		Fields: []item.Field{{Name: "thread-index", Value: threadIndex}},
	}
}

// matchEmail is an email of ours to Bob that was sent some minutes before his answer.
func matchEmail(id string, minutes int, change func(*Email)) Email {
	e := Email{
		Ref: matchRef(id), Direction: Outgoing, Regarding: Ref{"case", "of " + id}, Sent: matchDay.Add(-time.Duration(minutes) * time.Minute),
		Participants: []string{"support@contoso.example", "bob@bob.example", "carl@bob.example"},
	}
	change(&e)
	return e
}

func (r *Rules) matchOne(m *item.Message, emails ...Email) Match {
	k := r.keysOf(m)
	sender := ""
	if len(m.From) > 0 {
		sender = foldAddress(m.From[0].Addr)
	}
	return r.match(m, &k, sender, nil, newFound(emails))
}

// ways are an email for each way in which matchAnswer may be matched, best first.
func ways(r *Rules) []Email {
	words := r.words("Broken lamp in hall")
	others := func(e *Email) { e.IDs, e.Words = []string{"x@y"}, words }
	way := func(id string, change func(*Email)) Email {
		return matchEmail(id, 10, func(e *Email) { others(e); change(e) })
	}
	return []Email{
		way("byid", func(*Email) {}),
		way("byaddress", func(*Email) {}),
		way("parent", func(e *Email) { e.IDs = []string{"parent@contoso.example"} }),
		way("second", func(e *Email) { e.IDs = []string{"second@contoso.example"} }),
		way("first", func(e *Email) { e.IDs = []string{"first@contoso.example"} }),
		way("token", func(e *Email) { e.Token = "CRM:0007012" }),
		way("conversation", func(e *Email) { e.Conversation = conversation1 }),
		way("smart", func(e *Email) {
			e.People = []uint64{personHash("bob@bob.example"), personHash("carl@bob.example")}
		}),
	}
}

// The methods are tried in order: signed reference, In-Reply-To, the whole of References
// from the newest on (peers.md 107), tracking token, conversation index, smart
// matching. Only an answer to that very email has a parent.
func TestMatchOrder(t *testing.T) {
	r := matchRules(t)
	m := matchAnswer(t, r)
	emails := ways(r)
	want := []Match{
		{Method: ByReference, Parent: true, Signed: true, Key: m.InReplyTo[0]},
		{Method: ByReference, Signed: true, Key: strings.TrimSuffix(strings.TrimPrefix(m.To[0].Addr, "support+"), "@contoso.example")},
		{Method: ByInReplyTo, Parent: true, Key: "parent@contoso.example"},
		{Method: ByReferences, Key: "second@contoso.example"},
		{Method: ByReferences, Key: "first@contoso.example"},
		{Method: ByToken, Key: "CRM:0007012"},
		{Method: ByConversation, Parent: true, Key: conversation1},
		{Method: BySmart},
	}
	for i := range emails {
		want[i].Email, want[i].Regarding = emails[i].Ref, emails[i].Regarding
		left := slices.Clone(emails[i:])
		rand.Shuffle(len(left), func(a, b int) { left[a], left[b] = left[b], left[a] })
		require.Equal(t, want[i], r.matchOne(m, left...), "FindEmails answers in any order")
	}
	require.Zero(t, r.matchOne(m))
	require.Zero(t, r.matchOne(m, matchEmail("other", 1, func(e *Email) { e.IDs = []string{"x@y"} })))
}

// Each method has its switch, which leaves the others alone.
func TestMatchSwitches(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*mailbox.Tracking)
		want   []string // that still match, by themselves
	}{
		{"all", func(*mailbox.Tracking) {}, []string{"byid", "byaddress", "parent", "second", "first", "token", "conversation", "smart"}},
		{"off", func(s *mailbox.Tracking) { s.Correlation.Off = true }, nil},
		{"no threading", func(s *mailbox.Tracking) { s.Correlation.NoThreading = true }, []string{"byaddress", "token", "smart"}},
		{"no token", func(s *mailbox.Tracking) { s.Token.Off = true }, []string{"byid", "byaddress", "parent", "second", "first", "conversation", "smart"}},
		{"not smart", func(s *mailbox.Tracking) { s.Smart.On = false }, []string{"byid", "byaddress", "parent", "second", "first", "token", "conversation"}},
		{"no window", func(s *mailbox.Tracking) { s.Smart.Window = -1 }, []string{"byid", "byaddress", "parent", "second", "first", "token", "conversation"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := matchRules(t, tt.change)
			m := matchAnswer(t, r)
			var got []string
			for _, e := range ways(r) {
				if r.matchOne(m, e).Method != NoMatch {
					got = append(got, e.Ref.ID)
				}
			}
			require.Equal(t, tt.want, got)
			require.Equal(t, slices.Contains(tt.want, "smart"), len(r.keysOf(m).smart.Words) > 0, "what is off is not asked for")
		})
	}
	unsigned, err := NewRules("contoso", mailbox.Tracking{}, nil)
	require.NoError(t, err)
	m := matchAnswer(t, matchRules(t))
	require.Zero(t, unsigned.matchOne(m, ways(unsigned)[:2]...), "without a signer no reference is believed")
}

// What is asked for is each thing once, in the order of the messages, and all of it.
func TestMatchQuery(t *testing.T) {
	r := matchRules(t, func(s *mailbox.Tracking) { s.Smart.SubjectDelta = 1 })
	m := matchAnswer(t, r)
	later := *m
	later.Date, later.InReplyTo = matchDay.Add(time.Hour), []string{"new@x"}
	other := &item.Message{MessageID: "o@o", Subject: "CRM:0007013", Date: matchDay, References: []string{"first@contoso.example"}}
	var q Query
	require.True(t, q.Empty())
	for _, m := range []*item.Message{&later, m, other, m} {
		k := r.keysOf(m)
		k.ask(&q)
	}
	q.compact()
	require.Equal(t, Query{
		IDs:           []string{"new@x", "parent@contoso.example", "second@contoso.example", "first@contoso.example", m.InReplyTo[0]},
		Tokens:        []string{"CRM:0007012", "CRM:0007013"},
		Conversations: []string{conversation1},
		Emails:        []Ref{matchRef("byaddress"), matchRef("byid")},
		Smart:         []Hashes{{r.words("broken lamp in hall"), r.people(m)}},
		Since:         matchDay.Add(-90 * 24 * time.Hour), MinPeople: 2, WordDelta: 1,
	}, q)
}

// References that go round in circles, that name the message itself, or that are many
// do no harm (at most 50 are looked up).
func TestMatchReferencesAreBounded(t *testing.T) {
	r := matchRules(t)
	m := &item.Message{MessageID: "me@x", InReplyTo: []string{"me@x", "a@x", "a@x"}, References: []string{"a@x", "me@x", "b@x", "a@x"}}
	require.Equal(t, []string{"a@x", "b@x"}, r.keysOf(m).ids)
	self := matchEmail("self", 1, func(e *Email) { e.IDs = []string{"me@x", "b@x"}; e.Participants = nil })
	require.Zero(t, r.matchOne(m, self), "an email never answers itself")
	for i := range 200 {
		m.References = append(m.References, fmt.Sprintf("%d@x", i))
	}
	k := r.keysOf(m)
	require.Len(t, k.ids, 50)
	require.Equal(t, []string{"a@x", "199@x", "198@x"}, k.ids[:3])

	signed, err := r.signer.MessageID("contoso", matchRef("self"), "r", "x")
	require.NoError(t, err)
	m.InReplyTo = []string{signed}
	require.Zero(t, r.matchOne(m, self), "nor by a signed reference")
}

// SEC-14, TRK-01, TRK-05, peers.md 109: email from somebody who had no part in what it
// seems to answer is a suggestion, whatever the key is; a signed reference is proof.
func TestMatchOfStrangersIsASuggestion(t *testing.T) {
	r := matchRules(t)
	lax := matchRules(t, func(s *mailbox.Tracking) { s.Correlation.TrustStrangers = true })
	m := matchAnswer(t, r)
	m.From = matchAddresses("mallory@evil.example", "bob@bob.example")
	emails := ways(r)
	for i, e := range emails {
		got := r.matchOne(m, e)
		require.Equal(t, i > 1, got.Suggested, e.Ref.ID)
		require.Equal(t, i < 2, got.Signed)
		require.Equal(t, e.Ref, got.Email)
		require.Equal(t, e.Regarding, got.Regarding)
		require.False(t, lax.matchOne(m, e).Suggested, "as the original does")

		k := r.keysOf(m)
		for _, tt := range []struct {
			party Party
			want  bool
		}{{Party{Kind: User}, false}, {Party{Kind: User, Inactive: true}, i > 1}, {Party{Kind: Contact}, i > 1}} {
			got = r.match(m, &k, "mallory@evil.example", []Party{{Kind: Other}, tt.party}, newFound(emails[i:i+1]))
			require.Equal(t, tt.want, got.Suggested, "users may answer anything")
		}
		require.Equal(t, i > 1, r.match(m, &k, "", nil, newFound(emails[i:i+1])).Suggested)

		doubtful := *m
		doubtful.From, doubtful.Warnings = matchAddresses("bob@bob.example"), []item.Warning{item.WarnDate, item.WarnFromAmbiguous}
		for _, rules := range []*Rules{r, lax} {
			got = rules.match(&doubtful, &k, "bob@bob.example", []Party{{Kind: User}}, newFound(emails[i:i+1]))
			require.Equal(t, i > 1, got.Suggested, "a From in doubt is nobody's")
			require.Equal(t, e.Ref, got.Email)
		}
	}
}

// The participant is known under a subaddress and in any case.
func TestMatchParticipants(t *testing.T) {
	r := matchRules(t)
	for _, tt := range []struct {
		sender, participant string
		want                bool
	}{
		{"bob@x", "bob@x", true},
		{"bob+crm@x", "bob@x", true},
		{"bob@x", "bob+lists+more@x", true},
		{"bob@x", "bob@y.x", false},
		{"bob@x", "abob@x", false},
		{"+bob@x", "+al@x", false},
		{`"bob+a"@x`, `"bob+b"@x`, false},
		{"bob", "bob", false},
		{"", "", false},
		{"@x", "bob@x", false},
	} {
		m := &item.Message{MessageID: "m", InReplyTo: []string{"p"}, From: matchAddresses(tt.sender)}
		e := matchEmail("p", 1, func(e *Email) { e.IDs, e.Participants = []string{"p"}, []string{"z@z", tt.participant} })
		require.Equal(t, !tt.want, r.matchOne(m, e).Suggested, "%q %q", tt.sender, tt.participant)
	}
}

// What counts is taken before what is only suggested, be it by a later key or an older
// email; of what counts, and of what is suggested, the best.
func TestMatchPrefersWhatCounts(t *testing.T) {
	r := matchRules(t)
	m := matchAnswer(t, r)
	strange := func(e Email) Email { e.Participants = []string{"eve@e.example"}; return e }
	all := ways(r)
	got := r.matchOne(m, strange(all[2]), all[5])
	require.Equal(t, Match{Method: ByToken, Email: matchRef("token"), Regarding: all[5].Regarding, Key: "CRM:0007012"}, got)
	got = r.matchOne(m, strange(all[5]), strange(all[3]))
	require.Equal(t, Match{Method: ByReferences, Email: matchRef("second"), Regarding: all[3].Regarding, Key: "second@contoso.example", Suggested: true}, got)

	newer := strange(all[5])
	newer.Ref, newer.Sent = matchRef("newer"), newer.Sent.Add(time.Minute)
	require.Equal(t, matchRef("token"), r.matchOne(m, newer, all[5]).Email, "a counter has gone round, and the newer one is another's")
}

// Of several emails with one key the newest is taken, and of those of one time always
// the same.
func TestMatchTakesTheNewest(t *testing.T) {
	r := matchRules(t)
	m := matchAnswer(t, r)
	for i, way := range ways(r)[2:] {
		var emails []Email
		for n := range 6 {
			e := way
			e.Ref = Ref{"email", fmt.Sprint(n)}
			e.Sent = e.Sent.Add(time.Duration(n/2) * time.Minute)
			emails = append(emails, e)
		}
		for range 10 {
			rand.Shuffle(len(emails), func(a, b int) { emails[a], emails[b] = emails[b], emails[a] })
			require.Equal(t, "4", r.matchOne(m, emails...).Email.ID, "%d", i)
		}
	}
}

// A subject that was changed is told, but for marks, tokens, case and punctuation.
func TestMatchTellsAChangedSubject(t *testing.T) {
	r := matchRules(t)
	for _, tt := range []struct {
		was, is string
		changed bool
	}{
		{"Broken lamp", "Re: broken lamp", false},
		{"Broken lamp CRM:0001001", "AW: WG: Broken  lamp! CRM:0001001", false},
		{"RE: Broken lamp CRM:0001001", "Broken lamp", false},
		{"回复：Broken lamp", "Ynt: broken lamp", false},
		{"", "Re:", false},
		{"Broken lamp", "Re: Broken pump", true},
		{"Broken lamp", "Re: Broken lamp again", true},
		{"Broken lamp", "", true},
		{"", "Broken lamp", true},
	} {
		m := &item.Message{MessageID: "m", InReplyTo: []string{"p"}, Subject: tt.is}
		e := r.Index(&item.Message{MessageID: "p", Subject: tt.was}, Outgoing)
		e.Ref = matchRef("p")
		got := r.matchOne(m, e)
		require.Equal(t, ByInReplyTo, got.Method)
		require.Equal(t, tt.changed, got.Subject, "%q %q", tt.was, tt.is)
	}
}

// A forwarded email is a new one where that is set, by whatever it could be matched.
func TestMatchOfForwards(t *testing.T) {
	r, set := matchRules(t), matchRules(t, func(s *mailbox.Tracking) { s.Correlation.ForwardsAreNew = true })
	for subject, forwarded := range map[string]bool{
		"FW: a": true, "Fwd: a": true, "WG: a": true, "TR : a": true, "RV: a": true, " i: a": true, "İLT: a": true,
		"转发: a": true, "轉寄：a": true, "Fwd[2]: RE: a": true, "Doorst: a": true, "fw:": true, "إعادة توجيه: a": true,
		"RE: FW: a": false, "SV: a": false, "VS: a": false, "fwd a": false, "Forwarding: a": false, "fw|fwd: a": false, "": false, "FW[x]: a": false,
		"fw [12: a": false, "fw (1) a": false, ": a": false, "|: a": false,
	} {
		m := matchAnswer(t, r)
		m.Subject = subject
		require.Equal(t, forwarded, isForward(m), subject)
		require.Equal(t, ByReference, r.matchOne(m, ways(r)...).Method)
		if forwarded {
			k := set.keysOf(m)
			require.Zero(t, k, subject)
		} else {
			require.Equal(t, ByReference, set.matchOne(m, ways(set)...).Method, subject)
		}
	}
	m := matchAnswer(t, r)
	m.Fields = append(m.Fields, item.Field{Name: "X-Forwarded-Message-Id", Value: "<a@b>"})
	require.Zero(t, set.matchOne(m, ways(set)...), "Thunderbird says so")
	m = matchAnswer(t, r)
	m.Fields = append(m.Fields, item.Field{Name: "X-Forwarded-For", Value: "a@b c@d"}, item.Field{Name: "Resent-To", Value: "c@d"})
	require.Equal(t, ByReference, set.matchOne(m, ways(set)...).Method, "sent on by a server, it still is an answer")
}

// Signed references are found where the server says whom it delivered to, too.
func TestMatchByDeliveredTo(t *testing.T) {
	r := matchRules(t)
	plus, err := r.signer.Address("contoso", matchRef("byaddress"), "support@contoso.example")
	require.NoError(t, err)
	for _, m := range []*item.Message{
		{Fields: []item.Field{{Name: "delivered-to", Value: "<" + plus + ">"}}},
		{Fields: []item.Field{{Name: "X-Original-To", Value: " " + strings.ToUpper(plus)}}},
		{Cc: matchAddresses("a@b", plus)}, {Bcc: matchAddresses(plus)},
	} {
		m.MessageID = "m"
		require.Equal(t, ByReference, r.matchOne(m, ways(r)...).Method)
	}
	require.Zero(t, r.matchOne(&item.Message{MessageID: "m", Fields: []item.Field{{Name: "X-Copy", Value: plus}}}, ways(r)...))
	many := make([]string, 50)
	for i := range many {
		many[i] = fmt.Sprintf("a+%d@x", i)
	}
	require.Zero(t, r.matchOne(&item.Message{MessageID: "m", To: matchAddresses(append(many, plus)...)}, ways(r)...), "50 are looked at")
	require.Equal(t, ByReference, r.matchOne(&item.Message{MessageID: "m", To: matchAddresses(append(many[1:], plus)...)}, ways(r)...).Method)
}

// What Index tells of an email is what an answer to it is found by.
func TestIndex(t *testing.T) {
	r := matchRules(t)
	m := &item.Message{
		MessageID: "a@b", Subject: "Lamp crm:0001002", Date: matchDay,
		From: matchAddresses("Ann@X.example"), Sender: matchAddresses("list@x.example"), ReplyTo: matchAddresses("ann2@x.example"),
		To: matchAddresses("Bob@x.example", "bob@x.example", "no address"), Cc: matchAddresses(`"Q R"@X.example`), Bcc: matchAddresses("eve@x.example"),
		Fields: []item.Field{{Name: "Thread-Index", Value: threadIndex}},
	}
	got := r.Index(m, Outgoing)
	require.Equal(t, Email{
		Direction: Outgoing, Sent: matchDay, IDs: []string{"a@b"}, Token: "CRM:0001002", Conversation: conversation1,
		Words: r.words("lamp"), People: r.people(m),
		Participants: []string{"ann@x.example", "list@x.example", "ann2@x.example", "bob@x.example", `"Q R"@x.example`, "eve@x.example"},
		Recipients:   []string{"bob@x.example", `"Q R"@x.example`, "eve@x.example"},
	}, got)
	require.Empty(t, r.Index(m, Incoming).Token, "a token in incoming mail is what somebody else wrote")
	require.Empty(t, r.Index(&item.Message{}, Incoming).IDs)

	answer := &item.Message{MessageID: "c@d", Subject: "AW: Lamp CRM:0001002", From: matchAddresses("eve@x.example")}
	got.Ref = matchRef("1")
	require.Equal(t, Match{Method: ByToken, Email: matchRef("1"), Key: "CRM:0001002"}, r.matchOne(answer, got))
}

// Everything that is wrong with the switches is told, and what a caller changes later
// changes nothing.
func TestNewRules(t *testing.T) {
	_, err := NewRules("o", mailbox.Tracking{Token: mailbox.Token{Base: -1}, Smart: mailbox.Smart{Noise: "("}}, nil)
	require.ErrorContains(t, err, "Tracking.Token.Base")
	require.ErrorContains(t, err, "Tracking.Smart.Noise")
	_, err = NewRules("o", mailbox.Tracking{Content: mailbox.Content{MaxAttachment: 64 << 20}}, nil)
	require.NoError(t, err, "a warning is none")
	former := []string{"REF#"}
	r := matchRules(t, func(s *mailbox.Tracking) { s.Token.Former = former; s.Content.Blocked = former })
	former[0] = "X"
	require.Equal(t, []string{"REF#0001001"}, r.tokensIn("ref#0001001"))
	require.Equal(t, []string{"REF#"}, r.settings.Content.Blocked)
}

func BenchmarkMatch(b *testing.B) {
	r := matchRules(b, func(s *mailbox.Tracking) { s.Smart.On = false })
	m := matchAnswer(b, r)
	m.References = nil
	for i := range 10 {
		m.References = append(m.References, fmt.Sprintf("%d.long-enough-to-be-real@mail.contoso.example", i))
	}
	for range 40 {
		m.Fields = append(m.Fields, item.Field{Name: "Received", Value: "from somewhere"})
	}
	var emails []Email
	for i := range 200 {
		emails = append(emails, matchEmail(fmt.Sprint(i), i, func(e *Email) { e.IDs = []string{fmt.Sprintf("%d@y", i)} }))
	}
	all := ways(r)
	for _, bench := range []struct {
		name  string
		smart bool
		email Email
	}{
		{"signed", false, all[0]},
		{"references", false, matchEmail("r", 1, func(e *Email) { e.IDs = m.References[:1] })},
		{"token", false, all[5]},
		{"conversation", false, all[6]},
		{"smart", true, all[7]},
		{"none", true, emails[0]},
	} {
		b.Run(bench.name, func(b *testing.B) {
			r := matchRules(b, func(s *mailbox.Tracking) { s.Smart.On = bench.smart })
			in := newFound(append(slices.Clone(emails), bench.email))
			b.ReportAllocs()
			for b.Loop() {
				k := r.keysOf(m)
				if got := r.match(m, &k, "bob@bob.example", nil, in); (got.Method == NoMatch) != (bench.name == "none") {
					b.Fatal(got)
				}
			}
		})
	}
}
