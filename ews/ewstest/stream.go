package ewstest

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-serversync/serversync/ews/internal/soap"
)

// A listener is a streaming connection.
type listener struct {
	a       *answer
	q       *request
	subs    []*subscription
	timeout time.Time
	left    int // bytes until the connection is cut, -1 for no end
}

// stream answers GetStreamingEvents: with one envelope after another, until the time is up.
func (s *Server) stream(a *answer, q *request, f *Fault) {
	minutes, _ := strconv.Atoi(strings.TrimSpace(q.body.child("ConnectionTimeout").value()))
	l := &listener{a: a, q: q, timeout: time.Now().Add(time.Duration(minutes) * s.options.Minute), left: -1}
	if f != nil {
		s.pause(a.r, f.Delay)
		if f.Cut > 0 {
			l.left = f.Cut
		}
	}
	lost, err := l.open()
	if err != nil {
		a.refuse(err)
		return
	}
	a.w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	a.w.WriteHeader(http.StatusOK)
	if lost != nil {
		l.sayLost(lost)
		return
	}
	l.say("OK")
	l.run()
}

// open finds the subscriptions, and returns those that there are not. Who listened to one of
// them before no longer does.
func (l *listener) open() (lost []string, err error) {
	s := l.a.s
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range l.q.body.child("SubscriptionIds").elements() {
		id := strings.TrimSpace(id.text)
		sub, err := l.q.subscription(id)
		if err == nil && !sub.streaming {
			return nil, &failure{code: "ErrorInvalidSubscription", text: "The subscription is not for a streaming connection.", fault: true}
		}
		if err != nil || !s.atHome(l.q, id) {
			lost = append(lost, id)
			continue
		}
		l.subs = append(l.subs, sub)
	}
	if lost != nil {
		return lost, nil
	}
	for _, sub := range l.subs {
		s.listeners[sub.id] = l
	}
	s.wake()
	return nil, nil
}

// wake wakes all listeners. s.mu is held.
func (s *Server) wake() {
	if s.model.waiting != nil {
		close(s.model.waiting)
		s.model.waiting = nil
	}
}

// run tells what happens until the connection ends.
func (l *listener) run() {
	s := l.a.s
	defer l.leave()
	beat := time.NewTicker(s.options.Heartbeat)
	defer beat.Stop()
	end := time.NewTimer(time.Until(l.timeout))
	defer end.Stop()
	for {
		news, lost, taken, next := l.look()
		switch {
		case taken:
			l.sayTaken()
			return
		case lost != nil:
			l.sayLost(lost)
			return
		case news != nil:
			l.send(news)
		}
		select {
		case <-next:
		case <-beat.C:
			l.beat()
		case <-end.C:
			l.say("Closed")
			return
		case <-l.a.r.Context().Done():
			return
		case <-s.shut:
			panic(http.ErrAbortHandler)
		}
	}
}

func (l *listener) leave() {
	s := l.a.s
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, of := range s.listeners {
		if of == l {
			delete(s.listeners, id)
		}
	}
}

// look returns an envelope with what is new, which subscriptions are lost, whether somebody else
// listens to one, and what is closed when it is worth looking again.
func (l *listener) look() (news *soap.Writer, lost []string, taken bool, next <-chan struct{}) {
	s := l.a.s
	s.mu.Lock()
	defer s.mu.Unlock()
	type about struct {
		sub    *subscription
		events []event
	}
	var said []about
	for _, sub := range l.subs {
		if s.model.subscriptions[sub.id] == nil {
			lost = append(lost, sub.id)
			continue
		}
		if s.listeners[sub.id] != l {
			return nil, nil, true, nil
		}
		events, _, ok := sub.after(sub.at, maxEvents)
		if !ok {
			delete(s.model.subscriptions, sub.id)
			lost = append(lost, sub.id)
			continue
		}
		if len(events) > 0 {
			sub.at = events[len(events)-1].at
			said = append(said, about{sub, events})
		}
	}
	next = s.model.wait()
	if said == nil || lost != nil {
		return nil, lost, false, next
	}
	return l.envelope("Success", func(w *soap.Writer) {
		w.Elem("m:ResponseCode", "NoError")
		w.Start("m:Notifications")
		for _, a := range said {
			l.notification(w, a.sub, func(w *soap.Writer) { a.sub.write(w, a.events, 0) })
		}
		w.End()
	}), nil, false, next
}

// notification writes what there is to say about a subscription.
func (l *listener) notification(w *soap.Writer, sub *subscription, write func(*soap.Writer)) {
	w.Start("m:Notification")
	w.Elem("t:SubscriptionId", sub.id)
	write(w)
	w.End()
}

// envelope is one of the envelopes that follow each other.
func (l *listener) envelope(class string, write func(*soap.Writer)) *soap.Writer {
	w := new(soap.Writer)
	l.a.s.openAnswer(w, l.q.op)
	w.Start("m:ResponseMessages")
	w.Start("m:GetStreamingEventsResponseMessage", "ResponseClass", class)
	write(w)
	w.End()
	w.End()
	closeAnswer(w)
	return w
}

// say says what the connection's status is.
func (l *listener) say(status string) {
	l.send(l.envelope("Success", func(w *soap.Writer) {
		w.Elem("m:ResponseCode", "NoError")
		w.Elem("m:ConnectionStatus", status)
	}))
}

// beat says of each subscription that it lives.
func (l *listener) beat() {
	l.send(l.envelope("Success", func(w *soap.Writer) {
		w.Elem("m:ResponseCode", "NoError")
		w.Start("m:Notifications")
		for _, sub := range l.subs {
			l.notification(w, sub, func(w *soap.Writer) { w.Empty("t:StatusEvent") })
		}
		w.End()
	}))
}

// sayLost says that there are subscriptions no longer. Then the connection ends for the others too.
func (l *listener) sayLost(ids []string) {
	f := &failure{code: "ErrorSubscriptionNotFound", text: "The subscription was not found."}
	l.send(l.envelope("Error", func(w *soap.Writer) {
		f.write(w)
		w.Start("m:ErrorSubscriptionIds")
		for _, id := range ids {
			w.Elem("t:SubscriptionId", id)
		}
		w.End()
	}))
}

func (l *listener) sayTaken() {
	f := &failure{code: "ErrorNewEventStreamConnectionOpened", text: "A new connection for this subscription has been opened."}
	l.send(l.envelope("Error", f.write))
}

// send sends an envelope at once, in pieces where the options say so.
func (l *listener) send(w *soap.Writer) {
	body := textOf(w)
	if l.a.s.options.Style != Usual {
		if root, err := parse(body, blind{}); err == nil {
			body = l.a.s.restyle(root)
		}
	}
	body = xmlDeclaration + body
	cut := l.left >= 0 && len(body) >= l.left
	if cut {
		body = body[:l.left]
	} else if l.left >= 0 {
		l.left -= len(body)
	}
	piece := cmp.Or(l.a.s.options.Split, max(len(body), 1))
	for p := range slices.Chunk([]byte(body), piece) {
		l.a.w.Write(p)
		http.NewResponseController(l.a.w).Flush()
	}
	if cut {
		panic(http.ErrAbortHandler)
	}
}

// LoseSubscriptions makes the server forget all subscriptions, as it does when a mailbox goes to
// another one. Who listens to one is told.
func (s *Server) LoseSubscriptions() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.model.subscriptions)
	s.wake()
}
