package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/imap"
	"github.com/go-serversync/serversync/internal/link"
	"github.com/go-serversync/serversync/internal/mailgen"
	"github.com/go-serversync/serversync/internal/testserver"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
	"github.com/go-serversync/serversync/store/memory"
)

const crowd = 100_000

// poll measures a mailbox of 100,000 messages on an open session, without TLS, so
// that the bytes are those inside it.
func poll(ctx context.Context, b *bench) error {
	fmt.Printf("\n## A cycle over a mailbox of 100,000 messages, on an open session\n\n| server | cycle | turns of the line | bytes up | bytes down |\n|---|---|---|---|---|\n")
	for _, server := range []struct {
		name string
		lack []string
		full time.Duration
	}{
		{"QRESYNC", nil, 0},
		{"CONDSTORE alone", []string{"QRESYNC"}, 0},
		{"neither", []string{"QRESYNC", "CONDSTORE"}, 0},
		{"neither, listed in full", []string{"QRESYNC", "CONDSTORE"}, time.Nanosecond},
	} {
		if err := pollOne(ctx, server.name, server.lack, server.full); err != nil {
			return fmt.Errorf("%s: %w", server.name, err)
		}
	}
	return nil
}

func pollOne(ctx context.Context, name string, lack []string, full time.Duration) error {
	d, err := testserver.StartDovecot(ctx, testserver.DovecotOptions{Users: map[string]string{"anna": password}, DisableCapabilities: lack})
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Fill(ctx, "anna", "INBOX", crowd, func(i int) []byte { return mailgen.Tiny(1, i) }); err != nil {
		return err
	}
	line, err := link.Start(d.IMAPAddr, link.Options{})
	if err != nil {
		return err
	}
	defer line.Close()
	s, key, err := syncer(line.Addr(), full)
	if err != nil {
		return err
	}
	defer s.Close()
	var before link.Stats
	cycle := func(what string) error {
		report, err := s.SyncMailbox(ctx, key)
		now := line.Stats()
		if err == nil && what != "" {
			fmt.Printf("| %s | %s, %d tracked | %d | %d | %d |\n", name, what, report.Tracked, now.Turns-before.Turns, now.Up-before.Up, now.Down-before.Down)
		}
		before = now
		return err
	}
	for range 2 { // the first lists, the second settles
		if err := cycle(""); err != nil {
			return err
		}
	}
	if err := cycle("nothing new"); err != nil {
		return err
	}
	if full > 0 {
		return nil
	}
	for i := range 10 {
		if err := d.Append(ctx, "anna", "INBOX", mailgen.Tiny(2, i), time.Now()); err != nil {
			return err
		}
	}
	return cycle("ten new")
}

// syncer returns a Syncer that brings in only what comes from now on.
func syncer(address string, full time.Duration) (*serversync.Syncer, mailbox.Key, error) {
	key := mailbox.Key{Organization: "bench", Mailbox: "anna"}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, key, err
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return nil, key, err
	}
	s, err := serversync.New(serversync.Config{
		Store:   memory.New(),
		Drivers: map[profile.Protocol]provider.Driver{profile.IMAP: &imap.Driver{}},
		Policy:  profile.Policy{Deployment: profile.SelfHosted, AllowPlaintext: true, AllowBasicWithoutTLS: true, AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}},
		Mailboxes: serversync.Static(profile.Profile{
			Kind:         profile.IMAPSMTP,
			Incoming:     profile.Endpoint{Host: host, Port: number, TLS: profile.Plaintext},
			Outgoing:     profile.Endpoint{Host: host, Port: 1, TLS: profile.Plaintext},
			ProcessAfter: time.Now(),
		}, mailbox.Mailbox{Key: key, Address: testserver.Address("anna"), Password: secret.New(password), Methods: mailbox.Methods{Outgoing: mailbox.None}}),
		FullInterval: full,
	})
	return s, key, err
}
