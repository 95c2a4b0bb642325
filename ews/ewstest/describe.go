package ewstest

import (
	"io"
	"net/http"
	"strings"

	"github.com/go-serversync/serversync/ews/internal/schema"
)

// describe answers a request for what describes the service.
func (s *Server) describe(w http.ResponseWriter, r *http.Request, path string) {
	if r.Method != http.MethodGet {
		http.Error(w, "Method Not Allowed", http.StatusMethodNotAllowed)
		return
	}
	if _, ok := s.signIn(w, r); !ok {
		return
	}
	var write func(io.Writer) error
	w.Header().Set("Content-Type", "text/xml")
	switch {
	case path == "/ews/services.wsdl", path == "/ews/exchange.asmx" && strings.EqualFold(r.URL.RawQuery, "wsdl"):
		write = func(w io.Writer) error { return schema.WriteWSDL(w, s.URL()) }
	case path == "/ews/types.xsd":
		write = func(w io.Writer) error { return schema.WriteXSD(w, schema.Types, s.version.edition) }
	case path == "/ews/messages.xsd":
		write = func(w io.Writer) error { return schema.WriteXSD(w, schema.Messages, s.version.edition) }
	case path == "/ews/exchange.asmx":
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(w, "<HTML><HEAD><TITLE>Exchange Web Services</TITLE></HEAD><BODY>You have created a service.</BODY></HTML>")
		return
	default:
		http.NotFound(w, r)
		return
	}
	write(w) // the client may have gone
}
