package ews

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/provider"
)

// A letter is a message on its way out, and what is said of it besides its MIME.
type letter struct {
	*session
	sub    provider.Submission
	result provider.Result // a recipient without a status is still in the running
	token  string
	draft  draft

	messageID   string
	to, cc, bcc []item.Address
	from        item.Address // without Addr if it is the mailbox itself
	importance  string
	readReceipt bool

	header []span // the fields that name people
	body   int64  // where it begins
	fields []item.Field
}

// A span is a part of a message's bytes.
type span struct{ from, to int64 }

func (s span) size() int64 { return s.to - s.from }

func (s *session) newLetter(sub provider.Submission) *letter {
	l := &letter{session: s, sub: sub}
	l.result.Recipients = make([]provider.Recipient, len(sub.Recipients))
	for i, address := range sub.Recipients {
		l.result.Recipients[i].Address = address
	}
	return l
}

// settle says what became of those who are still in the running.
func (l *letter) settle(status provider.Status, text string) {
	for i := range l.result.Recipients {
		if r := &l.result.Recipients[i]; r.Status == "" {
			r.Status, r.Text = status, wire.Quote(text)
		}
	}
}

// reject settles everybody for good, for a reason of ours.
func (l *letter) reject(kind provider.Kind, remedy, words string) error {
	l.settle(provider.StatusRejected, words)
	return fail("message", kind, remedy, errors.New(words))
}

// check finds what needs no server to be refused, and reads the header. Afterwards refused
// is why a recipient was refused, if one was.
func (l *letter) check() (refused, err error) {
	sub := l.sub
	switch {
	case len(sub.Recipients) == 0:
		return nil, fail("message", provider.ErrBadItem, "name a recipient", errors.New("nobody is to get it"))
	case sub.Raw == nil || sub.Raw.Size() == 0:
		return nil, l.reject(provider.ErrBadItem, "compose it before it is sent", "the message is empty")
	case sub.Raw.Size() > l.limits.Message:
		return nil, l.reject(provider.ErrTooLarge, "raise Limits.Message if such messages are wanted", "the message is larger than our own limit")
	}
	var people []string
	for i, address := range sub.Recipients {
		if validAddress(address) {
			people = append(people, address)
			continue
		}
		r := &l.result.Recipients[i]
		r.Status, r.Text = provider.StatusRejected, "it is no address that mail can be sent to"
		refused = fail("message", provider.ErrBadItem, "correct the address", errors.New(r.Text))
	}
	if len(people) == 0 {
		return nil, refused
	}
	l.token = tokenOf(sub, people)
	return refused, l.readHeader(people)
}

// validAddress reports whether mail can be sent to the address: it has two sides, and nothing that
// could be read as something else. Exchange knows the rest.
func validAddress(address string) bool {
	at := strings.LastIndexByte(address, '@')
	return at > 0 && at < len(address)-1 && len(address) <= 320 && !strings.ContainsFunc(address, func(c rune) bool {
		return c <= ' ' || c == 0x7f || c == '\ufffd' || c == '<' || c == '>' || c == ',' || c == ';'
	})
}

// readHeader learns from the header what must be said besides it.
func (l *letter) readHeader(people []string) error {
	block, fields, err := headerOf(l.sub.Raw, int64(l.limits.Item.Header))
	if err != nil {
		return fail("message", provider.ErrUnavailable, "check the directory for temporary files", err)
	}
	m := item.ParseHeader(block, l.limits.Item)
	l.body, l.fields, l.messageID = int64(len(block)), m.Fields, m.MessageID
	if left := l.assign(m, people); left || len(m.Bcc) > 0 || len(m.Warnings) > 0 {
		l.header = fields // which the server would go by, or read in another way than we do
	}
	if len(m.From) == 1 && !strings.EqualFold(m.From[0].Addr, l.client.account.Mailbox.Address) && validAddress(m.From[0].Addr) {
		l.from = m.From[0]
	}
	for _, f := range m.Fields {
		switch strings.ToLower(f.Name) {
		case "disposition-notification-to":
			l.readReceipt = true
		case "importance", "x-priority":
			l.importance = cmp.Or(l.importance, importanceOf(f.Value))
		}
	}
	return nil
}

// assign gives each of people the role that the header has for them. It reports whether the
// header names somebody who is to get nothing.
func (l *letter) assign(m *item.Message, people []string) (left bool) {
	placed := make(map[string]bool)
	for _, role := range []struct {
		header []item.Address
		list   *[]item.Address
	}{{m.To, &l.to}, {m.Cc, &l.cc}} {
		for _, a := range role.header {
			at := slices.IndexFunc(people, func(p string) bool { return strings.EqualFold(p, a.Addr) })
			switch {
			case at < 0:
				left = true
			case !placed[people[at]]:
				placed[people[at]] = true
				*role.list = append(*role.list, item.Address{Name: a.Name, Addr: people[at]})
			}
		}
	}
	for _, p := range people {
		if !placed[p] {
			placed[p] = true
			l.bcc = append(l.bcc, item.Address{Addr: p})
		}
	}
	return left
}

// importanceOf reads Importance (RFC 2156, section 5.3.6) and X-Priority.
func importanceOf(value string) string {
	value, _, _ = strings.Cut(strings.ToLower(strings.TrimSpace(value)), " ")
	switch value {
	case "high", "1", "2":
		return "High"
	case "low", "4", "5":
		return "Low"
	}
	return ""
}

// headerOf returns the header of a message, of most bytes at most, with the empty line behind it, and
// where the fields are that name who gets it.
func headerOf(raw *item.Blob, most int64) (block []byte, people []span, err error) {
	r := bufio.NewReader(io.LimitReader(raw.Open(), most))
	named := false
	for {
		line, err := r.ReadBytes('\n')
		from := int64(len(block))
		block = append(block, line...)
		if err != nil && err != io.EOF {
			return nil, nil, err
		}
		name, _, isField := bytes.Cut(line, []byte(":"))
		switch {
		case len(line) > 0 && (line[0] == ' ' || line[0] == '\t'):
		case isField:
			named = namesPeople(string(name))
		default:
			named = false
		}
		if named {
			people = append(people, span{from, int64(len(block))})
		}
		if err == io.EOF || len(bytes.TrimRight(line, "\r\n")) == 0 {
			return block, people, nil
		}
	}
}

func namesPeople(field string) bool {
	switch strings.ToLower(strings.TrimRight(field, " \t")) {
	case "to", "cc", "bcc":
		return true
	}
	return false
}

// without returns the message without some spans, which are in order. Of the message
// itself nothing is copied.
func without(raw *item.Blob, spans []span) (*item.Blob, error) {
	if len(spans) == 0 {
		return raw, nil
	}
	rest := &excerpt{from: raw.Open()}
	at := int64(0)
	for _, s := range append(slices.Clone(spans), span{raw.Size(), raw.Size()}) {
		if s.from > at {
			rest.add(span{at, s.from})
		}
		at = max(at, s.to)
	}
	return rest.blob()
}

// An excerpt is some spans of a message, one behind the other.
type excerpt struct {
	from  io.ReaderAt
	spans []span
	size  int64
}

func (e *excerpt) add(s span) {
	e.spans = append(e.spans, s)
	e.size += s.size()
}

// blob returns e as a Blob, which fails once the message is released.
func (e *excerpt) blob() (*item.Blob, error) {
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(e, 0, e.size)); err != nil {
		return nil, err
	}
	return item.OpenBlob(e, e.size, [sha256.Size]byte(h.Sum(nil)), nil), nil
}

// ReadAt implements io.ReaderAt.
func (e *excerpt) ReadAt(b []byte, off int64) (n int, err error) {
	for _, s := range e.spans {
		if off >= s.size() {
			off -= s.size()
			continue
		}
		want := min(int64(len(b)-n), s.size()-off)
		got, err := e.from.ReadAt(b[n:n+int(want)], s.from+off)
		n += got
		if int64(got) < want {
			return n, fmt.Errorf("a part of the message cannot be read: %w", cmp.Or(err, io.ErrUnexpectedEOF))
		}
		if off = 0; n == len(b) {
			return n, nil
		}
	}
	return n, io.EOF
}
