package ewstest

import (
	"encoding/base64"
	"io"
	"net/http"
	"slices"
	"strings"
)

// connKey is where a request's context has its connection.
type connKey struct{}

// A conn is a connection, which NTLM and Negotiate sign in. Its requests come one after
// another.
type conn struct {
	account *account // who is signed in, nil for nobody
	ntlm    *handshake
}

func connOf(r *http.Request) *conn { return r.Context().Value(connKey{}).(*conn) }

// signIn finds out who a request is from. If it does not, it has answered.
func (s *Server) signIn(w http.ResponseWriter, r *http.Request) (identity, bool) {
	c := connOf(r)
	scheme, proof, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if s.refusing.Load() {
		c.account = nil
	} else if scheme == "" && c.account != nil {
		return identity{account: c.account}, true
	}
	var who identity
	if scheme != "" && s.offers(scheme) && !s.refusing.Load() {
		switch strings.ToLower(scheme) {
		case "basic":
			who.account = s.basic(r)
		case "bearer":
			who = s.bearer(strings.TrimSpace(proof))
		case "ntlm", "negotiate":
			a, goesOn := s.windows(w, r, scheme, proof)
			if goesOn {
				return who, false
			}
			who.account = a
		}
	}
	switch {
	case who.account != nil || who.app:
		s.count(func(c *Counts) { c.SignIns++ })
		return who, true
	case scheme != "":
		s.count(func(c *Counts) { c.Refused++ })
	}
	s.demand(w, r, "")
	return identity{}, false
}

func (s *Server) offers(scheme string) bool {
	return slices.ContainsFunc(s.options.Schemes, func(o string) bool { return strings.EqualFold(o, scheme) })
}

// demand asks for a sign-in: for the next message of one if there is an answer to the last.
func (s *Server) demand(w http.ResponseWriter, r *http.Request, next string) {
	// The connection is needed again, and net/http closes it where much is left unread.
	io.Copy(io.Discard, io.LimitReader(r.Body, s.options.MaxBytes))
	h := w.Header()
	if next != "" {
		h.Set("WWW-Authenticate", next)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	connOf(r).account = nil
	for _, scheme := range s.options.Schemes {
		switch strings.ToLower(scheme) {
		case "basic":
			scheme = `Basic realm="` + r.Host + `"`
		case "bearer":
			scheme = `Bearer client_id="00000002-0000-0ff1-ce00-000000000000", trusted_issuers="00000001-0000-0000-c000-000000000000@*", token_types="app_asserted_user_v1 service_asserted_app_v1"`
			if used, token, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(used, "bearer") && token != "" {
				scheme += `, error="invalid_token"`
				if why := s.refusal(strings.TrimSpace(token)); why != "" {
					h.Set("x-ms-diagnostics", why)
				}
			}
		}
		h.Add("WWW-Authenticate", scheme)
	}
	w.WriteHeader(http.StatusUnauthorized)
}

func (s *Server) basic(r *http.Request) *account {
	name, password, ok := r.BasicAuth()
	a := s.directory.login(name)
	if !ok || a == nil || a.password == "" || a.password != password {
		return nil
	}
	return a
}

func (s *Server) bearer(token string) identity {
	if s.options.Token == nil {
		return identity{}
	}
	address, app, ok := s.options.Token(token)
	if !ok {
		return identity{}
	}
	who := identity{app: app}
	if !app {
		who.account = s.directory.find(address)
	}
	return who
}

// refusal says why a token is not taken.
func (s *Server) refusal(token string) string {
	if s.options.Refusal != nil {
		return s.options.Refusal(token)
	}
	return `2000003;reason="The hostname component of the audience claim value is invalid.";error_category="invalid_resource"`
}

// windows goes on with an exchange of NTLM or Negotiate. If that goes on, it has answered.
func (s *Server) windows(w http.ResponseWriter, r *http.Request, scheme, proof string) (a *account, goesOn bool) {
	c := connOf(r)
	c.account = nil // whoever begins anew is no longer signed in
	message, err := base64.StdEncoding.DecodeString(strings.TrimSpace(proof))
	if err != nil {
		return nil, false
	}
	switch {
	case messageType(message) == 1:
		c.ntlm = newHandshake(message, s.directory.domain())
		s.demand(w, r, scheme+" "+base64.StdEncoding.EncodeToString(c.ntlm.second))
		return nil, true
	case messageType(message) == 3:
		if c.ntlm != nil {
			a = c.ntlm.check(message, s.directory, s.binding)
		}
		c.ntlm = nil
	case strings.EqualFold(scheme, "Negotiate") && s.options.Negotiate != nil:
		reply, address := s.options.Negotiate(message)
		next := scheme + " " + base64.StdEncoding.EncodeToString(reply)
		if address == "" && reply != nil {
			s.demand(w, r, next)
			return nil, true
		}
		if a = s.directory.find(address); a != nil && reply != nil {
			w.Header().Set("WWW-Authenticate", next)
		}
	}
	if a != nil {
		w.Header().Set("Persistent-Auth", "true")
		if s.options.Forgetful {
			w.Header().Set("Persistent-Auth", "false")
		} else {
			c.account = a
		}
	}
	return a, false
}
