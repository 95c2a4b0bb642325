package main

import (
	"bufio"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-serversync/serversync/internal/testserver/servertest"
)

func TestServe(t *testing.T) {
	servertest.Need(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	dir := t.TempDir()
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, []string{"-dir", dir, "-messages", "50", "-tiny", "-postfix"}, w, t.Output())
		w.CloseWithError(io.EOF)
		ended <- err
	}()
	values := map[string]string{}
	for lines := bufio.NewScanner(r); values["CA"] == "" && lines.Scan(); {
		key, value, _ := strings.Cut(lines.Text(), "=")
		values[key] = value
	}
	for _, key := range []string{"IMAP", "IMAPS", "POP3", "POP3S", "SUBMISSION", "SMTPS", "SMTP", "LOGIN"} {
		if values[key] == "" {
			t.Errorf("no %s among %q", key, values)
		}
	}
	for key, want := range map[string]string{"PASSWORD_FILE": "password", "CA": "ca.pem"} {
		if info, err := os.Stat(values[key]); err != nil || info.Size() == 0 || values[key] != filepath.Join(dir, want) {
			t.Errorf("%s is %q, %v", key, values[key], err)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := run(t.Context(), []string{"-format", "mbox"}, io.Discard, io.Discard); err == nil {
		t.Error("an unknown format was taken")
	}
}
