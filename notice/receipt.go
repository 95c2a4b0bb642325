package notice

import (
	"strings"

	"github.com/go-serversync/serversync/item"
)

// receiptPart returns the part of a message disposition notification that says in
// fields what became of the message.
func (h *header) receiptPart(m *item.Message) *item.Attachment {
	if !h.report && h.kind != Receipt {
		return nil
	}
	return part(m, "message/disposition-notification", "message/global-disposition-notification")
}

// receipt reads a message disposition notification (RFC 8098, section 3.2).
func (h *header) receipt(n *Notice) {
	n.Kind, n.Format, n.NoAnswer = Receipt, "", true
	if h.kind != Receipt {
		n.Evidence = "message/disposition-notification"
	}
	var r Report
	first := original(h.message)
	readFields(h.receiptPart(h.message).Open(), maxStatus, func(name, value string) bool {
		switch name {
		case "original-recipient":
			r.Recipient = typedAddress(value)
		case "final-recipient":
			r.Final = typedAddress(value)
		case "original-message-id":
			n.MessageID = messageID(value)
		case "disposition":
			r.Action = disposition(value)
		}
		return true
	}, func() bool { return false }) // it is about one recipient only
	if n.MessageID == "" {
		n.MessageID = first.id
	}
	if r.Recipient == "" {
		r.Recipient = r.Final
	}
	if r.Final == r.Recipient {
		r.Final = ""
	}
	if r.Action != "" {
		n.Reports = []Report{r}
	}
	h.answered(n)
}

// disposition reads "manual-action/MDN-sent-manually; displayed/error" (RFC 8098,
// section 3.2.6). What RFC 2298 had besides says nothing of a reader.
func disposition(value string) Action {
	if _, after, ok := strings.Cut(value, ";"); ok {
		value = after
	}
	if i := strings.IndexAny(value, "/,("); i >= 0 {
		value = value[:i]
	}
	for _, known := range []Action{Displayed, Deleted} {
		if strings.EqualFold(strings.TrimSpace(value), string(known)) {
			return known
		}
	}
	return ""
}
