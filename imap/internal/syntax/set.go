package syntax

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// A Range is the numbers From to To, both included.
type Range struct{ From, To uint32 }

// A Set is a set of UIDs as ranges. Add and AddRange may leave it out of order;
// Sort puts it right. All other methods need it sorted.
type Set []Range

// SetOf returns the set of uids.
func SetOf(uids ...uint32) Set {
	var s Set
	for _, uid := range uids {
		s.Add(uid)
	}
	return s.Sort()
}

// Add adds one UID.
func (s *Set) Add(uid uint32) { s.AddRange(uid, uid) }

// AddRange adds the UIDs of a range, whose ends may come in either order.
func (s *Set) AddRange(from, to uint32) {
	if from > to {
		from, to = to, from
	}
	if n := len(*s); n > 0 {
		if last := &(*s)[n-1]; from >= last.From && from-1 <= last.To {
			last.To = max(last.To, to)
			return
		}
	}
	*s = append(*s, Range{from, to})
}

// Sort returns s in order and without overlaps.
func (s Set) Sort() Set {
	if slices.IsSortedFunc(s, func(a, b Range) int {
		if a.To < b.From {
			return -1
		}
		return 1
	}) {
		return s
	}
	slices.SortFunc(s, func(a, b Range) int { return cmp.Compare(a.From, b.From) })
	var out Set
	for _, r := range s {
		out.AddRange(r.From, r.To)
	}
	return out
}

// Len returns the number of UIDs.
func (s Set) Len() int {
	n := 0
	for _, r := range s {
		n += int(r.To-r.From) + 1
	}
	return n
}

// Max returns the highest UID, 0 of an empty set.
func (s Set) Max() uint32 {
	if len(s) == 0 {
		return 0
	}
	return s[len(s)-1].To
}

// Within returns the UIDs of s from from to to.
func (s Set) Within(from, to uint32) Set {
	var out Set
	for _, r := range s {
		if r.To >= from && r.From <= to {
			out = append(out, Range{max(r.From, from), min(r.To, to)})
		}
	}
	return out
}

// Contains reports whether uid is in s.
func (s Set) Contains(uid uint32) bool {
	_, found := slices.BinarySearchFunc(s, uid, func(r Range, uid uint32) int {
		switch {
		case r.To < uid:
			return -1
		case r.From > uid:
			return 1
		}
		return 0
	})
	return found
}

// TakeFirst takes the n lowest UIDs out of s.
func (s *Set) TakeFirst(n int) Set {
	var taken Set
	for n > 0 && len(*s) > 0 {
		r := &(*s)[0]
		size := int(r.To-r.From) + 1
		if size > n {
			taken = append(taken, Range{r.From, r.From + uint32(n) - 1})
			r.From += uint32(n)
			return taken
		}
		taken, *s, n = append(taken, *r), (*s)[1:], n-size
	}
	return taken
}

// TakeLast takes the n highest UIDs out of s.
func (s *Set) TakeLast(n int) Set {
	var taken Set
	for n > 0 && len(*s) > 0 {
		last := len(*s) - 1
		r := &(*s)[last]
		size := int(r.To-r.From) + 1
		if size > n {
			taken = append(taken, Range{r.To - uint32(n) + 1, r.To})
			r.To -= uint32(n)
			break
		}
		taken, *s, n = append(taken, *r), (*s)[:last], n-size
	}
	slices.Reverse(taken)
	return taken
}

// All calls f for each UID in ascending order.
func (s Set) All(f func(uid uint32) bool) {
	for _, r := range s {
		for uid := r.From; ; uid++ {
			if !f(uid) {
				return
			}
			if uid == r.To {
				break
			}
		}
	}
}

// String returns the set as IMAP writes it (RFC 3501, sequence-set).
func (s Set) String() string {
	var b strings.Builder
	for i, r := range s {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.FormatUint(uint64(r.From), 10))
		if r.To != r.From {
			b.WriteByte(':')
			b.WriteString(strconv.FormatUint(uint64(r.To), 10))
		}
	}
	return b.String()
}

// ParseSet reads a set as IMAP writes it. "*" stands for star, which is the
// highest UID there is; a client that expects none gives 0, and gets an error.
func ParseSet(text []byte, star uint32) (Set, error) {
	var s Set
	for len(text) > 0 {
		from, rest, err := setNumber(text, star)
		if err != nil {
			return nil, err
		}
		to := from
		if len(rest) > 0 && rest[0] == ':' {
			if to, rest, err = setNumber(rest[1:], star); err != nil {
				return nil, err
			}
		}
		s.AddRange(from, to)
		if len(rest) > 0 && (rest[0] != ',' || len(rest) == 1) {
			return nil, Malformed("a set of UIDs that is none")
		}
		text = rest[min(1, len(rest)):]
	}
	return s.Sort(), nil
}

func setNumber(text []byte, star uint32) (uint32, []byte, error) {
	if len(text) > 0 && text[0] == '*' && star > 0 {
		return star, text[1:], nil
	}
	i := 0
	for i < len(text) && text[i] >= '0' && text[i] <= '9' {
		i++
	}
	n, err := strconv.ParseUint(string(text[:i]), 10, 32)
	if err != nil || n == 0 {
		return 0, nil, Malformed("a set of UIDs that is none")
	}
	return uint32(n), text[i:], nil
}
