package track

import (
	"fmt"
	"strings"

	"github.com/go-serversync/serversync/notice"
)

// Explain says in one sentence why the message was tracked or not, and what to do to
// have what was not tracked tracked. It holds ids and codes, but no address and
// nothing of what the message says.
func (v Verdict) Explain() string {
	if v.Err != nil {
		return "Not decided: it could not be read, and is tried again."
	}
	text, ok := v.Rule.Text()
	if !ok {
		text.Because = fmt.Sprintf("rule %q says so", string(v.Rule))
	}
	decision := "Not tracked: "
	switch {
	case v.NeedsBody:
		decision = "Not decided: "
	case v.Tracked:
		decision = "Tracked: "
	}
	because := text.Because
	if v.Evidence != "" {
		because += " (" + v.Evidence + ")"
	}
	parts := append([]string{because}, v.details()...)
	if !v.Tracked && text.Otherwise != "" {
		parts = append(parts, "to have it tracked, "+text.Otherwise)
	}
	return decision + strings.Join(parts, "; ") + "."
}

// details says what else there is to know.
func (v *Verdict) details() (parts []string) {
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	if v.NeedsBody {
		return nil
	}
	if v.Forwarded {
		add("it came as an attachment to a forward mailbox")
	}
	if v.Notice.Kind != "" {
		add("a program wrote it or passed it on (%s)", v.Notice.Kind)
	}
	parts = append(parts, tally(v.Outcomes)...)
	switch m := &v.Match; {
	case m.Method == NoMatch:
	case m.Suggested:
		add("it may answer %s, by %s, but its sender had no part in that", name(m.Email), m.Method)
	default:
		add("it answers %s, by %s", name(m.Email), m.Method)
	}
	if !v.Tracked {
		return parts
	}
	if v.Known {
		add("it was tracked before")
	}
	if v.Regarding != (Ref{}) {
		add("it belongs to %s", v.Regarding)
	}
	if v.Owner != (Ref{}) {
		add("%s owns it", v.Owner)
	}
	if len(v.Queues) > 0 {
		names := make([]string, len(v.Queues))
		for i, q := range v.Queues {
			names[i] = name(q)
		}
		add("%s got a queue item", strings.Join(names, ", "))
	}
	if v.Create != "" {
		add("nobody knows its sender, of whom a %s is made", v.Create)
	}
	if n := len(v.LeftOut); n > 0 {
		add("%s left out", count(n, "part was", "parts were"))
	}
	return parts
}

func name(ref Ref) string {
	if ref == (Ref{}) {
		return "a tracked email"
	}
	return ref.String()
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// tally says how many recipients had which outcome.
func tally(outcomes []Outcome) (parts []string) {
	actions := [...]struct {
		action    notice.Action
		one, many string
	}{
		{notice.Failed, "recipient did not get it", "recipients did not get it"},
		{notice.Delayed, "recipient is still tried", "recipients are still tried"},
		{notice.Delivered, "recipient got it", "recipients got it"},
		{notice.Relayed, "recipient's server reports nothing more", "recipients' servers report nothing more"},
		{notice.Expanded, "recipient is a list that passed it on", "recipients are lists that passed it on"},
		{notice.Displayed, "recipient was shown it", "recipients were shown it"},
		{notice.Deleted, "recipient deleted it unread", "recipients deleted it unread"},
	}
	for _, a := range actions {
		n := 0
		for _, o := range outcomes {
			if o.Action == a.action {
				n++
			}
		}
		if n > 0 {
			parts = append(parts, count(n, a.one, a.many))
		}
	}
	return parts
}
