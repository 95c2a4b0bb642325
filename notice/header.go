package notice

import (
	"strings"

	"github.com/go-serversync/serversync/item"
)

// A header is what the fields of a message say about who wrote it.
type header struct {
	message  *item.Message
	kind     Kind
	rank     int    // of kind
	field    string // that says so; see evidence
	value    string
	format   string
	noAnswer bool

	null       bool   // the Return-Path is empty, as only reports and answers have it
	returns    bool   // there is a Return-Path
	daemon     bool   // it is from a program that delivers mail
	postmaster bool   // it is from a postmaster, a program or a person
	report     bool   // it is a multipart/report (RFC 6522)
	inferred   bool   // only the null Return-Path makes it an answer
	failed     string // addresses, by Exim
	suppress   bool   // it asks for no answers
	rulesLoop  bool   // it has been through a rule of Exchange's
	generated  bool   // by Exchange's rules
}

// rank orders kinds: a message of two kinds is of the higher one. A vacation
// message that went through a list is still an answer.
func rank(k Kind) int {
	switch k {
	case Delivery:
		return 6
	case Receipt:
		return 5
	case AutoReply:
		return 4
	case List:
		return 3
	case Automatic:
		return 2
	case Bulk:
		return 1
	}
	return 0
}

// say takes a field's word that the message is of a kind.
func (h *header) say(k Kind, field, value string) {
	if r := rank(k); r > h.rank {
		h.kind, h.rank, h.field, h.value = k, r, field, value
	}
}

// readHeader looks at each field once.
func readHeader(m *item.Message) header {
	h := header{message: m}
	h.sender()
	var buf [32]byte // longer than any name that we know
	for i := range m.Fields {
		f := &m.Fields[i]
		if len(f.Name) > len(buf) {
			continue
		}
		name := buf[:copy(buf[:], f.Name)]
		for i, c := range name {
			if 'A' <= c && c <= 'Z' {
				name[i] = c + 'a' - 'A'
			}
		}
		if known := marks[string(name)]; known != nil {
			h.mark(known, f)
			continue
		}
		h.special(string(name), f)
	}
	h.conclude()
	return h
}

func (h *header) mark(known []mark, f *item.Field) {
	for i := range known {
		k := &known[i]
		if !k.matches(f.Value) {
			continue
		}
		h.noAnswer = true
		h.suppress = h.suppress || k.field == fieldSuppress
		h.rulesLoop = h.rulesLoop || k.field == fieldRulesLoop
		if k.kind == Personal {
			return
		}
		if k.values == nil && !strings.EqualFold(k.field, "Auto-Submitted") {
			h.say(k.kind, k.field, "") // its value is the sender's own
		} else {
			h.say(k.kind, k.field, f.Value)
		}
		return
	}
}

// special reads the fields that take more than a look.
func (h *header) special(name string, f *item.Field) {
	switch name {
	case "return-path":
		if !h.returns { // the first is the last server's
			h.returns = true
			h.returnPath(strings.TrimSpace(f.Value))
		}
	case "content-type":
		h.contentType(f.Value)
	case "x-failed-recipients": // Exim, "Customizing bounce and warning messages"
		if h.failed == "" {
			h.failed = f.Value
		}
	case "content-class": // Exchange 2000 and 2003
		switch value := strings.TrimSpace(f.Value); {
		case strings.EqualFold(value, "urn:content-classes:dsn"):
			h.say(Delivery, "Content-Class", value)
		case strings.EqualFold(value, "urn:content-classes:mdn"):
			h.say(Receipt, "Content-Class", value)
		}
	case "x-ms-exchange-message-is-ndr": // Exchange Online
		h.say(Delivery, "X-MS-Exchange-Message-Is-Ndr", "")
	case "x-ms-exchange-generated-message-source": // Exchange: "Mailbox Rules Agent"
		h.generated = h.generated || len(f.Value) > 0
	}
}

// returnPath reads where reports about the message go: nowhere, if it is one
// (RFC 5321, section 4.5.5).
func (h *header) returnPath(value string) {
	addr := strings.Trim(value, "<> \t")
	switch local := localPart(addr); {
	case addr == "":
		h.null = strings.HasPrefix(value, "<")
		h.returns = h.null
	case isOneOf(local, daemons):
		h.daemon = true
	case unanswerable(local):
		h.noAnswer = true
	}
}

// contentType reads the types that only reports have (RFC 6522, section 3).
func (h *header) contentType(value string) {
	kind, params, _ := strings.Cut(value[:min(len(value), maxField)], ";")
	switch kind = strings.TrimSpace(kind); {
	case strings.EqualFold(kind, "multipart/report"):
		h.report = true
		of := reportType(params)
		switch {
		case strings.EqualFold(of, "delivery-status"):
			h.format = RFC3464
			h.say(Delivery, "report-type", of)
		case strings.EqualFold(of, "disposition-notification"):
			h.say(Receipt, "report-type", of)
		default: // of abuse (RFC 5965), of TLS (RFC 8460), or it does not say
			h.say(Automatic, "report-type", of)
		}
	case strings.EqualFold(kind, "message/delivery-status"):
		h.format = RFC3464
		h.say(Delivery, "Content-Type", kind)
	case strings.EqualFold(kind, "message/disposition-notification"):
		h.say(Receipt, "Content-Type", kind)
	}
}

// reportType returns the parameter of that name.
func reportType(params string) string {
	for params != "" {
		var param string
		param, params, _ = strings.Cut(params, ";")
		name, value, _ := strings.Cut(param, "=")
		if strings.EqualFold(strings.TrimSpace(name), "report-type") {
			return strings.Trim(value, " \t\"")
		}
	}
	return ""
}

// conclude draws what follows from several fields together.
func (h *header) conclude() {
	answers := len(h.message.InReplyTo) > 0
	switch {
	case h.failed != "" && (h.daemon || h.null):
		h.say(Delivery, "X-Failed-Recipients", "")
	case h.kind == Automatic && answers && (h.generated || h.rulesLoop || h.suppress):
		// Exchange calls its absence messages auto-generated.
		h.say(AutoReply, "Auto-Submitted and In-Reply-To", "")
	case h.suppress && h.rulesLoop:
		h.say(AutoReply, fieldSuppress+" and "+fieldRulesLoop, "") // as Exchange 2010 does
	}
	if h.daemon && h.kind == AutoReply {
		h.kind, h.rank = Automatic, rank(Automatic) // nobody is away: it is a report, in whatever form
	}
	switch {
	case h.rank > 0:
	case h.daemon:
		h.say(Automatic, "from a mail system", "")
	case h.null && answers && !h.postmaster:
		h.say(AutoReply, "Return-Path", "<>")
		h.inferred = true
	case h.null:
		h.say(Automatic, "Return-Path", "<>")
	}
	h.noAnswer = h.noAnswer || h.rank > 0 || h.null || h.daemon || !h.returns && !h.answerable()
}

// answerable reports whether there is anybody to answer to (RFC 3834, section 4).
func (h *header) answerable() bool { return len(h.message.From) > 0 || len(h.message.ReplyTo) > 0 }

func (h *header) notice() Notice {
	n := Notice{Kind: h.kind, NoAnswer: h.noAnswer, Evidence: h.evidence()}
	if h.kind == Delivery {
		n.Format = h.format
	}
	n.NeedsBody = h.kind == Delivery || h.kind == Receipt || h.report || h.daemon || h.postmaster ||
		h.null && (h.inferred || h.kind != AutoReply && h.kind != List)
	return n
}

func (h *header) evidence() string {
	if h.value == "" {
		return h.field
	}
	return h.field + ": " + clean(h.value, maxEvidence)
}
