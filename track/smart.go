package track

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-serversync/serversync/item"
)

// A hash is FNV-1a of 64 bits (Fowler, Noll, Vo) over UTF-8 in lower case. Stores keep hashes,
// so neither this nor what is hashed may ever change.
const (
	hashOffset uint64 = 14695981039346656037
	hashPrime  uint64 = 1099511628211
)

func hashBytes(h uint64, s string) uint64 {
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * hashPrime
	}
	return h
}

func hashRune(h uint64, r rune) uint64 {
	if r < utf8.RuneSelf {
		return (h ^ uint64(r)) * hashPrime
	}
	var b [utf8.UTFMax]byte
	for _, c := range b[:utf8.EncodeRune(b[:], r)] {
		h = (h ^ uint64(c)) * hashPrime
	}
	return h
}

// words returns the hashes of the words of a subject, each once, the first MaxHashes.
// The tokens in it, the noise before it and the marks of answers and forwards are no
// words of it; a word is letters and digits that follow one another.
func (r *Rules) words(subject string) []uint64 {
	s := r.withoutTokens(firstRunes(subject, maxSubject))
	if noise := r.noise.FindStringIndex(s); noise != nil {
		s = s[noise[1]:]
	}
	for mark := answerMark; mark != noMark; {
		mark, s = cutMark(s)
	}
	most := r.settings.Smart.MaxHashes
	words := make([]uint64, 0, min(most, 20))
	word, h := false, hashOffset
	for _, c := range s {
		if unicode.IsLetter(c) || unicode.IsDigit(c) || unicode.IsMark(c) {
			word, h = true, hashRune(h, unicode.ToLower(c))
			continue
		}
		if word {
			if words = appendHash(words, h); len(words) == most {
				return words
			}
		}
		word, h = false, hashOffset
	}
	if word {
		words = appendHash(words, h)
	}
	return words
}

// people returns the hashes of the addresses that m is from and to, each once, the
// first MaxHashes. A subaddress does not make another person.
func (r *Rules) people(m *item.Message) []uint64 {
	most := r.settings.Smart.MaxHashes
	people := make([]uint64, 0, min(most, len(m.From)+len(m.To)+len(m.Cc)+len(m.Bcc)))
	for _, list := range [...][]item.Address{m.From, m.To, m.Cc, m.Bcc} {
		for i := range list {
			if len(people) == most {
				return people
			}
			if list[i].Addr != "" {
				people = appendHash(people, personHash(list[i].Addr))
			}
		}
	}
	return people
}

func personHash(address string) uint64 {
	local, domain := splitPerson(foldAddress(address))
	return hashBytes(hashBytes(hashOffset, local), domain)
}

func appendHash(list []uint64, h uint64) []uint64 {
	if slices.Contains(list, h) {
		return list
	}
	return append(list, h)
}

// foldAddress returns an address in lower case, but for a local part that is quoted.
func foldAddress(address string) string {
	address = strings.TrimSpace(address)
	if strings.HasPrefix(address, `"`) {
		if at := strings.LastIndexByte(address, '@'); at > 0 {
			return address[:at] + strings.ToLower(address[at:])
		}
	}
	return strings.ToLower(address)
}

// splitPerson splits an address into its local part, without subaddress (RFC 5233), and
// the rest.
func splitPerson(address string) (local, rest string) {
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return address, ""
	}
	local, rest = address[:at], address[at:]
	if plus := strings.IndexByte(local, '+'); plus > 0 && local[0] != '"' {
		local = local[:plus]
	}
	return local, rest
}

// common returns how many hashes of a are in b. Both are short.
func common(a, b []uint64) (n int) {
	for _, h := range a {
		if slices.Contains(b, h) {
			n++
		}
	}
	return n
}

// alike reports whether the subjects and people of a message and an email are as much
// alike as smart matching asks for. One word at least is shared in any case.
func (r *Rules) alike(message Hashes, words, people []uint64) bool {
	s := r.settings.Smart
	a, b := len(message.Words), len(words)
	if a == 0 || b == 0 || a-b > s.SubjectDelta || b-a > s.SubjectDelta {
		return false
	}
	return common(message.Words, words) >= max(max(a, b)-s.SubjectDelta, 1) &&
		common(message.People, people) >= s.MinAddresses
}
