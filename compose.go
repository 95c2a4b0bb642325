package serversync

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/track"
)

// A composer makes an outbox entry of what a host wants sent.
type composer struct {
	s     *Syncer
	key   mailbox.Key
	o     Outgoing
	now   time.Time
	box   mailbox.Mailbox
	rules *track.Rules
	token mailbox.Token
	rate  automaticCount // what is counted if it is composed
}

// read reads what the host says of the mailbox and its organization.
func (c *composer) read(ctx context.Context) error {
	cfg := &c.s.cfg
	_, err := through(ctx, &c.s.seam, c.key, "Mailboxes.Mailbox", only(func(ctx context.Context) (err error) {
		c.box, _, err = cfg.Mailboxes.Mailbox(ctx, c.key)
		return err
	}))
	if err != nil {
		return err
	}
	var settings mailbox.Settings
	if cfg.Organizations != nil {
		settings, err = through(ctx, &c.s.seam, c.key, "Organizations.Settings", func(ctx context.Context) (mailbox.Settings, error) {
			return cfg.Organizations.Settings(ctx, c.key.Organization)
		})
		if err != nil {
			return err
		}
	}
	if cfg.Organizations == nil && cfg.Tracking != nil {
		settings.Tracking = cfg.Tracking.Settings
	}
	tracking := settings.Tracking.WithDefaults()
	c.token = tracking.Token
	c.rules, err = c.s.trackingRules(c.key.Organization, tracking)
	return err
}

func (c *composer) signer() *track.Signer { return c.s.signer() }

// entry makes the entry.
func (c *composer) entry(ctx context.Context) (Entry, error) {
	d := item.Draft{
		From: c.o.From, Sender: c.o.Sender, ReplyTo: c.o.ReplyTo, To: c.o.To, Cc: c.o.Cc, Bcc: c.o.Bcc,
		Subject: c.o.Subject, Text: c.o.Text, HTML: c.o.HTML, Attachments: c.o.Attachments,
		Date: later(c.now, c.o.NotBefore),
	}
	for _, step := range []func(context.Context, *item.Draft) error{
		c.checkFields, c.from, c.mayAnswer, c.identify, c.replyTo, c.mark, c.thread, c.ask, c.automatic,
	} {
		if err := step(ctx, &d); err != nil {
			return Entry{}, err
		}
	}
	d.Fields = append(d.Fields, c.o.Fields...)
	raw, err := d.Compose()
	if err != nil {
		return Entry{}, err
	}
	e := Entry{
		ID: c.o.ID, Mailbox: c.key, Phase: PhasePending, MessageID: d.MessageID, Raw: raw, Report: c.o.DeliveryReceipt,
		From:      c.box.Address, // see docs/sending.md: bounces come back to who sends
		NotBefore: d.Date, Queued: d.Date,
	}
	envelope, err := d.Envelope()
	if err != nil {
		return Entry{}, err
	}
	for _, address := range envelope.To {
		e.Recipients = append(e.Recipients, provider.Recipient{Address: address})
	}
	if e.Index, err = c.index(raw); err != nil {
		return Entry{}, err
	}
	return e, c.s.automatics.admit(c.rate, c.now)
}

// index returns what answers are matched by, nil where nothing is tracked by rules.
func (c *composer) index(raw *item.Blob) (*track.Email, error) {
	if c.s.cfg.Tracking == nil {
		return nil, nil
	}
	m, err := item.ParseMessage(raw, c.s.cfg.Limits)
	if err != nil {
		return nil, err
	}
	m.Bcc = c.o.Bcc // which the message does not tell
	e := c.rules.Index(m, track.Outgoing)
	e.Ref, e.Regarding, e.Owner = c.o.Email, c.o.Regarding, c.o.Owner
	return &e, nil
}

// identify gives the message its Message-ID.
func (c *composer) identify(_ context.Context, d *item.Draft) (err error) {
	_, domain, _ := strings.Cut(c.box.Address, "@")
	random := c.s.newID()
	if signer := c.signer(); signer != nil && c.o.Email != (track.Ref{}) {
		d.MessageID, err = signer.MessageID(c.key.Organization, c.o.Email, random, domain)
	} else {
		d.MessageID, err = item.NewMessageID(random, domain)
	}
	if err == nil && c.s.cfg.Tracking != nil { // else nobody looks for it
		d.Fields = append(d.Fields, item.Field{Name: item.SentAsField, Value: "<" + d.MessageID + ">"})
	}
	return err
}

// replyTo has answers go to an address that refers to the email, if that is asked for.
func (c *composer) replyTo(_ context.Context, d *item.Draft) error {
	signer := c.signer()
	switch {
	case !c.o.PlusAddress:
		return nil
	case signer == nil || c.o.Email == (track.Ref{}):
		return errors.New("serversync: Outgoing.PlusAddress needs Config.Tracking.Signer and Outgoing.Email")
	case len(d.ReplyTo) > 0:
		return errors.New("serversync: Outgoing has both PlusAddress and ReplyTo")
	}
	address, err := signer.Address(c.key.Organization, c.o.Email, c.box.Address)
	d.ReplyTo = []item.Address{{Name: d.From.Name, Addr: address}}
	return err
}

// mark puts the tracking token into the subject: the one that the conversation has, or
// a new one.
func (c *composer) mark(ctx context.Context, d *item.Draft) error {
	numbers, able := StoreAs[Numbers](c.s.cfg.Store)
	if c.s.cfg.Tracking == nil || c.token.Off || !able {
		return nil
	}
	if strings.ContainsAny(d.Subject, "\r\n\x00") {
		return nil // it is refused, not mended (contract O5)
	}
	token := c.tokenIn(d.Subject)
	if token == "" && c.o.Answers != nil {
		token = c.tokenIn(c.o.Answers.Subject)
	}
	if token == "" {
		n, err := through(ctx, &c.s.seam, c.key, "Numbers.NextNumber", func(ctx context.Context) (int64, error) {
			return numbers.NextNumber(ctx, c.key)
		})
		if err != nil {
			return fmt.Errorf("serversync: numbering a tracking token: %w", err)
		}
		token = c.rules.Token(c.box.TrackingNumber, n)
	}
	d.Subject = c.rules.Subject(d.Subject, token)
	return nil
}

func (c *composer) tokenIn(subject string) string {
	return c.rules.Index(&item.Message{Subject: subject}, track.Outgoing).Token
}

// thread puts the message into the conversation that it goes on with, or begins one.
func (c *composer) thread(_ context.Context, d *item.Draft) error {
	index, topic, goesOn := "", "", false
	if m := c.o.Answers; m != nil {
		d.InReplyTo, d.References = m.AnswerIDs()
		index, goesOn = item.AnswerThreadIndex(fieldOf(m, fieldThreadIndex), d.Date, byte(c.s.cfg.Random()))
		// The field as it came may be in encoded words, which are not to be encoded again.
		if topic = (item.Field{Value: fieldOf(m, fieldThreadTopic)}).Text(); topic == "" {
			topic = withoutPrefix(m.Subject)
		}
	}
	if !goesOn {
		var conversation [16]byte
		binary.BigEndian.PutUint64(conversation[:8], c.s.cfg.Random())
		binary.BigEndian.PutUint64(conversation[8:], c.s.cfg.Random())
		index = item.NewThreadIndex(d.Date, conversation)
	}
	if topic == "" {
		topic = withoutPrefix(d.Subject)
	}
	d.Fields = append(d.Fields, item.Field{Name: fieldThreadIndex, Value: index})
	if topic = cutText(topic); topic != "" {
		d.Fields = append(d.Fields, item.Field{Name: fieldThreadTopic, Value: topic})
	}
	return nil
}

// ask asks for a receipt and says how much the message matters.
func (c *composer) ask(_ context.Context, d *item.Draft) error {
	add := func(name, value string) { d.Fields = append(d.Fields, item.Field{Name: name, Value: value}) }
	if c.o.ReadReceipt {
		// The envelope's sender: programs ask their user about any other (RFC 8098, section 2.1).
		add(fieldReadReceipt, c.box.Address)
	}
	switch c.o.Importance {
	case Normal:
	case High:
		add(fieldImportance, "high")
		add(fieldPriority, "1")
	case Low:
		add(fieldImportance, "low")
		add(fieldPriority, "5")
	default:
		return fmt.Errorf("serversync: Outgoing.Importance is %q, want \"\", \"high\" or \"low\"", c.o.Importance)
	}
	return nil
}

// The fields that there is a field of Outgoing for.
const (
	fieldThreadIndex = "Thread-Index"
	fieldThreadTopic = "Thread-Topic"
	fieldReadReceipt = "Disposition-Notification-To"
	fieldImportance  = "Importance"
	fieldPriority    = "X-Priority"
	fieldAutomatic   = "Auto-Submitted"
	fieldSuppress    = "X-Auto-Response-Suppress"
)

// checkFields refuses fields that would contradict what is said elsewhere.
func (c *composer) checkFields(context.Context, *item.Draft) error {
	for _, f := range c.o.Fields {
		for _, own := range []string{fieldThreadIndex, fieldThreadTopic, fieldReadReceipt, fieldImportance, fieldPriority, fieldAutomatic, fieldSuppress, track.LoopField, item.SentAsField} {
			if strings.EqualFold(f.Name, own) {
				return fmt.Errorf("serversync: Outgoing.Fields has %s, which is not for it to set", own)
			}
		}
	}
	return nil
}

// fieldOf returns a field of a message's header, "" if it has none.
func fieldOf(m *item.Message, name string) string {
	for _, f := range m.Fields {
		if strings.EqualFold(f.Name, name) {
			return strings.TrimSpace(f.Value)
		}
	}
	return ""
}

// withoutPrefix returns a subject without its first prefix, of at most three
// characters, such as "RE:" (Microsoft: MS-OXCMSG, section 3.2.4.4.1, normalizing the
// subject).
func withoutPrefix(subject string) string {
	prefix, rest, found := strings.Cut(subject, ":")
	if n := len([]rune(prefix)); found && 0 < n && n <= 3 && strings.HasPrefix(rest, " ") {
		return strings.TrimSpace(rest)
	}
	return strings.TrimSpace(subject)
}

// cutText returns a text without what would end its field, and not too long.
func cutText(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)
	if runes := []rune(text); len(runes) > 255 {
		text = string(runes[:255])
	}
	return strings.TrimSpace(text)
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
