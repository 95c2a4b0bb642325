package notice

import (
	"strings"

	"github.com/go-serversync/serversync/item"
)

// statusPart returns the part that says in fields what became of the message, if it
// is this message's own. A person who forwards a report may send its parts along:
// then the message is no multipart/report, nor from a mail system.
func (h *header) statusPart(m *item.Message) *item.Attachment {
	if !h.report && !h.daemon && !h.postmaster && !h.null && h.kind != Delivery {
		return nil
	}
	return part(m, "message/delivery-status", "message/global-delivery-status")
}

// part returns the first attachment of one of the types.
func part(m *item.Message, types ...string) *item.Attachment {
	for i := range m.Attachments {
		for _, t := range types {
			if m.Attachments[i].Type == t {
				return &m.Attachments[i]
			}
		}
	}
	return nil
}

// delivery reads a delivery status notification (RFC 3464).
func (h *header) delivery(n *Notice) {
	n.Kind, n.Format, n.NoAnswer = Delivery, RFC3464, true
	if h.kind != Delivery {
		n.Evidence = "message/delivery-status"
	}
	var s statusReader
	for i := range h.message.Attachments {
		if a := &h.message.Attachments[i]; a.Type == "message/delivery-status" || a.Type == "message/global-delivery-status" {
			readFields(a.Open(), maxStatus, s.field, s.group)
			s.end()
		}
	}
	n.EnvelopeID, n.Reports = s.envelope, s.reports
	first := original(h.message)
	n.MessageID = first.id
	if n.MessageID == "" {
		n.MessageID = s.original
	}
	if len(n.Reports) == 0 { // no field can be read; its text may say it
		h.quoted(n)
	}
	if len(n.Reports) == 1 && n.Reports[0].Recipient == "" {
		n.Reports[0].Recipient = first.recipient
	}
	h.answered(n)
}

// answered takes the message that the notice answers for the one that it is about, if
// nothing else says.
func (h *header) answered(n *Notice) {
	if n.MessageID != "" {
		return
	}
	if ids := h.message.InReplyTo; len(ids) == 1 {
		n.MessageID = ids[0]
	} else if ids := h.message.References; len(ids) > 0 {
		n.MessageID = ids[len(ids)-1]
	}
}

// A statusReader collects what the fields of a message/delivery-status say. Senders
// put blank lines where there should be none and leave out those that should be, so
// that a recipient begins where one is named a second time.
type statusReader struct {
	reports  []Report
	envelope string
	original string // the Message-ID, as some say it
	now      recipient
}

// A recipient is the group of fields about one.
type recipient struct {
	original, final, action, status, diagnosis string
	named                                      bool // by original
	placed                                     bool // by final
}

func (s *statusReader) field(name, value string) bool {
	r := &s.now
	switch name {
	case "original-envelope-id":
		if s.envelope == "" {
			s.envelope = clean(xtext(value, true), maxEnvelope)
		}
	case "x-original-message-id", "original-message-id":
		if s.original == "" {
			s.original = messageID(value)
		}
	case "original-recipient":
		if r.named {
			s.end()
		}
		r.original, r.named = typedAddress(value), true
	case "final-recipient":
		if r.placed {
			s.end()
		}
		r.final, r.placed = typedAddress(value), true
	case "action":
		r.action = value
	case "status":
		r.status = value
	case "diagnostic-code":
		r.diagnosis = value
	}
	return len(s.reports) < maxReports
}

// group ends a group of fields. It may be a part only of what is said of a recipient.
func (s *statusReader) group() bool {
	if s.now.action != "" || s.now.status != "" {
		s.end()
	}
	return len(s.reports) < maxReports
}

// end takes what was read of a recipient.
func (s *statusReader) end() {
	r := s.now
	s.now = recipient{}
	if len(s.reports) >= maxReports {
		return
	}
	if kind, text, ok := strings.Cut(r.diagnosis, ";"); ok && !strings.ContainsAny(strings.TrimSpace(kind), " \t") {
		r.diagnosis = text
	}
	report := Report{Recipient: r.original, Final: r.final, Status: firstCode(r.status), Diagnosis: clean(r.diagnosis, maxDiagnosis)}
	if report.Recipient == "" {
		report.Recipient = report.Final
	}
	if report.Final == report.Recipient {
		report.Final = ""
	}
	if report.Status == "" {
		report.Status = statusCode(report.Diagnosis, "245")
	}
	if report.Action = actionOf(r.action); report.Action == "" {
		report.Action = ofClass(report.Status)
	}
	if report.Action == "" {
		report.Action = ofClass(replyCode(report.Diagnosis))
	}
	switch last := len(s.reports) - 1; {
	case report.Action == "":
	case !r.named && !r.placed && last >= 0: // a blank line stood within a group
		if s.reports[last].Status == "" {
			s.reports[last].Status = report.Status
		}
	default:
		s.reports = append(s.reports, report)
	}
}

// firstCode returns the status code that a Status field begins with; a comment may
// follow.
func firstCode(value string) string {
	if n := 0; value != "" && strings.IndexByte("245", value[0]) >= 0 {
		if n = codeLen(value); n > 0 {
			return value[:n]
		}
	}
	return ""
}

// actionOf reads an Action (RFC 3464, section 2.3.3), "" for one that says nothing.
func actionOf(value string) Action {
	if i := strings.IndexAny(value, " \t(;,"); i >= 0 {
		value = value[:i]
	}
	for _, known := range []Action{Failed, Delayed, Delivered, Relayed, Expanded} {
		if strings.EqualFold(value, string(known)) {
			return known
		}
	}
	switch strings.ToLower(value) {
	case "failure", "fail", "error":
		return Failed
	case "delay":
		return Delayed
	}
	return ""
}
