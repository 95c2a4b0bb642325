package track

import (
	"slices"
	"strings"

	"github.com/go-serversync/serversync/item"
)

// sizeOf returns the size of a message as far as it is known.
func sizeOf(m *Message) int64 {
	if m.Size <= 0 && m.Whole && m.Raw != nil {
		return m.Raw.Size()
	}
	return m.Size
}

// oversize reports whether a message is over the organization's bound (Microsoft:
// error 8005E237).
func (r *Rules) oversize(m *Message) bool {
	most := r.settings.Content.MaxMessage
	return most > 0 && sizeOf(m) > most
}

const rightsManaged = "application/x-microsoft-rpmsg-message"

// protection returns what says that a message is rights-managed ([MS-OXORMMS],
// section 2.1), or "".
func protection(m *item.Message) string {
	for i := range m.Fields {
		switch f := &m.Fields[i]; {
		case strings.EqualFold(f.Name, "Content-Class") && strings.EqualFold(strings.TrimSpace(f.Value), "rpmsg.message"):
			return "Content-Class: rpmsg.message"
		case strings.EqualFold(f.Name, "Content-Type") && hasPrefixFold(f.Value, rightsManaged):
			return "Content-Type: " + rightsManaged
		}
	}
	for i := range m.Attachments {
		if m.Attachments[i].Type == rightsManaged {
			return "attachment: " + rightsManaged
		}
	}
	return ""
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// LeftOut returns what does not come along with a whole message: attachments over
// [mailbox.Content.MaxAttachment], and those whose name has an ending of
// [mailbox.Content.Blocked], which is what follows its last dot. Content is not looked
// into, nor are archives opened. What the parser's limits cut off is listed as well.
func (r *Rules) LeftOut(m *item.Message) (list []LeftOut) {
	content := &r.settings.Content
	for i := range m.Attachments {
		a := &m.Attachments[i]
		switch {
		case blockedName(a.Name, content.Blocked):
			list = append(list, LeftOut{a.Name, a.Size, LeftOutBlocked})
		case content.MaxAttachment > 0 && a.Size > content.MaxAttachment:
			list = append(list, LeftOut{a.Name, a.Size, LeftOutSize})
		}
	}
	if slices.Contains(m.Warnings, item.WarnAttachments) {
		list = append(list, LeftOut{Reason: LeftOutCount})
	}
	if slices.Contains(m.Warnings, item.WarnTextCut) {
		list = append(list, LeftOut{Reason: LeftOutText})
	}
	return list
}

// blockedName reports whether the ending of a cleaned file name is a blocked one.
// Windows drops trailing dots and blanks, so that "a.exe. ." is a program.
func blockedName(name string, blocked []string) bool {
	name = strings.TrimRight(name, ". \u00a0\t")
	dot := strings.LastIndexByte(name, '.')
	if dot < 0 {
		return false
	}
	ending := strings.TrimSpace(name[dot+1:])
	return slices.ContainsFunc(blocked, func(b string) bool { return strings.EqualFold(b, ending) })
}
