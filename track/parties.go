package track

import (
	"cmp"
	"slices"
	"strings"
)

const (
	// maxParties is how many records an address may stand for. With more it stands
	// for none (Microsoft: "Associate an email address with a record").
	maxParties = 100

	// maxRecipients is how many of a message's recipients are looked up: as many as
	// Exchange Online lets anybody write to by default.
	maxRecipients = 1000

	// longestAddress is the longest address that is looked up, in bytes (RFC 5321,
	// section 4.5.3.1).
	longestAddress = 320
)

// addressKey returns an address as it is looked up: in lower case, but for a local
// part that is quoted, whose case and blanks may mean something. It is "" for what
// cannot be anybody's address.
func addressKey(s string) string {
	at := strings.LastIndexByte(s, '@')
	if at < 1 || at >= len(s)-1 || len(s) > longestAddress {
		return ""
	}
	local, domain := s[:at], s[at+1:]
	quoted := at > 2 && local[0] == '"' && local[at-1] == '"'
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ', c == 0x7F:
			return ""
		case i == at, quoted && i < at, c > ' ' && !strings.ContainsRune(`<>(),;"\@`, rune(c)):
		default:
			return ""
		}
	}
	domain = strings.TrimSuffix(domain, ".")
	switch {
	case domain == "":
		return ""
	case quoted:
		return local + "@" + strings.ToLower(domain)
	}
	return strings.ToLower(s[:at+1+len(domain)])
}

// withoutDetail returns the address that a subaddress belongs to (RFC 5233): of
// anna+news@example.com it is anna@example.com. It is "" for any other address.
func withoutDetail(address string) string {
	plus := strings.IndexByte(address, '+')
	if plus < 1 || address[0] == '"' {
		return ""
	}
	at := strings.LastIndexByte(address, '@')
	if plus > at {
		return ""
	}
	return address[:plus] + address[at:]
}

// A resolver says whom addresses stand for, as the mailbox of one owner sees it.
type resolver struct {
	parties  map[string][]Party // as the directory has them
	owner    Ref                // whose records come first
	inactive bool               // inactive records count
	known    map[string][]Party // resolved before
}

func (r *Rules) resolver(parties map[string][]Party, owner Ref) *resolver {
	return &resolver{parties: parties, owner: owner, inactive: r.settings.Parties.Inactive, known: make(map[string][]Party)}
}

// sender returns all the records that an address stands for, the one that counts
// first. Nobody may change them.
func (s *resolver) sender(address string) []Party {
	list := s.parties[address]
	if len(list) == 0 || len(list) == 1 && s.counts(&list[0]) {
		return list
	}
	resolved, ok := s.known[address]
	if !ok {
		resolved = s.order(list)
		s.known[address] = resolved
	}
	return resolved
}

// recipient is as sender. The subaddress of a user or queue is theirs too: answers
// go there (see [Signer.Address]).
func (s *resolver) recipient(address string) []Party {
	if list := s.sender(address); len(list) > 0 {
		return list
	}
	if address = withoutDetail(address); address == "" {
		return nil
	}
	var list []Party
	for _, p := range s.sender(address) {
		if p.receives() {
			list = append(list, p)
		}
	}
	return list
}

// counts reports whether a record may be meant. A user who is out never is.
func (s *resolver) counts(p *Party) bool { return !p.Inactive || s.inactive && p.Kind != User }

func (s *resolver) order(list []Party) []Party {
	var resolved []Party
	for i := range list {
		switch p := &list[i]; {
		case !s.counts(p), among(resolved, p.Ref):
		case len(resolved) == maxParties:
			return nil
		default:
			resolved = append(resolved, *p)
		}
	}
	slices.SortStableFunc(resolved, func(a, b Party) int { return cmp.Compare(s.rank(&a), s.rank(&b)) })
	return resolved
}

// rank returns where a record stands among those of one address.
func (s *resolver) rank(p *Party) int {
	kinds := [...]Kind{User, Contact, Account, Lead, Queue}
	rank := slices.Index(kinds[:], p.Kind)
	if rank < 0 {
		rank = len(kinds)
	}
	if p.Owner == (Ref{}) || p.Owner != s.owner {
		rank += len(kinds) + 1
	}
	return rank
}

func among(list []Party, ref Ref) bool {
	return slices.ContainsFunc(list, func(p Party) bool { return p.Ref == ref })
}

// receives reports whether p is one whose setting decides about email.
func (p *Party) receives() bool { return p.Kind == User || p.Kind == Queue }

// client reports whether p is what AcceptKnown means.
func (p *Party) client() bool { return p.Kind == Contact || p.Kind == Account || p.Kind == Lead }
