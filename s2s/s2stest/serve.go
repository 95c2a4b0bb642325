package s2stest

import (
	"encoding/base64"
	"fmt"
	"math/big"
	"net/http"
	"strings"
)

const maxForm = 256 << 10

// ServeHTTP serves the issuer's endpoints.
func (i *Issuer) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	w.Header().Set("Date", i.now().UTC().Format(http.TimeFormat))
	w.Header().Set("x-ms-request-id", newGUID())
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if id := req.Header.Get("client-request-id"); id != "" && strings.EqualFold(req.Header.Get("return-client-request-id"), "true") {
		w.Header().Set("client-request-id", correlationOf(req))
	}
	req.Body = http.MaxBytesReader(w, req.Body, maxForm)
	if err := req.ParseForm(); err != nil {
		i.answerRefusal(w, req, refuse(90023, "The authentication service request isn't valid."))
		return
	}
	first, rest, _ := strings.Cut(strings.TrimPrefix(req.URL.Path, "/"), "/")
	switch strings.ToLower(rest) {
	case "oauth2/v2.0/token":
		i.token(w, req, first, false)
	case "oauth2/token":
		i.token(w, req, first, true)
	case "v2.0/.well-known/openid-configuration", ".well-known/openid-configuration":
		i.visit(w, req, Discovery, first, func() (map[string]any, *refusal) {
			return i.configuration(req, first, !strings.HasPrefix(rest, "v2.0"))
		})
	case "discovery/v2.0/keys", "discovery/keys":
		i.visit(w, req, KeySet, first, i.keySet)
	case "discovery/instance":
		i.visit(w, req, Instance, first, func() (map[string]any, *refusal) { return i.instance(req), nil })
	case "identity/oauth2/token", "token":
		i.visit(w, req, IdentityPoint, "", func() (map[string]any, *refusal) { return i.identity(req, first == "metadata") })
	default:
		http.NotFound(w, req)
	}
}

// visit counts a request and answers it, as a fault says if there is one.
func (i *Issuer) visit(w http.ResponseWriter, req *http.Request, place Place, tenant string, serve func() (map[string]any, *refusal)) {
	i.mu.Lock()
	i.counts.Visits[place]++
	i.mu.Unlock()
	i.answer(w, req, i.fault(place, tenant, ""), &request{}, serve)
}

// answer answers what serve says, or what a fault makes of it. f may be nil.
func (i *Issuer) answer(w http.ResponseWriter, req *http.Request, f *Fault, q *request, serve func() (map[string]any, *refusal)) {
	if f == nil {
		f = &Fault{}
	}
	i.wait(req, f)
	var answer map[string]any
	var r *refusal
	if f.right() || f.After {
		answer, r = serve()
	}
	if f.plain() {
		i.answerPlainly(w, req, f)
		return
	}
	if f.refuses() {
		r = f.refusal(q)
	}
	f.headers(w)
	if r != nil {
		i.mu.Lock()
		i.counts.Refused[r.reason()]++
		i.mu.Unlock()
		i.answerRefusal(w, req, r)
		return
	}
	f.change(answer)
	say(w, http.StatusOK, answer)
}

// tenantNamed returns the tenant that a path names, or why there is none.
func (i *Issuer) tenantNamed(name string) (*tenant, *refusal) {
	switch name = strings.ToLower(name); {
	case name == "common" || name == "consumers" || name == "organizations":
		return nil, refuse(9001023, "The grant type is not supported over the /common or /consumers endpoints. Please use the /organizations or tenant-specific endpoint.")
	case !guid.MatchString(name) && !domain.MatchString(name):
		return nil, refuse(900023, "Specified tenant identifier '%s' is neither a valid DNS name, nor a valid external domain.", name)
	}
	if t := i.dir.tenant(name); t != nil {
		return t, nil
	}
	return nil, refuse(90002, "Tenant '%s' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant.", name)
}

// configuration is the metadata of a tenant (OpenID Connect Discovery).
func (i *Issuer) configuration(req *http.Request, name string, v1 bool) (map[string]any, *refusal) {
	base := i.base(req)
	if name == "federation" {
		return map[string]any{"issuer": i.federation(), "jwks_uri": base + "/federation/discovery/v2.0/keys",
			"id_token_signing_alg_values_supported": []string{"RS256"}, "response_types_supported": []string{"id_token"}, "subject_types_supported": []string{"public"}}, nil
	}
	i.mu.Lock()
	t, r := i.tenantNamed(name)
	i.mu.Unlock()
	if r != nil {
		r.error = "invalid_tenant"
		return nil, r
	}
	at := base + "/" + t.ID
	token, keys, issuer := at+"/oauth2/v2.0/token", at+"/discovery/v2.0/keys", at+"/v2.0"
	if v1 {
		token, keys, issuer = at+"/oauth2/token", at+"/discovery/keys", "https://sts.windows.net/"+t.ID+"/"
	}
	return map[string]any{
		"token_endpoint": token, "jwks_uri": keys, "issuer": issuer, "authorization_endpoint": strings.TrimSuffix(token, "token") + "authorize",
		"token_endpoint_auth_methods_supported": []string{"client_secret_post", "private_key_jwt", "client_secret_basic"},
		"response_types_supported":              []string{"code", "id_token", "code id_token", "id_token token"},
		"subject_types_supported":               []string{"pairwise"}, "id_token_signing_alg_values_supported": []string{"RS256"},
		"scopes_supported": []string{"openid", "profile", "email", "offline_access"}, "tenant_region_scope": "WW", "cloud_instance_name": strings.TrimPrefix(base, "https://"),
	}, nil
}

// keySet is the set of keys (RFC 7517).
func (i *Issuer) keySet() (map[string]any, *refusal) {
	var keys []map[string]any
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, k := range i.keys {
		key := map[string]any{
			"kty": "RSA", "use": "sig", "kid": k.ID, "n": base64url.EncodeToString(k.Public.N.Bytes()),
			"e": base64url.EncodeToString(big.NewInt(int64(k.Public.E)).Bytes()), "x5c": []string{base64.StdEncoding.EncodeToString(k.Certificate.Raw)},
		}
		if k.x5t != "" {
			key["x5t"] = k.x5t
		}
		keys = append(keys, key)
	}
	return map[string]any{"keys": keys}, nil
}

// instance says which hosts are one cloud, to who asks whether an authority is a known one.
func (i *Issuer) instance(req *http.Request) map[string]any {
	base := i.base(req)
	host := strings.TrimPrefix(base, "https://")
	tenant := "common"
	if _, at, ok := strings.Cut(strings.TrimPrefix(req.URL.Query().Get("authorization_endpoint"), "https://"), "/"); ok {
		tenant, _, _ = strings.Cut(at, "/")
	}
	return map[string]any{
		"api-version": "1.1", "tenant_discovery_endpoint": fmt.Sprintf("%s/%s/v2.0/.well-known/openid-configuration", base, tenant),
		"metadata": []map[string]any{{"preferred_network": host, "preferred_cache": host, "aliases": append([]string{host}, i.o.Hosts...)}},
	}
}
