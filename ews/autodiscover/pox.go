package autodiscover

import (
	"fmt"
	"io"
	"strconv"

	"github.com/go-serversync/serversync/ews/internal/soap"
	"github.com/go-serversync/serversync/provider"
)

// The namespaces of POX ([MS-OXDSCLI], section 2.2.1).
const (
	poxAsk    = "http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"
	poxRoot   = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"
	poxAnswer = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
)

// poxRequest is a request ([MS-OXDSCLI], section 2.2.3; Microsoft: "POX Autodiscover request for Exchange").
func poxRequest(address string) []byte {
	var w soap.Writer
	w.Start("Autodiscover", "xmlns", poxAsk)
	w.Start("Request")
	w.Elem("EMailAddress", address)
	w.Elem("AcceptableResponseSchema", poxAnswer)
	w.End()
	w.End()
	body, _ := io.ReadAll(w.Open())
	return body
}

// readPOX reads an answer ([MS-OXDSCLI], section 2.2.4). A Response that is an error is in the
// namespace of the root.
func readPOX(body []byte) (*answer, error) {
	r, root, err := begin(body, poxRoot, "Autodiscover")
	if err != nil {
		return nil, err
	}
	a, ok := new(answer), false
	for response := range r.Children(root) {
		if !response.Is(poxAnswer, "Response") && !response.Is(poxRoot, "Response") {
			continue
		}
		for e := range r.Children(response) {
			switch e.Name.Local {
			case "Error":
				return nil, readError(r, e)
			case "Account":
				ok = true
				if err := a.readAccount(r, e); err != nil {
					return nil, err
				}
			}
		}
	}
	if err := finish(r, root); err != nil {
		return nil, err
	}
	if !ok {
		return nil, errAnother
	}
	return a, nil
}

// readError reads an Error ([MS-OXDSCLI], section 2.2.4.1.1.3).
func readError(r *soap.Reader, e soap.Element) error {
	code, text := "", ""
	for e := range r.Children(e) {
		switch e.Name.Local {
		case "ErrorCode":
			code = value(r, e)
		case "Message":
			text = value(r, e)
		}
	}
	if r.Err() != nil {
		return r.Err()
	}
	named := "Autodiscover " + code // the number alone is another protocol's
	switch code {
	case "500", "501", "602": // the address is not known, or nothing is set up for it
		return said(provider.ErrNotFound, named, text)
	case "603":
		return said(provider.ErrUnavailable, named, text)
	}
	return said(provider.ErrProtocol, named, text)
}

func (a *answer) readAccount(r *soap.Reader, e soap.Element) error {
	action, address, url := "", "", ""
	for e := range r.Children(e) {
		switch e.Name.Local {
		case "Action":
			action = value(r, e)
		case "RedirectAddr":
			address = value(r, e)
		case "RedirectUrl":
			url = value(r, e)
		case "Error":
			return readError(r, e)
		case "Protocol":
			a.readProtocol(r, e)
		}
	}
	switch {
	case r.Err() != nil:
		return r.Err()
	case action == "redirectAddr" && address != "":
		*a = answer{address: address}
	case action == "redirectUrl" && url != "":
		*a = answer{url: url}
	case action != "settings" && action != "":
		return fmt.Errorf("%w: its action is another", errAnother)
	}
	return nil
}

// readProtocol reads a Protocol. EXPR is for those outside of the organization's network, EXCH for those
// inside; EXHTTP comes once for each. Others name no web services of their own. EwsUrl is where they
// are; before Exchange 2010 only ASUrl was (Microsoft: "EwsUrl (POX)", "ASUrl (POX)").
func (a *answer) readProtocol(r *soap.Reader, e soap.Element) {
	kind, ews, as := e.Attr("Type"), "", ""
	grouping, version := "", ""
	for e := range r.Children(e) {
		switch e.Name.Local {
		case "Type":
			kind = value(r, e)
		case "EwsUrl":
			ews = value(r, e)
		case "ASUrl":
			as = value(r, e)
		case "GroupingInformation":
			grouping = value(r, e)
		case "ServerVersion":
			version = poxVersion(value(r, e))
		}
	}
	if ews == "" {
		ews = as
	}
	switch kind {
	case "EXPR":
		a.outer = append(a.outer, ews)
	case "EXHTTP":
		a.either = append(a.either, ews)
	case "EXCH":
		a.inner = append(a.inner, ews)
	default:
		return
	}
	if grouping != "" {
		a.grouping = grouping
	}
	if version != "" {
		a.version = version
	}
}

// poxVersion reads a ServerVersion: a number in hexadecimal digits, of which 4 bits are the form, 6 major, 6
// minor, 1 more, and 15 the build (Microsoft: "ServerVersion (POX)").
func poxVersion(text string) string {
	n, err := strconv.ParseUint(text, 16, 32)
	if err != nil || n == 0 {
		return ""
	}
	return fmt.Sprintf("%d.%d.%d", n>>22&63, n>>16&63, n&0x7fff)
}
