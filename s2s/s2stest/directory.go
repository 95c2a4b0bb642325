package s2stest

import (
	"crypto/rand"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// A directory holds what administrators have set up. The issuer's mu guards it.
type directory struct {
	tenants      []*tenant
	resources    []*Resource
	applications map[string]*application // by client id
}

type tenant struct {
	Tenant
	principals map[string]*principal // service principals by client id
}

// An application is a registration, or a managed identity.
type application struct {
	Application
	home     *tenant
	identity *Identity // nil for registrations
}

// A principal is what an application is in a tenant.
type principal struct {
	id       string // the object id
	disabled bool
	roles    map[string][]string // granted, by the resource's id
}

var (
	guid   = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
	domain = regexp.MustCompile(`^[a-z0-9-]+(\.[a-z0-9-]+)+$`)
)

func newGUID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// fill sets up tenants and resources.
func (d *directory) fill(o Options) error {
	d.applications = make(map[string]*application)
	for _, t := range o.Tenants {
		if t.ID = strings.ToLower(t.ID); !guid.MatchString(t.ID) {
			return fmt.Errorf("s2stest: the tenant id %q is no GUID", t.ID)
		}
		if t.Name == "" && len(t.Domains) > 0 {
			t.Name = t.Domains[0]
		}
		t.Domains, t.Servers = slices.Clone(t.Domains), slices.Clone(t.Servers)
		d.tenants = append(d.tenants, &tenant{t, make(map[string]*principal)})
	}
	if len(d.tenants) == 0 {
		return errors.New("s2stest: there is no tenant")
	}
	for _, r := range o.Resources {
		if r.ID = strings.ToLower(r.ID); !guid.MatchString(r.ID) {
			return fmt.Errorf("s2stest: the resource id %q is no GUID", r.ID)
		}
		d.resources = append(d.resources, &r)
	}
	return nil
}

// tenant returns the tenant with an id or a verified domain, nil if there is none; the first for "".
func (d *directory) tenant(name string) *tenant {
	if name == "" {
		return d.tenants[0]
	}
	for _, t := range d.tenants {
		if strings.EqualFold(t.ID, name) || slices.ContainsFunc(t.Domains, func(s string) bool { return strings.EqualFold(s, name) }) {
			return t
		}
	}
	return nil
}

// resource returns what an audience stands for in a tenant, nil if there is none.
func (d *directory) resource(t *tenant, audience string) *Resource {
	audience = strings.TrimSuffix(strings.ToLower(audience), "/")
	same := func(s string) bool { return strings.TrimSuffix(strings.ToLower(s), "/") == audience }
	for _, r := range d.resources {
		if r.ID == audience || slices.ContainsFunc(r.Audiences, same) || r.ID == ExchangeOnline && slices.ContainsFunc(t.Servers, same) {
			return r
		}
	}
	return nil
}

// errors of who sets it up, not of who is served.
var (
	errTenant      = errors.New("s2stest: there is no such tenant")
	errApplication = errors.New("s2stest: there is no such application")
	errPrincipal   = errors.New("s2stest: the tenant has not consented to the application")
	errResource    = errors.New("s2stest: there is no such resource in the tenant")
	errHome        = errors.New("s2stest: the application is not multi-tenant, and at home elsewhere")
	errKey         = errors.New("s2stest: certificates need RSA keys of at least 2,048 bits")
	errRegistered  = errors.New("s2stest: there is such an application already")
)

// find returns a tenant and an application.
func (d *directory) find(tenantName, id string) (*tenant, *application, error) {
	t, a := d.tenant(tenantName), d.applications[strings.ToLower(id)]
	switch {
	case t == nil:
		return nil, nil, errTenant
	case a == nil:
		return nil, nil, errApplication
	}
	return t, a, nil
}
