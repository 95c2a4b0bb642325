package s2stest

import (
	"io"
	"net/http"
	"strings"
)

// hold waits for c. If the client goes or the issuer is closed before, it ends the request.
func hold[T any](i *Issuer, req *http.Request, c <-chan T) {
	select {
	case <-c:
	case <-req.Context().Done():
		panic(http.ErrAbortHandler)
	case <-i.shut:
		panic(http.ErrAbortHandler)
	}
}

// answerPlainly answers as f says, whatever was asked.
func (i *Issuer) answerPlainly(w http.ResponseWriter, req *http.Request, f *Fault) {
	switch {
	case f.Hang:
		hold[int](i, req, nil)
	case f.Lose:
		panic(http.ErrAbortHandler)
	case f.Write != nil:
		f.headers(w)
		f.Write(w)
	default:
		f.headers(w)
		w.WriteHeader(f.Status)
		io.WriteString(w, f.Body)
	}
}

// refusal returns the refusal that f gives a request.
func (f *Fault) refusal(q *request) *refusal {
	text := strings.NewReplacer("{assertion}", q.proof, "{secret}", q.secret).Replace(f.Text)
	status, name := known(f.Code)
	if f.Status != 0 {
		status = f.Status
	}
	if f.Error != "" {
		name = f.Error
	}
	return &refusal{code: f.Code, status: status, error: name, text: text, claims: f.Claims, why: "fault"}
}

// headers adds f's to an answer.
func (f *Fault) headers(w http.ResponseWriter) {
	for name, values := range f.Header {
		w.Header()[http.CanonicalHeaderKey(name)] = values
	}
}

// change makes an answer different that would be right.
func (f *Fault) change(answer map[string]any) {
	for name, value := range f.Set {
		if answer[name] = value; value == nil {
			delete(answer, name)
		}
	}
}
