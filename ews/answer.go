package ews

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/go-serversync/serversync/ews/internal/soap"
	"github.com/go-serversync/serversync/provider"
)

// The bounds of what an answer says.
const (
	maxCode = 256
	maxText = 64 << 10
)

// read reads an answer: the element that answers the call, or a fault.
func (c *client) read(body io.Reader, k call) error {
	r := soap.NewReader(body, soap.Limits{})
	r.Repeats = c.web.Repeats
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

var (
	errNoService  = errors.New("what answers is not Exchange's web services")
	errTwoBodies  = errors.New("the answer has two bodies")
	errTwoAnswers = errors.New("the answer answers twice")
)

// readOne reads one message of an answer.
func (c *client) readOne(r *soap.Reader, root soap.Element, ok bool, k call) error {
	if ok && !root.Is(soap.Envelope, "Envelope") {
		return &provider.Error{Op: "ews: " + k.op, Kind: provider.ErrUnavailable, Err: errNoService, Remedy: remedyNoService}
	}
	bodies, answers := 0, 0
	var inner error
	for e := range r.Children(root) {
		switch {
		case e.Is(soap.Envelope, "Header"):
			c.readHeader(r, e)
		case e.Is(soap.Envelope, "Body") && bodies > 0:
			r.Fail(fmt.Errorf("%w: %w", soap.ErrSyntax, errTwoBodies))
		case e.Is(soap.Envelope, "Body"):
			bodies++
			for e := range r.Children(e) {
				switch {
				case e.Is(soap.Envelope, "Fault"):
					if inner = readFault(r, e).hushed(r.Repeats).failure(k.op); r.Err() != nil {
						inner = unreadable(k.op, r.Err())
					}
				case e.Is(soap.Messages, strings.TrimSuffix(k.op, "Request")+"Response"):
					if answers++; answers > 1 {
						r.Fail(fmt.Errorf("%w: %w", soap.ErrSyntax, errTwoAnswers))
						break
					}
					inner = k.read(r, e)
				}
				if inner != nil {
					return inner
				}
			}
		}
	}
	err := r.Err()
	switch {
	case err == nil && (bodies != 1 || answers != 1):
		err = fmt.Errorf("%w: %s is not answered", soap.ErrSyntax, k.op)
	case err == nil:
		return nil
	}
	return unreadable(k.op, err)
}

// readHeader reads which server answered.
func (c *client) readHeader(r *soap.Reader, e soap.Element) {
	for e := range r.Children(e) {
		if e.Is(soap.Types, "ServerVersionInfo") {
			c.state.version(e)
		}
	}
}

// version notes the version of a server, as administrators know it: 15.1.2507.6.
func (s *state) version(e soap.Element) {
	var numbers []string
	for _, name := range []string{"MajorVersion", "MinorVersion", "MajorBuildNumber", "MinorBuildNumber"} {
		n, err := strconv.ParseUint(e.Attr(name), 10, 32)
		if err != nil {
			break
		}
		numbers = append(numbers, strconv.FormatUint(n, 10))
	}
	if len(numbers) < 2 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.server = strings.Join(numbers, ".")
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
	case errors.Is(err, soap.ErrSyntax), errors.Is(err, soap.ErrDoctype), errors.Is(err, soap.ErrInclude):
		kind = provider.ErrProtocol
	case errors.Is(err, io.ErrUnexpectedEOF):
		err = fmt.Errorf("the answer was cut off: %w", err)
	}
	return &provider.Error{Op: "ews: " + op, Kind: kind, Err: err}
}

// A message is what a ResponseMessage says besides its content.
type message struct {
	class  string            // Success, Warning or Error
	code   string            // the ResponseCode
	text   string            // in the server's language
	values map[string]string // of MessageXml, by name, such as BackOffMilliseconds
	err    error             // why it is no success, an *provider.Error; errStopped is in it where that is why
}

// errStopped says that the server did not come to an item: it had given up the batch before.
var errStopped = errors.New("the server ended the batch before it")

// eachMessage reads the ResponseMessages of an answer, want of which were asked for. It calls child
// for each element of a message that is content, and then end. The first error of end ends it.
func eachMessage(r *soap.Reader, e soap.Element, want int, child func(i int, e soap.Element), end func(i int, m message) error) error {
	n := 0
	for list := range r.Children(e) {
		if !list.Is(soap.Messages, "ResponseMessages") {
			continue
		}
		for one := range r.Children(list) {
			if one.Name.Space != soap.Messages {
				continue // somebody's extension
			}
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
			if !m.succeeded() {
				m.err = fault{code: m.code, text: m.text, values: m.values}.hushed(r.Repeats).failure(e.Name.Local)
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

// succeeded reports whether it is a success. What has no class that is known is judged by its code.
func (m *message) succeeded() bool {
	switch m.class {
	case "Success":
		return m.code == "" || m.code == noError
	case "Warning", "Error":
		return false
	}
	return m.code == noError
}

const noError = "NoError"

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
