package ewstest

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/go-serversync/serversync/ews/internal/soap"
)

// The namespaces of autodiscovery by SOAP (MS-OXWSADISC).
const (
	discovery  = "http://schemas.microsoft.com/exchange/2010/Autodiscover"
	addressing = "http://www.w3.org/2005/08/addressing"
)

// discoverSOAP answers GetUserSettings.
func (s *Server) discoverSOAP(w http.ResponseWriter, r *http.Request) {
	users := func(root *node) *node {
		return root.at("Body", "GetUserSettingsRequestMessage", "Request", "Users")
	}
	root := s.asked(w, r, func(root *node) string {
		if list := users(root).elements(); len(list) > 0 {
			return list[0].child("Mailbox").value()
		}
		return ""
	})
	if root == nil {
		return
	}
	header := root.child("Header")
	action := strings.TrimSpace(header.child("Action").value())
	if action != discovery+"/Autodiscover/GetUserSettings" || header.child("Action").name.Space != addressing {
		s.faultSOAP(w, "ActionNotSupported", "The message with Action '"+action+"' cannot be processed at the receiver, due to a ContractFilter mismatch at the EndpointDispatcher.")
		return
	}
	request := root.at("Body", "GetUserSettingsRequestMessage", "Request")
	list := users(root).elements()
	settings := request.child("RequestedSettings").elements()
	if len(list) == 0 || len(settings) == 0 || root.name.Space != soap.Envelope {
		s.faultSOAP(w, "InternalServiceFault", "The request is invalid.")
		return
	}
	o := s.openSOAP("GetUserSettingsResponse")
	o.Start("GetUserSettingsResponseMessage", "xmlns", discovery)
	o.Start("Response", "xmlns:i", soap.Instance)
	o.Elem("ErrorCode", "NoError")
	o.Empty("ErrorMessage")
	o.Start("UserResponses")
	for _, u := range list {
		s.userResponse(o, strings.TrimSpace(u.child("Mailbox").value()), settings)
	}
	o.end(5)
	o.say(w, http.StatusOK)
}

// userResponse writes what there is to say of one address.
func (s *Server) userResponse(o *outline, address string, settings []*node) {
	a, redirect, value, problem := s.settle(address)
	o.Start("UserResponse")
	defer o.end(1)
	switch {
	case problem != "":
		code := problem
		if _, err := strconv.Atoi(problem); err == nil { // one of POX
			code = "InvalidUser"
		}
		o.Elem("ErrorCode", code)
		o.Elem("ErrorMessage", "The user '"+address+"' cannot be found.")
		o.Empty("RedirectTarget", "i:nil", "true")
		o.Empty("UserSettingErrors")
		o.Empty("UserSettings")
		return
	case redirect != "":
		o.Elem("ErrorCode", map[string]string{"redirectAddr": "RedirectAddress", "redirectUrl": "RedirectUrl"}[redirect])
		o.Elem("ErrorMessage", "Redirection required.")
		o.Elem("RedirectTarget", value)
		o.Empty("UserSettingErrors")
		o.Empty("UserSettings")
		return
	}
	o.Elem("ErrorCode", "NoError")
	o.Elem("ErrorMessage", "No error.")
	o.Empty("RedirectTarget", "i:nil", "true")
	o.Start("UserSettingErrors")
	for _, n := range settings {
		if _, ok := s.setting(a, n.text); !ok {
			o.Start("UserSettingError")
			o.Elem("ErrorCode", "SettingIsNotAvailable")
			o.Elem("ErrorMessage", "The setting is not available.")
			o.Elem("SettingName", n.text)
			o.end(1)
		}
	}
	o.end(1)
	o.Start("UserSettings")
	for _, n := range settings {
		if value, ok := s.setting(a, n.text); ok {
			o.Start("UserSetting", "i:type", "StringSetting")
			o.Elem("Name", n.text)
			o.Elem("Value", value)
			o.end(1)
		}
	}
	o.end(1)
}

// setting returns a setting of a mailbox.
func (s *Server) setting(a *account, name string) (string, bool) {
	switch name {
	case "ExternalEwsUrl":
		return s.externalURL(), true
	case "InternalEwsUrl":
		return s.internalURL(), true
	case "EwsSupportedSchemas":
		known := slices.DeleteFunc(slices.Clone(s.version.schemas), func(v string) bool { return strings.HasPrefix(v, "V2") })
		return strings.Join(known, ", "), true
	case "GroupingInformation":
		return s.group(), true
	case "CasVersion", "EwsVersion":
		v := s.version
		return fmt.Sprintf("%d.%d.%d.%d", v.major, v.minor, v.build, v.revision), true
	case "UserDisplayName":
		return a.display(), true
	case "AutoDiscoverSMTPAddress":
		return a.address, true
	}
	return "", false
}

// openSOAP begins an answer up to its body.
func (s *Server) openSOAP(action string) *outline {
	o, v := &outline{}, s.version
	o.Start("s:Envelope", "xmlns:s", soap.Envelope, "xmlns:a", addressing)
	o.Start("s:Header")
	o.Elem("a:Action", discovery+"/Autodiscover/"+action, "s:mustUnderstand", "1")
	o.Start("h:ServerVersionInfo", "xmlns:h", discovery)
	for _, part := range []struct {
		name  string
		value int
	}{{"MajorVersion", v.major}, {"MinorVersion", v.minor}, {"MajorBuildNumber", v.build}, {"MinorBuildNumber", v.revision}} {
		o.Elem("h:"+part.name, strconv.Itoa(part.value))
	}
	o.Elem("h:Version", v.newest())
	o.end(2)
	o.Start("s:Body")
	return o
}

func (s *Server) faultSOAP(w http.ResponseWriter, code, text string) {
	o := s.openSOAP("fault")
	o.Start("s:Fault")
	o.Elem("faultcode", "a:"+code)
	o.Elem("faultstring", text, "xml:lang", "en-US")
	o.end(3)
	o.say(w, http.StatusInternalServerError)
}
