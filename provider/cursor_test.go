package provider

import (
	"strings"
	"testing"
)

func TestCursorOpenIsNewCursorBackwards(t *testing.T) {
	tests := []struct {
		name  string
		e     Envelope
		state string
	}{
		{name: "as a driver makes it", e: Envelope{Driver: "imap", Version: 1, Epoch: "1700000000", IDs: "uid"}, state: "42:7"},
		{name: "done", e: Envelope{Driver: "imap", Version: 2, Epoch: "1", IDs: "uid", Done: true}},
		{name: "nothing but a version", e: Envelope{Version: 1}},
		{name: "separators in the fields", e: Envelope{Driver: "a/b", Version: 1, Epoch: "e\n%2F", IDs: "done/more"}, state: "x"},
		{name: "bytes that are no text", e: Envelope{Driver: "\xff\x00", Version: 1, Epoch: "\xf0\x28"}, state: "\x00\xff\n\n"},
		{name: "a state of 16 MB", e: Envelope{Driver: "ews", Version: 1}, state: strings.Repeat("s", 16<<20)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := NewCursor(tt.e, tt.state)
			e, state, ok := c.Open()
			if e != tt.e || state != tt.state || !ok {
				t.Errorf("Open of NewCursor(%+v, %.20q) = %+v, %.20q, %t", tt.e, tt.state, e, state, ok)
			}
			if c.Epoch() != tt.e.Epoch || c.Done() != tt.e.Done {
				t.Errorf("Epoch, Done = %q, %t, want %q, %t", c.Epoch(), c.Done(), tt.e.Epoch, tt.e.Done)
			}
		})
	}
}

func TestCursorOpenRefuses(t *testing.T) {
	tests := []struct {
		name string
		c    Cursor
	}{
		{"the zero cursor", ""},
		{"no line", "imap/1/7/uid/more"},
		{"too few parts", "imap/1/7/uid\n"},
		{"too many parts", "imap/1/7/uid/more/x\n"},
		{"version zero", "imap/0/7/uid/more\n"},
		{"a negative version", "imap/-1/7/uid/more\n"},
		{"a version that is no number", "imap/one/7/uid/more\n"},
		{"a version beyond any number", "imap/99999999999999999999/7/uid/more\n"},
		{"neither done nor more", "imap/1/7/uid/maybe\n"},
		{"a broken escape", "imap/1/7%/uid/more\n"},
		{"a broken escape in the driver", "%zz/1/7/uid/more\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e, state, ok := tt.c.Open()
			if e != (Envelope{}) || state != "" || ok {
				t.Errorf("Open of %q = %+v, %q, %t, want nothing", tt.c, e, state, ok)
			}
			if tt.c.Epoch() != "" || tt.c.Done() {
				t.Errorf("Epoch, Done of %q = %q, %t, want nothing", tt.c, tt.c.Epoch(), tt.c.Done())
			}
		})
	}
}

func FuzzCursorOpen(f *testing.F) {
	f.Add("imap", 1, "1700000000", "uid", false, "42:7", "imap/1/7/uid/more\n42")
	f.Add("", 1, "", "", true, "", "////\n")
	f.Add("a/b", 9, "%", "\n", true, "\xff", "%zz/1/7/uid/more\n")
	f.Add("x", 2, "y", "z", false, "\n\n", "imap/+1/7/uid/done\n")
	f.Fuzz(func(t *testing.T, driver string, version int, epoch, ids string, done bool, state, raw string) {
		want := Envelope{Driver: driver, Version: max(version, 1), Epoch: epoch, IDs: ids, Done: done}
		if e, s, ok := NewCursor(want, state).Open(); e != want || s != state || !ok {
			t.Errorf("Open of NewCursor(%+v, %q) = %+v, %q, %t", want, state, e, s, ok)
		}
		e, s, ok := Cursor(raw).Open()
		if !ok {
			if e != (Envelope{}) || s != "" {
				t.Errorf("Open(%q) gave values though it failed: %+v, %q", raw, e, s)
			}
			return
		}
		if again, s2, ok := NewCursor(e, s).Open(); again != e || s2 != s || !ok {
			t.Errorf("what Open(%q) gave does not come back: %+v, %q, %t", raw, again, s2, ok)
		}
	})
}
