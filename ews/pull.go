package ews

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/go-serversync/serversync/ews/internal/soap"
	"github.com/go-serversync/serversync/provider"
)

// events are what is listened for. FreeBusyChangedEvent is about appointments alone.
var events = []string{"CopiedEvent", "CreatedEvent", "DeletedEvent", "ModifiedEvent", "MovedEvent", "NewMailEvent"}

// subscribe subscribes a mailbox to what happens in all of its folders. A delegate, who may not
// see all, listens to the inbox.
func (c *client) subscribe(ctx context.Context, kind string, life func(*soap.Writer), route, seen func(http.Header)) (id, watermark string, err error) {
	err = c.do(ctx, call{
		op:     "Subscribe",
		header: route,
		seen:   seen,
		write: func(w *soap.Writer) {
			w.Start("m:Subscribe")
			if c.delegate() {
				w.Start(kind)
				w.Start("t:FolderIds")
				c.distinguished(w, "inbox")
				w.End()
			} else {
				w.Start(kind, "SubscribeToAllFolders", "true")
			}
			w.Start("t:EventTypes")
			for _, e := range events {
				w.Elem("t:EventType", e)
			}
			w.End()
			if life != nil {
				life(w)
			}
			w.End()
			w.End()
		},
		read: readOne("Subscribe", func(r *soap.Reader, e soap.Element) {
			switch e.Name.Local {
			case "SubscriptionId":
				id = r.Text(e, maxText)
			case "Watermark":
				watermark = r.Text(e, maxText)
			}
		}),
	})
	if err == nil && id == "" {
		err = fail("Subscribe", provider.ErrProtocol, "", errors.New("the server gives a subscription without an id"))
	}
	return id, watermark, err
}

// unsubscribe ends a subscription.
func (c *client) unsubscribe(ctx context.Context, id string, route func(http.Header)) error {
	return c.do(ctx, call{
		op:     "Unsubscribe",
		header: route,
		write: func(w *soap.Writer) {
			w.Start("m:Unsubscribe")
			w.Elem("m:SubscriptionId", id)
			w.End()
		},
		read: readOne("Unsubscribe", func(*soap.Reader, soap.Element) {}),
	})
}

// pull asks for what happened in a mailbox, until it is no use any more.
func (l *listener) pull(ctx context.Context, s *subscriber) error {
	c := l.as(s)
	refused, missed := 0, s.lost
	for wait := l.pace.first; ; wait = min(2*wait, l.pace.last) {
		id, mark, err := c.subscribe(ctx, "m:PullSubscriptionRequest", func(w *soap.Writer) {
			w.Elem("t:Timeout", strconv.Itoa(l.pace.pullLife))
		}, nil, nil)
		if err == nil {
			if missed {
				l.tell(s.account.Mailbox.Key)
			}
			missed, wait, refused = true, l.pace.first, 0
		}
		for err == nil && pause(ctx, l.pace.poll) {
			mark, err = l.ask(ctx, c, s, id, mark)
		}
		if id != "" && ctx.Err() != nil { // in the pause, or while it was asked
			l.farewell(ctx, c, id)
			return nil
		}
		switch provider.KindOf(err) {
		case provider.ErrAuth:
			if refused++; refused >= refusals {
				return err
			}
		case provider.ErrUnsafe, provider.ErrUnsupported:
			return err
		case provider.ErrNotFound, provider.ErrBadItem:
			if !lapsed(codeOf(err)) {
				return err
			}
		}
		if !pause(ctx, wait) {
			return nil
		}
	}
}

// farewell tells the server that nobody asks for a mailbox any more.
func (l *listener) farewell(ctx context.Context, c *client, id string) {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), l.pace.farewell)
	defer stop()
	_ = c.unsubscribe(ctx, id, nil) // else it finds out by itself
}

// maxPulls is how often in a row is asked for more events, which all say the same.
const maxPulls = 10

// ask asks for what happened since, and tells of it.
func (l *listener) ask(ctx context.Context, c *client, s *subscriber, id, mark string) (string, error) {
	news := false
	for range maxPulls {
		more, last := false, mark
		err := c.do(ctx, call{
			op: "GetEvents",
			write: func(w *soap.Writer) {
				w.Start("m:GetEvents")
				w.Elem("m:SubscriptionId", id)
				w.Elem("m:Watermark", mark)
				w.End()
			},
			read: readOne("GetEvents", func(r *soap.Reader, e soap.Element) {
				for field := range r.Children(e) {
					switch field.Name.Local {
					case "SubscriptionId", "PreviousWatermark":
					case "MoreEvents":
						more = isTrue(r.Text(field, maxCode))
					default:
						news = news || field.Name.Local != "StatusEvent"
						for part := range r.Children(field) {
							if part.Name.Local == "Watermark" {
								last = r.Text(part, maxText)
							}
						}
					}
				}
			}),
		})
		if err != nil {
			if news {
				l.tell(s.account.Mailbox.Key)
			}
			return mark, err
		}
		if mark == last || !more {
			mark = last
			break
		}
		mark = last
	}
	if news {
		l.tell(s.account.Mailbox.Key)
	}
	return mark, nil
}
