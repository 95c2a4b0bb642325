package oauthtest

import (
	"bytes"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// A Fault is how an issuer's token endpoint misbehaves. The zero Fault does not.
type Fault struct {
	Times  int           // for so many requests; 0 for all
	Slow   time.Duration // it waits so long first, or until the client is gone
	Lose   bool          // it does what was asked for and then closes the connection
	Status int           // it answers so. Default with a Body: 200
	Header http.Header   // added to each answer
	Body   string        // in place of the answer; {form} stands for the request's form
	Large  int           // the answer has so many bytes
	Clock  time.Duration // its clock is ahead by so much

	taken *atomic.Int64
}

// SetFault makes it misbehave from now on.
func (i *Issuer) SetFault(f Fault) {
	f.taken = new(atomic.Int64)
	i.fault.Store(&f)
}

// HTML is a page such as a proxy or a captive portal shows in place of an answer.
const HTML = "<!DOCTYPE html><html><body>Please sign in to the network.</body></html>"

// misbehave does what the fault says, and reports whether that was the answer. after is
// to be called with what the request would have done.
func (i *Issuer) misbehave(w http.ResponseWriter, req *http.Request) (answered bool, lose bool) {
	f := i.fault.Load()
	if f == nil || f.Times > 0 && f.taken.Add(1) > int64(f.Times) {
		return false, false
	}
	if f.Slow > 0 {
		t := time.NewTimer(f.Slow)
		defer t.Stop()
		select {
		case <-t.C:
		case <-req.Context().Done(): // an answer could still reach the client, who closes what he sends on first
			panic(http.ErrAbortHandler)
		}
	}
	for name, values := range f.Header {
		w.Header()[name] = values
	}
	if f.Clock != 0 {
		w.Header().Set("Date", i.o.Now().Add(f.Clock).UTC().Format(http.TimeFormat))
	}
	switch {
	case f.Lose:
		return false, true
	case f.Large > 0:
		w.Header().Set("Content-Type", "application/json")
		w.Write([]byte(`{"access_token":"`))
		w.Write(bytes.Repeat([]byte("x"), f.Large))
		return true, false
	case f.Body != "" || f.Status != 0:
		if f.Status != 0 {
			w.WriteHeader(f.Status)
		}
		w.Write([]byte(strings.ReplaceAll(f.Body, "{form}", req.PostForm.Encode())))
		return true, false
	}
	return false, false
}
