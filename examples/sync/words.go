package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
)

// summary says in a line what a cycle did, "" if it did nothing.
func summary(r serversync.Report) string {
	var did []string
	add := func(n int, what string) {
		if n > 0 {
			did = append(did, count(n)+" "+what)
		}
	}
	add(r.Tracked-r.Linked, "came in")
	add(r.Linked, "came in again")
	add(r.Flags, "changed flags")
	add(r.Moved, "moved")
	add(r.Gone, "left the server")
	add(r.Sent, "sent")
	add(r.Filed, "filed among the sent mail")
	if len(did) == 0 {
		return ""
	}
	return fmt.Sprintf("%s, in %.1f s", strings.Join(did, ", "), r.Took.Seconds())
}

// problems says in words what a cycle left undone.
func problems(r serversync.Report) (list []string) {
	add := func(n int, what string) {
		if n > 0 {
			list = append(list, count(n)+" "+what)
		}
	}
	for _, side := range []mailbox.Side{mailbox.Incoming, mailbox.Outgoing} {
		if why, closed := r.Closed[side]; closed {
			list = append(list, fmt.Sprintf("%s mail was not tried: %s. What to do: %s", side, why.Cause, why.Remedy))
		}
	}
	add(r.Deferred, "messages could not be dealt with and will be tried again")
	add(r.Quarantined, "messages could not be dealt with and are kept in quarantine")
	for _, d := range r.Decisions {
		if d.Kind == serversync.Deferred || d.Kind == serversync.Quarantined {
			list = append(list, fmt.Sprintf("message %q of folder %q is %s: %s", d.ID, d.Folder, d.Kind, d.Reason))
		}
	}
	add(r.Retried, "recipients will be tried again")
	add(r.Rejected, "recipients were refused for good")
	add(r.Uncertain, "recipients of which nobody knows yet whether it was sent")
	add(r.Held, "outbox entries are held for you")
	if r.More {
		list = append(list, "the cycle's time ended before all was done")
	}
	for _, a := range r.Alerts {
		list = append(list, fmt.Sprintf("alert %s: %s. What to do: %s", a.Code, a.Message, a.Remedy))
	}
	return list
}

// sayError tells of an error, and of what to do about it.
func (c *console) sayError(err error) {
	for line := range strings.Lines(err.Error()) {
		c.say("sync: %s", strings.TrimSuffix(line, "\n"))
	}
	for _, remedy := range remedies(err) {
		c.say("what to do: %s", remedy)
	}
}

// remedies returns what each error in err says can be done about it.
func remedies(err error) (list []string) {
	if e, ok := err.(*provider.Error); ok {
		if e.Remedy == "" {
			return nil
		}
		return []string{e.Remedy}
	}
	switch e := err.(type) {
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			for _, r := range remedies(inner) {
				if !slices.Contains(list, r) {
					list = append(list, r)
				}
			}
		}
		return list
	case interface{ Unwrap() error }:
		return remedies(errors.Unwrap(err))
	}
	return nil
}

// count returns n with commas between thousands.
func count[N int | int64](n N) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
