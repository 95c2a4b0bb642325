package imap

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2/imapclient"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
)

const (
	// idleRenewal is when IDLE is asked for anew: servers end it after 30 minutes
	// (RFC 2177).
	idleRenewal = 27 * time.Minute

	// idleQuiet is the least time between two notices for a mailbox.
	idleQuiet = 5 * time.Second

	// The wait before connecting again grows from the first to the second. A
	// connection that stood for a while begins at the first again.
	idleFirstWait, idleLastWait = 5 * time.Second, 5 * time.Minute

	// idleTries is how often in a row a sign-in may be refused.
	idleTries = 2

	// idleLine is how long a line of IDLE's may be. It keeps the buffers of a
	// thousand connections small.
	idleLine = 4 << 10
)

var errNoIdle = errors.New("the server has no IDLE")

// Notify keeps a connection for each account that idles on the inbox (RFC 2177).
// It calls news at most once in five seconds for a mailbox, also when it connected
// again after a loss, for nobody knows what happened meanwhile.
//
// An account falls silent when its server has no IDLE, or refuses its sign-in or
// its inbox. Notify returns when ctx has ended, or every account is silent; the
// error is then nil if that was for lack of IDLE, else the last refusal.
func (d *Driver) Notify(ctx context.Context, accounts []provider.Account, news func(mailbox.Key)) error {
	var wait sync.WaitGroup
	errs := make([]error, len(accounts))
	for i, a := range accounts {
		wait.Go(func() { errs[i] = d.notify(ctx, a, news) })
	}
	wait.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return errors.Join(errs...)
}

// notify idles for one account until it is no use any more.
func (d *Driver) notify(ctx context.Context, a provider.Account, news func(mailbox.Key)) error {
	small := *d
	small.Limits.Line = idleLine
	wait, refused := idleFirstWait, 0
	for lost := false; ; lost = true {
		begun := time.Now()
		err := small.idle(ctx, a, lost, news)
		switch provider.KindOf(err) {
		case provider.ErrAuth:
			if refused++; refused >= idleTries {
				return err
			}
		case provider.ErrUnsafe, provider.ErrUnsupported, provider.ErrNotFound:
			if errors.Is(err, errNoIdle) {
				return nil
			}
			return err
		default:
			refused = 0
		}
		if ctx.Err() != nil {
			return nil
		}
		if time.Since(begun) > idleLastWait {
			wait = idleFirstWait
		}
		if !pause(ctx, wait) {
			return nil
		}
		wait = min(2*wait, idleLastWait)
	}
}

// pause waits and reports whether ctx let it.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// idle opens a session and idles on it until it is lost.
func (d *Driver) idle(ctx context.Context, a provider.Account, lost bool, news func(mailbox.Key)) error {
	s, err := d.open(ctx, a)
	if err != nil {
		return err
	}
	defer s.Close()
	if !s.caps["IDLE"] && !s.caps["IMAP4REV2"] {
		return &provider.Error{Op: "imap: IDLE", Kind: provider.ErrUnsupported, Err: errNoIdle}
	}
	if err := s.do(ctx, "IDLE", func() error { return s.selectFolder("INBOX") }); err != nil {
		return err
	}
	if lost {
		news(a.Mailbox.Key)
	}
	for {
		if err := s.idleOnce(ctx, func() { news(a.Mailbox.Key) }); err != nil {
			return err
		}
	}
}

// idleOnce idles until it is time to ask anew. go-imap sends the commands; what
// the server says in between does not reach it.
func (s *session) idleOnce(ctx context.Context, news func()) error {
	said := make(chan struct{}, 1)
	s.heard = func(r reply) error {
		switch r.name {
		case "EXISTS", "EXPUNGE", "VANISHED", "FETCH":
			select {
			case said <- struct{}{}:
			default:
			}
		}
		return nil
	}
	defer func() { s.heard = nil }()
	return s.do(ctx, "IDLE", func() error {
		st, err := s.lend(s.caps, func(c *imapclient.Client) error {
			idle, err := c.Idle()
			if err != nil {
				return err
			}
			s.conn.Deadline(idleRenewal + time.Minute) // silence is no fault here
			if !wait(ctx, c.Closed(), said, news) {
				return net.ErrClosed
			}
			s.conn.Deadline(s.limits.Command)
			if err := idle.Close(); err != nil {
				return err
			}
			return idle.Wait()
		})
		if err == nil && !st.ok() {
			err = refusal("", st, signedIn)
			if provider.KindOf(err) == provider.ErrProtocol { // BAD: it only offers it
				err = &provider.Error{Kind: provider.ErrUnsupported, Err: errNoIdle}
			}
		}
		return err
	})
}

// wait passes on what is said, not too often, until it is time to ask anew, and
// reports whether the connection stood until then.
func wait(ctx context.Context, closed <-chan struct{}, said <-chan struct{}, news func()) bool {
	renew := time.NewTimer(idleRenewal)
	defer renew.Stop()
	quiet := time.NewTimer(0)
	defer quiet.Stop()
	listen := (<-chan struct{})(nil) // not before the quiet is over
	for {
		select {
		case <-ctx.Done():
			return false
		case <-closed:
			return false
		case <-renew.C:
			return true
		case <-quiet.C:
			listen = said
		case <-listen:
			news()
			listen = nil
			quiet.Reset(idleQuiet)
		}
	}
}
