package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"time"

	"github.com/go-serversync/serversync/internal/link"
	"github.com/go-serversync/serversync/internal/mailgen"
	"github.com/go-serversync/serversync/internal/testserver"
)

// popContenders are those that speak POP3.
func (b *bench) popContenders() []contender {
	all := []contender{
		{"bare client: RETR, 64 under way, bytes discarded", func(ctx context.Context, address string) (sample, error) {
			return b.program(ctx, "bare", b.flags("-pop3", address)...)
		}, false},
		{"examples/sync: parsed, into SQLite, durable", func(ctx context.Context, address string) (sample, error) {
			b.removeDB()
			return b.popSync(ctx, address)
		}, false},
	}
	if fetchmail, err := exec.LookPath("fetchmail"); err == nil {
		all = append(all, contender{"fetchmail, each message into `cat >/dev/null`", func(ctx context.Context, address string) (sample, error) {
			return b.fetchmail(ctx, fetchmail, address)
		}, false})
	}
	if getmail, err := exec.LookPath("getmail"); err == nil {
		all = append(all, contender{"getmail6, into Maildir, the first run alone", func(ctx context.Context, address string) (sample, error) {
			return b.getmail(ctx, getmail, address)
		}, true})
	}
	return all
}

// flags are those that name a server and an account.
func (b *bench) flags(protocol, address string) []string {
	return []string{protocol, address, "-user", testserver.Address("anna"), "-password-file", filepath.Join(b.dir, "password"), "-ca", filepath.Join(b.dir, "ca.pem")}
}

func (b *bench) popSync(ctx context.Context, address string) (sample, error) {
	return b.program(ctx, "sync", append(b.flags("-pop3", address), "-once", "-tls", "implicit", "-db", filepath.Join(b.dir, "mail.db"))...)
}

func (b *bench) removeDB() {
	for _, suffix := range []string{"", "-wal", "-shm"} {
		os.Remove(filepath.Join(b.dir, "mail.db") + suffix)
	}
}

func (b *bench) fetchmail(ctx context.Context, program, address string) (sample, error) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return sample{}, err
	}
	rc, ids := filepath.Join(b.dir, "fetchmailrc"), filepath.Join(b.dir, "fetchids")
	os.Remove(ids)
	text := fmt.Sprintf("poll localhost protocol POP3 port %s user %q password %q ssl sslcertck sslcertfile %q keep fetchall mda \"cat >/dev/null\"\n",
		port, testserver.Address("anna"), password, filepath.Join(b.dir, "ca.pem"))
	if err := os.WriteFile(rc, []byte(text), 0o600); err != nil {
		return sample{}, err
	}
	return b.program(ctx, program, "-s", "-f", rc, "-i", ids, "--pidfile", filepath.Join(b.dir, "fetchmail.pid"))
}

// getmail pulls into a Maildir, as nobody: it writes none as root.
func (b *bench) getmail(ctx context.Context, program, address string) (sample, error) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return sample{}, err
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		return sample{}, err
	}
	uid, err := strconv.Atoi(nobody.Uid)
	if err != nil {
		return sample{}, err
	}
	state, err := os.MkdirTemp("", "getmail") // b.dir is for us alone
	if err != nil {
		return sample{}, err
	}
	defer os.RemoveAll(state)
	maildir := filepath.Join(state, "maildir")
	for _, dir := range []string{maildir, filepath.Join(maildir, "cur"), filepath.Join(maildir, "new"), filepath.Join(maildir, "tmp")} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			return sample{}, err
		}
	}
	ca, err := os.ReadFile(filepath.Join(b.dir, "ca.pem"))
	if err != nil {
		return sample{}, err
	}
	rc := fmt.Sprintf("[retriever]\ntype = SimplePOP3SSLRetriever\nserver = localhost\nport = %s\nusername = %s\npassword = %s\nca_certs = %s/ca.pem\n"+
		"[destination]\ntype = Maildir\npath = %s/\n[options]\nread_all = true\ndelete = false\nverbose = 0\n", port, testserver.Address("anna"), password, state, maildir)
	for name, content := range map[string]string{"ca.pem": string(ca), "getmailrc": rc} {
		if err := os.WriteFile(filepath.Join(state, name), []byte(content), 0o600); err != nil {
			return sample{}, err
		}
	}
	err = filepath.WalkDir(state, func(path string, _ fs.DirEntry, err error) error { return errors.Join(err, os.Chown(path, uid, -1)) })
	if err != nil {
		return sample{}, err
	}
	return b.program(ctx, "setpriv", "--reuid="+nobody.Uid, "--regid="+nobody.Gid, "--clear-groups", program, "--getmaildir", state, "--rcfile", filepath.Join(state, "getmailrc"))
}

// popPull pulls a mailbox of 20,000 messages over POP3.
func popPull(ctx context.Context, b *bench) error {
	corpus := mailgen.NewCorpus(1, 20_000, 600<<20)
	d, err := b.serve(ctx, corpus.Len(), corpus.Message)
	if err != nil {
		return err
	}
	defer d.Close()
	all := b.popContenders()
	samples, err := b.turns(ctx, all, d.POP3SAddr, func(contender) {})
	if err != nil {
		return err
	}
	fmt.Printf("\n## POP3: pull 20,000 messages, 600 MiB, TLS, %d runs in turn\n", b.runs)
	printPull(all, samples)
	return nil
}

// popFar pulls 100 small messages over POP3 from far away.
func popFar(ctx context.Context, b *bench) error {
	return b.farFrom(ctx, "POP3: first sync", func(d *testserver.Dovecot) string { return d.POP3SAddr }, b.popContenders())
}

// popPoll looks for news in a mailbox of 100,000 messages, with a program that begins
// and ends: the peak is the whole program's.
func popPoll(ctx context.Context, b *bench) error {
	d, err := b.serve(ctx, crowd, func(i int) []byte { return mailgen.Tiny(1, i) })
	if err != nil {
		return err
	}
	defer d.Close()
	line, err := link.Start(d.POP3SAddr, link.Options{})
	if err != nil {
		return err
	}
	defer line.Close()
	b.removeDB()
	if _, err := b.popSync(ctx, line.Addr()); err != nil {
		return err
	}
	fmt.Printf("\n## POP3: a cycle over a mailbox of 100,000 messages, TLS, sign-in included, %d runs\n\n| cycle | wall s | peak MiB | turns of the line | bytes up | bytes down |\n|---|---|---|---|---|---|\n", b.runs)
	for _, fresh := range []int{0, 10} {
		var samples []sample
		var turns, up, down []float64
		for run := range b.runs {
			for i := range fresh {
				if err := d.Append(ctx, "anna", "INBOX", mailgen.Tiny(2, run*fresh+i), time.Now()); err != nil {
					return err
				}
			}
			before := line.Stats()
			s, err := b.popSync(ctx, line.Addr())
			if err != nil {
				return err
			}
			now := line.Stats()
			samples = append(samples, s)
			turns, up, down = append(turns, float64(now.Turns-before.Turns)), append(up, float64(now.Up-before.Up)), append(down, float64(now.Down-before.Down))
		}
		fmt.Printf("| %d new | %s | %s | %.0f | %.0f | %.0f |\n", fresh, spread(each(samples, func(s sample) float64 { return s.wall })),
			spread(each(samples, func(s sample) float64 { return s.peak })), median(turns), median(up), median(down))
	}
	return nil
}
