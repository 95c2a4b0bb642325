package mailbox_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	. "github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
)

// Each range of the switches of tracking ends where their comments say, and each
// mistake is told under its code and field, and alone.
func TestTrackingRanges(t *testing.T) {
	token := func(k Token) Tracking { return Tracking{Token: k} }
	smart := func(s Smart) Tracking { return Tracking{Smart: s} }
	content := func(c Content) Tracking { return Tracking{Content: c} }
	many := func(n int) []string { return strings.Fields(strings.Repeat("Ref# ", n)) }
	for _, tt := range []struct {
		code, field string
		good, wrong Tracking
	}{
		{"force-accept", "ForceAccept", Tracking{ForceAccept: AcceptNone}, Tracking{ForceAccept: "some"}},
		{"category-form", "Category", Tracking{Category: "$Case-7"}, Tracking{Category: "Tracked to CRM"}},
		{"category-form", "Category", Tracking{Category: strings.Repeat("a", 100)}, Tracking{Category: strings.Repeat("a", 101)}},
		{"category-form", "Category", Tracking{Category: "a"}, Tracking{Category: `\Seen`}},
		{"token-prefix-length", "Token.Prefix", token(Token{Prefix: strings.Repeat("ü", 20)}), token(Token{Prefix: strings.Repeat("ü", 21)})},
		{"token-prefix-form", "Token.Prefix", token(Token{Prefix: ".*"}), token(Token{Prefix: "Case 1"})},
		{"token-prefix-form", "Token.Prefix", token(Token{Prefix: "(a?)"}), token(Token{Prefix: "a\r\nBcc:"})},
		{"token-prefix-form", "Token.Prefix", token(Token{Prefix: "["}), token(Token{Prefix: "a\xff"})},
		{"token-former-many", "Token.Former", token(Token{Former: many(20)}), token(Token{Former: many(21)})},
		{"token-former-length", "Token.Former[1]", token(Token{Former: []string{"a", "b"}}), token(Token{Former: []string{"a", ""}})},
		{"token-former-form", "Token.Former[0]", token(Token{Former: []string{"a"}}), token(Token{Former: []string{"a\tb"}})},
		{"token-base-range", "Token.Base", token(Token{Base: 2147483647}), token(Token{Base: 2147483648})},
		{"token-base-range", "Token.Base", token(Token{Base: 0}), token(Token{Base: -1})},
		{"token-user-digits-range", "Token.UserDigits", token(Token{UserDigits: 10}), token(Token{UserDigits: 11})},
		{"token-user-digits-range", "Token.UserDigits", token(Token{UserDigits: 1}), token(Token{UserDigits: -1})},
		{"token-counter-digits-range", "Token.CounterDigits", token(Token{CounterDigits: 9}), token(Token{CounterDigits: 10})},
		{"token-counter-digits-range", "Token.CounterDigits", token(Token{CounterDigits: 1}), token(Token{CounterDigits: -1})},
		{"subject-limit-range", "Token.SubjectLimit", token(Token{SubjectLimit: 400}), token(Token{SubjectLimit: 401})},
		{"subject-limit-range", "Token.SubjectLimit", token(Token{SubjectLimit: 255}), token(Token{SubjectLimit: 254})},
		{"smart-noise-long", "Smart.Noise", smart(Smart{Noise: strings.Repeat("[a]", 100)}), smart(Smart{Noise: strings.Repeat("a", 501)})},
		{"smart-noise-form", "Smart.Noise", smart(Smart{Noise: `^\[.*?\]`}), smart(Smart{Noise: "("})},
		{"smart-noise-form", "Smart.Noise", smart(Smart{Noise: "a"}), smart(Smart{Noise: "a)|(b"})},
		{"smart-noise-slow", "Smart.Noise", smart(Smart{Noise: `(\w?){40}`}), smart(Smart{Noise: `(\w?){1000}`})},
		{"smart-noise-slow", "Smart.Noise", smart(Smart{Noise: `a`}), smart(Smart{Noise: strings.Repeat("(a?)", 125)})},
		{"smart-delta-range", "Smart.SubjectDelta", smart(Smart{SubjectDelta: 19}), smart(Smart{SubjectDelta: 20})},
		{"smart-delta-range", "Smart.SubjectDelta", smart(Smart{}), smart(Smart{SubjectDelta: -1})},
		{"smart-addresses-range", "Smart.MinAddresses", smart(Smart{MinAddresses: 5, MaxHashes: 5}), smart(Smart{MinAddresses: 6, MaxHashes: 5})},
		{"smart-addresses-range", "Smart.MinAddresses", smart(Smart{MinAddresses: 1}), smart(Smart{MinAddresses: -1})},
		{"smart-hashes-range", "Smart.MaxHashes", smart(Smart{MaxHashes: 100}), smart(Smart{MaxHashes: 101})},
		{"smart-hashes-range", "Smart.MaxHashes", smart(Smart{MaxHashes: 1, MinAddresses: 1}), smart(Smart{MaxHashes: -1, MinAddresses: 1})},
		{"message-size-range", "Content.MaxMessage", content(Content{MaxMessage: 1}), content(Content{MaxMessage: -1})},
		{"attachment-size-range", "Content.MaxAttachment", content(Content{MaxAttachment: 1}), content(Content{MaxAttachment: -1})},
		{"attachment-size-range", "Content.MaxAttachment", content(Content{MaxAttachment: 32 << 20}), content(Content{MaxAttachment: 128<<20 + 1})},
		{"attachment-size-large", "Content.MaxAttachment", content(Content{MaxAttachment: 32 << 20}), content(Content{MaxAttachment: 128 << 20})},
		{"blocked-form", "Content.Blocked[0]", content(Content{Blocked: []string{"tar.gz"}}), content(Content{Blocked: []string{".exe"}})},
		{"blocked-form", "Content.Blocked[1]", content(Content{Blocked: []string{}}), content(Content{Blocked: []string{"exe", ""}})},
		{"blocked-form", "Content.Blocked[0]", content(Content{Blocked: []string{"exe"}}), content(Content{Blocked: []string{"*.exe"}})},
	} {
		require.Empty(t, tt.good.Validate(), tt.code)
		issues := tt.wrong.Validate()
		require.Len(t, issues, 1, "%s %v", tt.code, issues)
		require.Equal(t, tt.code, issues[0].Code)
		require.Equal(t, "Tracking."+tt.field, issues[0].Field)
		require.NotEmpty(t, issues[0].Message)
		require.NotEmpty(t, issues[0].Remedy)
		want := profile.Error
		if tt.code == "attachment-size-large" {
			want = profile.Warning
		}
		require.Equal(t, want, issues[0].Level, tt.code)
		require.Equal(t, issues, Settings{Tracking: tt.wrong}.Validate(), "the settings tell it too")
	}
}

// All mistakes are told at once, as sentences.
func TestTrackingTellsAllMistakes(t *testing.T) {
	issues := Tracking{
		ForceAccept: "x", Token: Token{Base: -1, SubjectLimit: 1}, Smart: Smart{Noise: "("}, Content: Content{MaxMessage: -5},
	}.Validate()
	require.EqualError(t, issues.Err(), `Tracking.ForceAccept: "x" is nothing that a mailbox can accept; use "", "all", "replies", "known", "records" or "none"
Tracking.Token.Base: -1 is not between 0 and 2147483647; leave it at 0 if there is one deployment only
Tracking.Token.SubjectLimit: 1 is not between 255 and 400; leave it at 0 for the default of 255
Tracking.Smart.Noise: it is no regular expression (error parsing regexp: missing closing ): `+"`(`"+`); leave it empty for the default of `+DefaultNoise+`
Tracking.Content.MaxMessage: -5 bytes are less than none; leave it at 0 for no bound`)
	require.Nil(t, Tracking{}.Validate())
}
