package track

import (
	"slices"

	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/notice"
)

// An entry is a message of a page, read as far as it can be without any look-up.
type entry struct {
	Message // the original, if a forward mailbox got it

	forwarder string // who forwarded it, as looked up; "" if that is nobody
	wrapped   bool   // it is the original
	note      string // of unpacking it
	err       error  // why it could not be unpacked, for now

	sentAs string      // the Message-ID that it was sent with, where it lies among the sent mail with another
	from   string      // the one sender, as looked up; "" if that is nobody
	to     []recipient // in the order To, Cc, Bcc
	keys   keys
	notice notice.Notice
}

type recipient struct {
	role    Role
	address string
}

// read makes an entry of a message.
func (r *Rules) read(reading *Reading, addresses []string, m Message) entry {
	e := entry{Message: m}
	if reading.Mailbox.Kind == mailbox.Forward {
		if !m.Whole || r.oversize(&m) {
			return e
		}
		e.forwarder = senderOf(m.Message)
		original, ok, why, err := Unpack(m.Message, item.Limits{})
		if e.note, e.err = why, err; !ok {
			return e
		}
		e.Message, e.wrapped = Message{Message: original, Whole: true, Size: original.Raw.Size(), Category: m.Category}, true
		addresses = []string{e.forwarder}
	}
	if reading.Sent {
		if e.sentAs = e.SentAs(); e.sentAs == e.MessageID {
			e.sentAs = ""
		}
	}
	e.from = senderOf(e.Message.Message)
	e.to = recipientsOf(e.Message.Message, addresses)
	e.keys = r.keysOf(e.Message.Message)
	if e.Whole {
		e.notice = notice.Message(e.Message.Message)
	} else {
		e.notice = notice.Header(e.Message.Message)
	}
	return e
}

// senderOf returns the address that From names, or "" if it does not name one sender
// beyond doubt.
func senderOf(m *item.Message) string {
	if len(m.From) != 1 || slices.Contains(m.Warnings, item.WarnFromAmbiguous) {
		return ""
	}
	return addressKey(m.From[0].Addr)
}

// recipientsOf returns whom a message names as recipients, each address once. Over
// maxRecipients only those of the mailbox's own addresses count.
func recipientsOf(m *item.Message, own []string) []recipient {
	lists := [...]struct {
		role Role
		list []item.Address
	}{{To, m.To}, {Cc, m.Cc}, {Bcc, m.Bcc}}
	n := min(len(m.To)+len(m.Cc)+len(m.Bcc), maxRecipients)
	to := make([]recipient, 0, n)
	seen := seenAddresses{few: n <= 16}
	for _, l := range lists {
		for _, a := range l.list {
			key := addressKey(a.Addr)
			if key == "" || len(to) >= maxRecipients && !slices.Contains(own, key) || seen.before(to, key) {
				continue
			}
			to = append(to, recipient{l.role, key})
		}
	}
	return to
}

// seenAddresses tells which addresses are in a list, without a map where there are
// but a few.
type seenAddresses struct {
	few bool
	set map[string]bool
}

func (s *seenAddresses) before(list []recipient, address string) bool {
	if s.few {
		return slices.ContainsFunc(list, func(r recipient) bool { return r.address == address })
	}
	if s.set == nil {
		s.set = make(map[string]bool)
	}
	was := s.set[address]
	s.set[address] = true
	return was
}
