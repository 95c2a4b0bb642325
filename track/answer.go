package track

import (
	"slices"
	"strings"

	"github.com/go-serversync/serversync/item"
)

// MayAnswer reports whether a program may send an answer to m by itself, such as that
// a case was opened, and if not, why (RFC 3834, section 2). V is the verdict on m. It
// may not answer what is not tracked, what a program wrote or a list sent on, what
// has no sender to answer or is our own, what was not sent to the mailbox by name,
// and what carries [LoopField], whoever signed it: a program's answer led to it.
//
// The answer itself should say that it is one, by Auto-Submitted: auto-replied, the
// null sender in its envelope and [Rules.LoopFields]. Two programs that ask this
// before they answer stop after the first answer if but one of these marks arrives.
// Where something on the way strips all of them nobody can tell the answers from a
// person's; then only the bound on how much a mailbox sends ends it.
func (r *Rules) MayAnswer(m *item.Message, v Verdict) (ok bool, why string) {
	switch {
	case nullSender(m):
		return false, "it has no sender in its envelope: Return-Path: <>"
	case v.NeedsBody, v.Err != nil:
		return false, "it has not been judged as a whole"
	case !v.Tracked:
		return false, "it is not tracked: " + string(v.Rule)
	case v.Direction == Outgoing:
		return false, "it is our own mail"
	case v.Notice.Kind != "":
		return false, "a program wrote it: " + string(v.Notice.Kind)
	case robot(senderOf(m)):
		return false, "its sender's name is one of programs"
	case v.Notice.NoAnswer:
		return false, strings.TrimSuffix("nothing may be sent in answer to it: "+v.Notice.Evidence, ": ")
	case len(loopValues(m)) > 0:
		return false, "an answer by a program led to it: " + LoopField
	}
	return r.answerable(m, &v)
}

// answerable looks at whom the answer would go to and come from.
func (r *Rules) answerable(m *item.Message, v *Verdict) (ok bool, why string) {
	from := senderOf(m)
	if from == "" {
		return false, "From does not name one sender"
	}
	to := []string{from}
	for _, a := range m.ReplyTo {
		if key := addressKey(a.Addr); key != "" {
			to = append(to, key)
		}
	}
	if v.Receiving == (Ref{}) {
		return true, ""
	}
	if len(v.Sender) > 0 && v.Sender[0].Ref == v.Receiving {
		return false, "it is our own mail"
	}
	named := false
	for i := range v.Recipients {
		rcpt := &v.Recipients[i]
		if !among(rcpt.Parties, v.Receiving) && !(v.Accepting != Ref{} && among(rcpt.Parties, v.Accepting)) {
			continue
		}
		named = true
		if slices.Contains(to, rcpt.Address) {
			return false, "the answer would come back to us"
		}
	}
	if !named {
		return false, "it was not sent to the mailbox by name"
	}
	return true, ""
}

// nullSender reports whether the server that delivered m wrote that it had no sender
// (RFC 5321, section 4.4). Only the first Return-Path counts.
func nullSender(m *item.Message) bool {
	for i := range m.Fields {
		if f := &m.Fields[i]; strings.EqualFold(f.Name, "Return-Path") {
			return strings.TrimSpace(f.Value) == "<>"
		}
	}
	return false
}

// robot reports whether an address is named as programs are. These names are
// customs, not rules.
func robot(address string) bool {
	local, _, _ := strings.Cut(address, "@")
	switch local {
	case "mailer-daemon", "postmaster", "listserv", "majordomo", "noreply", "no-reply", "donotreply", "do-not-reply":
		return true
	}
	return strings.HasPrefix(local, "owner-") || strings.HasSuffix(local, "-owner") ||
		strings.HasSuffix(local, "-request") || strings.HasSuffix(local, "-bounces")
}
