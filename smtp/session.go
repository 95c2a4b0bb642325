package smtp

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/textproto"
	"strings"
	"time"

	gosmtp "github.com/emersion/go-smtp"
	"github.com/go-serversync/serversync/internal/signin"
	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// A session is a connection that mail can be sent over.
type session struct {
	conn    *wire.Conn
	link    *link
	client  *gosmtp.Client
	limits  provider.Limits
	account provider.Account
	login   *signin.SignIn
	name    string // ours
	log     *slog.Logger
	dead    bool // out of step with the server, or closed
	closed  bool
}

var (
	_ provider.Provider = (*session)(nil)
	_ provider.Sender   = (*session)(nil)
)

// Check asks whether the server is still there (NOOP).
func (s *session) Check(ctx context.Context) error {
	if err := s.usable(ctx); err != nil {
		return err
	}
	end := s.conn.During(ctx)
	return end(func() error {
		r, err := s.link.command("NOOP")
		switch {
		case err != nil:
			return s.broke("NOOP", err)
		case r.code != 250:
			return s.refusal(checkPhase, "NOOP", r)
		}
		return nil
	}())
}

// Traits says whether the server files a copy of what is sent by itself.
func (s *session) Traits() provider.Traits {
	signedIn := s.account.Endpoint.Credentials != profile.Anonymous
	return provider.Traits{FilesSent: signedIn && filesSent[strings.ToLower(s.account.Endpoint.Host)] != ""}
}

// filesSent are hosts that put what is sent through them into the sender's folder
// of sent mail, with where that is said. A second copy would be one too many.
var filesSent = map[string]string{
	"smtp.gmail.com":          "Gmail files what a signed-in user sends over SMTP under Sent Mail",
	"smtp.googlemail.com":     "another name of smtp.gmail.com",
	"smtp.office365.com":      "Exchange Online saves SMTP client submissions in Sent Items",
	"outlook.office365.com":   "another name of smtp.office365.com",
	"smtp-mail.outlook.com":   "Outlook.com runs on Exchange Online",
	"smtp.office365.us":       "Exchange Online for the US government",
	"smtp.partner.outlook.cn": "Exchange Online operated by 21Vianet",
}

// Close says goodbye and closes the connection. It gives a server that does not
// answer a second for each.
func (s *session) Close() error {
	if s.closed {
		return nil
	}
	s.closed = true
	if !s.dead {
		s.dead = true
		end := s.conn.During(context.Background())
		s.link.limits.Command = time.Second
		_, err := s.link.command("QUIT")
		end(err)
	}
	s.conn.Close()
	return nil
}

// usable returns an error if the session cannot be used for an operation.
func (s *session) usable(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if s.dead {
		return fail("connection", provider.ErrUnavailable, "", errors.New("it was lost or closed before; open another"))
	}
	return nil
}

// hangUp ends a session that is out of step with its server.
func (s *session) hangUp() {
	s.dead = true
	s.conn.Close()
}

// failed says what an error of go-smtp's means: a reply that was not the wanted
// one, or what broke.
func (s *session) failed(p phase, op string, err error) error {
	var refused *gosmtp.SMTPError
	if errors.As(err, &refused) {
		return s.refusal(p, op, replyOf(refused))
	}
	return s.broke(op, err)
}

// refusal says what r means, and hangs up if there is nothing more to be said.
func (s *session) refusal(p phase, op string, r reply) error {
	v := judge(p, r, false)
	if r.code == 421 || v.kind == provider.ErrProtocol {
		s.hangUp()
	}
	return s.answered(op, v, r)
}

// answered is the error of a reply.
func (s *session) answered(op string, v verdict, r reply) *provider.Error {
	e := fail(op, v.kind, v.remedy, errors.New(s.words(r)))
	e.Code = r.status()
	return e
}

// broke says what an error means after which the session is of no more use.
func (s *session) broke(op string, err error) error {
	s.hangUp()
	var (
		early    *unasked
		protocol textproto.ProtocolError
		base     base64.CorruptInputError
	)
	switch {
	case errors.As(err, &early):
		return s.refusal(checkPhase, op, early.reply)
	case errors.Is(err, errGarbled), errors.Is(err, wire.ErrEarly),
		errors.As(err, &protocol), errors.As(err, &base):
		return fail(op, provider.ErrProtocol, "", errors.New(s.quote(err.Error())))
	}
	return wire.Error("smtp: "+op, err)
}

// words returns a reply for people.
func (s *session) words(r reply) string { return s.quote(fmt.Sprintf("%03d %s", r.code, r.text())) }

// quote returns a server's text for people, unless it repeats our sign-in.
func (s *session) quote(text string) string {
	if s.login.Repeats(text) {
		return "(the server's words repeat the sign-in and are left out)"
	}
	return wire.Quote(text)
}
