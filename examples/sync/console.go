package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/go-serversync/serversync"
)

// A console tells people what happens. On a terminal the last line counts what comes
// in, and other lines push it down; elsewhere a line comes now and then.
type console struct {
	mu       sync.Mutex
	w        io.Writer
	every    time.Duration // between two counts
	terminal bool
	counting bool // the cursor stands behind a count

	began    time.Time
	told     time.Time // when the last count was
	messages int64
	bytes    int64
}

func newConsole(w io.Writer) *console {
	c := &console{w: w, every: 10 * time.Second}
	if f, ok := w.(*os.File); ok {
		info, err := f.Stat()
		c.terminal = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	if c.terminal {
		c.every = 200 * time.Millisecond
	}
	return c
}

// say tells something in a line of its own.
func (c *console) say(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clear()
	fmt.Fprintf(c.w, format+"\n", args...)
	c.began = time.Time{} // what comes in from now on is counted anew
}

func (c *console) clear() {
	if c.counting {
		fmt.Fprintf(c.w, "\r%s\r", strings.Repeat(" ", 70))
		c.counting = false
	}
}

// committed counts a page that has come in.
func (c *console) committed(page serversync.Committed) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if c.began.IsZero() {
		c.began, c.told, c.messages, c.bytes = now, now, 0, 0
	}
	c.messages += int64(page.Messages)
	c.bytes += page.Bytes
	if now.Sub(c.told) < c.every {
		return
	}
	c.told = now
	c.clear()
	const mega = 1e6
	line := fmt.Sprintf("%s messages, %s MB, %.1f MB/s", count(c.messages), count(c.bytes/mega), float64(c.bytes)/mega/now.Sub(c.began).Seconds())
	if !c.terminal {
		line += "\n"
	}
	fmt.Fprint(c.w, line)
	c.counting = c.terminal
}
