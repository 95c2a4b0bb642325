package imaptest

import (
	"bytes"
	"fmt"
	"net/textproto"
	"slices"
	"strings"
	"time"

	"github.com/go-serversync/serversync/imap/internal/syntax"
)

// chosen is a message with its sequence number.
type chosen struct {
	seq int
	*message
}

// choose reads a set and returns its messages. c.s.mu is held.
func (c *session) choose(set []byte, byUID bool) ([]chosen, error) {
	star := uint32(len(c.view))
	if byUID && len(c.view) > 0 {
		star = c.view[len(c.view)-1].uid
	}
	numbers, err := syntax.ParseSet(set, max(star, 1))
	if err != nil {
		return nil, err
	}
	now := map[uint32]*message{}
	for _, m := range c.selected.messages {
		now[m.uid] = m
	}
	var all []chosen
	for i, v := range c.view {
		n := uint32(i + 1)
		if byUID {
			n = v.uid
		}
		if m := now[v.uid]; m != nil && numbers.Contains(n) {
			all = append(all, chosen{i + 1, m})
		}
	}
	return all, nil
}

func (c *session) fetch(byUID bool) (string, error) {
	set := bytes.Clone(c.in.Word())
	c.in.Space()
	text := string(c.in.Rest())
	items, modifiers := text, ""
	if strings.HasPrefix(text, "(") {
		end := strings.LastIndex(text, ") (")
		if end < 0 {
			end = len(text) - 1
		}
		items, modifiers = text[1:end], strings.ToUpper(text[end:])
	}
	var since uint64
	if _, after, ok := strings.Cut(modifiers, "CHANGEDSINCE "); ok {
		fmt.Sscan(strings.TrimRight(after, ")"), &since)
	}
	c.s.mu.Lock()
	all, err := c.choose(set, byUID)
	if err == nil && strings.Contains(modifiers, "VANISHED") {
		known, _ := syntax.ParseSet(set, 1<<32-1)
		c.sendVanished(c.selected, known, since)
	}
	var lines [][]byte
	var cut bool
	for _, m := range all {
		if since > 0 && m.modseq <= since {
			continue
		}
		var line []byte
		if line, cut = c.item(m, items, byUID, since > 0); line != nil {
			lines = append(lines, line)
		}
		if cut {
			break
		}
	}
	c.s.mu.Unlock()
	for _, line := range lines {
		c.out.Write(line)
	}
	if cut || c.out.Flush() != nil {
		c.out.Flush()
		return "", fmt.Errorf("cut")
	}
	if byUID {
		c.sync(true)
	}
	return "done", err
}

// item returns a FETCH reply, and whether the connection ends with it.
func (c *session) item(m chosen, items string, byUID, modseq bool) (line []byte, cut bool) {
	upper := strings.ToUpper(items)
	out := fmt.Appendf(nil, "* %d FETCH (", m.seq)
	if byUID || strings.Contains(upper, "UID") {
		out = fmt.Appendf(out, "UID %d ", m.uid)
	}
	if strings.Contains(upper, "FLAGS") {
		out = fmt.Appendf(out, "FLAGS (%s) ", strings.Join(m.flags, " "))
	}
	if strings.Contains(upper, "INTERNALDATE") {
		out = fmt.Appendf(out, `INTERNALDATE "%s" `, m.date.Format("_2-Jan-2006 15:04:05 -0700"))
	}
	if strings.Contains(upper, "RFC822.SIZE") {
		out = fmt.Appendf(out, "RFC822.SIZE %d ", len(m.raw))
	}
	if modseq || strings.Contains(upper, "MODSEQ") {
		out = fmt.Appendf(out, "MODSEQ (%d) ", m.modseq)
	}
	if at := strings.Index(upper, "BODY.PEEK["); at >= 0 {
		section := items[at+len("BODY.PEEK[") : strings.LastIndex(items, "]")]
		if m.bad {
			return nil, false
		}
		out, cut = c.section(out, m.message, section)
		if cut {
			return out, true
		}
	}
	return append(bytes.TrimRight(out, " "), ")\r\n"...), false
}

// section adds a part of a message as a literal.
func (c *session) section(out []byte, m *message, section string) ([]byte, bool) {
	content := m.raw
	if strings.HasPrefix(strings.ToUpper(section), "HEADER") {
		content = header(m.raw)
		if _, names, ok := strings.Cut(section, "("); ok {
			content = fields(content, strings.Fields(strings.TrimRight(names, ")")))
		}
	}
	f := c.s.fault.Load()
	out = fmt.Appendf(out, "BODY[%s] {%d}\r\n", section, max(len(content)+f.Lie, 0))
	switch {
	case m.cut:
		return append(out, content[:len(content)/2]...), true
	case f.Cut > 0 && f.Cut < len(content):
		return append(out, content[:f.Cut]...), true
	}
	return append(append(out, content...), ' '), false
}

func header(raw []byte) []byte {
	if head, _, ok := bytes.Cut(raw, []byte("\r\n\r\n")); ok {
		return raw[:len(head)+4]
	}
	return raw
}

// fields returns the fields of a header that have one of the names.
func fields(head []byte, names []string) (out []byte) {
	keep := false
	for line := range bytes.SplitAfterSeq(head, []byte("\n")) {
		if len(line) > 0 && line[0] != ' ' && line[0] != '\t' {
			name, _, _ := strings.Cut(string(line), ":")
			keep = slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
		}
		if keep {
			out = append(out, line...)
		}
	}
	return append(out, "\r\n"...)
}

func (c *session) search(byUID bool) (string, error) {
	extended := false
	tests := []func(chosen) bool{}
	for c.in.Peek() != 0 {
		word := strings.ToUpper(string(c.in.Line()))
		switch {
		case strings.HasPrefix(word, "RETURN "):
			c.in.Word()
			c.in.Space()
			if err := c.in.Skip(); err != nil {
				return "", err
			}
			extended = c.s.has("ESEARCH")
			c.in.Space()
			continue
		}
		test, err := c.criterion()
		if err != nil {
			return "", err
		}
		tests = append(tests, test)
	}
	c.sync(byUID)
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	all, err := c.choose([]byte("1:4294967295"), true)
	if err != nil {
		return "", err
	}
	var found syntax.Set
	plain := ""
	for _, m := range all {
		if slices.ContainsFunc(tests, func(test func(chosen) bool) bool { return !test(m) }) {
			continue
		}
		n := uint32(m.seq)
		if byUID {
			n = m.uid
		}
		found.Add(n)
		if !extended {
			plain += fmt.Sprintf(" %d", n)
		}
	}
	switch {
	case !extended:
		c.sendf("* SEARCH%s", plain)
	case len(found) == 0:
		c.sendf(`* ESEARCH (TAG "%s") UID`, c.tag)
	default:
		c.sendf(`* ESEARCH (TAG "%s") UID ALL %s`, c.tag, found.Sort())
	}
	return "done", nil
}

// criterion reads one key of a search. Those that the driver uses are known.
func (c *session) criterion() (func(chosen) bool, error) {
	key, err := c.word()
	if err != nil {
		return nil, err
	}
	switch strings.ToUpper(key) {
	case "ALL":
		return func(chosen) bool { return true }, nil
	case "UID":
		set, err := c.word()
		if err != nil {
			return nil, err
		}
		c.s.mu.Lock()
		defer c.s.mu.Unlock()
		star := uint32(1)
		if n := len(c.selected.messages); n > 0 {
			star = c.selected.messages[n-1].uid
		}
		uids, err := syntax.ParseSet([]byte(set), star)
		return func(m chosen) bool { return uids.Contains(m.uid) }, err
	case "SINCE":
		text, err := c.word()
		if err != nil {
			return nil, err
		}
		day, err := time.Parse("_2-Jan-2006", text)
		if err != nil {
			return nil, errSyntax
		}
		return func(m chosen) bool { return !m.date.Before(day) }, nil
	case "HEADER":
		name, err := c.word()
		if err != nil {
			return nil, err
		}
		part, err := c.word()
		return func(m chosen) bool { return hasField(m.raw, name, part) }, err
	}
	return nil, errSyntax
}

// hasField reports whether a field of a message contains part.
func hasField(raw []byte, name, part string) bool {
	for line := range strings.SplitSeq(string(header(raw)), "\r\n") {
		field, value, ok := strings.Cut(line, ":")
		if ok && textproto.CanonicalMIMEHeaderKey(field) == textproto.CanonicalMIMEHeaderKey(name) && strings.Contains(strings.ToLower(value), strings.ToLower(part)) {
			return true
		}
	}
	return false
}

func (c *session) store(byUID bool) (string, error) {
	set := bytes.Clone(c.in.Word())
	c.in.Space()
	op := strings.ToUpper(string(c.in.Word()))
	c.in.Space()
	if open, err := c.in.Open(); err != nil || !open {
		return "", errSyntax
	}
	flags, err := c.words()
	if err != nil {
		return "", err
	}
	c.s.mu.Lock()
	all, err := c.choose(set, byUID)
	for _, m := range all {
		now := m.flags
		switch {
		case strings.HasPrefix(op, "+"):
			now = append(slices.Clone(now), flags...)
		case strings.HasPrefix(op, "-"):
			now = slices.DeleteFunc(slices.Clone(now), func(f string) bool { return slices.Contains(flags, f) })
		default:
			now = flags
		}
		c.selected.setFlags(m.message, now)
		if strings.HasSuffix(op, ".SILENT") {
			c.view[m.seq-1].modseq = m.modseq
		}
	}
	c.s.wake()
	c.s.mu.Unlock()
	c.sync(byUID)
	return "done", err
}

func (c *session) copy(byUID, move bool) (string, error) {
	set := bytes.Clone(c.in.Word())
	c.in.Space()
	name, err := c.word()
	if err != nil {
		return "", err
	}
	c.s.mu.Lock()
	target := c.user.folder(c.s.folderName(name))
	if target == nil {
		c.s.mu.Unlock()
		return "", errNoTarget
	}
	all, err := c.choose(set, byUID)
	var from, to syntax.Set
	for _, m := range all {
		from.Add(m.uid)
		to.Add(target.add(m.raw, m.flags, m.date).uid)
	}
	code := ""
	if len(all) > 0 && c.s.has("UIDPLUS") {
		code = fmt.Sprintf("[COPYUID %d %s %s] ", target.validity, from, to)
	}
	if move {
		if code != "" {
			c.sendf("* OK %smoved", code)
			code = ""
		}
		c.selected.remove(func(m *message) bool { return from.Contains(m.uid) })
	}
	c.s.wake()
	c.s.mu.Unlock()
	c.sync(byUID)
	return code + "done", err
}

func (c *session) expunge(byUID bool) (string, error) {
	if byUID && !c.s.has("UIDPLUS") {
		return "", errSyntax
	}
	var set syntax.Set
	if byUID {
		var err error
		if set, err = syntax.ParseSet(c.in.Word(), 1<<32-1); err != nil {
			return "", err
		}
	}
	c.s.mu.Lock()
	c.selected.remove(func(m *message) bool {
		return slices.Contains(m.flags, `\Deleted`) && (!byUID || set.Contains(m.uid))
	})
	c.s.wake()
	c.s.mu.Unlock()
	c.sync(true)
	return "done", nil
}
