package aadsts

import (
	"cmp"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/go-serversync/serversync/internal/tokens"
)

// prefix is what Microsoft writes before a number.
const prefix = "AADSTS"

// mostNumbers is how many of an answer's numbers are looked at. Entra ID gives one.
const mostNumbers = 8

// An answer is what Entra ID says of an error.
type answer struct {
	code        string   // OAuth's
	description string   // in words, with the number, ids and the time behind them
	numbers     []string // without prefix
	trace       string   // what support asks for
	correlation string
	claims      bool // it wants more of whoever signs in than there was
}

// decode reads an answer. The error is one of package tokens's.
func decode(body []byte) (a answer, err error) {
	if len(body) > tokens.MaxBody {
		return a, tokens.ErrLarge
	}
	if err := tokens.Shallow(body); err != nil {
		return a, err
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(body, &fields); err != nil || fields == nil {
		return a, tokens.ErrNoJSON
	}
	text := func(name string) (s string) {
		if json.Unmarshal(fields[name], &s) != nil {
			return ""
		}
		return s
	}
	a.code, a.description = text("error"), text("error_description")
	a.trace, a.correlation, a.claims = text("trace_id"), text("correlation_id"), text("claims") != ""
	var numbers []json.Number
	if json.Unmarshal(fields["error_codes"], &numbers) == nil {
		for _, n := range numbers[:min(len(numbers), mostNumbers)] {
			a.numbers = append(a.numbers, n.String())
		}
	}
	if _, rest, ok := strings.Cut(a.description, prefix); ok {
		n := 0
		for n < min(len(rest), 10) && rest[n] >= '0' && rest[n] <= '9' {
			n++
		}
		a.numbers = append(a.numbers, rest[:n])
	}
	return a, nil
}

// find returns what the first of an answer's numbers means that is known, and the number.
func find(a answer) (*meaning, string) {
	said := strings.ToLower(a.description)
	for _, number := range a.numbers {
		if _, err := strconv.ParseUint(number, 10, 32); err != nil {
			continue
		}
		for i := range meanings {
			if m := &meanings[i]; hasNumber(m.numbers, number) && strings.Contains(said, m.says) {
				return m, number
			}
		}
	}
	return nil, ""
}

// hasNumber reports whether a number is one of those that are separated by blanks.
func hasNumber(numbers, number string) bool {
	for n := range strings.FieldsSeq(numbers) {
		if n == number {
			return true
		}
	}
	return false
}

// firstLine returns a description without what stands behind it: on lines of its own, or on the same one.
func firstLine(description string) string {
	first, _, _ := strings.Cut(strings.TrimSpace(description), "\n")
	first, _, _ = strings.Cut(first, " Trace ID:")
	return strings.TrimSpace(first)
}

// ids returns what Microsoft's support finds a request by, "" if there is nothing of the kind.
func (j judgement) ids() string {
	var all []string
	for _, id := range []struct{ name, value string }{
		{"trace id", guid(cmp.Or(j.answer.trace, j.h.Get("x-ms-request-id")))},
		{"correlation id", guid(cmp.Or(j.answer.correlation, j.h.Get("client-request-id")))},
	} {
		if id.value != "" && !j.repeats(id.value) {
			all = append(all, id.name+" "+id.value)
		}
	}
	return strings.Join(all, ", ")
}

// guid returns s if it is a GUID as Microsoft writes it.
func guid(s string) string {
	const form = "00000000-0000-0000-0000-000000000000"
	if len(s) != len(form) {
		return ""
	}
	for i := range len(s) {
		dash := s[i] == '-'
		if dash != (form[i] == '-') || !dash && !strings.ContainsRune("0123456789abcdefABCDEF", rune(s[i])) {
			return ""
		}
	}
	return s
}
