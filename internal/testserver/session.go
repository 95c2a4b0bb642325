package testserver

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"
	"unicode/utf16"
)

// tag marks our commands. One is enough, as each waits for its answer.
const tag = "x"

// session talks IMAP with a process of Dovecot's that we run ourselves and that
// has signed in the user already. That is quicker than the network, and works
// whatever the server is told to offer or refuse.
type session struct {
	out *bufio.Writer // its errors stay until Flush
	in  *bufio.Reader
}

// session runs use with a session of that user.
func (d *Dovecot) session(ctx context.Context, user string, use func(*session) error) error {
	path, err := program("doveadm")
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, path, "-c", d.conf(), "exec", "imap", "-u", Address(user))
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	cmd.WaitDelay = time.Minute
	ours, theirs, err := socketPair()
	if err != nil {
		return err
	}
	defer func() { _ = ours.Close() }() // by then all was said or has failed
	cmd.Stdin = theirs
	answers, err := cmd.StdoutPipe() // a socket there is taken for inetd's
	if err == nil {
		err = cmd.Start()
	}
	_ = theirs.Close() // the process has its own
	if err != nil {
		return err
	}
	s := &session{out: bufio.NewWriterSize(ours, 256<<10), in: bufio.NewReader(answers)}
	if _, err = s.in.ReadString('\n'); err == nil { // the greeting
		err = use(s)
	}
	_ = ours.Close() // it ends the session; what was done is done
	_, _ = io.Copy(io.Discard, s.in)
	if ended := cmd.Wait(); err == nil && ctx.Err() == nil {
		err = ended
	}
	if err != nil {
		return errors.Join(fmt.Errorf("testserver: session of %s: %w: %s", user, err, strings.TrimSpace(complaint.String())), ctx.Err())
	}
	return nil
}

// literal writes raw as an argument, without asking first.
func (s *session) literal(raw []byte) {
	fmt.Fprintf(s.out, " {%d+}\r\n", len(raw))
	s.out.Write(raw)
}

// end ends the command and waits for its answer.
func (s *session) end() error {
	_, err := s.answer()
	return err
}

// answer ends the command and returns the lines of its answer. It fails unless the
// server says OK.
func (s *session) answer() ([]string, error) {
	s.out.WriteString("\r\n")
	if err := s.out.Flush(); err != nil {
		return nil, err
	}
	var lines []string
	for {
		line, err := s.in.ReadString('\n')
		if err != nil {
			return lines, err
		}
		line = strings.TrimRight(line, "\r\n")
		lines = append(lines, line)
		if status, ok := strings.CutPrefix(line, tag+" "); ok {
			if !strings.HasPrefix(status, "OK") {
				return lines, fmt.Errorf("Dovecot answered %s", status)
			}
			return lines, nil
		}
	}
}

// create makes a folder if there is none.
func (s *session) create(folder string) error {
	if folder == "" || strings.EqualFold(folder, "INBOX") {
		return nil
	}
	fmt.Fprintf(s.out, "%s CREATE %s", tag, mailboxName(folder))
	if err := s.end(); err != nil && !strings.Contains(err.Error(), "[ALREADYEXISTS]") {
		return err
	}
	return nil
}

// mailboxName returns a folder's name as IMAP writes it: a quoted string in
// modified UTF-7 (RFC 3501, section 5.1.3). "" is INBOX.
func mailboxName(folder string) string {
	if folder == "" {
		return "INBOX"
	}
	var b strings.Builder
	var wide []byte // UTF-16 that is still to be written
	flush := func() {
		if len(wide) > 0 {
			b.WriteString("&" + strings.ReplaceAll(base64.RawStdEncoding.EncodeToString(wide), "/", ",") + "-")
			wide = nil
		}
	}
	for _, r := range folder {
		if r < ' ' || r > '~' {
			for _, u := range utf16.Encode([]rune{r}) {
				wide = append(wide, byte(u>>8), byte(u))
			}
			continue
		}
		flush()
		switch r {
		case '&':
			b.WriteString("&-")
		case '"', '\\':
			b.WriteByte('\\')
			fallthrough
		default:
			b.WriteRune(r)
		}
	}
	flush()
	return `"` + b.String() + `"`
}
