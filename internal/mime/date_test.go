package mime

import (
	"testing"
	"time"
)

var dateTests = []struct {
	name, in, want string
	bad            bool
}{
	{"RFC 5322", "Mon, 2 Jan 2006 15:04:05 -0700", "2006-01-02T22:04:05Z", false},
	{"no weekday, no seconds", "2 Jan 2006 15:04 +0000", "2006-01-02T15:04:00Z", false},
	{"comment", "Mon, 2 Jan 2006 15:04:05 +0100 (CET)", "2006-01-02T14:04:05Z", false},
	{"zone by name", "Mon, 2 Jan 2006 15:04:05 EST", "2006-01-02T20:04:05Z", false},
	{"GMT with offset", "Mon, 2 Jan 2006 15:04:05 GMT+0200", "2006-01-02T13:04:05Z", false},
	{"unknown zone", "Mon, 2 Jan 2006 15:04:05 XYZ", "2006-01-02T15:04:05Z", false},
	{"two digits", "02-Jan-06 15:04:05 GMT", "2006-01-02T15:04:05Z", false},
	{"two digits of the last century", "2 Jan 99 15:04:05 GMT", "1999-01-02T15:04:05Z", false},
	{"three digits", "2 Jan 106 15:04:05 GMT", "2006-01-02T15:04:05Z", false},
	{"asctime", "Mon Jan  2 15:04:05 2006", "2006-01-02T15:04:05Z", false},
	{"Unix date", "Mon Jan  2 15:04:05 CET 2006", "2006-01-02T14:04:05Z", false},
	{"ISO 8601", "2006-01-02T15:04:05Z", "2006-01-02T15:04:05Z", false},
	{"ISO 8601 with fraction and zone", "2006-01-02 15:04:05.123+01:30", "2006-01-02T13:34:05Z", false},
	{"PM", "Jan 2, 2006 3:04:05 PM", "2006-01-02T15:04:05Z", false},
	{"midnight AM", "Jan 2, 2006 12:04:05 AM", "2006-01-02T00:04:05Z", false},
	{"full names", "Monday, 2 January 2006 15:04:05 +0000", "2006-01-02T15:04:05Z", false},
	{"dots in the time", "Mon, 2 Jan 2006 15.04.05 +0000", "2006-01-02T15:04:05Z", false},
	{"leap second", "Sat, 31 Dec 2016 23:59:60 +0000", "2017-01-01T00:00:00Z", false},
	{"no zone", "Mon, 2 Jan 2006 15:04:05", "2006-01-02T15:04:05Z", false},
	{"no time", "Mon, 2 Jan 2006", "2006-01-02T00:00:00Z", false},
	{"-0000", "Mon, 2 Jan 2006 15:04:05 -0000", "2006-01-02T15:04:05Z", false},
	{"MIME-19 zone +9999", "Mon, 2 Jan 2006 15:04:05 +9999", "2006-01-02T15:04:05Z", true},
	{"MIME-19 year 0", "Mon, 2 Jan 0000 15:04:05 +0000", "1970-01-01T00:00:00Z", true},
	{"MIME-19 year 9999", "Mon, 2 Jan 9999 15:04:05 +0000", "2100-01-01T00:00:00Z", true},
	{"MIME-19 year of 40 digits", "2 Jan 1234567890123456789012345678901234567890", "2100-01-01T00:00:00Z", true},
	{"MIME-19 NUL", "\x00", "", true},
	{"empty", "", "", true},
	{"words", "yesterday", "", true},
	{"day 32", "32 Jan 2006 15:04:05 +0000", "", true},
	{"hour 99", "2 Jan 2006 99:04:05 +0000", "", true},
}

var dateSeeds = func() (s []string) {
	for _, tt := range dateTests {
		s = append(s, tt.in)
	}
	return s
}()

func TestDate(t *testing.T) {
	for _, tt := range dateTests {
		t.Run(tt.name, func(t *testing.T) {
			got, flags := Date(tt.in)
			text := ""
			if !got.IsZero() {
				text = got.Format(time.RFC3339)
			}
			if text != tt.want || (flags != 0) != tt.bad {
				t.Errorf("Date(%q) = %q, flags %x, want %q, bad %v", tt.in, text, flags, tt.want, tt.bad)
			}
		})
	}
}
