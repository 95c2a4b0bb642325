package main

import (
	"bytes"
	"fmt"
	"io"
)

// window is how many RETR commands are under way at once.
const window = 64

// retrieve signs in and retrieves every message.
func (c *client) retrieve(user, password string) (t total, err error) {
	if _, err := c.in.ReadSlice('\n'); err != nil {
		return t, fmt.Errorf("greeting: %w", err)
	}
	for _, command := range []string{"USER " + user, "PASS " + password} {
		if err := c.order(command); err != nil {
			return t, fmt.Errorf("%.4s: %w", command, err)
		}
	}
	if _, err := io.WriteString(c, "STAT\r\n"); err != nil {
		return t, err
	}
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return t, err
	}
	var n int64
	if _, err := fmt.Sscanf(string(line), "+OK %d", &n); err != nil {
		return t, fmt.Errorf("STAT: %w", err)
	}
	asked := int64(0)
	for t.messages < n {
		if asked-t.messages < window/2 { // half a window at once, so that few packets carry many commands
			var more []byte
			for ; asked < n && asked-t.messages < window; asked++ {
				more = fmt.Appendf(more, "RETR %d\r\n", asked+1)
			}
			if _, err := c.Write(more); err != nil {
				return t, err
			}
		}
		if err := c.body(&t); err != nil {
			return t, fmt.Errorf("RETR: %w", err)
		}
	}
	return t, nil
}

// order sends a command whose answer is one line.
func (c *client) order(command string) error {
	if _, err := io.WriteString(c, command+"\r\n"); err != nil {
		return err
	}
	return c.ok()
}

func (c *client) ok() error {
	line, err := c.in.ReadSlice('\n')
	if err == nil && !bytes.HasPrefix(line, []byte("+OK")) {
		err = fmt.Errorf("the server answered %q", line)
	}
	return err
}

// body reads a message up to its last line and counts it.
func (c *client) body(t *total) error {
	if err := c.ok(); err != nil {
		return err
	}
	for begin := true; ; {
		line, err := c.in.ReadSlice('\n')
		if err != nil && len(line) < c.in.Size() { // else a long line goes on
			return err
		}
		if begin && line[0] == '.' {
			if len(line) == 3 {
				t.messages++
				return nil
			}
			t.bytes--
		}
		t.bytes += int64(len(line))
		begin = err == nil
	}
}
