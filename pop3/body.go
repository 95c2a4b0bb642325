package pop3

import (
	"bufio"
	"bytes"
	"io"
)

// A body reads a message as it stands in an answer (RFC 1939, section 3): up to a line
// with a dot alone, dots doubled at the beginnings of lines. All else is given as it
// came, line ends too.
//
// A line ends with CR LF and with nothing else, or whoever writes a message could end
// it with a dot between two bare LFs, and write the answers to our next commands
// himself. Only where the server's own status line ended in a bare LF do lines end so.
//
// If the connection ends before the message does, the error is io.ErrUnexpectedEOF.
type body struct {
	rd    *bufio.Reader
	lf    bool
	state bodyState
}

type bodyState int

const (
	atLineStart bodyState = iota
	inLine
	afterCR
	atEnd
)

func (b *body) Read(p []byte) (int, error) {
	for b.state == atLineStart {
		if err := b.lineStart(); err != nil {
			return 0, err
		}
	}
	if b.state == atEnd {
		return 0, io.EOF
	}
	if len(p) == 0 {
		return 0, nil
	}
	if _, err := b.peek(1); err != nil {
		return 0, err
	}
	have, _ := b.rd.Peek(min(b.rd.Buffered(), len(p)))
	n := b.pass(have)
	copy(p, have[:n])
	b.rd.Discard(n)
	return n, nil
}

// lineStart looks at the beginning of a line: it takes the dot away that was put there,
// or finds the end.
func (b *body) lineStart() error {
	next, err := b.peek(1)
	if err != nil {
		return err
	}
	b.state = inLine
	if next[0] != '.' {
		return nil
	}
	end := ".\r\n"
	if b.lf {
		end = ".\n"
	}
	for n := 2; n <= len(end); n++ {
		if next, err = b.peek(n); err != nil {
			return err
		}
		if next[n-1] != end[n-1] {
			b.rd.Discard(1)
			return nil
		}
	}
	b.rd.Discard(len(end))
	b.state = atEnd
	return nil
}

// pass returns how much of what lies ready may go by before a line begins.
func (b *body) pass(have []byte) int {
	if b.lf {
		if i := bytes.IndexByte(have, '\n'); i >= 0 {
			b.state = atLineStart
			return i + 1
		}
		return len(have)
	}
	if b.state == afterCR {
		b.state = inLine
		if have[0] == '\n' {
			b.state = atLineStart
			return 1
		}
	}
	// Lines that begin with no dot need no look.
	if i := bytes.Index(have, []byte("\r\n.")); i >= 0 {
		b.state = atLineStart
		return i + 2
	}
	switch {
	case bytes.HasSuffix(have, []byte("\r\n")):
		b.state = atLineStart
	case bytes.HasSuffix(have, []byte("\r")):
		b.state = afterCR
	}
	return len(have)
}

func (b *body) peek(n int) ([]byte, error) {
	next, err := b.rd.Peek(n)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return next, err
}
