package ntlm

import (
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"

	"github.com/go-serversync/serversync/secret"
)

// A line is one connection to a server, and who is signed in on it. Whoever has the line
// is alone on it.
type line struct {
	transport *http.Transport
	conn      net.Conn // the last that was used
	signed    net.Conn // the one that is signed in
	host      string   // to which
}

// hangUp closes the connection.
func (l *line) hangUp() {
	l.transport.CloseIdleConnections()
	l.signed = nil
}

// roundTrip sends a request over the line, and signs the line in first if need be.
func (l *line) roundTrip(req *http.Request, username string, password secret.Text) (*http.Response, error) {
	if l.host != req.URL.Host {
		l.hangUp()
		l.host = req.URL.Host
	}
	if !replayable(req) {
		l.hangUp() // what can be sent once goes where it is sure to be taken
	}
	body := req.Body
	if l.signed != nil {
		resp, err := l.send(req, body, "")
		if err == nil && resp.StatusCode != http.StatusUnauthorized {
			l.heed(resp)
			return resp, nil
		}
		// It went over a connection that is not signed in, or no longer.
		again, ok := another(req)
		if !ok {
			return resp, err
		}
		if err == nil {
			drain(resp)
		} else if req.Context().Err() != nil || !idempotent(req) {
			closeBody(again)
			return nil, err
		}
		l.hangUp()
		body = again
	}
	return l.signIn(req, body, username, password)
}

// signIn signs the line in and sends the request with the last message.
func (l *line) signIn(req *http.Request, body io.ReadCloser, username string, password secret.Text) (*http.Response, error) {
	first, err := negotiate()
	if err != nil {
		closeBody(body)
		return nil, err
	}
	var resp *http.Response
	var name string
	var challenge []byte
	for _, scheme := range []string{"NTLM", "Negotiate"} {
		if resp, err = l.send(req, nil, scheme+" "+base64.StdEncoding.EncodeToString(first)); err != nil {
			closeBody(body)
			return nil, err
		}
		if resp.StatusCode != http.StatusUnauthorized {
			return l.open(req, resp, body)
		}
		name, challenge, _ = offered(resp)
		if name == scheme || name == "" || len(challenge) > 0 {
			break
		}
		drain(resp)
	}
	if len(challenge) == 0 {
		closeBody(body)
		return resp, nil // it takes no NTLM, and its response says what it does take
	}
	drain(resp)
	at := l.conn
	last, err := authenticate(challenge, username, password)
	if err != nil {
		closeBody(body)
		return nil, err
	}
	resp, err = l.send(req, body, name+" "+base64.StdEncoding.EncodeToString(last))
	if err == nil && resp.StatusCode != http.StatusUnauthorized && l.conn == at {
		l.signed = at
		l.heed(resp)
	}
	return resp, err
}

// heed takes a server at its word that its sign-in was for one request (Persistent-Auth
// of MS-NTHT).
func (l *line) heed(resp *http.Response) {
	if strings.EqualFold(strings.TrimSpace(resp.Header.Get("Persistent-Auth")), "false") {
		l.signed = nil
	}
}

// open deals with a server that asks nobody to sign in: what it answered was the request
// itself if that has no body. One that cannot answer now does not get the body.
func (l *line) open(req *http.Request, resp *http.Response, body io.ReadCloser) (*http.Response, error) {
	if body == nil || body == http.NoBody {
		return resp, nil
	}
	switch resp.StatusCode {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		closeBody(body)
		return resp, nil
	}
	drain(resp)
	return l.send(req, body, "")
}

// send sends the request with another body and authorization.
func (l *line) send(req *http.Request, body io.ReadCloser, authorization string) (*http.Response, error) {
	trace := &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { l.conn = i.Conn }}
	out := req.Clone(httptrace.WithClientTrace(req.Context(), trace))
	out.Body = body
	if body == nil {
		out.GetBody, out.ContentLength, out.TransferEncoding = nil, 0, nil
	}
	out.Header.Del("Authorization")
	if authorization != "" {
		out.Header.Set("Authorization", authorization)
	}
	resp, err := l.transport.RoundTrip(out)
	if err == nil {
		resp.Request = req
		if authorization == "" && l.conn != l.signed {
			l.signed = nil // it has made a new connection
		}
	}
	return resp, err
}

// replayable reports whether a request's body can be had again.
func replayable(req *http.Request) bool {
	return req.Body == nil || req.Body == http.NoBody || req.GetBody != nil
}

// another returns the request's body once more.
func another(req *http.Request) (io.ReadCloser, bool) {
	if req.Body == nil || req.Body == http.NoBody {
		return req.Body, true
	}
	if req.GetBody == nil {
		return nil, false
	}
	body, err := req.GetBody()
	return body, err == nil
}

// idempotent reports whether a request may be sent again when nobody knows what became of
// it (RFC 9110, section 9.2.2).
func idempotent(req *http.Request) bool {
	switch req.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPut, http.MethodDelete:
		return true
	}
	return false
}

// drain reads what is left of a response, so that its connection can be used again: the
// next message belongs on the same one.
func drain(resp *http.Response) {
	const most = 1 << 20
	_, _ = io.CopyN(io.Discard, resp.Body, most) // more than that is cheaper to cut off
	_ = resp.Body.Close()
}
