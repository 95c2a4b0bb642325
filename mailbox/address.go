package mailbox

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-serversync/serversync/profile"
)

// isAddress reports whether s is a bare email address. It is as lenient as mail
// servers are: any UTF-8 (RFC 6531), quoted local parts and address literals (RFC
// 5321, section 4.1.2), and dots where some providers have put them.
func isAddress(s string) bool {
	at := strings.LastIndexByte(s, '@')
	if at < 1 || at == len(s)-1 || len(s) > 254 || !utf8.ValidString(s) || strings.ContainsFunc(s, unseen) {
		return false
	}
	local, domain := s[:at], s[at+1:]
	if n := len(local); n > 2 && local[0] == '"' && local[n-1] == '"' {
		local = "quoted" // what is in it is the server's affair
	}
	if n := len(domain); n > 2 && domain[0] == '[' && domain[n-1] == ']' {
		domain = "literal" + strings.ReplaceAll(domain[1:n-1], ":", "")
	}
	return !strings.ContainsFunc(local+domain, special) && strings.Trim(domain, ".") == domain && !strings.Contains(domain, "..")
}

// unseen reports whether people would not see r, or would see what follows it in
// another order.
func unseen(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }

func special(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(`<>()[]\,;:"@`, r) }

// sameAddress reports whether two addresses lead to one mailbox beyond doubt: the
// case of a domain does not matter, that of a local part is the server's affair.
func sameAddress(a, b string) bool {
	i, j := strings.LastIndexByte(a, '@'), strings.LastIndexByte(b, '@')
	if i < 0 || j < 0 {
		return a == b
	}
	return a[:i] == b[:j] && strings.EqualFold(a[i:], b[j:])
}

// An Editor is a record on which an email address is shown and edited.
type Editor string

// The editors.
const (
	OnMailbox Editor = "mailbox" // the mailbox itself
	OnOwner   Editor = "owner"   // the user or queue that it belongs to
)

// MayEditAddress reports whether m's address may be changed on a record, and if
// not, why (MailboxCannotModifyEmailAddress). The address of a user or queue is
// theirs: it is changed there, and the host writes it into the mailbox, so that
// the two never differ. Whoever may change it, the mailbox's approval then lapses.
func (m Mailbox) MayEditAddress(on Editor) (ok bool, why profile.Issue) {
	if on == OnOwner || m.Regarding == "" {
		return true, profile.Issue{}
	}
	return false, profile.Issue{
		Code: "address-is-owners", Original: "8005E208", Level: profile.Error, Field: "Address",
		Message: "the mailbox has the address of the user or queue that it belongs to", Remedy: "change the address there",
	}
}
