package s2stest

import (
	"crypto/subtle"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const bearerAssertion = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// A request is a request for a token.
type request struct {
	form       url.Values
	tenant     string // as the path names it
	base       string // how the issuer is called
	v1         bool
	id, secret string
	proof      string // the assertion
}

// token answers a request for a token.
func (i *Issuer) token(w http.ResponseWriter, req *http.Request, tenant string, v1 bool) {
	q := &request{form: req.PostForm, tenant: tenant, base: i.base(req), v1: v1,
		id: req.PostForm.Get("client_id"), secret: req.PostForm.Get("client_secret"), proof: req.PostForm.Get("client_assertion")}
	if id, key, basic := req.BasicAuth(); basic { // RFC 6749, section 2.3.1: both are form-encoded
		q.id, _ = url.QueryUnescape(id)
		q.secret, _ = url.QueryUnescape(key)
	}
	q.id = strings.ToLower(q.id)
	defer i.enter(q)()
	i.answer(w, req, i.fault(Token, tenant, q.id), q, func() (map[string]any, *refusal) { return i.judge(req, q) })
}

// judge does what a request asks for.
func (i *Issuer) judge(req *http.Request, q *request) (map[string]any, *refusal) {
	if req.Method != http.MethodPost {
		return nil, refuse(900561, "The endpoint only accepts POST, OPTIONS requests. Received a %s request.", req.Method)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	t, r := i.tenantNamed(q.tenant)
	if r != nil {
		return nil, r
	}
	audience, r := q.audience()
	if r != nil {
		return nil, r
	}
	g := &grant{tenant: t, audience: audience}
	if g.application, r = i.applicationOf(q, t); r != nil {
		return nil, r
	}
	if g.proof, r = i.authenticate(q, g); r != nil {
		return nil, r
	}
	if r = i.admit(g); r != nil {
		return nil, r
	}
	return i.give(g, q.v1)
}

// audience returns which resource is asked for, or what is wrong with the request itself.
func (q *request) audience() (string, *refusal) {
	names := []string{"grant_type", "client_id", "scope"}
	if q.v1 {
		names[2] = "resource"
	}
	for _, name := range names {
		if q.form.Get(name) == "" && (name != "client_id" || q.id == "") {
			return "", refuse(900144, "The request body must contain the following parameter: '%s'.", name)
		}
	}
	if given := q.form.Get("grant_type"); given != "client_credentials" {
		return "", refuse(70003, "The app requested an unsupported grant type '%.40s'.", given)
	}
	if q.v1 {
		return q.form.Get("resource"), nil
	}
	if q.form.Get("resource") != "" {
		return "", refuse(901002, "The 'resource' request parameter is not supported.")
	}
	scopes := strings.Fields(q.form.Get("scope"))
	var resource string
	for _, scope := range scopes {
		switch of, found := strings.CutSuffix(scope, "/.default"); {
		case scope == "openid" || scope == "profile" || scope == "offline_access" || scope == "email":
			// MSAL always asks for some of these. They mean nothing here, and are taken.
		case !found:
			return "", refuse(1002012, "The provided value for scope %.200s is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI).", q.form.Get("scope"))
		case of == "":
			return "", refuse(70011, "The provided value for the input parameter 'scope' is not valid. The scope %.200s is not valid.", scope)
		case resource != "" && of != resource:
			return "", refuse(28000, "Provided value for the input parameter scope is not valid because it contains more than one resource. Scope %.200s is not valid.", q.form.Get("scope"))
		default:
			resource = of
		}
	}
	if resource == "" {
		return "", refuse(70011, "The provided value for the input parameter 'scope' is not valid. The scope %.200s is not valid.", q.form.Get("scope"))
	}
	return resource, nil
}

// applicationOf returns the application that a request is from, if the tenant knows it. i.mu is held.
func (i *Issuer) applicationOf(q *request, t *tenant) (*application, *refusal) {
	a := i.dir.applications[q.id]
	if a == nil || a.identity != nil || a.home != t && !a.Multitenant && t.principals[a.ID] == nil {
		return nil, refuse(700016, "Application with identifier '%.60s' was not found in the directory '%s'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant.", q.id, t.Name)
	}
	return a, nil
}

// authenticate has the application prove itself, and returns how it did. i.mu is held.
func (i *Issuer) authenticate(q *request, g *grant) (string, *refusal) {
	kind := q.form.Get("client_assertion_type")
	switch {
	case q.proof != "" && kind == "":
		return "", refuse(900144, "The request body must contain the following parameter: 'client_assertion_type'.")
	case q.proof != "" && kind != bearerAssertion:
		// By which number Entra refuses another type is not known.
		return "", unnumbered("client-assertion-type", "The 'client_assertion_type' is not supported.")
	case q.proof != "":
		i.counts.Assertions++
		a, r := parseAssertion(q.proof)
		if r != nil {
			return "", r
		}
		if a.isFederated() {
			return "2", i.proveFederated(a, g.application)
		}
		return "2", i.prove(a, g.application, audiencesOf(q, i.URL, g.tenant))
	case q.secret != "":
		return "1", i.compare(q.secret, g.application)
	}
	// 7000218 says the same of other grants.
	return "", refuse(7000216, "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type.")
}

// audiencesOf returns whom an assertion may be for: a tenant's token endpoints and the tenant itself, by
// any name of its.
func audiencesOf(q *request, url string, t *tenant) (all []string) {
	for _, base := range []string{q.base, url} {
		for _, name := range append([]string{t.ID, q.tenant}, t.Domains...) {
			all = append(all, base+"/"+name+"/oauth2/v2.0/token", base+"/"+name+"/oauth2/token", base+"/"+name+"/v2.0")
		}
	}
	return append(all, "https://sts.windows.net/"+t.ID+"/")
}

// compare judges a secret. i.mu is held.
func (i *Issuer) compare(given string, app *application) *refusal {
	expired := false
	for _, s := range app.Secrets {
		if subtle.ConstantTimeCompare([]byte(s.Value), []byte(given)) != 1 {
			continue
		}
		if s.Expires.IsZero() || i.now().Before(s.Expires) {
			return nil
		}
		expired = true
	}
	if expired {
		return refuse(7000222, "The provided client secret keys for app '%s' are expired. Visit the Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: https://aka.ms/certCreds.", app.ID)
	}
	return refuse(7000215, "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '%s'.", app.ID)
}

// admit looks whether the tenant lets an application in that has proved itself, and knows the resource.
// i.mu is held.
func (i *Issuer) admit(g *grant) *refusal {
	t, a := g.tenant, g.application
	if g.principal = t.principals[a.ID]; g.principal == nil {
		return refuse(7000229, "The client application %s is missing service principal in the tenant %s. See instructions here: https://go.microsoft.com/fwlink/?linkid=2225119", a.ID, t.ID)
	}
	if g.principal.disabled {
		return refuse(7000112, "Application '%s'(%s) is disabled.", a.ID, a.Name)
	}
	if g.resource = i.dir.resource(t, g.audience); g.resource == nil {
		return refuse(500011, "The resource principal named %.200s was not found in the tenant named %s. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You might have sent your authentication request to the wrong tenant.", g.audience, t.Name)
	}
	return nil
}

// give makes the answer with a token. i.mu is held.
func (i *Issuer) give(g *grant, v1 bool) (map[string]any, *refusal) {
	g.life = i.lifetime()
	token, err := i.mint(g)
	if err != nil {
		return nil, &refusal{status: http.StatusInternalServerError, error: "server_error", text: "The token could not be signed."}
	}
	i.counts.Tokens++
	seconds := int64(g.life / time.Second)
	if seconds > 1 {
		seconds-- // which is how Entra counts
	}
	if !v1 {
		return map[string]any{"token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds, "access_token": token}, nil
	}
	now, text := i.now(), strconv.FormatInt(seconds, 10)
	return map[string]any{
		"token_type": "Bearer", "expires_in": text, "ext_expires_in": text, "access_token": token, "resource": g.audience,
		"expires_on": strconv.FormatInt(now.Add(g.life).Unix(), 10), "not_before": strconv.FormatInt(now.Add(-5*time.Minute).Unix(), 10),
	}, nil
}
