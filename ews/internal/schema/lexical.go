package schema

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// What the types of XML Schema that the table uses look like.
var lexical = map[string]func(string) bool{
	"string":             func(string) bool { return true },
	"anyURI":             func(string) bool { return true },
	"base64Binary":       isBase64,
	"boolean":            func(v string) bool { return v == "true" || v == "false" || v == "1" || v == "0" },
	"int":                within(-1<<31, 1<<31-1),
	"short":              within(-1<<15, 1<<15-1),
	"long":               within(-1<<63, 1<<63-1),
	"unsignedShort":      within(0, 1<<16-1),
	"unsignedInt":        within(0, 1<<32-1),
	"integer":            matches(`[+-]?[0-9]+`),
	"nonNegativeInteger": matches(`\+?[0-9]+|-0+`),
	"float":              matches(float),
	"double":             matches(float),
	"language":           matches(`[a-zA-Z]{1,8}(-[a-zA-Z0-9]{1,8})*`),
	"duration":           isDuration,
	"date":               func(v string) bool { return isDateTime(v, true, false) },
	"time":               func(v string) bool { return isDateTime(v, false, true) },
	"dateTime":           func(v string) bool { return isDateTime(v, true, true) },
}

// How .NET calls them when a text is none.
var dotnet = map[string]string{
	"boolean": "Boolean", "int": "Int32", "short": "Int16", "long": "Int64", "unsignedShort": "UInt16",
	"unsignedInt": "UInt32", "integer": "Integer", "nonNegativeInteger": "Integer", "float": "Single", "double": "Double",
	"duration": "TimeSpan", "date": "Date", "time": "Time", "dateTime": "DateTime", "base64Binary": "Base64", "language": "language",
}

const float = `[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?|-?INF|NaN`

func builtin(name string) bool { return lexical[name] != nil }

func matches(pattern string) func(string) bool {
	return regexp.MustCompile(`^(?:` + pattern + `)$`).MatchString
}

func within(lo, hi int64) func(string) bool {
	return func(v string) bool {
		n, err := strconv.ParseInt(v, 10, 64)
		return err == nil && lo <= n && n <= hi
	}
}

func isDuration(v string) bool {
	return durationShape.MatchString(v) && !strings.HasSuffix(v, "P") && !strings.HasSuffix(v, "T")
}

var (
	durationShape = regexp.MustCompile(`^-?P([0-9]+Y)?([0-9]+M)?([0-9]+D)?(T([0-9]+H)?([0-9]+M)?([0-9]+(\.[0-9]+)?S)?)?$`)
	dateShape     = regexp.MustCompile(`^-?([0-9]{4,9})-([0-9]{2})-([0-9]{2})`)
	timeShape     = regexp.MustCompile(`^([0-9]{2}):([0-9]{2}):([0-9]{2})(\.[0-9]+)?`)
	zoneShape     = regexp.MustCompile(`^(Z|[+-](0[0-9]|1[0-3]):[0-5][0-9]|[+-]14:00)?$`)
)

func isDateTime(v string, date, clock bool) bool {
	if date {
		m := dateShape.FindStringSubmatch(v)
		if m == nil || !isDay(m[1], m[2], m[3]) {
			return false
		}
		v = v[len(m[0]):]
	}
	if date && clock {
		if v == "" || v[0] != 'T' {
			return false
		}
		v = v[1:]
	}
	if clock {
		m := timeShape.FindStringSubmatch(v)
		if m == nil || !isTime(m[1], m[2], m[3], m[4]) {
			return false
		}
		v = v[len(m[0]):]
	}
	return zoneShape.MatchString(v)
}

func isDay(year, month, day string) bool {
	y, _ := strconv.Atoi(year)
	m, _ := strconv.Atoi(month)
	d, _ := strconv.Atoi(day)
	if y == 0 || len(year) > 4 && year[0] == '0' || m < 1 || m > 12 || d < 1 {
		return false
	}
	return d <= time.Date(y, time.Month(m)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

func isTime(hour, minute, second, fraction string) bool {
	if hour == "24" {
		return minute == "00" && second == "00" && strings.Trim(fraction, ".0") == ""
	}
	return hour < "24" && minute < "60" && second < "60"
}

func isBase64(v string) bool {
	var b base64
	b.write(v)
	return b.whole()
}

// A base64 checks base64 that comes in pieces, and holds none of it.
type base64 struct {
	n    int // characters of the alphabet, and padding
	pads int
	last byte // the last character of the alphabet
	bad  bool
}

func (b *base64) write(v string) {
	for i := 0; i < len(v) && !b.bad; i++ {
		switch c := v[i]; {
		case space(c):
		case c == '=':
			b.pads++
			b.n++
		case b.pads > 0 || sextet(c) < 0:
			b.bad = true
		default:
			b.last = c
			b.n++
		}
	}
}

// whole reports whether what came is whole: full quanta, whose padding hides no bits.
func (b *base64) whole() bool {
	switch {
	case b.bad || b.n%4 != 0 || b.pads > 2:
		return false
	case b.pads == 1:
		return sextet(b.last)&3 == 0
	case b.pads == 2:
		return sextet(b.last)&15 == 0
	}
	return true
}

// sextet returns the value of a character of base64's alphabet, -1 for what is none.
func sextet(c byte) int {
	switch {
	case 'A' <= c && c <= 'Z':
		return int(c - 'A')
	case 'a' <= c && c <= 'z':
		return int(c-'a') + 26
	case '0' <= c && c <= '9':
		return int(c-'0') + 52
	case c == '+':
		return 62
	case c == '/':
		return 63
	}
	return -1
}

func space(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }
