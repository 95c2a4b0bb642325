package track

import (
	"github.com/go-serversync/serversync/notice"
)

// bounces takes a report about an email of ours, whatever the settings accept.
func (h *hearing) bounces() bool {
	return h.about != nil && h.track(Bounce, string(h.v.Notice.Kind)+" of "+h.about.Ref.String())
}

// outcomes compares what a notice says with what was sent: the email must be one of
// ours, and the recipients among those that it went to. It returns nil for what was
// made up. A report that names no recipient, or a notice without reports, is
// believed, as the Message-ID is a secret between us and whom we wrote to.
func outcomes(n *notice.Notice, emails []*Email) (about *Email, list []Outcome) {
	for _, e := range emails {
		if e.Direction == Outgoing {
			about = e
			break
		}
	}
	if about == nil {
		return nil, nil
	}
	wrote := make(map[string]string, len(about.Recipients))
	for _, r := range about.Recipients {
		wrote[addressKey(r)] = r
	}
	seen := make(map[Outcome]bool)
	for _, r := range n.Reports {
		o := Outcome{Email: about.Ref, MessageID: n.MessageID, Action: r.Action, Status: r.Status}
		if r.Recipient != "" {
			key := addressKey(r.Recipient)
			to, ok := wrote[key]
			if !ok || key == "" {
				continue
			}
			o.Recipient = to
		}
		if !seen[o] {
			seen[o] = true
			list = append(list, o)
		}
	}
	if len(n.Reports) > 0 && len(list) == 0 {
		return nil, nil
	}
	return about, list
}
