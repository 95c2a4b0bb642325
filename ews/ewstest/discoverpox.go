package ewstest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// The namespaces of plain XML (POX, MS-OXDSCLI).
const (
	poxRequest  = "http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"
	poxRoot     = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"
	poxResponse = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
)

// discoverPOX answers a request in plain XML.
func (s *Server) discoverPOX(w http.ResponseWriter, r *http.Request) {
	root := s.asked(w, r, func(root *node) string { return root.at("Request", "EMailAddress").value() })
	if root == nil {
		return
	}
	address := strings.TrimSpace(root.at("Request", "EMailAddress").value())
	switch {
	case root.name.Space != poxRequest || root.name.Local != "Autodiscover" || address == "":
		s.sayPOX(w, s.errorPOX("600", "Invalid Request"))
		return
	case strings.TrimSpace(root.at("Request", "AcceptableResponseSchema").value()) != poxResponse:
		s.sayPOX(w, s.errorPOX("601", "Provider is not available"))
		return
	}
	a, redirect, value, problem := s.settle(address)
	switch {
	case problem != "":
		s.sayPOX(w, s.errorPOX(problem, "The email address can't be found."))
		return
	}
	o := s.openPOX(poxResponse)
	if a != nil {
		o.Start("User")
		o.Elem("DisplayName", a.display())
		o.Elem("AutoDiscoverSMTPAddress", a.address)
		o.Elem("DeploymentId", newID())
		o.end(1)
	}
	o.Start("Account")
	if redirect != "" {
		o.Elem("Action", redirect)
		o.Elem(map[string]string{"redirectAddr": "RedirectAddr", "redirectUrl": "RedirectUrl"}[redirect], value)
	} else {
		o.Elem("AccountType", "email")
		o.Elem("Action", "settings")
		o.Elem("MicrosoftOnline", map[bool]string{true: "True", false: "False"}[s.options.Version == "EXO"])
		s.protocols(o)
	}
	o.end(1)
	s.sayPOX(w, o)
}

// protocols writes the ways to the mailbox, by who takes them.
func (s *Server) protocols(o *outline) {
	list := s.options.Autodiscover.Protocols
	if list == nil {
		if list = []string{"EXCH", "EXPR"}; s.version.major >= 15 {
			list = append(list, "EXHTTP")
		}
	}
	if slices.Contains(list, "EXCH") {
		o.Start("Protocol")
		o.Elem("Type", "EXCH")
		o.Elem("Server", newID()+"@example.com")
		o.Elem("ServerVersion", fmt.Sprintf("73C%d8%03X", s.version.minor, s.version.build))
		s.urls(o, s.internalURL())
		o.Elem("ServerExclusiveConnect", "off")
		o.end(1)
	}
	if slices.Contains(list, "EXPR") {
		o.Start("Protocol")
		o.Elem("Type", "EXPR")
		o.Elem("Server", "mail.example.com")
		o.Elem("SSL", "On")
		o.Elem("AuthPackage", "Ntlm")
		s.urls(o, s.externalURL())
		o.end(1)
	}
	if slices.Contains(list, "EXHTTP") {
		for _, url := range []string{s.internalURL(), s.externalURL()} {
			o.Start("Protocol")
			o.Elem("Type", "EXHTTP")
			o.Elem("Server", "mail.example.com")
			o.Elem("SSL", "On")
			o.Elem("AuthPackage", "Ntlm")
			s.urls(o, url)
			o.end(1)
		}
	}
	if slices.Contains(list, "WEB") {
		o.Start("Protocol")
		o.Elem("Type", "WEB")
		o.Start("External")
		o.Elem("OWAUrl", s.base()+"/owa/", "AuthenticationMethod", "Fba")
		o.Start("Protocol")
		o.Elem("Type", "EXPR")
		o.Elem("ASUrl", s.externalURL())
		o.end(3)
	}
}

func (s *Server) urls(o *outline, url string) {
	o.Elem("ASUrl", url)
	o.Elem("EwsUrl", url)
	o.Elem("OOFUrl", url)
	if s.version.major >= 15 {
		o.Elem("EwsPartnerUrl", url)
	}
}

func (s *Server) openPOX(space string) *outline {
	o := &outline{}
	o.Start("Autodiscover", "xmlns", poxRoot)
	o.Start("Response", "xmlns", space)
	return o
}

// errorPOX is an answer that says no, which is in the namespace of the root.
func (s *Server) errorPOX(code, message string) *outline {
	o := s.openPOX(poxRoot)
	o.Start("Error", "Time", time.Now().Format("15:04:05.0000000"), "Id", "1473291829")
	o.Elem("ErrorCode", code)
	o.Elem("Message", message)
	o.Empty("DebugData")
	o.end(1)
	return o
}

func (s *Server) sayPOX(w http.ResponseWriter, o *outline) {
	o.end(2)
	o.say(w, http.StatusOK)
}

// display is what an account is called for people.
func (a *account) display() string {
	local, _, _ := strings.Cut(a.address, "@")
	return local
}
