package mailbox

import (
	"iter"
	"strconv"
	"strings"

	"github.com/go-serversync/serversync/profile"
)

// A Scope says whom an error concerns.
type Scope string

// The scopes, from the narrowest to the widest.
const (
	ScopeItem    Scope = "item"    // one message or recipient; a direction is never stopped by it
	ScopeMailbox Scope = "mailbox" // this mailbox; others go on
	ScopeProfile Scope = "profile" // every mailbox of the profile
)

// A Source says who gives an error its name.
type Source string

// The sources.
const (
	SourceSyncer      Source = "serversync"   // we ourselves; see provider.Kind
	SourceNetwork     Source = "network"      // on the way to a server
	SourceHTTP        Source = "HTTP"         // a status, written "HTTP 503"
	SourceOAuth       Source = "OAuth"        // the service that gives out tokens (RFC 6749)
	SourceCertificate Source = "certificate"  // what proves this host, which is the operator's
	SourceExchange    Source = "Exchange"     // a response code of Exchange
	SourceHost        Source = "Dynamics 365" // the CRM that the mail is for
	SourceIMAP        Source = "IMAP"         // a response code (RFC 5530, RFC 9051), or POP3's (RFC 2449, RFC 3206)
	SourceSMTP        Source = "SMTP"         // a reply, written "535 5.7.8" (RFC 5321, RFC 3463)
)

// Known is an error that is known by name: what it means, and what to do about it.
type Known struct {
	Code    string // its name, such as "ErrorQuotaExceeded"
	aliases string // separated by semicolons
	Source  Source

	// Class is how it is met. That of an error of ScopeItem is the item's: Transient
	// means that the item is tried again, Permanent that this is of no use. It is ""
	// for a decision or a finding, which is no failure of anything.
	Class Class

	Scope  Scope
	Level  profile.Level
	Cause  string // in words for an administrator
	Remedy string
}

// Aliases returns the other names of k: what else it is called, and for each code in
// hexadecimal digits the same number as Dynamics 365 writes it in decimal ones.
func (k Known) Aliases() (names []string) {
	for name := range k.names() {
		if name != k.Code {
			names = append(names, name)
		}
		if n, ok := number(name); ok {
			names = append(names, strconv.FormatInt(int64(int32(n)), 10))
		}
	}
	return names
}

func (k Known) names() iter.Seq[string] {
	return func(yield func(string) bool) {
		if !yield(k.Code) || k.aliases == "" {
			return
		}
		for rest, more := k.aliases, true; more; {
			var name string
			if name, rest, more = strings.Cut(rest, ";"); !yield(name) {
				return
			}
		}
	}
}

// Catalogue returns all errors that are known by name, those of one source together.
func Catalogue() iter.Seq[Known] {
	return func(yield func(Known) bool) {
		for _, rows := range [...][]Known{kindRows[:], networkRows[:], httpRows[:], oauthRows[:], certificateRows[:], exchangeRows[:], hostRows[:], imapRows[:], smtpRows[:]} {
			for _, k := range rows {
				if !yield(k) {
					return
				}
			}
		}
	}
}

// Lookup returns what is known of a code. Case does not matter; the numbers of
// Dynamics 365 may be written as "80042F0A", "0x80042f0a", "Crm.80042F0A" or
// "-2147209462", and IMAP's codes with their brackets. Of an SMTP reply whose whole
// is not known the enhanced code decides ("5.7.8"), and then the code alone ("535").
func Lookup(code string) (Known, bool) {
	code = trim(code)
	if k, ok := find(code); ok || len(code) < 3 || !digits(code[:3]) {
		return k, ok
	}
	basic, rest, _ := strings.Cut(strings.Replace(code, "-", " ", 1), " ")
	if len(basic) != 3 {
		return Known{}, false
	}
	enhanced, _, _ := strings.Cut(rest, " ")
	if k, ok := find(code[:min(len(code), len("535 ")+len(enhanced))]); ok {
		return k, true
	}
	if k, ok := find(enhanced); ok {
		return k, true
	}
	return find(basic)
}

// find looks through all rows: there are few, and errors are rare.
func find(code string) (Known, bool) {
	if code == "" {
		return Known{}, false
	}
	n, numeric := number(code)
	for k := range Catalogue() {
		for name := range k.names() {
			if strings.EqualFold(name, code) {
				return k, true
			}
			if m, ok := number(name); numeric && ok && m == n {
				return k, true
			}
		}
	}
	return Known{}, false
}

// trim takes away what people and programs write around a code.
func trim(code string) string {
	code = strings.Trim(code, " \t\r\n[].")
	for _, prefix := range [...]string{"Crm.", "0x"} {
		if len(code) > len(prefix) && strings.EqualFold(code[:len(prefix)], prefix) {
			code = code[len(prefix):]
		}
	}
	return code
}

// number reads a number of Dynamics 365: eight hexadecimal digits of which the first
// is an 8, or the same in decimal ones, with a sign or without.
func number(code string) (uint32, bool) {
	if len(code) == 8 && code[0] == '8' {
		n, err := strconv.ParseUint(code, 16, 32)
		return uint32(n), err == nil
	}
	if len(code) < 10 || len(code) > 11 || !digits(strings.TrimPrefix(code, "-")) {
		return 0, false
	}
	n, err := strconv.ParseInt(code, 10, 64)
	fits := n == int64(int32(n)) || n == int64(uint32(n))
	return uint32(n), err == nil && fits && uint32(n)>>28 == 8
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
