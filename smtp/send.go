package smtp

import (
	"context"
	"errors"
	"fmt"

	gosmtp "github.com/emersion/go-smtp"
	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/provider"
)

// Send submits a message in one transaction (RFC 5321, section 3.3).
//
// Bytes above 127 need 8BITMIME (RFC 6152), addresses beyond ASCII SMTPUTF8 (RFC
// 6531), and the message must fit what SIZE says (RFC 1870); otherwise those it
// concerns are Rejected and nothing is sent for them. Since the bytes of a message
// are fixed, it is not encoded anew: compose it in 7 bits. Reports are asked for
// with NOTIFY, RET and ENVID (RFC 3461) where the server offers DSN. Bare CR and LF
// are repaired on the way, the same each time.
//
// Whatever fails before the terminator is written is definite: Retry or Rejected. A
// refusal after it is as well. Any other answer to it, or none, leaves those who
// were accepted Uncertain.
func (s *session) Send(ctx context.Context, sub provider.Submission) (provider.Result, error) {
	t := newTransaction(s, sub)
	err := s.usable(ctx)
	if err == nil {
		err = t.check()
	}
	if err == nil {
		end := s.conn.During(ctx)
		err = end(t.run(ctx))
	}
	if err == nil {
		err = t.refused
	}
	t.settle(provider.StatusRetry, 0, "not sent")
	s.log.DebugContext(ctx, "smtp: send", "recipients", len(sub.Recipients), "code", t.last.code, "kind", string(provider.KindOf(err)))
	return t.result, err
}

// A transaction is one message on its way.
type transaction struct {
	*session
	sub      provider.Submission
	result   provider.Result // a recipient without a status is still in the running
	refused  error           // why the first recipient who was refused was
	last     reply           // the last one in this transaction
	accepted bool            // a recipient was
	size     int64
	utf8     bool
}

func newTransaction(s *session, sub provider.Submission) *transaction {
	t := &transaction{session: s, sub: sub}
	t.result.Recipients = make([]provider.Recipient, len(sub.Recipients))
	for i, address := range sub.Recipients {
		t.result.Recipients[i].Address = address
	}
	return t
}

// settle says what became of those who are still in the running.
func (t *transaction) settle(status provider.Status, code int, text string) {
	for i := range t.result.Recipients {
		if r := &t.result.Recipients[i]; r.Status == "" {
			r.Status, r.Code, r.Text = status, code, wire.Quote(text)
		}
	}
}

// refuse says what became of one recipient, and why.
func (t *transaction) refuse(i int, status provider.Status, code int, err *provider.Error) {
	r := &t.result.Recipients[i]
	r.Status, r.Code, r.Text = status, code, wire.Quote(err.Err.Error())
	if t.refused == nil {
		t.refused = err
	}
}

// running reports whether anybody is left to send to.
func (t *transaction) running() bool {
	for _, r := range t.result.Recipients {
		if r.Status == "" {
			return true
		}
	}
	return false
}

// reject settles everybody for good, for a reason of ours.
func (t *transaction) reject(kind provider.Kind, remedy, words string) error {
	t.settle(provider.StatusRejected, 0, words)
	return fail("message", kind, remedy, errors.New(words))
}

// check finds what needs no server to be refused.
func (t *transaction) check() error {
	sub := t.sub
	switch {
	case len(sub.Recipients) == 0:
		return fail("message", provider.ErrBadItem, "name a recipient", errors.New("nobody is to get it"))
	case sub.Raw == nil || sub.Raw.Size() == 0:
		return t.reject(provider.ErrBadItem, "compose it before it is sent", "the message is empty")
	case sub.Raw.Size() > t.limits.Message:
		return t.reject(provider.ErrTooLarge, "raise Limits.Message if such messages are wanted", "the message is larger than our own limit")
	case sub.From != "" && !validAddress(sub.From):
		return t.reject(provider.ErrBadItem, "correct the sender's address", "the sender's address is none that mail can be sent from")
	case !validEnvelopeID(sub.EnvelopeID):
		return t.reject(provider.ErrBadItem, "use up to 100 printable ASCII characters", "the envelope id has characters that it must not have, or too many")
	}
	size, eightBit, err := measure(sub.Raw)
	if err != nil {
		return unreadableError(err)
	}
	t.size = size
	if most, ok := t.client.MaxMessageSize(); ok && most > 0 && size > int64(most) {
		return t.reject(provider.ErrTooLarge, "send a smaller one", fmt.Sprintf("the message has %d bytes and the server takes %d", size, most))
	}
	if eightBit && !t.offers("8BITMIME") {
		return t.reject(provider.ErrBadItem, "compose the message in quoted-printable or base64", "the message has bytes above 127 and the server takes none")
	}
	return t.checkAddresses()
}

// checkAddresses refuses recipients who cannot be named to this server.
func (t *transaction) checkAddresses() error {
	able := t.offers("SMTPUTF8")
	if !ascii(t.sub.From) {
		if !able {
			return t.reject(provider.ErrBadItem, "send from an address in ASCII", "the sender's address is not ASCII and the server takes no other")
		}
		t.utf8 = true
	}
	for i, address := range t.sub.Recipients {
		switch {
		case !validAddress(address):
			t.refuse(i, provider.StatusRejected, 0, fail("RCPT", provider.ErrBadItem, "correct the address", errors.New("it is no address that mail can be sent to")))
		case ascii(address):
		case able:
			t.utf8 = true
		default:
			t.refuse(i, provider.StatusRejected, 0, fail("RCPT", provider.ErrBadItem, "use the recipient's address in ASCII", errors.New("the address is not ASCII and the server takes no other")))
		}
	}
	if !t.running() {
		return t.refused
	}
	return nil
}

func (t *transaction) offers(extension string) bool {
	ok, _ := t.client.Extension(extension)
	return ok
}

// unreadableError is about the message's own spool file.
func unreadableError(err error) error {
	return fail("message", provider.ErrUnavailable, "check the directory for temporary files", err)
}

// run sends the message.
func (t *transaction) run(ctx context.Context) error {
	t.link.last = reply{}
	err := t.envelope()
	if err == nil && t.running() {
		err = t.data(ctx)
	}
	if t.last = t.link.last; t.last.code != 0 {
		t.result.Reply = t.words(t.last)
	}
	return err
}

// envelope names sender and recipients to the server. Afterwards those who are in
// the running are accepted.
func (t *transaction) envelope() error {
	options := &gosmtp.MailOptions{Size: t.size, UTF8: t.utf8, EnvelopeID: t.sub.EnvelopeID}
	if t.sub.Report {
		options.Return = gosmtp.DSNReturnHeaders
	}
	if err := t.client.Mail(t.sub.From, options); err != nil {
		return t.lost(mailPhase, "MAIL", err)
	}
	var each *gosmtp.RcptOptions
	if t.sub.Report {
		each = &gosmtp.RcptOptions{Notify: []gosmtp.DSNNotify{gosmtp.DSNNotifySuccess, gosmtp.DSNNotifyFailure, gosmtp.DSNNotifyDelayed}}
	}
	for i, address := range t.sub.Recipients {
		if t.result.Recipients[i].Status != "" {
			continue
		}
		err := t.client.Rcpt(address, each)
		var no *gosmtp.SMTPError
		switch {
		case err == nil:
			t.accepted = true
		case errors.As(err, &no) && no.Code != 421 && (no.Code/100 == 4 || no.Code/100 == 5):
			r := replyOf(no)
			v := judge(recipientPhase, r, t.accepted)
			t.refuse(i, v.status, r.code, t.answered("RCPT", v, r))
		default:
			return t.lost(recipientPhase, "RCPT", err)
		}
	}
	if !t.running() {
		t.reset()
	}
	return nil
}

// reset ends a transaction that leads nowhere. go-smtp's own would make it greet
// the server again.
func (t *transaction) reset() {
	last := t.link.last
	if r, err := t.link.command("RSET"); err != nil || r.code != 250 {
		t.hangUp()
	}
	t.link.last = last
}

// lost settles everybody after an error before the terminator, which is definite.
func (t *transaction) lost(p phase, op string, err error) error {
	var no *gosmtp.SMTPError
	var early *unasked
	switch {
	case errors.As(err, &no):
		return t.no(p, op, replyOf(no))
	case errors.As(err, &early):
		t.hangUp()
		return t.no(p, op, early.reply)
	}
	err = t.broke(op, err)
	t.settle(provider.StatusRetry, 0, "not sent: "+words(err))
	return err
}

// no settles everybody by the server's reply.
func (t *transaction) no(p phase, op string, r reply) error {
	v := judge(p, r, t.accepted)
	t.settle(v.status, r.code, t.words(r))
	if r.code == 421 || v.kind == provider.ErrProtocol {
		t.hangUp()
	}
	return t.answered(op, v, r)
}

// words returns why err came about, in our words.
func words(err error) string {
	var e *provider.Error
	if errors.As(err, &e) && e.Err != nil {
		return e.Err.Error()
	}
	return err.Error()
}
