package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/go-serversync/serversync/internal/link"
	"github.com/go-serversync/serversync/internal/mailgen"
	"github.com/go-serversync/serversync/internal/testserver"
	"time"
)

const password = "measure-me"

// serve starts a Dovecot whose INBOX holds n messages.
func (b *bench) serve(ctx context.Context, n int, message func(int) []byte) (*testserver.Dovecot, error) {
	d, err := testserver.StartDovecot(ctx, testserver.DovecotOptions{Users: map[string]string{"anna": password}, Compress: true})
	if err != nil {
		return nil, err
	}
	err = d.Fill(ctx, "anna", "INBOX", n, message)
	for file, content := range map[string][]byte{"password": []byte(password), "ca.pem": d.CA.PEM()} {
		if err == nil {
			err = os.WriteFile(filepath.Join(b.dir, file), content, 0o600)
		}
	}
	if err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// A contender pulls a mailbox from scratch.
type contender struct {
	name string
	pull func(ctx context.Context, address string) (sample, error)
	once bool // it takes minutes
}

func (b *bench) contenders() []contender {
	login := testserver.Address("anna")
	all := []contender{
		{"bare client: one FETCH, bytes discarded", func(ctx context.Context, address string) (sample, error) {
			return b.program(ctx, "bare", b.flags("-imap", address)...)
		}, false},
		{"examples/sync: parsed, into SQLite, durable", func(ctx context.Context, address string) (sample, error) {
			b.removeDB()
			return b.program(ctx, "sync", append(b.flags("-imap", address), "-once", "-tls", "implicit", "-db", filepath.Join(b.dir, "mail.db"))...)
		}, false},
	}
	if mbsync, err := exec.LookPath("mbsync"); err == nil {
		all = append(all, contender{"mbsync as installed, into Maildir", func(ctx context.Context, address string) (sample, error) {
			return b.mbsync(ctx, mbsync, address, login)
		}, false})
	}
	return all
}

// turns runs the contenders one after the other, several times.
func (b *bench) turns(ctx context.Context, all []contender, address string, after func(contender)) ([][]sample, error) {
	samples := make([][]sample, len(all))
	for run := range b.runs {
		for i, c := range all {
			if c.once && run > 0 {
				continue
			}
			s, err := c.pull(ctx, address)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
			samples[i] = append(samples[i], s)
			after(c)
		}
	}
	return samples, nil
}

func pull(ctx context.Context, b *bench) error {
	corpus := mailgen.NewCorpus(1, 20_000, 600<<20)
	d, err := b.serve(ctx, corpus.Len(), corpus.Message)
	if err != nil {
		return err
	}
	defer d.Close()
	all := b.contenders()
	samples, err := b.turns(ctx, all, d.IMAPSAddr, func(contender) {})
	if err != nil {
		return err
	}
	fmt.Printf("\n## Pull 20,000 messages, 600 MiB, TLS, %d runs in turn\n", b.runs)
	printPull(all, samples)
	return nil
}

// printPull prints how long the contenders took, the bare one first.
func printPull(all []contender, samples [][]sample) {
	fmt.Printf("\n| contender | wall s | client CPU s | peak MiB | wall ÷ bare |\n|---|---|---|---|---|\n")
	for i, c := range all {
		var ratios []float64
		for run, s := range samples[i] {
			ratios = append(ratios, s.wall/samples[0][run].wall)
		}
		fmt.Printf("| %s | %s | %s | %s | %s |\n", c.name,
			spread(each(samples[i], func(s sample) float64 { return s.wall })), spread(each(samples[i], func(s sample) float64 { return s.cpu })),
			spread(each(samples[i], func(s sample) float64 { return s.peak })), spread(ratios))
	}
}

func far(ctx context.Context, b *bench) error {
	return b.farFrom(ctx, "First sync", func(d *testserver.Dovecot) string { return d.IMAPSAddr }, b.contenders())
}

// farFrom pulls 100 small messages over a line of 40 ms.
func (b *bench) farFrom(ctx context.Context, what string, server func(*testserver.Dovecot) string, all []contender) error {
	d, err := b.serve(ctx, 100, func(i int) []byte { return mailgen.Tiny(1, i) })
	if err != nil {
		return err
	}
	defer d.Close()
	line, err := link.Start(server(d), link.Options{Delay: 20 * time.Millisecond})
	if err != nil {
		return err
	}
	defer line.Close()
	turns := make(map[string][]float64)
	before := line.Stats()
	samples, err := b.turns(ctx, all, line.Addr(), func(c contender) {
		now := line.Stats()
		turns[c.name] = append(turns[c.name], float64(now.Turns-before.Turns))
		before = now
	})
	if err != nil {
		return err
	}
	fmt.Printf("\n## %s of 100 small messages over 40 ms of round trip, TLS, %d runs in turn\n\n| contender | wall s | turns of the line |\n|---|---|---|\n", what, b.runs)
	for i, c := range all {
		fmt.Printf("| %s | %s | %s |\n", c.name, spread(each(samples[i], func(s sample) float64 { return s.wall })), spread(turns[c.name]))
	}
	return nil
}

// big pulls one message of 140 MB.
func big(ctx context.Context, b *bench) error {
	d, err := b.serve(ctx, 1, func(int) []byte { return mailgen.Message(1, 0, 140<<20) })
	if err != nil {
		return err
	}
	defer d.Close()
	samples, err := b.turns(ctx, b.contenders()[1:2], d.IMAPSAddr, func(contender) {})
	if err != nil {
		return err
	}
	fmt.Printf("\n## One message of 140 MiB, %d runs\n\n| contender | wall s | peak MiB |\n|---|---|---|\n| examples/sync | %s | %s |\n", b.runs,
		spread(each(samples[0], func(s sample) float64 { return s.wall })), spread(each(samples[0], func(s sample) float64 { return s.peak })))
	return nil
}
