package mailbox

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-serversync/serversync/profile"
)

// What bounds the regular expression of [Smart.Noise]: its bytes, and the steps that
// it compiles to, for "(\w?){1000}" is short and slow.
const (
	maxNoise      = 500
	maxNoiseSteps = 200
)

// Validate returns every mistake in t, nil if there is none.
func (t Tracking) Validate() profile.Issues {
	c := &trackingCheck{Tracking: t.WithDefaults()}
	c.wrong(!t.ForceAccept.Valid(), "force-accept", "ForceAccept",
		fmt.Sprintf("%q is nothing that a mailbox can accept", t.ForceAccept), `use "", "all", "replies", "known", "records" or "none"`)
	c.wrong(len(c.Category) > 100 || strings.ContainsFunc(c.Category, notOfKeyword), "category-form", "Category",
		fmt.Sprintf("%.100q is no word of at most 100 letters, digits and signs that IMAP keywords may have", c.Category), `leave it empty for the default of "Tracked"`)
	c.token(c.Token)
	c.smart(c.Smart)
	c.content(c.Content)
	return c.issues
}

// notOfKeyword reports whether r may not stand in an IMAP keyword, which is an atom
// (RFC 9051, section 9).
func notOfKeyword(r rune) bool {
	return r <= ' ' || r > '~' || strings.ContainsRune("(){%*\"\\]", r)
}

// A trackingCheck gathers the mistakes of a Tracking.
type trackingCheck struct {
	Tracking
	issues profile.Issues
}

func (c *trackingCheck) add(level profile.Level, code, field, message, remedy string) {
	c.issues = append(c.issues, profile.Issue{Code: code, Level: level, Field: "Tracking." + field, Message: message, Remedy: remedy})
}

func (c *trackingCheck) wrong(wrong bool, code, field, message, remedy string) {
	if wrong {
		c.add(profile.Error, code, field, message, remedy)
	}
}

func (c *trackingCheck) number(n, least, most int64, code, field string, byDefault int) {
	c.wrong(n < least || n > most, code, field, fmt.Sprintf("%d is not between %d and %d", n, least, most), fmt.Sprintf("leave it at 0 for the default of %d", byDefault))
}

func (c *trackingCheck) token(t Token) {
	c.prefix(t.Prefix, "token-prefix", "Token.Prefix", `leave it empty for the default of "CRM:"`)
	c.wrong(len(t.Former) > 20, "token-former-many", "Token.Former", fmt.Sprintf("%d former prefixes are more than 20", len(t.Former)), "take out those that nobody answers to any more")
	for i, p := range t.Former[:min(len(t.Former), 20)] {
		c.prefix(p, "token-former", fmt.Sprintf("Token.Former[%d]", i), "take it out of the list")
	}
	c.wrong(t.Base < 0 || t.Base > 1<<31-1, "token-base-range", "Token.Base", fmt.Sprintf("%d is not between 0 and 2147483647", t.Base), "leave it at 0 if there is one deployment only")
	c.number(int64(t.UserDigits), 1, 10, "token-user-digits-range", "Token.UserDigits", 3)
	c.number(int64(t.CounterDigits), 1, 9, "token-counter-digits-range", "Token.CounterDigits", 3)
	c.number(int64(t.SubjectLimit), 255, 400, "subject-limit-range", "Token.SubjectLimit", 255)
}

// prefix checks a prefix of tokens. White space within one would not outlive the
// folding of headers.
func (c *trackingCheck) prefix(p, code, field, remedy string) {
	n := utf8.RuneCountInString(p)
	unfit := func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsGraphic(r) || r == utf8.RuneError }
	switch {
	case n < 1 || n > 20:
		c.wrong(true, code+"-length", field, fmt.Sprintf("a prefix of %d characters is not between 1 and 20", n), remedy)
	case strings.ContainsFunc(p, unfit):
		c.wrong(true, code+"-form", field, fmt.Sprintf("the prefix %q holds white space or what is no character", p), remedy)
	}
}

func (c *trackingCheck) smart(s Smart) {
	if code, message := noiseMistake(s.Noise); code != "" {
		c.add(profile.Error, code, "Smart.Noise", message, "leave it empty for the default of "+DefaultNoise)
	}
	c.number(int64(s.MaxHashes), 1, 100, "smart-hashes-range", "Smart.MaxHashes", 20)
	most := int64(min(max(s.MaxHashes, 1), 100)) // more could never be shared
	c.number(int64(s.MinAddresses), 1, most, "smart-addresses-range", "Smart.MinAddresses", 2)
	c.number(int64(s.SubjectDelta), 0, most-1, "smart-delta-range", "Smart.SubjectDelta", 0)
}

// noiseMistake returns what is wrong with a regular expression, "" if nothing.
func noiseMistake(noise string) (code, message string) {
	if len(noise) > maxNoise {
		return "smart-noise-long", fmt.Sprintf("the regular expression has %d bytes, more than %d", len(noise), maxNoise)
	}
	if _, err := regexp.Compile(noise); err != nil {
		return "smart-noise-form", "it is no regular expression (" + err.Error() + ")"
	}
	parsed, err := syntax.Parse(noise, syntax.Perl)
	if err != nil {
		return "smart-noise-form", "it is no regular expression (" + err.Error() + ")"
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return "smart-noise-form", "it is no regular expression (" + err.Error() + ")"
	}
	if len(program.Inst) > maxNoiseSteps {
		return "smart-noise-slow", fmt.Sprintf("the regular expression compiles to %d steps, more than %d", len(program.Inst), maxNoiseSteps)
	}
	return "", ""
}

func (c *trackingCheck) content(t Content) {
	const advised, most = 32 << 20, 128 << 20
	c.wrong(t.MaxMessage < 0, "message-size-range", "Content.MaxMessage", fmt.Sprintf("%d bytes are less than none", t.MaxMessage), "leave it at 0 for no bound")
	c.number(t.MaxAttachment, 1, most, "attachment-size-range", "Content.MaxAttachment", 5120<<10)
	if t.MaxAttachment > advised && t.MaxAttachment <= most {
		c.add(profile.Warning, "attachment-size-large", "Content.MaxAttachment", "attachments of more than 32 MiB are slow to bring in", "allow 32 MiB or less")
	}
	for i, ending := range t.Blocked {
		bad := ending == "" || strings.HasPrefix(ending, ".") || strings.ContainsFunc(ending, func(r rune) bool {
			return unicode.IsSpace(r) || !unicode.IsGraphic(r) || strings.ContainsRune(`/\*`, r)
		})
		c.wrong(bad, "blocked-form", fmt.Sprintf("Content.Blocked[%d]", i), fmt.Sprintf("%q is no ending of a file's name", ending), `enter it without dot, such as "exe"`)
	}
}
