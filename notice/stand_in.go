package notice

// This file stands in for what is made elsewhere at the same time. It goes when the
// two are put together.

import (
	"io"
	"strings"

	"github.com/go-serversync/serversync/item"
)

// Header stands in.
func Header(m *item.Message) Notice {
	for _, f := range m.Fields {
		value := strings.ToLower(f.Value)
		switch name := strings.ToLower(f.Name); {
		case name == "content-type" && strings.Contains(value, "report-type=delivery-status"):
			return Notice{Kind: Delivery, Evidence: "multipart/report", NoAnswer: true}
		case name == "content-type" && strings.Contains(value, "report-type=disposition-notification"):
			return Notice{Kind: Receipt, Evidence: "multipart/report", NoAnswer: true}
		case name == "auto-submitted" && value == "auto-replied":
			return Notice{Kind: AutoReply, Evidence: "Auto-Submitted: auto-replied", NoAnswer: true}
		case name == "list-id":
			return Notice{Kind: List, Evidence: "List-Id", NoAnswer: true}
		case name == "precedence" && value == "bulk":
			return Notice{Kind: Bulk, Evidence: "Precedence: bulk", NoAnswer: true}
		}
	}
	return Notice{}
}

// Message stands in.
func Message(m *item.Message) Notice {
	n := Header(m)
	for i := range m.Attachments {
		a := &m.Attachments[i]
		b, _ := io.ReadAll(a.Open())
		text := strings.ReplaceAll(string(b), "\r\n", "\n")
		switch a.Type {
		case "message/delivery-status", "message/disposition-notification":
			n.Format = "rfc3464"
			for _, block := range strings.Split(text, "\n\n") {
				r := Report{}
				for _, line := range strings.Split(block, "\n") {
					name, value, _ := strings.Cut(line, ":")
					_, typed, _ := strings.Cut(value, ";")
					switch strings.ToLower(name) {
					case "final-recipient":
						r.Recipient = strings.ToLower(strings.TrimSpace(typed))
					case "action":
						r.Action = Action(strings.TrimSpace(value))
					case "disposition":
						r.Action = Action(strings.TrimSpace(typed))
					case "status":
						r.Status = strings.TrimSpace(value)
					case "original-message-id":
						n.MessageID = strings.Trim(value, " <>")
					}
				}
				if r.Action != "" {
					n.Reports = append(n.Reports, r)
				}
			}
		case "text/rfc822-headers", "message/rfc822":
			n.MessageID = item.ParseHeader([]byte(text), item.Limits{}).MessageID
		}
	}
	return n
}
