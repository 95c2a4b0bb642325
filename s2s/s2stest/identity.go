package s2stest

import (
	"fmt"
	"net/http"
	"strings"
)

// AddIdentity adds a managed identity. It is granted roles as applications are, by its client id.
func (i *Issuer) AddIdentity(id Identity) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if id.ClientID = strings.ToLower(id.ClientID); !guid.MatchString(id.ClientID) {
		return fmt.Errorf("s2stest: the client id %q is no GUID", id.ClientID)
	}
	home := i.dir.tenant(id.Tenant)
	switch {
	case home == nil:
		return errTenant
	case i.dir.applications[id.ClientID] != nil:
		return errRegistered
	}
	i.dir.applications[id.ClientID] = &application{Application: Application{ID: id.ClientID}, home: home, identity: &id}
	home.principals[id.ClientID] = &principal{id: newGUID(), roles: make(map[string][]string)}
	return nil
}

// Environment returns what a host of App Service has in its environment, so that who runs there finds
// the managed identities. The header changes with each issuer. The other form, that of virtual machines,
// is served at http://169.254.169.254/metadata/identity/oauth2/token, where only [Issuer.Client] and
// [Issuer.RoundTrip] of an issuer in memory lead to it.
func (i *Issuer) Environment() map[string]string {
	return map[string]string{"IDENTITY_ENDPOINT": i.URL + "/msi/token", "IDENTITY_HEADER": i.header}
}

// identity gives a managed identity's token: as App Service does, or as a virtual machine does.
func (i *Issuer) identity(req *http.Request, machine bool) (map[string]any, *refusal) {
	q := req.URL.Query()
	switch {
	case req.Method != http.MethodGet:
		return nil, noIdentity(http.StatusMethodNotAllowed, "invalid_request", "Only GET is allowed.")
	case machine && !strings.EqualFold(req.Header.Get("Metadata"), "true"):
		return nil, noIdentity(http.StatusBadRequest, "bad_request_102", "Required metadata header not specified")
	case !machine && req.Header.Get("X-IDENTITY-HEADER") != i.header:
		return nil, noIdentity(http.StatusUnauthorized, "unauthorized", "The identity header is wrong.")
	case q.Get("resource") == "" || q.Get("api-version") == "":
		return nil, noIdentity(http.StatusBadRequest, "invalid_request", "Required query variable 'resource' or 'api-version' is missing")
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	a := i.identityOf(q.Get("client_id"), q.Get("principal_id")+q.Get("object_id"), q.Get("mi_res_id")+q.Get("msi_res_id"))
	if a == nil {
		return nil, noIdentity(http.StatusBadRequest, "invalid_request", "Identity not found")
	}
	g := &grant{tenant: a.home, application: a, audience: q.Get("resource"), proof: "2"}
	if r := i.admit(g); r != nil {
		return nil, r
	}
	answer, r := i.give(g, true)
	if r == nil {
		answer["client_id"] = a.ID
	}
	return answer, r
}

// noIdentity is a refusal by the host, not by Entra.
func noIdentity(status int, name, text string) *refusal {
	return &refusal{status: status, error: name, text: text, why: "identity", host: true}
}

// identityOf returns the managed identity with a client id, object id or resource id; without any, the
// system's own. i.mu is held.
func (i *Issuer) identityOf(client, object, resource string) *application {
	for _, a := range i.dir.applications {
		switch {
		case a.identity == nil:
		case client != "" && !strings.EqualFold(client, a.ID), object != "" && object != a.home.principals[a.ID].id, resource != "" && !strings.EqualFold(resource, a.identity.Resource):
		case client+object+resource == "" && !a.identity.System:
		default:
			return a
		}
	}
	return nil
}
