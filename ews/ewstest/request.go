package ewstest

import "github.com/go-serversync/serversync/ews/internal/soap"

// A request is one SOAP request, taken apart, from somebody who is signed in.
type request struct {
	server  *Server
	op      string // the local name of the element in the Body
	body    *node  // that element
	caller  string // the address of who signed in
	acting  string // the address of whose rights count: the caller's, or that of who is impersonated
	version string // the schema that was asked for
	backEnd string // the server behind the front end that it came to
}

// A failure is what Exchange says no with: as a ResponseMessage of class Error, or, for what
// concerns the whole request, as a fault.
type failure struct {
	code   string            // such as "ErrorItemNotFound"
	text   string            // MessageText
	values map[string]string // of MessageXml
	fault  bool              // of the whole request
}

func (f *failure) Error() string { return f.code + ": " + f.text }

// An operation answers a request: it writes the content of the response element, such as
// GetItemResponse, or returns a *failure for a fault. It holds server.mu.
type operation func(q *request, w *soap.Writer) error
