package schema

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

type facetKind int

const (
	enumeration facetKind = iota
	minInclusive
	maxInclusive
	minLength
	length
	pattern
)

// A facet restricts a type of text.
type facet struct {
	kind  facetKind
	text  string // as XML Schema has it
	n     int64
	match *regexp.Regexp
}

var facetNames = map[facetKind]string{
	enumeration: "enumeration", minInclusive: "minInclusive", maxInclusive: "maxInclusive",
	minLength: "minLength", length: "length", pattern: "pattern",
}

func parseFacet(w string) (f facet, err error) {
	if len(w) > 1 && w[0] == '/' && w[len(w)-1] == '/' {
		f.kind, f.text = pattern, w[1:len(w)-1]
		f.match, err = regexp.Compile(`^(?:` + f.text + `)$`)
		return f, err
	}
	key, value, numeric := strings.Cut(w, "=")
	if !numeric {
		return facet{kind: enumeration, text: w}, nil
	}
	switch key {
	case "min":
		f.kind = minInclusive
	case "max":
		f.kind = maxInclusive
	case "minlen":
		f.kind = minLength
	case "len":
		f.kind = length
	default:
		return f, fmt.Errorf("%q is no facet", w)
	}
	f.text = value
	f.n, err = strconv.ParseInt(value, 10, 64)
	return f, err
}

// fails says, in .NET's words, what a text breaks of a facet, "" when it keeps it. Enumerations
// are looked up elsewhere.
func (f facet) fails(v string) string {
	switch f.kind {
	case minInclusive, maxInclusive:
		n, err := strconv.ParseInt(v, 10, 64)
		below := n < f.n || err != nil && v[0] == '-'
		above := n > f.n || err != nil && v[0] != '-'
		if f.kind == minInclusive && below {
			return "The MinInclusive constraint failed."
		}
		if f.kind == maxInclusive && above {
			return "The MaxInclusive constraint failed."
		}
	case pattern:
		if !f.match.MatchString(v) {
			return "The Pattern constraint failed."
		}
	}
	return f.failsLength(len([]rune(v)))
}

// failsLength is what fails says of a text of n characters.
func (f facet) failsLength(n int) string {
	switch {
	case f.kind == minLength && int64(n) < f.n:
		return "The actual length is less than the MinLength value."
	case f.kind == length && int64(n) != f.n:
		return "The actual length is not equal to the specified length."
	}
	return ""
}
