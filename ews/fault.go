package ews

import (
	"fmt"

	"github.com/go-serversync/serversync/ews/internal/soap"
	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/provider"
)

// A fault is why the server did not do something, from a SOAP fault or a ResponseMessage.
type fault struct {
	code   string
	text   string
	values map[string]string
}

// readFault reads a SOAP fault. The code in its detail goes before faultcode.
func readFault(r *soap.Reader, e soap.Element) (f fault) {
	for e := range r.Children(e) {
		switch e.Name.Local {
		case "faultcode":
			f.code = local(r.Text(e, maxCode))
		case "faultstring":
			f.text = r.Text(e, maxText)
		case "detail":
			for e := range r.Children(e) {
				switch e.Name.Local {
				case "ResponseCode":
					f.code = local(r.Text(e, maxCode))
				case "Message":
					f.text = r.Text(e, maxText)
				case "MessageXml":
					f.values = readValues(r, e)
				}
			}
		}
	}
	return f
}

// readValues reads a MessageXml.
func readValues(r *soap.Reader, e soap.Element) map[string]string {
	values := make(map[string]string)
	for e := range r.Children(e) {
		if name := e.Attr("Name"); name != "" && len(values) < 32 {
			values[name] = r.Text(e, maxText)
		}
	}
	return values
}

// local returns a qualified name without its prefix.
func local(name string) string {
	for i := len(name) - 1; i >= 0; i-- {
		if name[i] == ':' {
			return name[i+1:]
		}
	}
	return name
}

// failure returns what f means.
func (f fault) failure(op string) error {
	return &provider.Error{Op: "ews: " + op, Kind: kindOf(f.code), Code: f.code, Err: fmt.Errorf("the server says %s", wire.Quote(f.text))}
}

// kindOf returns what to do about a response code.
func kindOf(code string) provider.Kind {
	switch code {
	case "ErrorServerBusy", "ErrorExceededConnectionCount":
		return provider.ErrThrottled
	case "ErrorInvalidSyncStateData", "ErrorSyncFolderNotFound":
		return provider.ErrCursorExpired
	case "ErrorItemNotFound", "ErrorFolderNotFound":
		return provider.ErrNotFound
	}
	return provider.ErrUnavailable
}
