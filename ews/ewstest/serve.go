package ewstest

import (
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/go-serversync/serversync/ews/internal/soap"
)

// serve answers a request of HTTP.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	s.count(func(c *Counts) { c.All++ })
	w.Header().Set("Server", "Microsoft-IIS/10.0")
	w.Header().Set("X-FEServer", "MAIL1")
	if id := r.Header.Get("client-request-id"); id != "" && strings.EqualFold(r.Header.Get("return-client-request-id"), "true") {
		w.Header().Set("client-request-id", id)
	}
	w.Header().Set("request-id", newID())
	if s.stalled.Load() {
		s.hang(r)
	}
	path := strings.ToLower(r.URL.Path)
	switch {
	case path == "/ews/exchange.asmx" && r.Method == http.MethodPost:
		s.service(w, r)
	case strings.HasPrefix(path, "/ews/"):
		s.describe(w, r, path)
	case strings.HasPrefix(path, "/autodiscover/"):
		s.discover(w, r, path)
	default:
		http.NotFound(w, r)
	}
}

// hang waits until the client has gone or the server is closed, and does not return.
func (s *Server) hang(r *http.Request) {
	io.Copy(io.Discard, r.Body) // whether a client has gone is seen behind its body alone
	select {
	case <-r.Context().Done():
	case <-s.shut:
	}
	panic(http.ErrAbortHandler)
}

// service answers a request for a web service.
func (s *Server) service(w http.ResponseWriter, r *http.Request) {
	who, ok := s.signIn(w, r)
	if !ok {
		return
	}
	if t, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); !strings.EqualFold(strings.TrimSpace(t), "text/xml") {
		http.Error(w, "Cannot process the message because the content type was not the expected type 'text/xml; charset=utf-8'.", http.StatusUnsupportedMediaType)
		return
	}
	body, err := s.body(r)
	switch {
	case errors.Is(err, errTooLarge):
		http.Error(w, "Request Entity Too Large", http.StatusRequestEntityTooLarge)
		return
	case err != nil: // the client has gone, or what it sends is not what it says
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	a := &answer{s: s, w: w, r: r}
	q, err := s.take(body, who, r)
	if see := s.seen.Load(); see != nil {
		op := ""
		if q != nil {
			op = q.op
		}
		(*see)(op, []byte(body))
	}
	if q != nil && q.op != "" {
		s.count(func(c *Counts) { c.Requests[q.op]++ })
	}
	if err != nil {
		a.refuse(err)
		return
	}
	q.backEnd = s.cookies(w, r)
	s.respond(a, q)
}

var errTooLarge = errors.New("the request is too large")

// body reads a request's body, once for all.
func (s *Server) body(r *http.Request) (string, error) {
	from, size := io.Reader(r.Body), r.ContentLength
	if strings.EqualFold(r.Header.Get("Content-Encoding"), "gzip") {
		unzipped, err := gzip.NewReader(r.Body)
		if err != nil {
			return "", err
		}
		from, size = unzipped, 0
	}
	if size > s.options.MaxBytes {
		return "", errTooLarge
	}
	var b strings.Builder
	b.Grow(int(max(size, 0)))
	n, err := io.Copy(&b, io.LimitReader(from, s.options.MaxBytes+1))
	if err == nil && n > s.options.MaxBytes {
		err = errTooLarge
	}
	return b.String(), err
}

// perform does what q asks for. The error is for a fault.
func (s *Server) perform(q *request) (w *soap.Writer, err error) {
	do := s.table[q.op]
	if do == nil {
		return nil, &failure{code: "ErrorInvalidRequest", text: "The request is invalid.", fault: true}
	}
	w = new(soap.Writer)
	s.openAnswer(w, q.op)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.astray(q) {
		f := &failure{code: "ErrorSubscriptionNotFound", text: "The subscription was not found."}
		do = func(q *request, w *soap.Writer) error { return q.one(w, func() (result, error) { return nil, f }) }
	}
	if err := do(q, w); err != nil {
		return nil, err
	}
	if q.op == "Subscribe" {
		s.settleIn(q)
	}
	closeAnswer(w)
	return w, nil
}
