package mime

import (
	"strings"
	"time"
)

// The first and the last instant a date is believed to be. What is beyond becomes
// the nearer of the two, which databases can store.
var (
	firstDate = time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)
	lastDate  = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
)

// Date reads a date (RFC 5322, section 3.3 and 4.3), and what people write for one:
// asctime's order, ISO 8601, dashes and dots, AM and PM, two-digit years, a zone by
// name or none, which means UTC. It is in UTC and whole seconds; zero if it cannot
// be read.
func Date(s string) (time.Time, Flags) {
	var d date
	d.year, d.month, d.day, d.hour = -1, -1, -1, -1
	for i := 0; i < len(s) && i < longDate; {
		i = d.token(s, i)
	}
	return d.result()
}

// longDate is how much of a date is read.
const longDate = 256

type date struct {
	year, month, day     int
	hour, minute, second int
	zone                 int // seconds east
	zoned                bool
	pm, am               bool
	bad                  bool
}

// token reads the next word or number of s and returns where it ends.
func (d *date) token(s string, i int) int {
	switch c := s[i]; {
	case c == '(':
		return skipComment(s, i)
	case c == '+' || c == '-':
		if n, end := digits(s, i+1); d.hour >= 0 && !d.zoned && end > i+1 {
			return d.offset(s, c == '-', n, i+1, end)
		}
		return i + 1
	case '0' <= c && c <= '9':
		return d.number(s, i)
	case isLetter(c):
		end := i
		for end < len(s) && isLetter(s[end]) {
			end++
		}
		d.word(s[i:end])
		return end
	}
	return i + 1
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// digits reads the number at s[i], at most eight digits of it.
func digits(s string, i int) (n, end int) {
	for end = i; end < len(s) && '0' <= s[end] && s[end] <= '9'; end++ {
		if end-i < 8 {
			n = n*10 + int(s[end]-'0')
		}
	}
	return n, end
}

// number reads a time, a day, a year or an ISO date.
func (d *date) number(s string, i int) int {
	n, end := digits(s, i)
	next := byte(0)
	if end < len(s) {
		next = s[end]
	}
	switch {
	case d.hour < 0 && (next == ':' || next == '.' && d.day >= 0 && d.year >= 0 && end-i <= 2):
		return d.clock(s, n, end)
	case end-i == 4 && (next == '-' || next == '/') && d.year < 0 && d.day < 0:
		return d.iso(s, n, end)
	case d.day < 0 && end-i <= 2:
		d.day = n
	case d.year < 0:
		d.year = n
		switch {
		case end-i <= 2 && n < 50:
			d.year += 2000
		case end-i <= 3:
			d.year += 1900
		}
	case d.month < 0 && end-i <= 2:
		d.month = n
	}
	return end
}

// iso reads the rest of 2024-01-31, where the year is n.
func (d *date) iso(s string, n, i int) int {
	sep := s[i]
	month, end := digits(s, i+1)
	if end == i+1 || end == len(s) || s[end] != sep {
		d.year = n
		return end
	}
	day, last := digits(s, end+1)
	d.year, d.month, d.day = n, month, day
	if last < len(s) && s[last]|0x20 == 't' {
		last++
	}
	return last
}

// clock reads the rest of 15:04:05.999, where the hour is n.
func (d *date) clock(s string, n, i int) int {
	sep := s[i]
	d.hour = n
	d.minute, i = digits(s, i+1)
	if i < len(s) && s[i] == sep {
		d.second, i = digits(s, i+1)
	}
	if i+1 < len(s) && (s[i] == '.' || s[i] == ',') && '0' <= s[i+1] && s[i+1] <= '9' {
		_, i = digits(s, i+1) // a fraction
	}
	return i
}

// offset takes the zone +0130, +01:30, +1 or +130, whose digits are s[start:end].
func (d *date) offset(s string, west bool, n, start, end int) int {
	hours, minutes := n/100, n%100
	switch {
	case end < len(s) && s[end] == ':' && end-start <= 2:
		hours = n
		minutes, end = digits(s, end+1)
	case end-start <= 2:
		hours, minutes = n, 0
	}
	if hours > 14 || minutes > 59 {
		d.bad = true
		return end
	}
	d.zoned = true
	d.zone = hours*3600 + minutes*60
	if west {
		d.zone = -d.zone
	}
	return end
}

// zones holds the names of RFC 5322, section 4.3 and a few that are as common, in
// hours east. Other names mean UTC: they are ambiguous.
var zones = [...]struct {
	name  string
	hours int
}{
	{"ut", 0}, {"utc", 0}, {"gmt", 0}, {"z", 0}, {"est", -5}, {"edt", -4}, {"cst", -6}, {"cdt", -5},
	{"mst", -7}, {"mdt", -6}, {"pst", -8}, {"pdt", -7}, {"cet", 1}, {"cest", 2}, {"met", 1},
	{"mest", 2}, {"mez", 1}, {"mesz", 2}, {"wet", 0}, {"west", 1}, {"eet", 2}, {"eest", 3},
	{"msk", 3}, {"jst", 9}, {"kst", 9}, {"hkt", 8}, {"sgt", 8},
}

// word takes a month, a zone, AM or PM. A weekday says nothing new.
func (d *date) word(w string) {
	const months = "janfebmaraprmayjunjulaugsepoctnovdec"
	var lower [16]byte
	if len(w) > len(lower) {
		return
	}
	for i := range len(w) {
		lower[i] = w[i] | 0x20
	}
	low := string(lower[:len(w)])
	switch {
	case low == "am":
		d.am = true
		return
	case low == "pm":
		d.pm = true
		return
	}
	if len(low) >= 3 && d.month < 0 {
		if at := strings.Index(months, low[:3]); at >= 0 && at%3 == 0 {
			d.month = at/3 + 1
			return
		}
	}
	if d.hour < 0 || d.zoned {
		return
	}
	for _, z := range zones {
		if low == z.name {
			d.zone = z.hours * 3600
			d.zoned = z.hours != 0 // GMT+2 means what follows
			return
		}
	}
}

// result puts it together.
func (d *date) result() (time.Time, Flags) {
	var flags Flags
	if d.bad {
		flags = BadDate
	}
	if d.hour < 0 {
		d.hour = 0
	}
	if d.pm && d.hour < 12 {
		d.hour += 12
	} else if d.am && d.hour == 12 {
		d.hour = 0
	}
	if d.year < 0 || d.month < 1 || d.month > 12 || d.day < 1 || d.day > 31 ||
		d.hour > 24 || d.minute > 59 || d.second > 60 {
		return time.Time{}, BadDate
	}
	d.year = min(d.year, 9999)
	t := time.Date(d.year, time.Month(d.month), d.day, d.hour, d.minute, d.second, 0, time.UTC)
	t = t.Add(-time.Duration(d.zone) * time.Second)
	switch {
	case t.Before(firstDate):
		return firstDate, BadDate
	case t.After(lastDate):
		return lastDate, BadDate
	}
	return t, flags
}
