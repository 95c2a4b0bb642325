package track

import (
	"fmt"
	"io"

	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/notice"
)

// maxEncoded is the largest message within a message that is decoded in memory, in
// bytes. One that is not encoded, which is the rule, is read where it lies and may
// have any size.
const maxEncoded = 16 << 20

// Unpack returns the message that another one brings as attachment, as a forward
// mailbox gets them (Microsoft: "Create forward mailboxes"): the first attachment of
// the type message/rfc822 or message/global, and why says so if there are more. Ok is
// false if there is none, with why in words. It goes one level deep: what the
// original has as attachments stays there.
//
// The original's Raw is a part of m's and must not be read once that is released;
// releasing the original's does nothing. The error is that m could not be read.
func Unpack(m *item.Message, limits item.Limits) (original *item.Message, ok bool, why string, err error) {
	var first *item.Attachment
	n := 0
	for i := range m.Attachments {
		if a := &m.Attachments[i]; a.Type == "message/rfc822" || a.Type == "message/global" {
			if n++; n == 1 {
				first = a
			}
		}
	}
	switch {
	case n == 0:
		return nil, false, "no message is attached", nil
	case first.Size == 0:
		return nil, false, "the message that is attached is empty", nil
	case n > 1:
		why = fmt.Sprintf("the first of %d messages that are attached", n)
	}
	raw := first.Blob()
	if raw == nil {
		if first.Size > maxEncoded {
			return nil, false, fmt.Sprintf("the message that is attached is encoded and over %d bytes", maxEncoded), nil
		}
		b, err := io.ReadAll(io.LimitReader(first.Open(), maxEncoded))
		if err != nil {
			return nil, false, "", fmt.Errorf("track: unpacking a message: %w", err)
		}
		raw = item.NewBlob(b)
	}
	if original, err = item.ParseMessage(raw, limits); err != nil {
		return nil, false, "", fmt.Errorf("track: unpacking a message: %w", err)
	}
	if len(original.Fields) == 0 {
		return nil, false, "what is attached as a message has no header", nil
	}
	return original, true, why, nil
}

// forwarded prepares the hearing of what a forward mailbox got: the original is
// judged as if it had come to the mailbox of whoever forwarded it. It reports false,
// with the verdict made, if there is no original to judge.
func (h *hearing) forwarded() bool {
	h.v.Direction = Incoming
	e := h.e
	switch {
	case e.err != nil:
		h.v.Err = e.err
		return false
	case e.wrapped:
	case h.tooLarge():
		return false
	case !e.Whole:
		h.v.NeedsBody = true
		h.track(NeedsWhole, "a forward mailbox got it")
		return false
	default:
		h.ignore(BadForward, e.note)
		return false
	}
	for _, p := range h.names.sender(e.forwarder) {
		if p.Forwards && p.receives() {
			h.own = &own{addresses: []string{e.forwarder}, party: p}
			h.names = h.rules.resolver(h.court.parties, p.Ref)
			h.v.Forwarded, h.v.Original = true, e.Message.Message
			return true
		}
	}
	h.v.Notice = notice.Notice{}
	h.ignore(BadForward, "whoever forwarded it is no user or queue whose mail comes by a forward mailbox")
	return false
}
