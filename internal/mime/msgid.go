package mime

import "strings"

// MessageID returns the first id in the value of a Message-ID or Content-ID,
// without angle brackets and white space (RFC 5322, section 3.6.4). Without
// brackets the whole value is the id.
func MessageID(s string) string {
	id := s
	if open := strings.IndexByte(s, '<'); open >= 0 {
		id = s[open+1:]
		if end := strings.IndexByte(id, '>'); end >= 0 {
			id = id[:end]
		}
	} else if open := strings.IndexByte(s, '('); open >= 0 {
		id = s[:open] + s[skipComment(s, open):]
	}
	return bareID(id)
}

// MessageIDs returns the last most ids of a References or In-Reply-To, in their
// order. Words outside angle brackets count only if they look like an id.
func MessageIDs(s string, most int) []string {
	var ids []string
	add := func(id string) {
		if id = bareID(id); id == "" {
			return
		}
		if ids = append(ids, id); len(ids) >= 2*most && most > 0 {
			ids = append(ids[:0], ids[len(ids)-most:]...)
		}
	}
	brackets := strings.IndexByte(s, '<') >= 0
	for s != "" {
		if brackets {
			_, after, ok := strings.Cut(s, "<")
			if !ok {
				break
			}
			end := strings.IndexAny(after, "<>")
			if end < 0 {
				add(after)
				break
			}
			add(after[:end])
			s = after[end:]
			continue
		}
		word, after, _ := strings.Cut(s, " ")
		if strings.IndexByte(word, '@') > 0 {
			add(strings.Trim(word, ",;"))
		}
		s = after
	}
	return ids[max(0, len(ids)-most):]
}

// bareID takes white space and control characters out of an id.
func bareID(id string) string {
	dirty := false
	for i := range len(id) {
		dirty = dirty || id[i] <= ' ' || id[i] >= 0x7F || id[i] == '<' || id[i] == '>'
	}
	if !dirty {
		return id
	}
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r >= 0x7F && r < 0xA0 || r == '<' || r == '>' || r == '\u2028' || r == '\u2029' {
			return -1
		}
		return r
	}, id)
}
