package syntax

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/go-serversync/serversync/provider"
)

var limits = Limits{Line: 200, Literal: 50, Response: 400, Nesting: 8}

// walk reads input as a client would and notes what it finds.
func walk(r io.Reader) string {
	var out strings.Builder
	in := NewReader(r, limits)
	for {
		if err := in.Next(); err != nil {
			fmt.Fprintf(&out, "END %v", err)
			return out.String()
		}
		fmt.Fprintf(&out, "[%s", in.Word())
		in.Space()
		fmt.Fprintf(&out, "|%s", in.Word())
		in.Space()
		switch in.Peek() {
		case '{':
			n, err := in.Literal()
			body, err2 := io.ReadAll(in.Body())
			fmt.Fprintf(&out, "|%d %v %q %v", n, err, body, err2)
			if err == nil && err2 == nil && int64(len(body)) != n {
				panic("a short literal was taken for a whole one")
			}
			if err != nil || err2 != nil {
				return out.String()
			}
		case '(':
			if err := in.Skip(); err != nil {
				fmt.Fprintf(&out, "|skip %v", err)
				return out.String()
			}
		case '1', '2', ',':
			err := in.Ranges(func(from, to uint32) error {
				fmt.Fprintf(&out, " %d:%d", from, to)
				return nil
			})
			fmt.Fprintf(&out, "|%v", err)
			if err != nil {
				return out.String()
			}
		default:
			s, ok, err := in.String()
			fmt.Fprintf(&out, "|%q %t %v", s, ok, err)
			if err != nil && in.Peek() != 0 {
				return out.String()
			}
		}
		out.WriteString("]")
	}
}

// FuzzReader: no input makes the reader panic or hang, and none reads differently
// when it comes in other pieces.
func FuzzReader(f *testing.F) {
	for _, seed := range []string{
		"* OK [CAPABILITY IMAP4rev1] ready\r\n",
		"* SEARCH 1 2 3:9\r\n* ESEARCH (TAG \"A1\") UID ALL 1:5,7\r\n",
		"* FETCH {5}\r\nabcde FLAGS)\r\nA1 OK\r\n",
		"* x (a (b {3}\r\n(((\r\n\"q\\\"\") c)\r\n",
		"* SEARCH " + strings.Repeat("1 ", 300) + "\r\n",
		"* x {100}\r\nshort", "a b {-1}\r\n", "\r\n\r\n", "* x ((((((((((((\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		whole := walk(bytes.NewReader(input))
		if sliced := walk(iotest.OneByteReader(bytes.NewReader(input))); sliced != whole {
			t.Errorf("%q read whole gives %q, in slices %q", input, whole, sliced)
		}
	})
}

// FuzzName: what is decoded is encoded to the same, or is not canonical.
func FuzzName(f *testing.F) {
	for _, seed := range []string{"INBOX", "Entw&APw-rfe", "&-", "&AAAA", "&ZeVnLIqe-", "ä"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if again, ok := DecodeName(EncodeName(name)); ok && again != name {
			t.Errorf("%q comes back as %q", name, again)
		}
		if decoded, ok := DecodeName(name); ok {
			if again, ok := DecodeName(EncodeName(decoded)); ok && again != decoded {
				t.Errorf("%q is %q, which comes back as %q", name, decoded, again)
			}
		}
	})
}

// FuzzSet: a set is what it was made of.
func FuzzSet(f *testing.F) {
	f.Add([]byte("1:5,3,9:7"))
	f.Add([]byte("4294967295,1"))
	f.Fuzz(func(t *testing.T, text []byte) {
		set, err := ParseSet(text, 0)
		if err != nil {
			return
		}
		again, err := ParseSet([]byte(set.String()), 0)
		if err != nil && len(set) > 0 || again.String() != set.String() {
			t.Errorf("%q is %q, which is %q, %v", text, set, again, err)
		}
		n := set.Len()
		low := set.TakeFirst(3)
		high := set.TakeLast(3)
		if low.Len()+high.Len()+set.Len() != n {
			t.Errorf("%q of %d falls into %d, %d and %d", text, n, low.Len(), set.Len(), high.Len())
		}
	})
}

func TestLimits(t *testing.T) {
	for _, r := range []struct {
		input string
		kind  provider.Kind
	}{
		{"* x " + strings.Repeat("y", 300) + "\r\n", provider.ErrTooLarge},
		{"* x {60}\r\n" + strings.Repeat("y", 60) + "\r\n", provider.ErrTooLarge},
		{"* x (" + strings.Repeat("{40}\r\n"+strings.Repeat("y", 40)+" ", 20) + ")\r\n", ""},
		{"* x " + strings.Repeat("(", 9) + "\r\n", provider.ErrProtocol},
		{"* x {99999999999}\r\n", provider.ErrTooLarge},
	} {
		in := NewReader(strings.NewReader(r.input), limits)
		err := in.Next()
		in.Word()
		in.Space()
		in.Word()
		in.Space()
		if err == nil {
			if in.Peek() == '{' {
				_, _, err = in.String()
			} else {
				err = in.Skip()
			}
		}
		if r.kind == "" && err != nil || r.kind != "" && !errors.Is(err, r.kind) {
			t.Errorf("%.30q gave %v, want %q", r.input, err, r.kind)
		}
	}
}
