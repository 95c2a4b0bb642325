package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
)

// mbsync pulls the INBOX into an empty Maildir.
func (b *bench) mbsync(ctx context.Context, program, address, login string) (sample, error) {
	dir := filepath.Join(b.dir, "maildir")
	os.RemoveAll(dir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return sample{}, err
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return sample{}, err
	}
	config := filepath.Join(b.dir, "mbsyncrc")
	text := fmt.Sprintf(`IMAPAccount a
Host localhost
Port %s
User %s
PassCmd "cat %s"
SSLType IMAPS
CertificateFile %s

IMAPStore far
Account a

MaildirStore near
Path %s/
Inbox %s/INBOX
SubFolders Verbatim

Channel c
Far :far:
Near :near:
Patterns INBOX
Create Near
Sync Pull
SyncState *
`, port, login, filepath.Join(b.dir, "password"), filepath.Join(b.dir, "ca.pem"), dir, dir)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return sample{}, err
	}
	return b.program(ctx, program, "-q", "-c", config, "c")
}
