package notice_test

import (
	"context"
	"fmt"
	"net"
	"net/smtp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/internal/testserver"
	"github.com/go-serversync/serversync/internal/testserver/servertest"
	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/notice"
)

// A bouncer is a mail server that gets mail from anna@example.test, and tells her.
type bouncer struct {
	addr string
	told func(ctx context.Context, n int) ([][]byte, error) // waits until she was told n times
}

// A letter is what she sends.
type letter struct {
	to        string
	orcpt     string // as xtext; default: to
	notify    string
	recipient string // that the notice should name; default: to
}

// bounce sends a letter and returns the first notice about it, which has to say whose
// it is.
func (b bouncer) bounce(t *testing.T, l letter) notice.Notice {
	t.Helper()
	if l.orcpt == "" {
		l.orcpt = l.to
	}
	if l.recipient == "" {
		l.recipient = l.to
	}
	conn, err := net.DialTimeout("tcp", b.addr, time.Minute)
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	c, err := smtp.NewClient(conn, "localhost")
	require.NoError(t, err)
	require.NoError(t, c.Hello("desk.example.test"))
	if ok, _ := c.Extension("DSN"); !ok {
		t.Fatal("the server offers no DSN")
	}
	id := strings.ReplaceAll(l.to, "@", ".") + ".1"
	for _, line := range []string{
		"MAIL FROM:<anna@example.test> RET=HDRS ENVID=" + id + "+2B7",
		fmt.Sprintf("RCPT TO:<%s> NOTIFY=%s ORCPT=rfc822;%s", l.to, l.notify, l.orcpt),
	} {
		turn, err := c.Text.Cmd("%s", line)
		require.NoError(t, err)
		c.Text.StartResponse(turn)
		_, _, err = c.Text.ReadResponse(250)
		c.Text.EndResponse(turn)
		require.NoError(t, err, line)
	}
	w, err := c.Data()
	require.NoError(t, err)
	_, err = fmt.Fprintf(w, "From: Anna <anna@example.test>\r\nTo: <%s>\r\nMessage-ID: <%s@crm.example>\r\nSubject: hello\r\n\r\nhello\r\n", l.to, id)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	require.NoError(t, c.Quit())

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	all, err := b.told(ctx, 1)
	require.NoError(t, err)
	m, err := item.ParseMessage(item.NewBlob(all[0]), item.Limits{})
	require.NoError(t, err)
	if h := notice.Header(m); h.Kind != notice.Delivery || !h.NoAnswer || !h.NeedsBody {
		t.Errorf("the header says %+v", h)
	}
	n := notice.Message(m)
	sound(t, n)
	assert.Equal(t, notice.Delivery, n.Kind)
	assert.Equal(t, notice.RFC3464, n.Format)
	assert.Equal(t, id+"@crm.example", n.MessageID)
	assert.Equal(t, id+"+7", n.EnvelopeID)
	require.Len(t, n.Reports, 1, "%s", all[0])
	assert.Equal(t, l.recipient, n.Reports[0].Recipient)
	return n
}

// closed is an address where nobody listens, and no test that runs at the same time
// will.
const closed = "127.0.0.1:1"

// postfix starts a Postfix that takes mail from us for anywhere and anybody. Mail for
// other domains goes to next.
func postfix(t *testing.T, next string) bouncer {
	t.Helper()
	d := servertest.Dovecot(t, testserver.DovecotOptions{Users: map[string]string{"anna": "a"}})
	host, port, err := net.SplitHostPort(next)
	require.NoError(t, err)
	p := servertest.Postfix(t, testserver.PostfixOptions{Dovecot: d, Extra: fmt.Sprintf(`
virtual_mailbox_maps = static:mailbox
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
default_transport = smtp:[%s]:%s
delay_warning_time = 1s
recipient_delimiter =
`, host, port)})
	return bouncer{p.PlainAddr, func(ctx context.Context, n int) ([][]byte, error) {
		for {
			out, err := d.Doveadm(ctx, "fetch", "-u", "anna@example.test", "text", "mailbox", "INBOX", "all")
			if err != nil {
				return nil, err
			}
			var all [][]byte
			for _, one := range strings.Split(out, "text:\n") {
				if one = strings.TrimSuffix(one, "\f\n"); one != "" {
					all = append(all, []byte(one))
				}
			}
			if len(all) >= n {
				return all, nil
			}
			select {
			case <-ctx.Done():
				return nil, fmt.Errorf("%w; Postfix says\n%s", ctx.Err(), p.Log())
			case <-time.After(100 * time.Millisecond):
			}
		}
	}}
}

func exim(t *testing.T, next string) bouncer {
	t.Helper()
	e := servertest.Exim(t, testserver.EximOptions{Users: []string{"anna"}, Next: next, DelayWarning: time.Second})
	return bouncer{e.Addr, e.Received}
}

// refuser starts a server that refuses what is not for its users, as any does.
func refuser(t *testing.T) string {
	t.Helper()
	d := servertest.Dovecot(t, testserver.DovecotOptions{Users: map[string]string{"bob": "b"}})
	return servertest.Postfix(t, testserver.PostfixOptions{Dovecot: d}).PlainAddr
}

// What Postfix and Exim really write is classified right (issue: bounces made live).
func TestLiveBounces(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for servers")
	}
	for name, start := range map[string]func(*testing.T, string) bouncer{"postfix": postfix, "exim": exim} {
		t.Run(name+"/unknown local user", func(t *testing.T) {
			n := start(t, closed).bounce(t, letter{to: "nobody-here@example.test", notify: "FAILURE"})
			r := n.Reports[0]
			assert.Equal(t, notice.Failed, r.Action)
			assert.Regexp(t, `^5\.`, r.Status)
		})
		t.Run(name+"/refused by another server", func(t *testing.T) {
			n := start(t, refuser(t)).bounce(t, letter{to: "carl@elsewhere.example", notify: "FAILURE"})
			r := n.Reports[0]
			assert.Equal(t, notice.Failed, r.Action)
			assert.Regexp(t, `^5\.`, r.Status)
			assert.Contains(t, r.Diagnosis, "Relay access denied")
		})
		t.Run(name+"/delayed", func(t *testing.T) {
			n := start(t, closed).bounce(t, letter{to: "carl@elsewhere.example", notify: "FAILURE,DELAY"})
			r := n.Reports[0]
			assert.Equal(t, notice.Delayed, r.Action)
			assert.Regexp(t, `^4\.`, r.Status)
		})
		t.Run(name+"/original recipient", func(t *testing.T) {
			n := start(t, closed).bounce(t, letter{
				to: "nobody-here@example.test", orcpt: "Carl+2Bcrm@elsewhere.example", notify: "FAILURE", recipient: "carl+crm@elsewhere.example",
			})
			assert.Equal(t, "nobody-here@example.test", n.Reports[0].Final)
		})
	}
	t.Run("postfix/relayed", func(t *testing.T) {
		b := postfix(t, closed)
		all := b.told
		b.told = func(ctx context.Context, _ int) ([][]byte, error) { // the letter comes first
			got, err := all(ctx, 2)
			if err != nil {
				return nil, err
			}
			return got[1:], nil
		}
		n := b.bounce(t, letter{to: "anna@example.test", notify: "SUCCESS"})
		assert.Equal(t, notice.Relayed, n.Reports[0].Action) // to an LMTP server that makes no reports
	})
}
