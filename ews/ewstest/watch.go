package ewstest

import (
	"github.com/go-serversync/serversync/ews/internal/schema"
	"github.com/go-serversync/serversync/ews/internal/soap"
)

// watch returns what holds a request against the schema while it is taken apart.
func (s *Server) watch() watcher {
	if s.options.Lenient {
		return blind{}
	}
	return &strict{schema.Checker{Edition: s.version.edition}}
}

// A strict watcher lets pass what Exchange would.
type strict struct{ checker schema.Checker }

func (s *strict) start(n soap.Name, attrs []soap.Attr) error {
	given := make([]schema.Attr, len(attrs))
	for i, a := range attrs {
		given[i] = schema.Attr{Name: schema.Name(a.Name), Value: a.Value}
	}
	return s.checker.Start(schema.Name(n), given)
}

func (s *strict) text(t string) error { return s.checker.Text(t) }

func (s *strict) end() error { return s.checker.End() }
