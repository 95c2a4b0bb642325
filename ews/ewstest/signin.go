package ewstest

import (
	"net/http"
	"slices"
	"strings"
)

// connKey is where a request's context has its connection.
type connKey struct{}

// A conn is a connection, which NTLM signs in.
type conn struct {
	account *account // who is signed in, nil for nobody
}

// signIn finds out who a request is from. If it does not, it has answered.
func (s *Server) signIn(w http.ResponseWriter, r *http.Request) (identity, bool) {
	scheme, proof, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	var who identity
	if scheme != "" && s.offers(scheme) && !s.refusing.Load() {
		switch strings.ToLower(scheme) {
		case "basic":
			who.account = s.basic(r)
		case "bearer":
			who = s.bearer(strings.TrimSpace(proof))
		}
	}
	switch {
	case who.account != nil || who.app:
		s.count(func(c *Counts) { c.SignIns++ })
		return who, true
	case scheme != "":
		s.count(func(c *Counts) { c.Refused++ })
	}
	s.demand(w, r)
	return identity{}, false
}

func (s *Server) offers(scheme string) bool {
	return slices.ContainsFunc(s.options.Schemes, func(o string) bool { return strings.EqualFold(o, scheme) })
}

// demand asks for a sign-in.
func (s *Server) demand(w http.ResponseWriter, r *http.Request) {
	for _, scheme := range s.options.Schemes {
		if strings.EqualFold(scheme, "Basic") {
			scheme = `Basic realm="` + r.Host + `"`
		}
		w.Header().Add("WWW-Authenticate", scheme)
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
