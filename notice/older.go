package notice

import "strings"

// olderForm reads a notice of delivery that is no report by the standard.
func (h *header) olderForm(n *Notice) {
	if h.kind == AutoReply && !h.inferred && !h.postmaster {
		return // it says what it is, and is from somebody who can be away
	}
	found := h.quoted(n) || h.failedRecipients(n) || h.verp(n) || h.unknown(n)
	if !found && n.Kind != Delivery {
		return
	}
	n.Kind, n.NoAnswer = Delivery, true
	first := original(h.message)
	if first.id != "" {
		n.MessageID = first.id
	}
	if len(n.Reports) == 1 && n.Reports[0].Recipient == "" {
		n.Reports[0].Recipient = first.recipient
	}
	h.answered(n)
}

// quoted finds a form in the text and takes what it says. It is false if there is
// none.
func (h *header) quoted(n *Notice) bool {
	t := newText(h.message)
	f, at := t.form()
	if f == nil {
		return false
	}
	t.from = at
	t.tell(n, f)
	return true
}

// unknown does so for a form of nobody whom we know.
func (h *header) unknown(n *Notice) bool {
	t := newText(h.message)
	f := t.unknown(h)
	if f == nil {
		return false
	}
	t.tell(n, f)
	return true
}

func (t *text) tell(n *Notice, f *form) {
	if n.Format == "" {
		n.Format, n.Evidence = f.name, "form "+f.name
	}
	t.read(f)
	n.Reports = t.reports
	if n.MessageID == "" {
		n.MessageID = t.first.id
	}
}

// failedRecipients takes the addresses that Exim lists in a field.
func (h *header) failedRecipients(n *Notice) bool {
	if h.failed == "" || !h.daemon && !h.null {
		return false
	}
	if n.Format == "" {
		n.Format, n.Evidence = "exim", "X-Failed-Recipients"
	}
	seen := make(map[string]bool)
	for rest := h.failed; rest != "" && len(n.Reports) < maxReports; {
		var addr string
		addr, rest, _ = strings.Cut(rest, ",")
		if addr = plainAddress(addr); addr != "" && !seen[addr] {
			seen[addr] = true
			n.Reports = append(n.Reports, Report{Recipient: addr, Action: Failed})
		}
	}
	return true
}

// verp takes the recipient from the address that the notice was sent to: in variable
// envelope return paths, as qmail and ezmlm have them, bounces-anna=example.com@host
// stands for anna@example.com. Whether it failed has to be said by a code in the text.
func (h *header) verp(n *Notice) bool {
	if !h.daemon && !h.null {
		return false
	}
	t := newText(h.message)
	for _, to := range h.message.To {
		local := localPart(to.Addr)
		eq := strings.LastIndexByte(local, '=')
		if eq <= 0 {
			continue
		}
		start := strings.LastIndexByte(local[:eq], '+')
		if start < 0 {
			start = strings.LastIndexByte(local[:eq], '-')
		}
		addr := plainAddress(local[start+1:eq] + "@" + local[eq+1:])
		code := t.code(t.text)
		action := ofClass(code)
		if start < 0 || addr == "" || action == "" {
			continue
		}
		n.Format, n.Evidence = "verp", "To"
		n.Reports = []Report{{Recipient: addr, Action: action, Status: firstCode(code), Diagnosis: t.around(code)}}
		t.from = 0
		t.quoteFrom(0)
		n.MessageID = t.first.id
		return true
	}
	return false
}
