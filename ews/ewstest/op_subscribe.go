package ewstest

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/go-serversync/serversync/ews/internal/soap"
)

func subscribe(q *request, w *soap.Writer) error {
	return q.one(w, func() (result, error) {
		n := q.body.first()
		if n == nil {
			return nil, badRequest("The subscription is missing.")
		}
		s, err := q.readSubscription(n)
		if err != nil {
			return nil, err
		}
		q.model().subscriptions[s.id] = s
		return func(w *soap.Writer) {
			w.Elem("m:SubscriptionId", s.id)
			if !s.streaming {
				w.Elem("m:Watermark", s.watermark(s.at))
			}
		}, nil
	})
}

// readSubscription reads what somebody wants to know.
func (q *request) readSubscription(n *node) (*subscription, error) {
	m := q.model()
	s := &subscription{owner: q.caller, folders: make(map[*folder]bool), kinds: make(map[string]bool), at: m.count}
	s.all = isTrue(n.attr("SubscribeToAllFolders"))
	switch n.name.Local {
	case "StreamingSubscriptionRequest":
		s.streaming = true
	case "PullSubscriptionRequest":
		minutes, err := strconv.Atoi(strings.TrimSpace(n.child("Timeout").value()))
		if err != nil || minutes < 1 || minutes > 1440 {
			return nil, fail("ErrorInvalidSubscriptionRequest", "The timeout is not between 1 and 1440 minutes.")
		}
		s.timeout = time.Duration(minutes) * time.Minute
		s.expires = m.now().Add(s.timeout)
	default:
		return nil, fail("ErrorInvalidPushSubscriptionUrl", "The server reaches nobody: push subscriptions are not possible.")
	}
	for _, k := range list(n.child("EventTypes")) {
		s.kinds[strings.TrimSpace(k.value())] = true
	}
	folders := list(n.child("FolderIds"))
	switch {
	case s.all && len(folders) > 0, !s.all && len(folders) == 0:
		return nil, fail("ErrorInvalidSubscriptionRequest", "Either folders are named, or all are meant.")
	}
	for _, id := range folders {
		f, err := q.folder(id)
		if err != nil {
			return nil, err
		}
		s.folders[f] = true
		switch {
		case !f.box.is(q.acting):
			return nil, fail("ErrorSubscriptionDelegateAccessNotSupported", "Subscriptions are not possible for delegates.")
		case s.box != nil && s.box != f.box:
			return nil, fail("ErrorInvalidSubscriptionRequest", "The folders are of several mailboxes.")
		}
		s.box = f.box
	}
	if s.box == nil {
		var err error
		if s.box, err = q.box(); err != nil {
			return nil, err
		}
	}
	s.id = base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "subscription/%016x/%08x", hash(s.box.address), m.next()))
	if mark := strings.TrimSpace(n.child("Watermark").value()); mark != "" {
		at, ok := s.readWatermark(mark)
		if !ok {
			return nil, fail("ErrorInvalidWatermark", "The watermark is not valid.")
		}
		s.at = at
	}
	return s, nil
}

// subscription finds a subscription of the one who acts.
func (q *request) subscription(id string) (*subscription, error) {
	m := q.model()
	s := m.subscriptions[id]
	switch {
	case s == nil:
		return nil, fail("ErrorSubscriptionNotFound", "The subscription was not found.")
	case !strings.EqualFold(s.owner, q.caller): // who signed in counts, so that a group of mailboxes is listened to as one of them
		return nil, fail("ErrorSubscriptionAccessDenied", "Access is denied. You are not the owner of this subscription.")
	case !s.streaming && m.now().After(s.expires):
		delete(m.subscriptions, id)
		return nil, fail("ErrorSubscriptionNotFound", "The subscription was not found.")
	}
	return s, nil
}

func unsubscribe(q *request, w *soap.Writer) error {
	return q.one(w, func() (result, error) {
		s, err := q.subscription(strings.TrimSpace(q.body.child("SubscriptionId").value()))
		if err != nil {
			return nil, err
		}
		delete(q.model().subscriptions, s.id)
		if m := q.model(); m.waiting != nil { // who listens to it is to know
			close(m.waiting)
			m.waiting = nil
		}
		return nothing, nil
	})
}

// maxPulled is how many events GetEvents gives at once.
const maxPulled = 50

func getEvents(q *request, w *soap.Writer) error {
	return q.one(w, func() (result, error) {
		s, err := q.subscription(strings.TrimSpace(q.body.child("SubscriptionId").value()))
		if err != nil {
			return nil, err
		}
		if s.streaming {
			return nil, fail("ErrorInvalidSubscription", "The subscription is for a streaming connection.")
		}
		given := strings.TrimSpace(q.body.child("Watermark").value())
		at, ok := s.readWatermark(given)
		if !ok {
			return nil, fail("ErrorInvalidWatermark", "The watermark is not valid.")
		}
		news, more, ok := s.after(at, maxPulled)
		if !ok {
			delete(q.model().subscriptions, s.id)
			return nil, fail("ErrorEventNotFound", "The event that the watermark is about was not found.")
		}
		s.expires = q.model().now().Add(s.timeout)
		return func(w *soap.Writer) {
			w.Start("m:Notification")
			w.Elem("t:SubscriptionId", s.id)
			w.Elem("t:PreviousWatermark", given)
			w.Elem("t:MoreEvents", boolean(more))
			s.write(w, news, at)
			w.End()
		}, nil
	})
}

// write writes events, or that there are none since at.
func (s *subscription) write(w *soap.Writer, news []event, at uint64) {
	if len(news) == 0 {
		w.Start("t:StatusEvent")
		if !s.streaming {
			w.Elem("t:Watermark", s.watermark(at))
		}
		w.End()
	}
	for _, e := range news {
		e.write(w, s)
	}
}

// write writes an event for a subscription.
func (e event) write(w *soap.Writer, s *subscription) {
	id := func(name, id string) {
		kind := "FolderId"
		if !e.isFolder {
			kind = "ItemId"
		}
		w.Empty("t:"+name+kind, "Id", id, "ChangeKey", changeKey(kind, e.at))
	}
	w.Start("t:" + e.kind)
	if !s.streaming {
		w.Elem("t:Watermark", s.watermark(e.at))
	}
	w.Elem("t:TimeStamp", stamp(e.when))
	id("", e.id)
	e.folder.folderID("ParentFolderId").write(w)
	if e.old != nil {
		id("Old", e.oldID)
		e.old.folderID("OldParentFolderId").write(w)
	}
	w.End()
}
