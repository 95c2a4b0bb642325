package schema

import (
	"strings"
	"unicode/utf8"
)

// held is how much of a value is kept to be looked at. Only what has a shape is kept: strings
// and base64 pass by, whatever their length.
const held = 4096

// A value is the text of an element while it comes.
type value struct {
	of     *simple
	text   []byte // up to held
	runes  int
	binary base64
}

// reset begins a value of a type, and keeps the room that was there.
func (v *value) reset(of *simple) { *v = value{of: of, text: v.text[:0]} }

// add takes a piece. It returns false when there is more than is kept.
func (v *value) add(s string) bool {
	switch {
	case v.of.streams():
		v.runes += utf8.RuneCountInString(s)
	case v.of.builtin == "base64Binary":
		v.binary.write(s)
	case len(v.text)+len(s) > held:
		return false
	default:
		v.text = append(v.text, s...)
	}
	return true
}

// streams reports whether nothing but the length of a text of the type matters.
func (s *simple) streams() bool {
	if s.builtin != "string" && s.builtin != "anyURI" {
		return false
	}
	for _, f := range s.all {
		if f.kind != minLength && f.kind != length {
			return false
		}
	}
	return true
}

// fails says, in .NET's words, why what came is not of the type, "" when it is.
func (v *value) fails() string {
	switch {
	case v.of.streams():
		for _, f := range v.of.all {
			if why := f.failsLength(v.runes); why != "" {
				return why
			}
		}
		return ""
	case v.of.builtin == "base64Binary":
		if !v.binary.whole() {
			return notValid("", "base64Binary")
		}
		return ""
	}
	return v.of.fails(string(v.text))
}

// fails says, in .NET's words, why a text is not of the type, "" when it is.
func (s *simple) fails(text string) string {
	switch {
	case s.item != nil:
		for _, one := range strings.Fields(text) {
			if why := s.item.fails(one); why != "" {
				return why
			}
		}
		return ""
	case s.members != nil:
		for _, m := range s.members {
			if m.fails(text) == "" {
				return ""
			}
		}
		return notValid(text, s.name.Local)
	}
	if s.builtin != "string" {
		text = strings.Trim(text, " \t\r\n")
		if !lexical[s.builtin](text) {
			return notValid(text, s.builtin)
		}
	}
	if s.values != nil && !s.values[text] {
		return "The Enumeration constraint failed."
	}
	for _, f := range s.all {
		if why := f.fails(text); why != "" {
			return why
		}
	}
	return ""
}

// notValid says that a text is none of a type of XML Schema.
func notValid(text, builtin string) string {
	if name, ok := dotnet[builtin]; ok {
		builtin = name
	}
	return "The string '" + quote(text) + "' is not a valid " + builtin + " value."
}

// quote shortens what a violation repeats of a message.
func quote(text string) string {
	if len(text) <= 100 {
		return text
	}
	return strings.ToValidUTF8(text[:100], "") + "..."
}
