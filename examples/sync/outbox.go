package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/track"
)

// enqueue puts the message in a file into the outbox. The entry's ID comes from the
// file's bytes, so that one file is one entry.
func (j *job) enqueue(ctx context.Context, file string) (id string, err error) {
	source, err := os.Open(file)
	if err != nil {
		return "", err
	}
	original, err := spool(source)
	if err = errors.Join(err, source.Close()); err != nil {
		return "", err
	}
	defer original.Release()
	sum := original.Sum()
	id = hex.EncodeToString(sum[:16])

	before, err := j.store.Entry(ctx, j.key(), id)
	if err == nil {
		j.say("%s was put into the outbox at %s already: it is not sent twice", file, at(before.Queued))
		return id, before.Raw.Release()
	}
	if !errors.Is(err, serversync.ErrNotFound) {
		return "", err
	}
	e := serversync.Entry{ID: id, Mailbox: j.key(), Queued: time.Now()}
	if err := fill(&e, original); err != nil {
		return "", fmt.Errorf("%s: %w", file, err)
	}
	defer e.Raw.Release()
	return id, j.store.Enqueue(ctx, e)
}

// fill gives e the envelope and the bytes of a message that was made elsewhere.
func fill(e *serversync.Entry, original *item.Blob) error {
	m, err := item.ParseMessage(original, item.Limits{})
	if err != nil {
		return err
	}
	envelope, err := m.Envelope()
	if err != nil {
		return err
	}
	for _, w := range []item.Warning{item.WarnMboxLine, item.WarnByteOrder, item.WarnNoBlankLine} {
		if slices.Contains(m.Warnings, w) {
			return fmt.Errorf("its header is broken: %s", w)
		}
	}
	missing := ""
	if !has(m, "Message-ID") {
		domain := envelope.From[strings.LastIndexByte(envelope.From, '@')+1:]
		if envelope.MessageID, err = item.NewMessageID(e.ID, domain); err != nil {
			return err
		}
		missing += "Message-ID: <" + envelope.MessageID + ">\r\n"
	} else if slices.Contains(m.Warnings, item.WarnMessageID) {
		return errors.New("its Message-ID cannot be read: mend that line, or take it out to have one made")
	}
	if !has(m, "Date") {
		missing += "Date: " + e.Queued.Format(time.RFC1123Z) + "\r\n"
	}
	e.From, e.MessageID = envelope.From, envelope.MessageID
	for _, to := range envelope.To {
		e.Recipients = append(e.Recipients, provider.Recipient{Address: to})
	}
	e.Raw, err = spool(io.MultiReader(strings.NewReader(missing), item.WithoutBcc(original.Open())))
	if err != nil {
		return err
	}
	e.Index, err = index(e, m)
	return err
}

// index returns what answers to a message are matched by.
func index(e *serversync.Entry, m *item.Message) (*track.Email, error) {
	rules, err := track.NewRules(e.Mailbox.Organization, mailbox.Tracking{}, nil)
	if err != nil {
		return nil, err
	}
	sent := *m
	sent.MessageID = e.MessageID
	found := rules.Index(&sent, track.Outgoing)
	return &found, nil
}

func has(m *item.Message, field string) bool {
	return slices.ContainsFunc(m.Fields, func(f item.Field) bool { return strings.EqualFold(f.Name, field) })
}

// spool copies r into a file that ends with the Blob, so that a large message needs
// no memory.
func spool(r io.Reader) (*item.Blob, error) {
	f, err := os.CreateTemp("", "sync-*.eml")
	if err != nil {
		return nil, err
	}
	remove := func() error { return errors.Join(f.Close(), os.Remove(f.Name())) }
	h := sha256.New()
	size, err := io.Copy(io.MultiWriter(f, h), r)
	if err != nil {
		return nil, errors.Join(err, remove())
	}
	return item.OpenBlob(f, size, [sha256.Size]byte(h.Sum(nil)), remove), nil
}

// resolve settles an entry that is held, as NAME=word says.
func (j *job) resolve(ctx context.Context, said string) error {
	id, word, _ := strings.Cut(said, "=")
	resolution := serversync.Resolution(word)
	if !slices.Contains([]serversync.Resolution{serversync.WasSent, serversync.SendAgain, serversync.LeaveUnsent}, resolution) {
		return fmt.Errorf("-resolve %s: want NAME=sent, NAME=again or NAME=unsent", said)
	}
	return j.syncer.Resolve(ctx, j.key(), id, resolution)
}

// told are the phases in which a person wants to know of an entry, and in what words.
var told = []struct {
	phase serversync.Phase
	words func(serversync.Entry) string
}{
	{serversync.PhasePending, func(e serversync.Entry) string {
		if e.Attempts == 0 {
			return "waits to be sent"
		}
		return fmt.Sprintf("was not sent yet: %s. It is tried again from %s on", e.Reason, at(e.NotBefore))
	}},
	{serversync.PhaseClaimed, func(e serversync.Entry) string {
		return fmt.Sprintf("was about to be sent when that was interrupted, unless another run is at it. It is tried again from %s on", at(e.ClaimedUntil))
	}},
	{serversync.PhaseSubmitting, func(e serversync.Entry) string {
		return fmt.Sprintf("was being sent when that was interrupted, unless another run is at it. It is looked for among the sent mail from %s on", at(e.ClaimedUntil))
	}},
	{serversync.PhaseUncertain, func(e serversync.Entry) string {
		return fmt.Sprintf("may have been sent: %s. It is looked for among the sent mail from %s on", e.Reason, at(e.NotBefore))
	}},
	{serversync.PhaseHeld, func(e serversync.Entry) string {
		return fmt.Sprintf("may have been sent, and nobody can tell: %s. Ask a recipient, then run this with -resolve %s=sent, =again or =unsent", e.Reason, e.ID)
	}},
	{serversync.PhaseAccepted, func(e serversync.Entry) string {
		return fmt.Sprintf("was sent; its copy is to be filed: %s", e.Reason)
	}},
}

// tellOutbox tells of the entries that are not done, and returns how many there are.
func (j *job) tellOutbox(ctx context.Context) (n int, err error) {
	for _, t := range told {
		entries, err := j.store.Entries(ctx, j.key(), t.phase, "", 100)
		if err != nil {
			return n, err
		}
		for _, e := range entries {
			e.Raw.Release()
			n++
			j.say("outbox entry %s, Message-ID <%s>, to %s: %s", e.ID, e.MessageID, recipients(e), t.words(e))
		}
	}
	return n, nil
}

// tellSent tells what became of the messages that -send named, each until it is done.
func (j *job) tellSent(ctx context.Context) error {
	var left []string
	for _, id := range j.sent {
		e, err := j.store.Entry(ctx, j.key(), id)
		if err != nil {
			return err
		}
		e.Raw.Release()
		for _, r := range e.Recipients {
			if r.Status != "" {
				j.say("to %s: %s %s", r.Address, r.Status, r.Text)
			}
		}
		if e.Phase != serversync.PhaseDone {
			left = append(left, id)
		}
	}
	j.sent = left
	return nil
}

func recipients(e serversync.Entry) string {
	var list []string
	for _, r := range e.Recipients {
		list = append(list, r.Address)
	}
	return strings.Join(list, ", ")
}

func at(t time.Time) string { return t.Local().Format("15:04:05") }
