package ewstest

import (
	"net/http"

	"github.com/go-serversync/serversync/ews/internal/soap"
)

// An identity is who a request is from.
type identity struct {
	account *account // nil for an application
	app     bool
}

func (i identity) address() string {
	if i.account == nil {
		return ""
	}
	return i.account.address
}

// take takes a request apart, and finds out whose rights count. With an error q is what is
// known of the request, and nil if nothing is.
func (s *Server) take(body string, who identity, r *http.Request) (q *request, err error) {
	root, err := parse(body, s.watch())
	if err != nil {
		return nil, err
	}
	if root.name != (soap.Name{Space: soap.Envelope, Local: "Envelope"}) || len(root.child("Body").elements()) != 1 {
		return nil, &failure{code: "ErrorInvalidRequest", text: "The request is invalid.", fault: true}
	}
	q = &request{server: s, body: root.child("Body").children[0], caller: who.address(), acting: who.address()}
	q.op = q.body.name.Local
	header := root.child("Header")
	if q.version, err = s.schemaAsked(header.child("RequestServerVersion")); err != nil {
		return q, err
	}
	if err := s.impersonate(q, who, header.child("ExchangeImpersonation")); err != nil {
		return q, err
	}
	return q, s.anchored(q, r)
}

// elements returns the children, none of a nil node.
func (n *node) elements() []*node {
	if n == nil {
		return nil
	}
	return n.children
}
