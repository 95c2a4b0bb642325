package ews

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-serversync/serversync/ews/internal/soap"
	"github.com/go-serversync/serversync/provider"
)

type readCloser = io.ReadCloser

// The bounds of what an answer says.
const (
	maxCode = 256
	maxText = 64 << 10
)

// read reads an answer: the element that answers the call, or a fault.
func (c *client) read(body io.Reader, k call) error {
	r := soap.NewReader(body, soap.Limits{})
	root, ok := r.Root()
	for {
		if err := c.readOne(r, root, ok, k); err != nil || !k.many {
			return err
		}
		if root, ok = r.Root(); !ok && r.Err() == nil {
			return nil // the stream has come to its end
		}
	}
}

// readOne reads one message of an answer.
func (c *client) readOne(r *soap.Reader, root soap.Element, ok bool, k call) error {
	var inner error
	bodies, found := 0, false
	if ok && !root.Is(soap.Envelope, "Envelope") {
		r.Fail(fmt.Errorf("%w: it is no SOAP message", soap.ErrSyntax))
	}
	for e := range r.Children(root) {
		if !e.Is(soap.Envelope, "Body") {
			continue
		}
		bodies++
		for e := range r.Children(e) {
			switch {
			case e.Is(soap.Envelope, "Fault"):
				inner = readFault(r, e).failure(k.op)
			case e.Is(soap.Messages, strings.TrimSuffix(k.op, "Request")+"Response"):
				found = true
				inner = k.read(r, e)
			}
			if inner != nil {
				return inner
			}
		}
	}
	err := r.Err()
	switch {
	case err == nil && (bodies != 1 || !found):
		err = fmt.Errorf("%w: %s is not answered", soap.ErrSyntax, k.op)
	case err == nil:
		return nil
	}
	return unreadable(k.op, err)
}

// unreadable says what an error of a Reader means.
func unreadable(op string, err error) error {
	var known *provider.Error
	if errors.As(err, &known) {
		return err
	}
	kind := provider.ErrUnavailable
	switch {
	case errors.Is(err, soap.ErrTooLarge):
		kind = provider.ErrTooLarge
	case errors.Is(err, soap.ErrSyntax), errors.Is(err, soap.ErrDoctype):
		kind = provider.ErrProtocol
	}
	return &provider.Error{Op: "ews: " + op, Kind: kind, Err: err}
}

// A message is what a ResponseMessage says besides its content.
type message struct {
	class  string            // Success, Warning or Error
	code   string            // the ResponseCode
	text   string            // in the server's language
	values map[string]string // of MessageXml, by name, such as BackOffMilliseconds
	err    error             // why it is no success, an *provider.Error
}

// eachMessage reads the ResponseMessages of an answer, want of which were asked for. It calls child
// for each element of a message that is content, and then end. The first error of end ends it.
func eachMessage(r *soap.Reader, e soap.Element, want int, child func(i int, e soap.Element), end func(i int, m message) error) error {
	n := 0
	for list := range r.Children(e) {
		if !list.Is(soap.Messages, "ResponseMessages") {
			continue
		}
		for one := range r.Children(list) {
			if n == want {
				return &provider.Error{Op: "ews: " + e.Name.Local, Kind: provider.ErrProtocol, Err: errors.New("the server answers more than it was asked")}
			}
			m := message{class: one.Attr("ResponseClass")}
			for field := range r.Children(one) {
				if !m.readField(r, field) {
					child(n, field)
				}
			}
			if r.Err() != nil {
				return unreadable(e.Name.Local, r.Err())
			}
			if m.class != "Success" {
				m.err = fault{code: m.code, text: m.text, values: m.values}.failure(e.Name.Local)
			}
			if err := end(n, m); err != nil {
				return err
			}
			n++
		}
	}
	if r.Err() == nil && n < want {
		return &provider.Error{Op: "ews: " + e.Name.Local, Kind: provider.ErrProtocol, Err: errors.New("the server answers less than it was asked")}
	}
	return nil
}

// readField reads a field that every ResponseMessage has, and reports whether it is one.
func (m *message) readField(r *soap.Reader, e soap.Element) bool {
	if e.Name.Space != soap.Messages {
		return false
	}
	switch e.Name.Local {
	case "ResponseCode":
		m.code = r.Text(e, maxCode)
	case "MessageText":
		m.text = r.Text(e, maxText)
	case "MessageXml":
		m.values = readValues(r, e)
	case "DescriptiveLinkKey":
	default:
		return false
	}
	return true
}
