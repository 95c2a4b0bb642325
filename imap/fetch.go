package imap

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/go-serversync/serversync/imap/internal/syntax"
	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/provider"
)

// A fetched is what a FETCH reply says of a message. A field is zero where the
// reply does not say it.
type fetched struct {
	uid      uint32
	flags    []string
	received time.Time
	dated    bool // there was an INTERNALDATE, if not a good one
	size     int64
	header   []byte
	raw      *item.Blob
	err      error // the header or body could not be read
}

// readFetch reads a FETCH reply behind its name. The UID may come last, so
// whatever comes is read first and thrown away if nobody wanted it.
func (s *session) readFetch() (f fetched, err error) {
	if open, err := s.in.Open(); err != nil || !open {
		return f, s.or(err, "a message that is none")
	}
	for !s.in.Close() {
		if s.in.Space(); s.in.Close() {
			break
		}
		if err := s.readAttribute(&f); err != nil {
			f.raw.Release()
			return fetched{}, err
		}
	}
	return f, nil
}

// readAttribute reads one of a message's data items (RFC 3501, section 7.4.2). One
// that we do not know is passed over.
func (s *session) readAttribute(f *fetched) (err error) {
	name := s.in.Word()
	if len(name) == 0 {
		return syntax.Malformed("a message that is none")
	}
	known := attribute(name)
	s.in.Space()
	switch known {
	case "UID":
		n, err := s.in.Number()
		if n == 0 || n > maxUID {
			return s.or(err, "a UID that is none")
		}
		f.uid = uint32(n)
		return err
	case "RFC822.SIZE":
		n, err := s.in.Number()
		f.size = int64(n)
		return err
	case "FLAGS":
		f.flags, err = s.readFlags()
		return err
	case "INTERNALDATE":
		date, _, err := s.in.String()
		f.received, f.dated = receivedAt(string(date)), true
		return err
	case "BODY[]":
		return s.readBody(f)
	case "BODY[HEADER]":
		return s.readHeader(f)
	}
	return s.in.Skip()
}

// attribute returns a data item's name in upper case, "" for one we do not know.
func attribute(name []byte) string {
	for _, known := range []string{"UID", "FLAGS", "BODY[]", "RFC822.SIZE", "INTERNALDATE", "BODY[HEADER]"} {
		if len(name) == len(known) && bytes.EqualFold(name, []byte(known)) {
			return known
		}
	}
	if bytes.HasPrefix(name, []byte("BODY[HEADER.FIELDS")) {
		return "BODY[HEADER]"
	}
	return ""
}

// maxFlags is how many flags of a message are read.
const maxFlags = 1000

// readFlags returns flags sorted, each once.
func (s *session) readFlags() ([]string, error) {
	if open, err := s.in.Open(); err != nil || !open {
		return nil, s.or(err, "flags that are none")
	}
	flags := []string{}
	for !s.in.Close() {
		if s.in.Space() {
			continue
		}
		word := s.in.Word()
		if len(word) == 0 || len(flags) == maxFlags || !flagWord(word) {
			return nil, syntax.Malformed("flags that are none")
		}
		if name := flagName(word); name != `\Recent` { // it belongs to the session, not to the message
			flags = append(flags, name)
		}
	}
	slices.Sort(flags)
	return slices.Compact(flags), nil
}

// flagWord reports whether word can be a flag: nothing that would mean something
// else when it is sent back.
func flagWord(word []byte) bool {
	for i, c := range word {
		if c <= ' ' || c >= 0x7f || c == '"' || c == '{' || c == '\\' && i > 0 {
			return false
		}
	}
	return true
}

// flagName returns word as a string, in its usual case for the system flags and
// without allocating for them.
func flagName(word []byte) string {
	if word[0] == '\\' {
		for _, known := range []string{`\Seen`, `\Answered`, `\Flagged`, `\Deleted`, `\Draft`, `\Recent`} {
			if strings.EqualFold(string(word), known) {
				return known
			}
		}
	}
	return string(word)
}

// receivedAt reads an INTERNALDATE. What is no date is the zero time; what is out
// of the ordinary is brought into it, so that no comparison goes astray.
func receivedAt(date string) time.Time {
	t, err := time.Parse("_2-Jan-2006 15:04:05 -0700", date)
	if err != nil {
		return time.Time{}
	}
	first, last := time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC), time.Now().AddDate(0, 0, 1)
	switch {
	case t.Before(first):
		return first
	case t.After(last):
		return last.UTC().Truncate(time.Second)
	}
	return t.UTC()
}

var (
	errNoBody   = errors.New("the server gives nothing where the message should be")
	errTooLong  = errors.New("the message is larger than allowed")
	errLongHead = errors.New("the header is larger than allowed")
)

// readBody reads a whole message into f.raw, or says in f.err why not. An error is
// the connection's or our disk's.
func (s *session) readBody(f *fetched) error {
	if f.raw != nil { // a second one
		f.err = badItem(errNoBody)
		return s.in.Skip()
	}
	if c := s.in.Peek(); c != '{' && c != '~' {
		text, ok, err := s.in.String()
		if err != nil {
			return err
		}
		if !ok || len(text) == 0 {
			f.err = badItem(errNoBody)
			return nil
		}
		f.raw = item.NewBlob(bytes.Clone(text))
		return nil
	}
	n, err := s.in.Literal()
	if err != nil {
		return err
	}
	switch {
	case n == 0:
		f.err = badItem(errNoBody)
		return nil
	case n > s.limits.Message:
		f.err = &provider.Error{Op: "imap: FETCH", Kind: provider.ErrTooLarge, Err: errTooLong}
		return s.drain()
	}
	s.conn.Body(true)
	defer s.conn.Body(false)
	f.raw, err = s.spool.Read(s.in.Body(), n)
	return err
}

// drain passes over a literal.
func (s *session) drain() error {
	s.conn.Body(true)
	defer s.conn.Body(false)
	_, err := io.Copy(io.Discard, s.in.Body())
	return err
}

func (s *session) readHeader(f *fetched) error {
	if c := s.in.Peek(); c != '{' && c != '~' {
		text, _, err := s.in.String()
		f.header = bytes.Clone(text)
		return err
	}
	n, err := s.in.Literal()
	if err != nil {
		return err
	}
	if n > int64(s.limits.Item.Header) {
		f.err = &provider.Error{Op: "imap: FETCH", Kind: provider.ErrTooLarge, Err: errLongHead}
		return s.drain()
	}
	f.header = make([]byte, n)
	_, err = io.ReadFull(s.in.Body(), f.header)
	return err
}

func badItem(err error) error {
	return &provider.Error{Op: "imap: FETCH", Kind: provider.ErrBadItem, Err: err}
}
