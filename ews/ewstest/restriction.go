package ewstest

import (
	"strconv"
	"strings"
	"time"
)

// A thing is what a restriction is about: an item or a folder.
type thing interface {
	// values returns what the thing has of a property, none if it does not have it.
	values(path *node) ([]string, error)
}

type itemThing struct {
	q  *request
	it *stored
}

func (t itemThing) values(path *node) ([]string, error) {
	if path == nil {
		return nil, nil
	}
	if path.name.Local == "ExtendedFieldURI" {
		p, err := readPropertyName(path)
		if err != nil {
			return nil, err
		}
		values, _ := t.it.extendedValue(p)
		return values, nil
	}
	name := fieldOf(path)
	if path.name.Local == "IndexedFieldURI" {
		return t.indexed(name, path), nil
	}
	switch name {
	case "Body", "TextBody":
		return []string{t.it.plain()}, nil
	}
	return texts(t.it.property(t.q, name)), nil
}

// indexed returns an entry of a dictionary, or a header field.
func (t itemThing) indexed(name string, path *node) (values []string) {
	for _, c := range list(t.it.property(t.q, name)) {
		key := c.attr("Key") + c.attr("HeaderName")
		if !strings.EqualFold(key, path.attr("FieldIndex")) {
			continue
		}
		if parts := strings.Split(path.attr("FieldURI"), ":"); len(parts) == 3 && len(c.children) > 0 {
			c = c.child(parts[2])
		}
		values = append(values, texts(c)...)
	}
	return values
}

// texts returns what stands in an element: its text, or those of the elements in it; of a mailbox
// its name and address.
func texts(n *node) []string {
	if n == nil {
		return nil
	}
	if n.attr("Id") != "" {
		return []string{n.attr("Id")}
	}
	if len(n.children) == 0 {
		return []string{n.text}
	}
	if n.name.Local == "Mailbox" {
		return []string{n.child("Name").value(), n.child("EmailAddress").value()}
	}
	var all []string
	for _, c := range n.children {
		all = append(all, texts(c)...)
	}
	return all
}

type folderThing struct {
	q *request
	f *folder
}

func (t folderThing) values(path *node) ([]string, error) {
	if path == nil {
		return nil, nil
	}
	if path.name.Local == "ExtendedFieldURI" {
		p, err := readPropertyName(path)
		if err != nil {
			return nil, err
		}
		values, _ := t.f.extendedValue(p)
		return values, nil
	}
	return texts(t.f.property(t.q, fieldOf(path))), nil
}

// A matcher says whether a thing is one of those that are wanted.
type matcher func(t thing) bool

// readRestriction reads a Restriction, or what stands in one; nil is one that takes everything.
func readRestriction(n *node) (matcher, error) {
	if n == nil {
		return func(thing) bool { return true }, nil
	}
	if n.name.Local == "Restriction" {
		if len(n.children) != 1 {
			return nil, fail("ErrorInvalidRestriction", "A restriction holds one expression.")
		}
		n = n.children[0]
	}
	switch n.name.Local {
	case "And", "Or", "Not":
		return readBoolean(n)
	case "Exists":
		return withValues(n, func(values []string) bool { return len(values) > 0 })
	case "Contains":
		return readContains(n)
	case "Excludes":
		mask, err := strconv.ParseInt(n.child("Bitmask").attr("Value"), 0, 64)
		if err != nil {
			return nil, fail("ErrorInvalidExcludesRestriction", "The bit mask is no number.")
		}
		return withValues(n, func(values []string) bool {
			v, _ := strconv.ParseInt(append(values, "0")[0], 0, 64)
			return v&mask == 0
		})
	case "IsEqualTo", "IsNotEqualTo", "IsGreaterThan", "IsGreaterThanOrEqualTo", "IsLessThan", "IsLessThanOrEqualTo":
		return readComparison(n)
	}
	return nil, fail("ErrorInvalidRestriction", "The expression is not known.")
}

func readBoolean(n *node) (matcher, error) {
	var parts []matcher
	for _, c := range n.children {
		m, err := readRestriction(c)
		if err != nil {
			return nil, err
		}
		parts = append(parts, m)
	}
	if len(parts) == 0 {
		return nil, fail("ErrorInvalidRestriction", "The expression is empty.")
	}
	return func(t thing) bool {
		for _, m := range parts {
			switch yes := m(t); {
			case n.name.Local == "Not":
				return !yes
			case yes == (n.name.Local == "Or"):
				return yes
			}
		}
		return n.name.Local == "And"
	}, nil
}

// withValues is a matcher about the property that n begins with.
func withValues(n *node, match func(values []string) bool) (matcher, error) {
	if len(n.children) == 0 {
		return nil, fail("ErrorInvalidRestriction", "The expression is about nothing.")
	}
	path := n.children[0]
	if path.name.Local == "ExtendedFieldURI" {
		if _, err := readPropertyName(path); err != nil {
			return nil, err
		}
	}
	return func(t thing) bool {
		values, _ := t.values(path)
		return match(values)
	}, nil
}

func readContains(n *node) (matcher, error) {
	want := n.child("Constant").attr("Value")
	fold := strings.Contains(n.attr("ContainmentComparison"), "IgnoreCase")
	if fold {
		want = strings.ToLower(want)
	}
	return withValues(n, func(values []string) bool {
		for _, v := range values {
			if fold {
				v = strings.ToLower(v)
			}
			if contains(n.attr("ContainmentMode"), v, want) {
				return true
			}
		}
		return false
	})
}

func contains(mode, v, want string) bool {
	switch mode {
	case "FullString", "":
		return v == want
	case "Prefixed":
		return strings.HasPrefix(v, want)
	case "PrefixOnWords", "ExactPhrase":
		for i := 0; ; i++ {
			at := strings.Index(v[i:], want)
			if at < 0 {
				return false
			}
			i += at
			end := i + len(want)
			if (i == 0 || !isWord(v[i-1])) && (mode == "PrefixOnWords" || end == len(v) || !isWord(v[end])) {
				return true
			}
		}
	}
	return strings.Contains(v, want)
}

func isWord(c byte) bool {
	return c >= 0x80 || c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// readComparison reads an expression that compares a property with a constant, or another one.
func readComparison(n *node) (matcher, error) {
	with := n.child("FieldURIOrConstant")
	if with == nil || len(with.children) != 1 {
		return nil, fail("ErrorInvalidRestriction", "The expression compares with nothing.")
	}
	other := with.children[0]
	return func(t thing) bool {
		values, _ := t.values(n.children[0])
		wanted := []string{other.attr("Value")}
		if other.name.Local != "Constant" {
			wanted, _ = t.values(other)
		}
		if len(wanted) == 0 {
			return false
		}
		if n.name.Local == "IsNotEqualTo" {
			for _, v := range values {
				if compare(v, wanted[0]) == 0 {
					return false
				}
			}
			return true
		}
		for _, v := range values {
			c := compare(v, wanted[0])
			switch n.name.Local {
			case "IsEqualTo":
				if c == 0 {
					return true
				}
			case "IsGreaterThan":
				if c > 0 {
					return true
				}
			case "IsGreaterThanOrEqualTo":
				if c >= 0 {
					return true
				}
			case "IsLessThan":
				if c < 0 {
					return true
				}
			case "IsLessThanOrEqualTo":
				if c <= 0 {
					return true
				}
			}
		}
		return false
	}, nil
}

// compare compares two values as times, numbers or texts, whichever both are. Texts are compared
// without regard to case.
func compare(a, b string) int {
	if s, ok := moment(a); ok {
		if t, ok := moment(b); ok {
			return s.Compare(t)
		}
	}
	if x, err := strconv.ParseInt(a, 10, 64); err == nil {
		if y, err := strconv.ParseInt(b, 0, 64); err == nil {
			switch {
			case x < y:
				return -1
			case x > y:
				return 1
			}
			return 0
		}
	}
	return strings.Compare(strings.ToLower(a), strings.ToLower(b))
}

func moment(s string) (time.Time, bool) {
	if len(s) < 10 || s[4] != '-' || s[7] != '-' {
		return time.Time{}, false
	}
	return readTime(s)
}
