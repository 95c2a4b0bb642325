package ews

import (
	"errors"
	"fmt"
	"strings"

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

// hushed returns f without what must not be told: a server may repeat what proves us. A code that is known is the
// server's own word.
func (f fault) hushed(repeats func(text string) bool) fault {
	const longest = 4 << 10 // of what proves us, as far as it matters here
	secret := func(text string) bool { return repeats != nil && repeats(text[:min(len(text), maxWords+longest)]) }
	if !isKnown(f.code) && secret(f.code) {
		f.code = ""
	}
	if secret(f.text) {
		f.text = ""
	}
	for name, value := range f.values {
		if secret(value) {
			delete(f.values, name)
		}
	}
	return f
}

// failure returns what f means. Its text is the server's, in whatever language it has.
func (f fault) failure(op string) error {
	meant := meaningOf(f.code)
	e := &provider.Error{Op: "ews: " + op, Kind: meant.kind, Code: f.code, Remedy: meant.remedy, Err: f.words()}
	if f.code == batchStopped {
		e.Err = fmt.Errorf("%w: %w", errStopped, e.Err)
	}
	if wait := backOff(f.values); wait > 0 && e.Kind == provider.ErrThrottled {
		e.RetryAfter = wait
	}
	if inner := f.values["InnerErrorResponseCode"]; inner != "" && e.Kind == provider.ErrUnavailable {
		// What went wrong within says more, where that is known to stop all.
		if kind := meaningOf(inner).kind; kind == provider.ErrThrottled {
			e.Kind = kind
		}
	}
	return e
}

// maxWords is how much of a server's text is told.
const maxWords = 200

func (f fault) words() error {
	text := "the server says nothing more"
	if f.text != "" {
		text = "the server says " + wire.Quote(bounded(f.text))
	}
	for _, name := range []string{"InnerErrorResponseCode", "InnerErrorMessageText", "Violation"} {
		if v := f.values[name]; v != "" {
			text += "; " + name + ": " + wire.Quote(bounded(v))
		}
	}
	if f.code != "" {
		text = wire.Quote(f.code) + ": " + text
	}
	return errors.New(text)
}

func bounded(s string) string { return strings.ToValidUTF8(s[:min(len(s), maxWords)], "") }
