package track

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
)

func tokenRules(t testing.TB, k mailbox.Token) *Rules {
	r, err := NewRules("contoso", mailbox.Tracking{Token: k}, nil)
	require.NoError(t, err)
	return r
}

// A token is prefix, base, user and counter, which goes round (sss.md 4.3).
func TestToken(t *testing.T) {
	for _, tt := range []struct {
		settings      mailbox.Token
		user, counter int64
		want          string
	}{
		{mailbox.Token{}, 7, 12, "CRM:0007012"},
		{mailbox.Token{}, 7, 999, "CRM:0007999"},
		{mailbox.Token{}, 7, 1000, "CRM:0007000"},
		{mailbox.Token{}, 12345, 1, "CRM:012345001"},
		{mailbox.Token{}, -1, -1, "CRM:0000000"},
		{mailbox.Token{Prefix: "Fall#", Base: 2147483647, UserDigits: 10, CounterDigits: 9}, 1, 1999999999, "Fall#21474836470000000001999999999"},
		{mailbox.Token{UserDigits: 1, CounterDigits: 1}, 0, 10, "CRM:000"},
		{mailbox.Token{CounterDigits: 9}, math.MaxInt64, math.MaxInt64, "CRM:09223372036854775807854775807"},
		{mailbox.Token{Off: true}, 7, 12, ""},
	} {
		r := tokenRules(t, tt.settings)
		got := r.Token(tt.user, tt.counter)
		require.Equal(t, tt.want, got)
		if got != "" {
			require.Equal(t, []string{got}, r.tokensIn("RE: x "+got))
		}
	}
}

// TRK-03, TRK-04: tokens of the present and former prefixes are found, taken literally.
func TestTokensAreFound(t *testing.T) {
	plain := mailbox.Token{Former: []string{"REF#", "Straße-", "crm:"}}
	for _, tt := range []struct {
		settings mailbox.Token
		subject  string
		want     []string
	}{
		{plain, "RE: Lamp CRM:0007012", []string{"CRM:0007012", "crm:0007012"}},
		{plain, "cRm:0007012 RE: Lamp ref#12345", []string{"CRM:0007012", "crm:0007012", "REF#12345"}},
		{plain, "(STRAßE-123)", []string{"Straße-123"}},
		{plain, "灯CRM:0007012灯", []string{"CRM:0007012", "crm:0007012"}},
		{plain, "CRM:0007012CRM:0007013", nil},
		{plain, "XCRM:0007012 1CRM:0007012", nil},
		{plain, "CRM:12 CRM: 0007012 CRM:", nil},
		{plain, "CRM:0007012x", nil},
		{plain, "CRM:０００７０１２ CRM:000７ CRM:٠٠٠٧٠١٢", nil},
		{plain, "CRM:" + strings.Repeat("1", 39), nil},
		{plain, "CRM:0007012 CRM:0007012", []string{"CRM:0007012", "crm:0007012"}},
		{mailbox.Token{Prefix: ".*"}, "x CRM:0007012 .*123", []string{".*123"}},
		{mailbox.Token{Prefix: "(a?)(a?)(a?)(a?)"}, "aaaa123 (A?)(a?)(a?)(a?)123", []string{"(a?)(a?)(a?)(a?)123"}},
		{mailbox.Token{Prefix: "["}, "[123]", []string{"[123"}},
		{mailbox.Token{Prefix: "R2D2"}, "r2d2001 R2D2007012 D2007012", []string{"R2D2001", "R2D2007012"}},
		{mailbox.Token{Prefix: "42"}, "42007 x42007 41007 4200", []string{"42007"}},
		{mailbox.Token{Off: true}, "CRM:0007012", []string{"CRM:0007012"}}, // keysOf does not ask
	} {
		require.Equal(t, tt.want, tokenRules(t, tt.settings).tokensIn(tt.subject), tt.subject)
	}
}

// TRK-03: five tokens in the first 1,000 characters are looked at.
func TestTokensAreBounded(t *testing.T) {
	r := tokenRules(t, mailbox.Token{})
	var b strings.Builder
	for i := range 10000 {
		fmt.Fprintf(&b, "CRM:%07d ", i)
	}
	require.Equal(t, []string{"CRM:0000000", "CRM:0000001", "CRM:0000002", "CRM:0000003", "CRM:0000004"}, r.tokensIn(b.String()))
	require.Equal(t, []string{"CRM:0001001"}, r.tokensIn(strings.Repeat("ü", 989)+"CRM:0001001"))
	require.Empty(t, r.tokensIn(strings.Repeat("ü", 1000)+"CRM:0001001"))
}

// TRK-03: a token that encoded words split is whole again when the subject is decoded.
func TestTokenSplitByEncodedWords(t *testing.T) {
	m, err := item.ParseMessage(item.NewBlob([]byte("Subject: =?utf-8?Q?RE:_Lamp_CRM:00?=\r\n =?utf-8?B?MDcwMTI=?=\r\n\r\n")), item.Limits{})
	require.NoError(t, err)
	require.Equal(t, []string{"CRM:0007012"}, tokenRules(t, mailbox.Token{}).tokensIn(m.Subject))
}

// No subject is slow, and no pattern that an administrator may set: all of them look at
// 1,000 characters. The times are compared with one another, so that no slow machine
// fails the test; without the bound 10 MiB take some 10,000 times as long.
func TestHugeSubjectsCostWhatOthersDo(t *testing.T) {
	r, err := NewRules("contoso", mailbox.Tracking{Smart: mailbox.Smart{On: true, Noise: strings.Repeat("(.*)", 20)}}, nil)
	require.NoError(t, err)
	work := func(subject string) time.Duration {
		m := &item.Message{MessageID: "m", Subject: subject, Date: matchDay, From: matchAddresses("a@b", "c@d"), To: matchAddresses("e@f")}
		best := time.Duration(math.MaxInt64)
		for range 20 {
			start := time.Now()
			r.keysOf(m)
			r.Index(m, Incoming)
			r.Subject(subject, "CRM:0001001")
			isForward(m)
			best = min(best, time.Since(start))
		}
		return best
	}
	for _, unit := range []string{"CRM:0001001 ", "re: ", "ab ", "CRM:", "1", "\u00A0", "é\u0301"} {
		huge := strings.Repeat(unit, 10<<20/len(unit))
		require.Less(t, work(huge), 200*work(firstRunes(huge, maxSubject)), "%q", unit)
	}
}

// A token is appended, the subject is cut so that both fit, and an old token makes
// room for the new one (sss.md 4.3).
func TestSubject(t *testing.T) {
	const token = "CRM:0007012"
	long := strings.Repeat("ä", 300)
	for _, tt := range []struct{ subject, token, want string }{
		{"Lamp", token, "Lamp CRM:0007012"},
		{"  Lamp  ", token, "Lamp CRM:0007012"},
		{"", token, token},
		{long, token, long[:2*243] + " " + token},
		{long, "", long[:2*255]},
		{"Lamp CRM:0001001", "", "Lamp CRM:0001001"},
		{"RE: Lamp crm:0001001", token, "RE: Lamp CRM:0007012"},
		{"CRM:0001001 Lamp REF#0001001 on CRM:0001002 off", token, "Lamp on off CRM:0007012"},
		{"CRM:0007012 CRM:0007012 CRM:0007012", token, token},
		{"Lamp\r\nBcc: eve@x", token, "Lamp  Bcc: eve@x CRM:0007012"},
		{"Lamp\xff\x00", token, "Lamp\uFFFD CRM:0007012"},
		{"Lamp", "CRM:0007\r\n012", "Lamp CRM:0007  012"},
		{"Lamp", strings.Repeat("x", 256), "Lamp"},
		{"Lamp", strings.Repeat("x", 255), strings.Repeat("x", 255)},
		{"Lamp", strings.Repeat("x", 254), strings.Repeat("x", 254)},
		{"Lamp", strings.Repeat("x", 253), "L " + strings.Repeat("x", 253)},
		{strings.Repeat("x", 232) + " CRM:001001" + "0x", token, strings.Repeat("x", 232) + " " + token}, // the cut made a token
	} {
		r := tokenRules(t, mailbox.Token{Former: []string{"REF#"}})
		require.Equal(t, tt.want, r.Subject(tt.subject, tt.token))
	}
	require.Equal(t, strings.Repeat("x", 388)+" "+token, tokenRules(t, mailbox.Token{SubjectLimit: 400}).Subject(strings.Repeat("x", 999), token))
}

func FuzzSubject(f *testing.F) {
	f.Add("RE: Lamp CRM:0001001", int64(7), int64(12))
	f.Add("CRM:00CRM:0001001 01001\r\n", int64(-1), int64(1000))
	f.Add(strings.Repeat("ä", 240)+" R2D2001001001x", int64(1), int64(1))
	r := tokenRules(f, mailbox.Token{Former: []string{"R2D2", "x", "42", "."}})
	f.Fuzz(func(t *testing.T, subject string, user, counter int64) {
		token := r.Token(user, counter)
		got := r.Subject(subject, token)
		if !utf8.ValidString(got) || strings.ContainsAny(got, "\r\n\x00") || utf8.RuneCountInString(got) > 255 || !strings.HasSuffix(got, token) {
			t.Fatalf("%q", got)
		}
		if found := r.tokensIn(got); len(found) != 1 || found[0] != token {
			t.Fatalf("%q has %q", got, found)
		}
		if again := r.Subject(got, token); again != got {
			t.Fatalf("%q became %q", got, again)
		}
	})
}

func FuzzTokensIn(f *testing.F) {
	f.Add("RE: Lamp CRM:0007012")
	f.Add("r2d2001 (a?)123 42007 CRM:０００")
	f.Add("ſtraße-123 \u212A123")
	r := tokenRules(f, mailbox.Token{Former: []string{"R2D2", "42", "(a?)", "Straße-", "k"}})
	f.Fuzz(func(t *testing.T, subject string) {
		subject = strings.ToValidUTF8(subject, "")
		tokens := r.tokensIn(subject)
		if len(tokens) > maxTokens*len(r.prefixes) {
			t.Fatalf("%q", tokens)
		}
		for _, token := range tokens {
			if !strings.Contains(strings.ToLower(subject), strings.ToLower(token[len(token)-minTokenDigits:])) {
				t.Fatalf("%q", token)
			}
			if found := r.tokensIn("x " + token); len(found) == 0 || !contains(found, token) {
				t.Fatalf("%q is found no more: %q", token, found)
			}
		}
		r.words(subject)
	})
}

func contains(list []string, s string) bool { return len(appendNew(list, s)) == len(list) }

func BenchmarkTokensIn(b *testing.B) {
	former := make([]string, 20)
	for i := range former {
		former[i] = fmt.Sprintf("FORMER%d:", i)
	}
	r := tokenRules(b, mailbox.Token{Former: former})
	for name, subject := range map[string]string{
		"usual": "RE: The lamp in the hall is broken CRM:0007012", "10MiB": strings.Repeat("CRM:1 ", 10<<20/6), "digits": strings.Repeat("123 ", 250),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r.tokensIn(subject)
			}
		})
	}
}

// The slowest patterns that pass validation, on the subjects that they like least.
func BenchmarkNoise(b *testing.B) {
	for _, noise := range []string{mailbox.DefaultNoise, strings.Repeat("(.*)", 24) + "x", strings.Repeat(`(\w?)`, 40) + "[^x]*x", `(\w?){45}(\w*)*!`, `((a?b?)*c?)*((a?b?)*c?)*((a?b?)*c?)*$x`, `(?:\pL?){90}(\pL*)*!`} {
		r, err := NewRules("o", mailbox.Tracking{Smart: mailbox.Smart{On: true, Noise: noise}}, nil)
		require.NoError(b, err)
		for _, subject := range []string{strings.Repeat("a", 1000), strings.Repeat("ж", 1000)} {
			b.Run(fmt.Sprintf("%.16s/%.2s", noise, subject), func(b *testing.B) {
				for b.Loop() {
					r.words(subject)
				}
			})
		}
	}
}
