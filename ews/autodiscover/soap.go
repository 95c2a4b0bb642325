package autodiscover

import (
	"fmt"
	"io"
	"strings"

	"github.com/go-serversync/serversync/ews/internal/soap"
	"github.com/go-serversync/serversync/provider"
)

// The namespaces of SOAP Autodiscover ([MS-OXWSADISC], section 2.2.1).
const (
	soapSpace  = "http://schemas.microsoft.com/exchange/2010/Autodiscover"
	addressing = "http://www.w3.org/2005/08/addressing"
	soapAction = soapSpace + "/Autodiscover/GetUserSettings"
)

// soapRequest is a GetUserSettings ([MS-OXWSADISC], section 3.1.4.4; Microsoft: "GetUserSettings operation
// (SOAP)"). The order of elements is the schema's.
func soapRequest(to, address string) []byte {
	var w soap.Writer
	w.Start("s:Envelope", "xmlns:s", soap.Envelope, "xmlns:wsa", addressing, "xmlns:a", soapSpace)
	w.Start("s:Header")
	w.Elem("a:RequestedServerVersion", "Exchange2013")
	w.Elem("wsa:Action", soapAction)
	w.Elem("wsa:To", to)
	w.End()
	w.Start("s:Body")
	w.Start("a:GetUserSettingsRequestMessage")
	w.Start("a:Request")
	w.Start("a:Users")
	w.Start("a:User")
	w.Elem("a:Mailbox", address)
	w.End()
	w.End()
	w.Start("a:RequestedSettings")
	for _, name := range []string{"ExternalEwsUrl", "InternalEwsUrl", "EwsSupportedSchemas", "GroupingInformation"} {
		w.Elem("a:Setting", name)
	}
	w.End()
	w.End()
	w.End()
	w.End()
	w.End()
	body, _ := io.ReadAll(w.Open())
	return body
}

// readSOAP reads an answer to GetUserSettings, or a fault.
func readSOAP(body []byte) (*answer, error) {
	r, root, err := begin(body, soap.Envelope, "Envelope")
	if err != nil {
		return nil, err
	}
	a, ok := new(answer), false
	for part := range r.Children(root) {
		switch {
		case part.Is(soap.Envelope, "Header"):
			for e := range r.Children(part) {
				if e.Is(soapSpace, "ServerVersionInfo") {
					a.version = readVersion(r, e)
				}
			}
		case part.Is(soap.Envelope, "Body"):
			for e := range r.Children(part) {
				switch {
				case e.Is(soap.Envelope, "Fault"):
					return nil, readFault(r, e)
				case e.Is(soapSpace, "GetUserSettingsResponseMessage"):
					ok = true
					if err := a.readMessage(r, e); err != nil {
						return nil, err
					}
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

// readVersion reads a ServerVersionInfo, as "15.2.1118".
func readVersion(r *soap.Reader, e soap.Element) string {
	parts := make(map[string]string)
	for e := range r.Children(e) {
		switch e.Name.Local {
		case "MajorVersion", "MinorVersion", "MajorBuildNumber":
			if text := value(r, e); text != "" && len(text) < 8 && strings.Trim(text, "0123456789") == "" {
				parts[e.Name.Local] = text
			}
		}
	}
	if len(parts) < 3 {
		return ""
	}
	return parts["MajorVersion"] + "." + parts["MinorVersion"] + "." + parts["MajorBuildNumber"]
}

func readFault(r *soap.Reader, e soap.Element) error {
	code, text := "", ""
	for e := range r.Children(e) {
		switch e.Name.Local {
		case "faultcode":
			code = value(r, e)
			code = code[strings.LastIndexByte(code, ':')+1:]
		case "faultstring":
			text = value(r, e)
		}
	}
	if r.Err() != nil {
		return r.Err()
	}
	return said(provider.ErrProtocol, code, text)
}

// A soapStatus is what a Response and each UserResponse begin with.
type soapStatus struct{ code, text, target string }

// read reads a field, and reports whether e is one.
func (st *soapStatus) read(r *soap.Reader, e soap.Element) bool {
	if e.Name.Space != soapSpace {
		return false
	}
	switch e.Name.Local {
	case "ErrorCode":
		st.code = value(r, e)
	case "ErrorMessage":
		st.text = value(r, e)
	case "RedirectTarget":
		st.target = value(r, e)
	default:
		return false
	}
	return true
}

// failure returns what a code means (Microsoft: "ErrorCode (SOAP)").
func (st soapStatus) failure() error {
	switch st.code {
	case "", "NoError", "RedirectAddress", "RedirectUrl":
		return nil
	case "InvalidUser", "InvalidDomain":
		return said(provider.ErrNotFound, st.code, st.text)
	case "ServerBusy":
		return said(provider.ErrThrottled, st.code, st.text)
	case "InternalServerError":
		return said(provider.ErrUnavailable, st.code, st.text)
	}
	return said(provider.ErrProtocol, st.code, st.text)
}

// readMessage reads a GetUserSettingsResponseMessage. One user was asked about, so there is one
// UserResponse.
func (a *answer) readMessage(r *soap.Reader, e soap.Element) error {
	var whole, user soapStatus
	users := 0
	for response := range r.Children(e) {
		if !response.Is(soapSpace, "Response") {
			continue
		}
		for e := range r.Children(response) {
			if whole.read(r, e) || !e.Is(soapSpace, "UserResponses") {
				continue
			}
			for e := range r.Children(e) {
				if !e.Is(soapSpace, "UserResponse") {
					continue
				}
				if users++; users > 1 {
					return fmt.Errorf("%w: it is about other mailboxes", errAnother)
				}
				for e := range r.Children(e) {
					if !user.read(r, e) && e.Is(soapSpace, "UserSettings") {
						a.readSettings(r, e)
					}
				}
			}
		}
	}
	if r.Err() != nil {
		return r.Err()
	}
	if err := whole.failure(); err != nil {
		return err
	}
	if err := user.failure(); err != nil {
		return err
	}
	switch user.code {
	case "RedirectAddress":
		*a = answer{address: user.target}
	case "RedirectUrl":
		*a = answer{url: user.target}
	}
	return nil
}

func (a *answer) readSettings(r *soap.Reader, e soap.Element) {
	for e := range r.Children(e) {
		if !e.Is(soapSpace, "UserSetting") {
			continue
		}
		name, text := "", ""
		for e := range r.Children(e) {
			switch e.Name.Local {
			case "Name":
				name = value(r, e)
			case "Value":
				text = value(r, e)
			}
		}
		switch name {
		case "ExternalEwsUrl":
			a.outer = append(a.outer, text)
		case "InternalEwsUrl":
			a.inner = append(a.inner, text)
		case "GroupingInformation":
			a.grouping = text
		case "EwsSupportedSchemas":
			for schema := range strings.SplitSeq(text, ",") {
				if schema = strings.TrimSpace(schema); schema != "" && len(a.schemas) < 32 {
					a.schemas = append(a.schemas, schema)
				}
			}
		}
	}
}
