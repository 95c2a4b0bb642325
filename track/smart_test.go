package track

import (
	"fmt"
	"hash/fnv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
)

func fnvOf(s string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(s))
	return h.Sum64()
}

// Hashes are stored, so they stay the same for ever.
func TestHashesAreStable(t *testing.T) {
	r := matchRules(t)
	require.Equal(t, []uint64{0xa430d84680aabd0b}, r.words("Hello"), "FNV-1a of hello")
	require.Equal(t, []uint64{fnvOf("größe"), fnvOf("жук"), fnvOf("ок"), fnvOf("e\u0301té"), fnvOf("42"), fnvOf("灯")}, r.words("GRÖßE, Жук—ок! E\u0301té 42 灯 灯"))
	m := &item.Message{From: matchAddresses("Ann+crm@X.example"), To: matchAddresses("bob@x.example", "ann@x.example", ""), Bcc: matchAddresses(`"B B"@X.example`)}
	require.Equal(t, []uint64{fnvOf("ann@x.example"), fnvOf("bob@x.example"), fnvOf(`"B B"@x.example`)}, r.people(m))
}

// Noise is cut from the front, by the administrator's pattern as well.
func TestWords(t *testing.T) {
	dash := matchRules(t, func(s *mailbox.Tracking) { s.Smart.Noise = `(?i)(\[ticket \d+\]|x)` })
	r := matchRules(t, func(s *mailbox.Tracking) { s.Smart.MaxHashes = 3 })
	for subject, want := range map[string]string{
		"a b c": "a b c", "RE: FW: AW: a": "a", "Anything: other : a": "a", "回复: a": "a", "a re: b": "a re b", "a a A b": "a b", "a b c d": "a b c",
		"CRM:0001001 a": "a", "CRM:0001001": "", "": "", "...": "", "RE: ": "", strings.Repeat(" ", 1000) + "a": "", strings.Repeat("x", 2000): strings.Repeat("x", 1000),
	} {
		require.Equal(t, hashesOf(want), r.words(subject), subject)
	}
	require.Equal(t, hashesOf("a"), dash.words("[Ticket 12] a"))
	require.Equal(t, hashesOf("a x b"), dash.words("a x b"), "at the front only")
}

func hashesOf(words string) []uint64 {
	all := []uint64{}
	for _, w := range strings.Fields(words) {
		all = append(all, fnvOf(w))
	}
	return all
}

// Words and people have to be alike within the thresholds, and the email no older than
// the window (sss.md 4.3).
func TestSmartMatching(t *testing.T) {
	type settings = mailbox.Smart
	for _, tt := range []struct {
		name     string
		settings settings
		is, was  string
		people   string
		ago      time.Duration
		want     bool
	}{
		{"same", settings{}, "RE: broken lamp", "Broken lamp", "bob ann", time.Hour, true},
		{"one more", settings{}, "broken lamp now", "Broken lamp", "bob ann", time.Hour, false},
		{"one more, allowed", settings{SubjectDelta: 1}, "broken lamp now", "Broken lamp", "bob ann", time.Hour, true},
		{"one less, allowed", settings{SubjectDelta: 1}, "broken", "Broken lamp", "bob ann", time.Hour, true},
		{"one other, allowed", settings{SubjectDelta: 1}, "broken pump", "Broken lamp", "bob ann", time.Hour, true},
		{"two other", settings{SubjectDelta: 1}, "a b c", "a d e", "bob ann", time.Hour, false},
		{"two more", settings{SubjectDelta: 1}, "a b c", "a", "bob ann", time.Hour, false},
		{"none shared", settings{SubjectDelta: 3}, "a", "b", "bob ann", time.Hour, false},
		{"no words", settings{SubjectDelta: 3}, "RE:", "", "bob ann", time.Hour, false},
		{"no words there", settings{SubjectDelta: 3}, "a", "", "bob ann", time.Hour, false},
		{"one person", settings{}, "broken lamp", "Broken lamp", "bob eve", time.Hour, false},
		{"one person, enough", settings{MinAddresses: 1}, "broken lamp", "Broken lamp", "bob eve", time.Hour, true},
		{"three wanted", settings{MinAddresses: 3}, "broken lamp", "Broken lamp", "bob ann", time.Hour, false},
		{"in the window", settings{}, "a", "a", "bob ann", 90*24*time.Hour - 1, true},
		{"before the window", settings{}, "a", "a", "bob ann", 90 * 24 * time.Hour, false},
		{"own window", settings{Window: time.Hour}, "a", "a", "bob ann", time.Hour, false},
		{"clocks differ", settings{}, "a", "a", "bob ann", -time.Hour, true},
		{"later", settings{}, "a", "a", "bob ann", -time.Hour - 1, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.settings.On = true
			r := matchRules(t, func(s *mailbox.Tracking) { s.Smart = tt.settings })
			m := &item.Message{MessageID: "m", Subject: tt.is, Date: matchDay, From: matchAddresses("bob@x"), To: matchAddresses("ann@x", "ann+more@x")}
			var people []string
			for _, p := range strings.Fields(tt.people) {
				people = append(people, p+"@x")
			}
			e := r.Index(&item.Message{MessageID: "e", Subject: tt.was, Date: matchDay.Add(-tt.ago), To: matchAddresses(people...)}, Outgoing)
			e.Ref = matchRef("e")
			got := r.matchOne(m, e)
			require.Equal(t, tt.want, got.Method == BySmart)
			require.False(t, got.Parent)

			m.Date = time.Time{}
			require.Empty(t, r.keysOf(m).smart, "without a date there is no window")
		})
	}
}

// However the words overlap, looking at the rarest of them finds what looking at all
// emails finds.
func TestSmartFindsAsLookingAtAllDoes(t *testing.T) {
	words := strings.Fields("a b c d e f")
	for delta := range 4 {
		r := matchRules(t, func(s *mailbox.Tracking) { s.Smart.SubjectDelta = delta; s.Smart.MinAddresses = 1 })
		var emails []Email
		for set := range 1 << len(words) {
			var subject []string
			for i, w := range words {
				if set>>i&1 == 1 {
					subject = append(subject, w)
				}
			}
			e := r.Index(&item.Message{MessageID: fmt.Sprint(set), Subject: strings.Join(subject, " "), Date: matchDay.Add(-time.Duration(set*37%64) * time.Minute), To: matchAddresses("bob@x")}, Outgoing)
			e.Ref = matchRef(fmt.Sprint(set))
			emails = append(emails, e)
		}
		in := newFound(emails)
		for set := range emails {
			m := &item.Message{MessageID: "m", Date: matchDay, From: matchAddresses("bob@x")}
			for i, w := range words {
				if set>>i&1 == 1 {
					m.Subject += w + " "
				}
			}
			k := r.keysOf(m)
			want := Ref{}
			for _, e := range in.emails {
				if r.alike(Hashes{emails[set].Words, emails[set].People}, e.Words, e.People) {
					want = e.Ref
					break
				}
			}
			require.Equal(t, want, r.match(m, &k, "bob@x", nil, in).Email)
		}
	}
}

// MaxHashes are looked at, the first of them, the same each time.
func TestHashesAreBounded(t *testing.T) {
	r := matchRules(t)
	m := &item.Message{MessageID: "m", Date: matchDay}
	for i := range 5000 {
		m.Subject += fmt.Sprintf("w%d ", i)
		m.To = append(m.To, item.Address{Addr: fmt.Sprintf("a%d@x", i)})
	}
	k := r.keysOf(m)
	require.Equal(t, r.words(m.Subject[:len("w0 ")*10+len("w10 ")*10]), k.smart.Words)
	require.Len(t, k.smart.Words, 20)
	require.Len(t, k.smart.People, 20)
	require.Equal(t, fnvOf("a19@x"), k.smart.People[19])
}
