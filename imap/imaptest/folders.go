package imaptest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-serversync/serversync/imap/internal/syntax"
)

func (c *session) list() (string, error) {
	if _, err := c.word(); err != nil { // the reference is always ""
		return "", err
	}
	pattern, err := c.word()
	if err != nil {
		return "", err
	}
	if err := c.in.SkipAll(); err != nil { // RETURN (…): special uses are told anyway
		return "", err
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	for _, f := range c.user.folders {
		name := c.s.wireName(f)
		if prefix, ok := strings.CutSuffix(pattern, "*"); name != pattern && !(ok && strings.HasPrefix(name, prefix)) {
			continue
		}
		attrs := `\HasNoChildren`
		if f.use != "" && c.s.has("SPECIAL-USE") {
			attrs += " " + f.use
		}
		quoted, _ := syntax.Quote(name)
		delim, _ := syntax.Quote(c.s.options.Delim)
		c.sendf("* LIST (%s) %s %s", attrs, delim, quoted)
	}
	return "done", nil
}

func (c *session) selectFolder() (string, error) {
	name, err := c.word()
	if err != nil {
		return "", err
	}
	param := strings.ToUpper(string(c.in.Rest()))
	if strings.Contains(param, "QRESYNC") && !c.qresync || strings.Contains(param, "CONDSTORE") && !c.s.has("CONDSTORE") {
		return "", no("BAD that was not enabled")
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if c.selected != nil && c.qresync {
		c.sendf("* OK [CLOSED] the other one")
	}
	c.selected, c.view = nil, nil
	f := c.user.folder(c.s.folderName(name))
	if f == nil {
		return "", errNoFolder
	}
	c.selected = f
	c.sendf(`* FLAGS (\Answered \Flagged \Deleted \Seen \Draft)`)
	c.sendf(`* OK [PERMANENTFLAGS (\Answered \Flagged \Deleted \Seen \Draft \*)] all`)
	c.sendf("* %d EXISTS", len(f.messages))
	c.sendf("* 0 RECENT")
	if f.validity > 0 {
		c.sendf("* OK [UIDVALIDITY %d] ids", f.validity)
	}
	c.sendf("* OK [UIDNEXT %d] next", f.next)
	if c.s.has("CONDSTORE") {
		c.sendf("* OK [HIGHESTMODSEQ %d] changes", f.modseq)
	}
	for _, m := range f.messages {
		c.view = append(c.view, seen{m.uid, m.modseq})
	}
	if _, args, ok := strings.Cut(param, "QRESYNC ("); ok {
		if err := c.resync(f, strings.Fields(strings.TrimRight(args, ")"))); err != nil {
			return "", err
		}
	}
	return "[READ-WRITE] selected", nil
}

// resync tells what happened since a modseq (RFC 7162, section 3.2.5).
func (c *session) resync(f *box, args []string) error {
	var validity uint32
	var modseq uint64
	if len(args) < 2 {
		return errSyntax
	}
	fmt.Sscan(args[0], &validity)
	fmt.Sscan(args[1], &modseq)
	if validity != f.validity {
		return nil
	}
	known := syntax.Set{{From: 1, To: 1<<32 - 1}}
	if len(args) > 2 {
		var err error
		if known, err = syntax.ParseSet([]byte(args[2]), 0); err != nil {
			return err
		}
	}
	c.sendVanished(f, known, modseq)
	for i, m := range f.messages {
		if m.modseq > modseq && known.Contains(m.uid) {
			c.sendf("* %d FETCH (UID %d FLAGS (%s) MODSEQ (%d))", i+1, m.uid, strings.Join(m.flags, " "), m.modseq)
		}
	}
	return nil
}

func (c *session) sendVanished(f *box, known syntax.Set, modseq uint64) {
	var gone syntax.Set
	for _, v := range f.vanished {
		if v.modseq > modseq && known.Contains(v.uid) {
			gone.Add(v.uid)
		}
	}
	if len(gone) > 0 {
		c.sendf("* VANISHED (EARLIER) %s", gone.Sort())
	}
}

func (c *session) status() (string, error) {
	name, err := c.word()
	if err != nil {
		return "", err
	}
	c.in.Rest()
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	f := c.user.folder(c.s.folderName(name))
	if f == nil {
		return "", errNoFolder
	}
	quoted, _ := syntax.Quote(name)
	c.sendf("* STATUS %s (MESSAGES %d UIDNEXT %d UIDVALIDITY %d)", quoted, len(f.messages), f.next, f.validity)
	return "done", nil
}

func (c *session) makeOrDelete(command string) (string, error) {
	name, err := c.word()
	if err != nil {
		return "", err
	}
	name = c.s.folderName(name)
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	f := c.user.folder(name)
	switch {
	case command == "CREATE" && f != nil:
		return "", no("NO [ALREADYEXISTS] it is there")
	case command == "CREATE":
		c.user.folders = append(c.user.folders, c.s.newBox(name, ""))
	case f == nil:
		return "", errNoFolder
	default:
		c.user.folders = slices.DeleteFunc(c.user.folders, func(o *box) bool { return o == f })
	}
	return "done", nil
}

func (c *session) append() (string, error) {
	name, err := c.word()
	if err != nil {
		return "", err
	}
	name = c.s.folderName(name)
	c.s.mu.Lock()
	there := c.user.folder(name) != nil
	c.s.mu.Unlock()
	var flags []string
	if open, err := c.in.Open(); err != nil {
		return "", err
	} else if open {
		if flags, err = c.words(); err != nil {
			return "", err
		}
	}
	c.in.Space()
	date := time.Now()
	if c.in.Peek() == '"' {
		text, err := c.word()
		if err != nil {
			return "", err
		}
		if date, err = time.Parse("_2-Jan-2006 15:04:05 -0700", text); err != nil {
			return "", errSyntax
		}
	}
	if !there && !strings.HasSuffix(string(c.in.Line()), "+}") {
		c.in.Rest() // refused before the literal comes
		return "", errNoTarget
	}
	raw, _, err := c.in.String()
	if err != nil {
		return "", err
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	f := c.user.folder(name)
	if f == nil {
		return "", errNoTarget
	}
	m := f.add(slices.Clone(raw), flags, date)
	c.s.wake()
	if !c.s.has("UIDPLUS") {
		return "done", nil
	}
	return fmt.Sprintf("[APPENDUID %d %d] done", f.validity, m.uid), nil
}

// words reads words up to a closing parenthesis.
func (c *session) words() (words []string, err error) {
	for !c.in.Close() {
		if c.in.Space() {
			continue
		}
		word, _, err := c.in.String()
		if err != nil {
			return nil, err
		}
		words = append(words, string(word))
	}
	return words, nil
}

// sync tells the client what changed in the selected folder: always new messages
// and flags, and where expunge says so those that are gone.
func (c *session) sync(expunge bool) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if c.selected == nil {
		return
	}
	now := map[uint32]*message{}
	for _, m := range c.selected.messages {
		now[m.uid] = m
	}
	var gone syntax.Set
	for i := 0; expunge && i < len(c.view); i++ {
		if now[c.view[i].uid] != nil {
			continue
		}
		gone.Add(c.view[i].uid)
		if !c.qresync {
			c.sendf("* %d EXPUNGE", i+1)
		}
		c.view = slices.Delete(c.view, i, i+1)
		i--
	}
	if c.qresync && len(gone) > 0 {
		c.sendf("* VANISHED %s", gone.Sort())
	}
	for i, v := range c.view {
		if m := now[v.uid]; m != nil && m.modseq > v.modseq {
			c.view[i].modseq = m.modseq
			c.sendf("* %d FETCH (UID %d FLAGS (%s)%s)", i+1, m.uid, strings.Join(m.flags, " "), c.modseqItem(m))
		}
		delete(now, v.uid)
	}
	if len(now) == 0 {
		return
	}
	for _, m := range c.selected.messages {
		if now[m.uid] != nil {
			c.view = append(c.view, seen{m.uid, m.modseq})
		}
	}
	c.sendf("* %d EXISTS", len(c.view))
}

func (c *session) modseqItem(m *message) string {
	if !c.qresync {
		return ""
	}
	return fmt.Sprintf(" MODSEQ (%d)", m.modseq)
}
