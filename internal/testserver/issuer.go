package testserver

import (
	"encoding/json"
	"net"
	"net/http"
	"sync"
	"time"
)

// Issuer is who knows access tokens: it serves token introspection (RFC 7662), which a
// Dovecot asks whose a token is. Its methods may be used by many goroutines.
type Issuer struct {
	server   http.Server
	listener net.Listener

	mu     sync.Mutex
	tokens map[string]string // users by token
	ask    func(token string) (user string)
	asked  int
}

// NewIssuer starts an issuer on a port of its own, which knows no token. The caller
// calls Close, after the Dovecot's.
func NewIssuer() (*Issuer, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	i := &Issuer{listener: l, tokens: map[string]string{}}
	i.server = http.Server{Handler: http.HandlerFunc(i.introspect), ReadHeaderTimeout: time.Minute}
	go i.server.Serve(l)
	return i, nil
}

// Issue makes a token good for a user, whose name is as [Address] has it.
func (i *Issuer) Issue(user, token string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.tokens[token] = Address(user)
}

// Revoke makes a token good for nobody.
func (i *Issuer) Revoke(token string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.tokens, token)
}

// Ask has somebody else say whose a token is that was not issued here, "" for nobody's.
// Names are as with Issue.
func (i *Issuer) Ask(user func(token string) string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.ask = user
}

// Asked returns how often somebody asked of a token.
func (i *Issuer) Asked() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.asked
}

// Close ends the issuer.
func (i *Issuer) Close() error { return i.server.Close() }

func (i *Issuer) introspect(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	token := r.PostFormValue("token")
	user, active := i.tokens[token]
	if i.ask != nil && !active {
		if user = i.ask(token); user != "" {
			user, active = Address(user), true
		}
	}
	i.asked++
	i.mu.Unlock()
	answer := map[string]any{"active": active}
	if active {
		answer["username"] = user
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(answer)
}

// oauth2Conf is what Dovecot 2.3 has to know of an issuer.
func (i *Issuer) oauth2Conf() string {
	return "introspection_url = http://" + i.listener.Addr().String() + "/introspect\n" +
		"introspection_mode = post\nusername_attribute = username\nactive_attribute = active\nactive_value = true\n"
}
