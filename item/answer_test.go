package item_test

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	. "github.com/go-serversync/serversync/item"
)

// Peers 111: relays refuse References of more than 4,096 bytes. The first id and the
// last ones are kept, each line is folded, and no id is broken.
func TestAnswerIDs(t *testing.T) {
	for _, tt := range []struct {
		name              string
		m                 Message
		inReplyTo, refers []string
	}{
		{"a first answer", Message{MessageID: "b@x"}, []string{"b@x"}, []string{"b@x"}},
		{"the whole chain", Message{MessageID: "c@x", References: []string{"a@x", "b@x"}, InReplyTo: []string{"b@x"}}, []string{"c@x"}, []string{"a@x", "b@x", "c@x"}},
		{"In-Reply-To where References are missing", Message{MessageID: "b@x", InReplyTo: []string{"a@x"}}, []string{"b@x"}, []string{"a@x", "b@x"}},
		{"of several nobody knows which", Message{MessageID: "c@x", InReplyTo: []string{"a@x", "b@x"}}, []string{"c@x"}, []string{"c@x"}},
		{"an id once", Message{MessageID: "a@x", References: []string{"a@x", "b@x", "b@x"}}, []string{"a@x"}, []string{"b@x", "a@x"}},
		{"ids that cannot be written", Message{MessageID: "b@x", References: []string{"a <@x", "ä@x", "", "a\r\nBcc: eve@x"}}, []string{"b@x"}, []string{"b@x"}},
		{"no Message-ID of its own", Message{MessageID: "made@up", References: []string{"a@x"}, Warnings: []Warning{WarnMessageID}}, nil, []string{"a@x"}},
		{"none at all", Message{}, nil, nil},
	} {
		inReplyTo, refers := tt.m.AnswerIDs()
		require.Equal(t, tt.inReplyTo, inReplyTo, tt.name)
		require.Equal(t, tt.refers, refers, tt.name)
	}

	long := Message{MessageID: "last@x"}
	for n := range 50 {
		long.References = append(long.References, fmt.Sprintf("%0300d@x", n))
	}
	d := minimalDraft()
	d.InReplyTo, d.References = long.AnswerIDs()
	require.Equal(t, long.References[0], d.References[0])
	require.Equal(t, []string{long.References[49], "last@x"}, d.References[len(d.References)-2:])
	require.Greater(t, len(d.References), 10)
	raw, err := d.Compose()
	require.NoError(t, err)
	b, _ := raw.Bytes()
	_, field, _ := strings.Cut(string(b), "\r\nReferences:")
	at := 0
	for i := strings.Index(field, "\r\n"); ; i = at + strings.Index(field[at:], "\r\n") {
		if at = i + 2; field[at] != ' ' {
			break
		}
	}
	require.Less(t, at+len("References:"), 4096)
	require.Greater(t, at, 3500)
}

func minimalDraft() Draft {
	return Draft{From: Address{Addr: "ann@example.test"}, To: []Address{{Addr: "carl@example.org"}}, MessageID: "x@example.test", Date: time.Unix(1e9, 0).UTC()}
}

// A Thread-Index has the form that MS-OXOMSG, section 2.2.1.3, gives it.
func TestThreadIndex(t *testing.T) {
	at := time.Date(2026, 11, 27, 8, 30, 0, 123_456_700, time.UTC)
	first := NewThreadIndex(at, [16]byte{1, 2, 3, 15: 16})
	b, err := base64.StdEncoding.DecodeString(first)
	require.NoError(t, err)
	require.Len(t, b, 22)
	require.Equal(t, []byte{1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 16}, b[6:])
	began := make([]byte, 8)
	copy(began, b[:6])
	ticks := int64(binary.BigEndian.Uint64(began))
	told := time.Date(1601, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, int(ticks/(24*3600*1e7))).Add(time.Duration(ticks%(24*3600*1e7)) * 100)
	require.WithinDuration(t, at, told, 7*time.Millisecond)

	for _, tt := range []struct {
		after time.Duration
		far   bool
		step  time.Duration
	}{{time.Hour, false, 27 * time.Millisecond}, {600 * 24 * time.Hour, false, 27 * time.Millisecond}, {3 * 365 * 24 * time.Hour, true, time.Second}} {
		child, ok := AnswerThreadIndex(first, at.Add(tt.after), 0xa7)
		require.True(t, ok)
		c, err := base64.StdEncoding.DecodeString(child)
		require.NoError(t, err)
		require.Len(t, c, 27)
		require.Equal(t, b, c[:22])
		code := binary.BigEndian.Uint32(c[22:])
		require.Equal(t, tt.far, code>>31 == 1)
		shift := map[bool]int{false: 18, true: 23}[tt.far]
		delta := time.Duration(code&0x7fffffff) << shift * 100
		require.InDelta(t, tt.after.Seconds(), delta.Seconds(), tt.step.Seconds()+1)
		require.Equal(t, byte(0x70), c[26])
	}
	back, ok := AnswerThreadIndex(first, at.Add(-time.Hour), 0)
	require.True(t, ok)
	b, _ = base64.StdEncoding.DecodeString(back)
	require.Zero(t, binary.BigEndian.Uint32(b[22:]), "a clock that goes wrong")

	for range 300 {
		first, ok = AnswerThreadIndex(first, at, 0)
		require.True(t, ok)
	}
	require.Less(t, len(first), 900, "a header line stays one")
	for _, bad := range []string{"", "?", "AQ==", base64.StdEncoding.EncodeToString(make([]byte, 22)), base64.StdEncoding.EncodeToString(append([]byte{1}, make([]byte, 22)...))} {
		_, ok := AnswerThreadIndex(bad, at, 0)
		require.False(t, ok, bad)
	}
}

// Whatever a message in a mailbox says, an answer to it can be composed, and holds
// nothing but ids.
func FuzzAnswer(f *testing.F) {
	f.Add("<a@x> <b@x>", "<c@x>", "AdzzN/w4AQIDBAUGBwgJCgsMDQ4PEA==")
	f.Add("a <@x>\r\n <>", "<"+strings.Repeat("x", 400)+"@x>", "AQ==")
	f.Fuzz(func(t *testing.T, references, id, index string) {
		m := ParseHeader([]byte("References: "+references+"\r\nMessage-ID: "+id+"\r\n\r\n"), Limits{})
		d := minimalDraft()
		d.InReplyTo, d.References = m.AnswerIDs()
		if next, ok := AnswerThreadIndex(index, time.Unix(1.7e9, 0), 3); ok {
			d.Fields = []Field{{Name: "Thread-Index", Value: next}}
		}
		if _, err := d.Compose(); err != nil {
			t.Fatal(err)
		}
	})
}
