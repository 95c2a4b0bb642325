package main

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// pull signs in and fetches every message of INBOX.
func (c *client) pull(user, password string) (total, error) {
	var t total
	if _, err := c.in.ReadSlice('\n'); err != nil {
		return t, fmt.Errorf("greeting: %w", err)
	}
	if err := c.do("LOGIN "+quoted(user)+" "+quoted(password), nil); err != nil {
		return t, fmt.Errorf("LOGIN: %w", err)
	}
	if err := c.do("EXAMINE INBOX", nil); err != nil {
		return t, fmt.Errorf("EXAMINE: %w", err)
	}
	err := c.do("UID FETCH 1:* BODY.PEEK[]", &t)
	if err != nil {
		err = fmt.Errorf("FETCH: %w", err)
	}
	return t, err
}

// do sends a command and reads until its end. It counts literals in t, if not nil,
// and skips their bytes in the reader's buffer.
func (c *client) do(command string, t *total) error {
	if _, err := io.WriteString(c, "x "+command+"\r\n"); err != nil {
		return err
	}
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return err
		}
		if size, ok := literal(line); ok {
			if _, err := c.in.Discard(size); err != nil {
				return err
			}
			if t != nil {
				t.messages++
				t.bytes += int64(size)
			}
			continue
		}
		if status, ok := bytes.CutPrefix(line, []byte("x ")); ok {
			if !bytes.HasPrefix(status, []byte("OK")) {
				return fmt.Errorf("the server answered %q", status)
			}
			return nil
		}
	}
}

// literal returns the size that a line's end announces, as in "{42}\r\n".
func literal(line []byte) (int, bool) {
	line, ok := bytes.CutSuffix(line, []byte("}\r\n"))
	if !ok {
		return 0, false
	}
	size, err := strconv.Atoi(string(line[bytes.LastIndexByte(line, '{')+1:]))
	return size, err == nil && size >= 0
}

func quoted(s string) string { return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"` }
