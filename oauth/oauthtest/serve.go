package oauthtest

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html/template"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// ServeHTTP serves the issuer's pages and endpoints.
func (i *Issuer) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	w.Header().Set("Date", i.o.Now().UTC().Format(http.TimeFormat))
	if err := req.ParseForm(); err != nil {
		http.Error(w, "no form", http.StatusBadRequest)
		return
	}
	switch req.URL.Path {
	case "/authorize":
		i.authorize(w, req)
	case "/device":
		i.devicePage(w, req)
	case "/device_authorization":
		i.device(w, req)
	case "/token":
		i.token(w, req)
	case "/revoke":
		i.revoke(w, req)
	case "/introspect":
		i.introspect(w, req)
	default:
		http.NotFound(w, req)
	}
}

func page() *template.Template {
	return template.Must(template.New("").Parse(`<!DOCTYPE html><title>Consent</title><form method="post">
<p>{{.client}} wants to read and send your mail ({{.scope}}).</p>
<input name="user" value="{{.login_hint}}"><input name="user_code" value="{{.user_code}}">
<button name="answer" value="allow">Allow</button><button name="answer" value="deny">Deny</button></form>`))
}

// authorize shows the consent page, and sends the browser back once it is filled in.
func (i *Issuer) authorize(w http.ResponseWriter, req *http.Request) {
	q := req.URL.Query()
	if q.Get("client_id") != i.o.ClientID || q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" || q.Get("redirect_uri") == "" {
		http.Error(w, "what is asked for is not known here", http.StatusBadRequest)
		return
	}
	if req.Method != http.MethodPost {
		i.count("authorize")
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		page().Execute(w, map[string]string{"client": q.Get("client_id"), "scope": q.Get("scope"), "login_hint": q.Get("login_hint")})
		return
	}
	back, err := url.Parse(q.Get("redirect_uri"))
	if err != nil {
		http.Error(w, "no redirect", http.StatusBadRequest)
		return
	}
	answer := url.Values{"state": {q.Get("state")}}
	if req.PostForm.Get("answer") == "allow" {
		code := "code-" + rand.Text()
		i.mu.Lock()
		i.codes[code] = &pending{client: q.Get("client_id"), redirect: q.Get("redirect_uri"), scope: q.Get("scope"), challenge: q.Get("code_challenge"), user: req.PostForm.Get("user")}
		i.mu.Unlock()
		answer.Set("code", code)
	} else {
		answer.Set("error", "access_denied")
	}
	back.RawQuery = answer.Encode()
	http.Redirect(w, req, back.String(), http.StatusFound)
}

// device gives a device code (RFC 8628).
func (i *Issuer) device(w http.ResponseWriter, req *http.Request) {
	i.count("device")
	if answered, _ := i.misbehave(w, req); answered {
		return
	}
	if req.PostForm.Get("client_id") != i.o.ClientID {
		refuse(w, http.StatusUnauthorized, "invalid_client", "")
		return
	}
	code, text := "dc-"+rand.Text(), rand.Text()
	p := &pending{client: i.o.ClientID, scope: req.PostForm.Get("scope"), userCode: text[:4] + "-" + text[4:8], interval: time.Second}
	i.mu.Lock()
	i.devices[code] = p
	i.mu.Unlock()
	say(w, map[string]any{"device_code": code, "user_code": p.userCode, "verification_uri": i.URL + "/device", "expires_in": 600, "interval": 1})
}

// devicePage is where an owner enters a user code.
func (i *Issuer) devicePage(w http.ResponseWriter, req *http.Request) {
	if req.Method != http.MethodPost {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		page().Execute(w, map[string]string{"client": i.o.ClientID, "user_code": req.URL.Query().Get("user_code")})
		return
	}
	if !i.Decide(req.PostForm.Get("user_code"), req.PostForm.Get("user"), req.PostForm.Get("answer") == "allow") {
		http.Error(w, "there is no such code", http.StatusNotFound)
	}
}

// Decide has a user allow or deny what a user code stands for, and reports whether there
// is such a code.
func (i *Issuer) Decide(userCode, user string, allow bool) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, p := range i.devices {
		if p.userCode == userCode {
			p.user, p.decided, p.granted = user, true, allow
			return true
		}
	}
	return false
}

// token gives tokens.
func (i *Issuer) token(w http.ResponseWriter, req *http.Request) {
	i.count(req.PostForm.Get("grant_type"))
	answered, lose := i.misbehave(w, req)
	if answered {
		return
	}
	if !i.knows(req) {
		refuse(w, http.StatusUnauthorized, "invalid_client", "the application or its secret is not known")
		return
	}
	i.mu.Lock()
	status, answer := i.give(req.PostForm)
	i.mu.Unlock()
	if lose {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(answer)
}

// knows reports whether a request proves the application.
func (i *Issuer) knows(req *http.Request) bool {
	id, key, basic := req.BasicAuth()
	if !basic {
		id, key = req.PostForm.Get("client_id"), req.PostForm.Get("client_secret")
	}
	return id == i.o.ClientID && key == i.o.Secret
}

type object = map[string]any

func no(code string) (int, object) { return http.StatusBadRequest, object{"error": code} }

// give answers a request of the application's. i.mu is held.
func (i *Issuer) give(form url.Values) (int, object) {
	switch form.Get("grant_type") {
	case "authorization_code":
		p := i.codes[form.Get("code")]
		delete(i.codes, form.Get("code"))
		sum := sha256.Sum256([]byte(form.Get("code_verifier")))
		if p == nil || p.redirect != form.Get("redirect_uri") || base64.RawURLEncoding.EncodeToString(sum[:]) != p.challenge {
			return no("invalid_grant")
		}
		return i.pair(&family{user: p.user, client: p.client, scope: p.scope}, nil)
	case "urn:ietf:params:oauth:grant-type:device_code":
		return i.poll(form.Get("device_code"))
	case "refresh_token":
		return i.renew(form.Get("refresh_token"))
	}
	return no("unsupported_grant_type")
}

func (i *Issuer) pair(f *family, before *refreshToken) (int, object) {
	access, refresh := i.tokens(f, before)
	return http.StatusOK, object{"access_token": access, "refresh_token": refresh, "token_type": "Bearer", "expires_in": int(i.o.Life.Seconds()), "scope": f.scope, "owner": f.user}
}

// poll answers who waits for a device consent.
func (i *Issuer) poll(code string) (int, object) {
	p := i.devices[code]
	if p == nil {
		return no("invalid_grant")
	}
	soon := i.o.Now().Sub(p.asked) < p.interval-100*time.Millisecond
	p.asked = i.o.Now()
	switch {
	case soon:
		p.interval += 5 * time.Second
		return no("slow_down")
	case !p.decided:
		return no("authorization_pending")
	case !p.granted:
		return no("access_denied")
	}
	delete(i.devices, code)
	return i.pair(&family{user: p.user, client: p.client, scope: p.scope}, nil)
}

// renew refreshes a grant (RFC 9700, section 4.14.2, for rotation and reuse).
func (i *Issuer) renew(token string) (int, object) {
	r := i.refresh[token]
	if r == nil || r.of.revoked {
		return no("invalid_grant")
	}
	if i.o.Keeps {
		status, answer := i.pair(r.of, nil)
		delete(i.refresh, answer["refresh_token"].(string))
		delete(answer, "refresh_token")
		return status, answer
	}
	if r.used && (!i.o.Grace || r.after) {
		i.reuses++
		r.of.revoked = true
		return no("invalid_grant")
	}
	r.used = true
	if r.before != nil {
		r.before.after = true
	}
	return i.pair(r.of, r)
}

// revoke takes a grant back (RFC 7009).
func (i *Issuer) revoke(w http.ResponseWriter, req *http.Request) {
	i.count("revoke")
	if answered, _ := i.misbehave(w, req); answered {
		return
	}
	if !i.knows(req) {
		refuse(w, http.StatusUnauthorized, "invalid_client", "")
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if r := i.refresh[req.PostForm.Get("token")]; r != nil {
		r.of.revoked = true
	}
}

// introspect tells whose a token is (RFC 7662). Whoever asks proves nothing: a test's
// Dovecot is on the same machine.
func (i *Issuer) introspect(w http.ResponseWriter, req *http.Request) {
	i.count("introspect")
	token := req.Form.Get("token")
	if token == "" {
		token = bearer(req.Header.Get("Authorization"))
	}
	user := i.User(token)
	if user == "" {
		say(w, object{"active": false})
		return
	}
	say(w, object{"active": true, "username": user, "email": user, "sub": user, "client_id": i.o.ClientID, "scope": strings.Join([]string{"mail.read", "mail.send"}, " "), "token_type": "Bearer"})
}

func say(w http.ResponseWriter, answer object) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(answer)
}

func refuse(w http.ResponseWriter, status int, code, words string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(object{"error": code, "error_description": words})
}

// Give answers a request to the token endpoint that proves the application, in memory
// and without faults, for tests that count calls in a time of their own.
func (i *Issuer) Give(form url.Values) (*http.Response, error) {
	i.mu.Lock()
	i.counts[form.Get("grant_type")]++
	status, answer := i.give(form)
	i.mu.Unlock()
	body, err := json.Marshal(answer)
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(body))}, err
}
