package pop3test

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// read answers a command of a client that has signed in.
func (c *session) read(verb, rest string) {
	c.s.mu.Lock()
	view := c.view
	c.s.mu.Unlock()
	number, behind, _ := strings.Cut(rest, " ")
	n, _ := strconv.Atoi(number)
	var m *Message
	if n > 0 && n <= len(view) && !c.marked[view[n-1]] {
		m = view[n-1]
	}
	switch {
	case verb == "STAT":
		c.stat(view)
	case verb == "LIST":
		c.list(view, rest, m, n, c.size)
	case verb == "UIDL" && c.s.has("UIDL"):
		c.list(view, rest, m, n, c.uidl)
	case verb == "RSET":
		clear(c.marked)
		c.say("+OK")
	case verb != "RETR" && verb != "DELE" && (verb != "TOP" || !c.s.has("TOP")):
		c.say("-ERR no such command")
	case m == nil:
		c.say("-ERR no such message")
	case verb == "DELE":
		c.marked[m] = true
		c.say("+OK")
	case m.bad:
		c.say("-ERR it cannot be read")
	case verb == "TOP":
		lines, _ := strconv.Atoi(behind)
		c.give(top(m.Raw, lines))
	case m.cut:
		c.say("+OK")
		c.stuff(m.Raw[:len(m.Raw)/2])
		c.out.Flush()
		c.conn.Close()
	default:
		c.give(m.Raw)
	}
}

func (c *session) stat(view []*Message) {
	n, size := 0, 0
	for _, m := range view {
		if !c.marked[m] {
			n, size = n+1, size+len(m.Raw)
		}
	}
	c.say("+OK %d %d", n, size)
}

// list answers LIST and UIDL, of one message or of all.
func (c *session) list(view []*Message, rest string, m *Message, n int, what func(*Message) string) {
	switch {
	case rest == "":
		c.say("+OK")
		for i, m := range view {
			if !c.marked[m] {
				c.say("%d %s", i+1, what(m))
			}
		}
		c.say(".")
	case m == nil:
		c.say("-ERR no such message")
	default:
		c.say("+OK %d %s", n, what(m))
	}
}

func (c *session) size(m *Message) string {
	return strconv.Itoa(len(m.Raw) + c.s.fault.Load().Lie)
}

func (c *session) uidl(m *Message) string {
	if c.s.fault.Load().Renumber {
		return fmt.Sprintf("s%d-%s", c.number, m.UIDL)
	}
	return m.UIDL
}

// give sends a message.
func (c *session) give(raw []byte) {
	c.say("+OK")
	if c.s.fault.Load().LineFeed {
		raw = bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n"))
	}
	c.stuff(raw)
	c.say(".")
}

// top returns a message's header and some lines of its body.
func top(raw []byte, lines int) []byte {
	at := len(raw)
	if i := bytes.Index(raw, []byte("\r\n\r\n")); i >= 0 {
		at = i + 4
	}
	for ; lines > 0 && at < len(raw); lines-- {
		i := bytes.IndexByte(raw[at:], '\n')
		if i < 0 {
			return raw
		}
		at += i + 1
	}
	return raw[:at]
}
