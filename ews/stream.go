package ews

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-serversync/serversync/ews/internal/soap"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
)

// A listener hears of news of some mailboxes at one server, over one stream.
type listener struct {
	driver   *Driver
	pace     pace
	accounts []provider.Account
	tell     func(mailbox.Key)

	client *client // of the first account, whose connections the others use
	cookie string  // of the server that has the subscriptions
	subs   map[string]*subscriber
	all    []*subscriber
	pulls  sync.WaitGroup
}

// A subscriber is a mailbox that is listened to.
type subscriber struct {
	account provider.Account
	id      string // of its subscription; "" for none
	pulled  bool   // it is asked for by itself; who does that alone may use what follows
	silent  error  // why it is not listened to any more
	lost    bool   // there was a subscription before, so something may have been missed
	dropped int    // how often in a row the server has forgotten it, without a word in between
}

// run listens until it is no use any more.
func (l *listener) run(ctx context.Context) error {
	for _, a := range l.accounts {
		l.all = append(l.all, &subscriber{account: a})
	}
	defer l.pulls.Wait()
	wait, refused := l.pace.first, 0
	for {
		begun := time.Now()
		err := l.connect(ctx)
		if err == nil {
			err = l.listen(ctx)
		}
		switch {
		case ctx.Err() != nil:
			l.leave(ctx)
			return nil
		case provider.KindOf(err) == provider.ErrAuth:
			if refused++; refused >= refusals {
				l.close()
				return err
			}
		case provider.KindOf(err) == provider.ErrUnsafe:
			l.close()
			return err
		case err == nil && !l.streaming():
			l.pulls.Wait()
			l.close()
			return l.silence()
		default:
			refused = 0
		}
		if time.Since(begun) > l.pace.last {
			wait = l.pace.first
		}
		var e *provider.Error
		if errors.As(err, &e) {
			wait = max(wait, min(e.RetryAfter, l.pace.last))
		}
		if !pause(ctx, wait) {
			l.leave(ctx)
			return nil
		}
		wait = min(2*wait, l.pace.last)
	}
}

// connect makes the client, once.
func (l *listener) connect(ctx context.Context) (err error) {
	if l.client != nil {
		return nil
	}
	l.client, err = l.driver.patient(l.pace.silence).connect(ctx, l.accounts[0])
	return err
}

// patient returns a driver that waits so long for the next word of a server.
func (d *Driver) patient(silence time.Duration) *Driver {
	p := &Driver{TLSConfig: d.TLSConfig, Limits: d.Limits, SpoolDir: d.SpoolDir, UserAgent: d.UserAgent, Logger: d.Logger, Autodiscover: d.finder()}
	p.Limits.Command = silence
	return p
}

func (l *listener) close() {
	if l.client != nil {
		l.client.close()
	}
}

// leave tells the server that nobody listens any more, as far as there is time. What is not
// told it finds out.
func (l *listener) leave(ctx context.Context) {
	defer l.close()
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), l.pace.farewell)
	defer stop()
	for _, s := range l.all {
		if s.id != "" && l.client != nil && l.as(s).unsubscribe(ctx, s.id, l.route) != nil {
			return
		}
	}
}

// streaming reports whether there is anybody to listen to.
func (l *listener) streaming() bool {
	for _, s := range l.all {
		if !s.pulled && s.silent == nil {
			return true
		}
	}
	return false
}

// silence returns why mailboxes are not listened to any more.
func (l *listener) silence() error {
	var errs []error
	for _, s := range l.all {
		errs = append(errs, s.silent)
	}
	return errors.Join(errs...)
}

// listen subscribes whoever has no subscription and listens until the stream ends.
func (l *listener) listen(ctx context.Context) error {
	for {
		if err := l.subscribeAll(ctx); err != nil || !l.streaming() {
			return err
		}
		begun := time.Now()
		if err := l.stream(ctx); err != nil {
			l.missed()
			return err
		}
		if time.Since(begun) < time.Second { // a server that ends each stream at once
			return fail("GetStreamingEvents", provider.ErrUnavailable, "", errEnds)
		}
	}
}

var errEnds = errors.New("the server ends each stream at once")

// missed notes that nobody listened for a while.
func (l *listener) missed() {
	for _, s := range l.all {
		if !s.pulled {
			s.lost = s.lost || s.id != ""
		}
	}
}

// subscribeAll subscribes whoever has no subscription. The error is that of the server, not of one
// mailbox.
func (l *listener) subscribeAll(ctx context.Context) error {
	l.subs = make(map[string]*subscriber)
	for _, s := range l.all {
		if s.pulled || s.silent != nil {
			continue
		}
		if s.id == "" {
			if err := l.subscribe(ctx, s); err != nil {
				return err
			}
		}
		if s.id == "" {
			continue
		}
		l.subs[s.id] = s
		if s.lost {
			s.lost = false
			l.tell(s.account.Mailbox.Key)
		}
	}
	return nil
}

// subscribe subscribes one mailbox to its stream, or has it asked for by itself.
func (l *listener) subscribe(ctx context.Context, s *subscriber) error {
	c := l.as(s)
	id, _, err := c.subscribe(ctx, "m:StreamingSubscriptionRequest", nil, l.route, l.remember)
	switch {
	case err == nil:
		s.id = id
		l.client.version = c.version // an older schema, perhaps, than was asked for at first
		return nil
	case ctx.Err() != nil:
		return err
	case noStreams(err):
		s.pulled = true
		l.pulls.Go(func() { s.silent = l.pull(ctx, s) })
		return nil
	}
	switch provider.KindOf(err) {
	case provider.ErrNotFound, provider.ErrBadItem, provider.ErrUnsupported:
		s.silent = err
		return nil
	case provider.ErrAuth:
		if len(l.all) > 1 && strings.HasPrefix(codeOf(err), "Error") { // this mailbox alone
			s.silent = err
			return nil
		}
	}
	return err
}

// as returns the listener's client as that of a mailbox.
func (l *listener) as(s *subscriber) *client {
	c := *l.client
	c.account = s.account
	return &c
}

// route adds to a request's header what makes it reach the server that has the
// subscriptions of the group ("How to: Maintain affinity between a group of subscriptions and
// the Mailbox server", in Microsoft's documentation of EWS).
func (l *listener) route(h http.Header) {
	h.Set("X-AnchorMailbox", l.accounts[0].Mailbox.Address)
	h.Set("X-PreferServerAffinity", "true")
	if l.cookie != "" {
		h.Add("Cookie", affinityCookie+"="+l.cookie)
	}
}

const affinityCookie = "X-BackEndOverrideCookie"

// remember keeps the cookie of an answer.
func (l *listener) remember(h http.Header) {
	for _, c := range (&http.Response{Header: h}).Cookies() {
		if c.Name == affinityCookie && c.Value != "" && len(c.Value) <= maxCookie {
			l.cookie = c.Value
		}
	}
}

// noStreams reports whether err says that there are no streams for this mailbox: a
// server before 2010 SP1 does not know the element, and delegates have none.
func noStreams(err error) bool {
	switch codeOf(err) {
	case "ErrorSubscriptionDelegateAccessNotSupported", "ErrorInvalidServerVersion", "ErrorIncorrectSchemaVersion",
		"ErrorSchemaValidation", "ErrorInvalidRequest", "ErrorInvalidSubscriptionRequest":
		return true
	}
	return false
}

// stream reads what the server tells until it ends the stream, which is no error.
func (l *listener) stream(ctx context.Context) error {
	return l.client.do(ctx, call{
		op:     "GetStreamingEvents",
		many:   true,
		header: l.route,
		write: func(w *soap.Writer) {
			w.Start("m:GetStreamingEvents")
			w.Start("m:SubscriptionIds")
			for _, s := range l.all {
				if s.id != "" {
					w.Elem("t:SubscriptionId", s.id)
				}
			}
			w.End()
			w.Elem("m:ConnectionTimeout", strconv.Itoa(l.pace.streamLife))
			w.End()
		},
		read: func(r *soap.Reader, e soap.Element) error {
			dead := 0
			return eachMessage(r, e, 1, func(_ int, e soap.Element) {
				switch e.Name.Local {
				case "Notifications":
					for one := range r.Children(e) {
						id, news := readNotification(r, one)
						s := l.subs[id]
						if s == nil {
							continue // EWS-11
						}
						if s.dropped = 0; news {
							l.tell(s.account.Mailbox.Key)
						}
					}
				case "ErrorSubscriptionIds":
					for one := range r.Children(e) { // in either namespace
						dead += l.forget(r.Text(one, maxText))
					}
				}
			}, func(_ int, m message) error {
				switch {
				case dead > 0:
					return fail("GetStreamingEvents", provider.ErrUnavailable, "", errForgotten)
				case m.err != nil && lapsed(m.code):
					for id := range l.subs {
						l.forget(id)
					}
				}
				return m.err
			})
		},
	})
}

var errForgotten = errors.New("the server has forgotten subscriptions")

// lapsed reports whether a code says that subscriptions must be made anew.
func lapsed(code string) bool {
	switch code {
	case "ErrorSubscriptionNotFound", "ErrorInvalidSubscription", "ErrorExpiredSubscription", "ErrorReadEventsFailed",
		"ErrorMissedNotificationEvents", "ErrorInvalidWatermark", "ErrorEventNotFound", "ErrorSubscriptionUnsubscribed",
		"ErrorSubscriptionUnsubsribed", "ErrorNewEventStreamConnectionOpened", "ErrorSubscriptionAccessDenied",
		"ErrorProxyRequestNotAllowed":
		return true
	}
	return false
}

// maxDropped is how often in a row a mailbox is subscribed anew. A server that has none of it
// may be one where each mailbox wants a stream of its own.
const maxDropped = 3

// forget has a mailbox subscribed anew. It returns how many subscriptions that was.
func (l *listener) forget(id string) int {
	s := l.subs[id]
	if s == nil {
		return 0
	}
	s.id, s.lost = "", true
	if s.dropped++; s.dropped == maxDropped {
		s.silent = fail("GetStreamingEvents", provider.ErrUnavailable, "nothing: it is polled instead", errForgotten)
	}
	delete(l.subs, id)
	return 1
}

// readNotification reads whose a notification is, and whether it says more than that the
// server is there.
func readNotification(r *soap.Reader, e soap.Element) (id string, news bool) {
	for field := range r.Children(e) {
		switch field.Name.Local {
		case "SubscriptionId":
			id = r.Text(field, maxText)
		case "PreviousWatermark", "MoreEvents", "StatusEvent":
		default:
			news = true
		}
	}
	return id, news
}
