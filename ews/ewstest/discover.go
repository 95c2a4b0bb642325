package ewstest

import (
	"cmp"
	"io"
	"net/http"
	"strings"

	"github.com/go-serversync/serversync/ews/internal/soap"
)

// Autodiscover is what a server says of where mailboxes are. The zero Autodiscover says that they
// are here.
type Autodiscover struct {
	Internal  string   // the EwsUrl for those within. Default: the server's own
	External  string   // the EwsUrl for those outside. Default: the server's own
	Protocols []string // of POX, of EXCH, EXPR, EXHTTP and WEB. Default: EXCH and EXPR, EXHTTP since 2013

	Group string // the GroupingInformation. Default: "site-1"

	RedirectAddr map[string]string // other addresses to ask about, by address
	RedirectURL  map[string]string // other places to ask at, by address
	Errors       map[string]string // codes of POX, such as "600", or of SOAP, such as "InvalidUser", by address

	// Lead is where a GET without a sign-in is led to with status 302, as
	// http://autodiscover.example.com does it. Default: nowhere
	Lead string

	Without []string // of "xml", "svc" and "json": the ways to ask that are not there
}

// discover answers a request of autodiscovery.
func (s *Server) discover(w http.ResponseWriter, r *http.Request, path string) {
	way := strings.TrimPrefix(path, "/autodiscover/autodiscover.")
	way, rest, _ := strings.Cut(way, "/")
	a := s.options.Autodiscover
	for _, not := range a.Without {
		if not == way {
			http.NotFound(w, r)
			return
		}
	}
	switch {
	case r.Method == http.MethodGet && way == "json":
		s.discoverJSON(w, r, rest)
	case r.Method == http.MethodGet && a.Lead != "":
		http.Redirect(w, r, a.Lead, http.StatusFound)
	case way == "xml" && rest == "":
		s.discoverPOX(w, r)
	case way == "svc" && rest == "":
		s.discoverSOAP(w, r)
	default:
		http.NotFound(w, r)
	}
}

// asked signs a request in, reads it and does what the faults say. If it returns nil, the
// request is answered. address finds who is asked about.
func (s *Server) asked(w http.ResponseWriter, r *http.Request, address func(*node) string) *node {
	if _, ok := s.signIn(w, r); !ok {
		return nil
	}
	s.count(func(c *Counts) { c.Requests["Autodiscover"]++ })
	if r.Method != http.MethodPost {
		s.sayPOX(w, s.errorPOX("600", "Invalid Request"))
		return nil
	}
	body, err := s.body(r)
	var root *node
	if err == nil {
		root, err = parse(body, blind{})
	}
	if err != nil {
		s.sayPOX(w, s.errorPOX("600", "Invalid Request"))
		return nil
	}
	if f := s.fault("Autodiscover", lowered(address(root))); f != nil {
		s.pause(r, f.Delay)
		if f.isPlain() {
			s.answerPlainly(&answer{s: s, w: w, r: r}, f)
			return nil
		}
	}
	return root
}

// settle returns what there is to say about an address: the mailbox, or where else to ask, or an
// error.
func (s *Server) settle(address string) (a *account, redirect, value, problem string) {
	o, address := s.options.Autodiscover, lowered(address)
	for _, say := range []struct {
		what string
		of   map[string]string
	}{{"redirectAddr", o.RedirectAddr}, {"redirectUrl", o.RedirectURL}, {"error", o.Errors}} {
		for of, to := range say.of {
			if lowered(of) != address {
				continue
			}
			if say.what == "error" {
				return nil, "", "", to
			}
			return nil, say.what, to, ""
		}
	}
	if a = s.directory.find(address); a == nil || !a.mailbox {
		return nil, "", "", "500"
	}
	return a, "", "", ""
}

func (s *Server) internalURL() string { return cmp.Or(s.options.Autodiscover.Internal, s.URL()) }
func (s *Server) externalURL() string { return cmp.Or(s.options.Autodiscover.External, s.URL()) }
func (s *Server) group() string       { return cmp.Or(s.options.Autodiscover.Group, "site-1") }

// An outline is a message of autodiscovery that is put together.
type outline struct{ soap.Writer }

func (o *outline) end(times int) {
	for range times {
		o.End()
	}
}

// say sends an outline.
func (o *outline) say(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	w.WriteHeader(status)
	io.WriteString(w, xmlDeclaration)
	io.Copy(w, o.Open())
}
