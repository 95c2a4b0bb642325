package serversync

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// String returns the report as text for a terminal: a sentence, and then a line for
// each folder, reason and remark. It shows none of the sample.
func (r DryRunReport) String() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, "\n  "+format, args...) }
	fmt.Fprintf(&b, "%s: %s would be brought in%s", clean(r.Mailbox.String()), counted(r.Tracked, "message"), r.DryRunCounts.rest(r.bound()))
	if n := r.Outgoing.Due; n > 0 {
		fmt.Fprintf(&b, "; %s would be sent", counted(n, "email"))
	}
	if n := r.Acts.number() + r.Owed.number(); n > 0 {
		fmt.Fprintf(&b, "; %s", counted(n, "act"))
	}
	if n := r.Acts.Deletions + r.Owed.Deletions; n > 0 {
		fmt.Fprintf(&b, "; %s", counted(n, "deletion"))
	}
	for _, f := range r.Folders {
		more := ""
		if f.Limited {
			more = ", and more that was not looked at"
		}
		line("folder %s: %s brought in%s%s", clean(f.Name), thousands(int64(f.Tracked)), f.rest(r.bound()), more)
	}
	for _, reason := range r.Reasons {
		line("%s %s: %s", thousands(int64(reason.Count)), reason.Verdict, clean(reason.Reason))
	}
	if r.OtherReasons > 0 {
		line("%s for other reasons", thousands(int64(r.OtherReasons)))
	}
	if r.Added > 0 {
		line("%s by the change of the bound alone", counted(r.Added, "message"))
	}
	if r.Behind > 0 {
		line("%s behind the cursors: no cycle comes to them unless the folder is listed again", counted(r.Behind, "message"))
	}
	r.remarks(line)
	return b.String()
}

// remarks tells what needs somebody's attention.
func (r DryRunReport) remarks(line func(string, ...any)) {
	if r.Retries > 0 {
		line("%s deferred before would be tried again", counted(r.Retries, "item"))
	}
	for _, o := range []struct {
		n    int
		what string
	}{{r.Outgoing.Waiting, "waiting"}, {r.Outgoing.Accepted, "sent, to be filed"}, {r.Outgoing.Uncertain, "sent or not, to be found out"},
		{r.Outgoing.Held, "held for a person"}} {
		if o.n > 0 {
			line("%s %s", counted(o.n, "email"), o.what)
		}
	}
	for _, side := range slices.Sorted(maps.Keys(r.Closed)) {
		line("%s would not be tried now: %s", side, clean(r.Closed[side].Cause))
	}
	if r.Limited || r.Outgoing.Limited {
		line("there is more than was looked at")
	}
}

// bound is the day of ProcessAfter.
func (r DryRunReport) bound() string { return r.ProcessAfter.Format("2006-01-02 15:04 MST") }

// rest tells of what would be brought in how large it is, and then of all else.
func (c DryRunCounts) rest(bound string) string {
	var b strings.Builder
	if c.Bytes > 0 {
		fmt.Fprintf(&b, " (%s)", inBytes(c.Bytes))
	}
	for _, o := range []struct {
		n    int
		what string
	}{{c.Ignored, "ignored"}, {c.Deferred, "deferred"}, {c.Quarantined, "quarantined"}, {c.Undecided, "not decided"},
		{c.Known, "known already"}, {c.Older, "from before " + bound}} {
		if o.n > 0 {
			fmt.Fprintf(&b, ", %s %s", thousands(int64(o.n)), o.what)
		}
	}
	return b.String()
}

// counted returns a number of things.
func counted(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return thousands(int64(n)) + " " + what
}

// thousands writes n with a comma between thousands.
func thousands(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// inBytes writes a size for people.
func inBytes(n int64) string {
	if n < 1000 {
		return fmt.Sprint(n, " B")
	}
	size, unit := float64(n), ""
	for _, unit = range []string{"kB", "MB", "GB", "TB"} {
		if size /= 1000; size < 999.95 {
			break
		}
	}
	return fmt.Sprintf("%.1f %s", size, unit)
}

// clean leaves out what would lead a terminal astray: names come from a server, and
// reasons may quote a sender.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '\ufffd'
	}, s)
}
