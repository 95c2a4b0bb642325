package ewstest

import (
	"crypto/rand"
	"net/http"
	"strings"
)

// backEndCookie says which server behind the front end a client is to be served by: the one
// that has its subscriptions.
const backEndCookie = "X-BackEndOverrideCookie"

// cookies gives the cookies of an Exchange, and returns the back end that serves a request: the
// one that its cookie names, or a new one.
func (s *Server) cookies(w http.ResponseWriter, r *http.Request) (backEnd string) {
	if _, err := r.Cookie("exchangecookie"); err != nil {
		http.SetCookie(w, &http.Cookie{Name: "exchangecookie", Value: strings.ToLower(rand.Text()), Path: "/", HttpOnly: true})
	}
	if c, err := r.Cookie(backEndCookie); err == nil && c.Value != "" {
		return c.Value
	}
	backEnd = "MAIL" + rand.Text()[:6] + "~1941996624"
	if strings.EqualFold(r.Header.Get("X-PreferServerAffinity"), "true") {
		http.SetCookie(w, &http.Cookie{Name: backEndCookie, Value: backEnd, Path: "/", HttpOnly: true, Secure: !s.options.Plain})
	}
	return backEnd
}

// atHome reports whether a subscription can be known where a request is served. s.mu is held.
func (s *Server) atHome(q *request, id string) bool {
	return !s.options.Affinity || s.homes[id] == q.backEnd
}

// settleIn notes where a subscription lives that q has made. s.mu is held.
func (s *Server) settleIn(q *request) {
	for id := range s.model.subscriptions {
		if s.homes[id] == "" {
			s.homes[id] = q.backEnd
		}
	}
	for id := range s.homes {
		if s.model.subscriptions[id] == nil {
			delete(s.homes, id)
		}
	}
}

// astray reports whether q is about a subscription that is not known where it is served.
func (s *Server) astray(q *request) bool {
	if q.op != "GetEvents" && q.op != "Unsubscribe" {
		return false
	}
	id := strings.TrimSpace(q.body.child("SubscriptionId").value())
	return s.model.subscriptions[id] != nil && !s.atHome(q, id)
}
