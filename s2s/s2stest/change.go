package s2stest

import (
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
)

// Register adds an application, with a service principal in its home tenant.
func (i *Issuer) Register(a Application) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if a.ID = strings.ToLower(a.ID); !guid.MatchString(a.ID) {
		return fmt.Errorf("s2stest: the client id %q is no GUID", a.ID)
	}
	home := i.dir.tenant(a.Tenant)
	if home == nil {
		return errTenant
	}
	if i.dir.applications[a.ID] != nil {
		return errRegistered
	}
	for _, c := range a.Certificates {
		if !usable(c) {
			return errKey
		}
	}
	a.Certificates, a.Secrets = slices.Clone(a.Certificates), slices.Clone(a.Secrets)
	a.Trusts, a.Federations = slices.Clone(a.Trusts), slices.Clone(a.Federations)
	i.dir.applications[a.ID] = &application{Application: a, home: home}
	if !a.NoPrincipal {
		home.principals[a.ID] = &principal{id: newGUID(), roles: make(map[string][]string)}
	}
	return nil
}

// usable reports whether a certificate may be registered.
func usable(c *x509.Certificate) bool {
	key, ok := c.PublicKey.(*rsa.PublicKey)
	return ok && key.N.BitLen() >= 2048
}

// Consent gives an application a service principal in a tenant.
func (i *Issuer) Consent(in, id string) error {
	return i.change(in, id, func(t *tenant, a *application) error {
		if t != a.home && !a.Multitenant {
			return errHome
		}
		if t.principals[a.ID] == nil {
			t.principals[a.ID] = &principal{id: newGUID(), roles: make(map[string][]string)}
		}
		return nil
	})
}

// Withdraw takes an application's service principal away, with all that it was granted.
func (i *Issuer) Withdraw(in, id string) error {
	return i.change(in, id, func(t *tenant, a *application) error {
		delete(t.principals, a.ID)
		return nil
	})
}

// Disable makes an application's service principal one that gets no tokens, or gets them again.
func (i *Issuer) Disable(in, id string, disabled bool) error {
	return i.change(in, id, func(t *tenant, a *application) error {
		p := t.principals[a.ID]
		if p == nil {
			return errPrincipal
		}
		p.disabled = disabled
		return nil
	})
}

// Grant lets an application do something in a tenant. The resource is named by id or audience.
func (i *Issuer) Grant(in, id, resource string, roles ...string) error {
	return i.change(in, id, func(t *tenant, a *application) error {
		p, r, err := i.granted(t, a, resource)
		if err != nil {
			return err
		}
		for _, role := range roles {
			if r.Roles != nil && !slices.Contains(r.Roles, role) {
				return fmt.Errorf("s2stest: %s has no role %s", r.Name, role)
			}
			if !slices.Contains(p.roles[r.ID], role) {
				p.roles[r.ID] = append(p.roles[r.ID], role)
			}
		}
		return nil
	})
}

// granted returns an application's service principal in a tenant, and the resource whose roles it may have.
func (i *Issuer) granted(t *tenant, a *application, resource string) (*principal, *Resource, error) {
	p, r := t.principals[a.ID], i.dir.resource(t, resource)
	switch {
	case p == nil:
		return nil, nil, errPrincipal
	case r == nil:
		return nil, nil, errResource
	}
	return p, r, nil
}

// Revoke takes roles back, all that the resource has granted if none is named. Tokens that were given
// keep them.
func (i *Issuer) Revoke(in, id, resource string, roles ...string) error {
	return i.change(in, id, func(t *tenant, a *application) error {
		p, r, err := i.granted(t, a, resource)
		if err != nil {
			return err
		}
		p.roles[r.ID] = slices.DeleteFunc(p.roles[r.ID], func(role string) bool { return len(roles) == 0 || slices.Contains(roles, role) })
		return nil
	})
}

// AddServer adds the address of an Exchange Server to Exchange Online's audiences in a tenant, as hybrid
// modern authentication wants it.
func (i *Issuer) AddServer(in, address string) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	t := i.dir.tenant(in)
	if t == nil {
		return errTenant
	}
	t.Servers = append(t.Servers, address)
	return nil
}

// AddCertificate registers a certificate with an application.
func (i *Issuer) AddCertificate(id string, c *x509.Certificate) error {
	if !usable(c) {
		return errKey
	}
	return i.change("", id, func(_ *tenant, a *application) error {
		a.Certificates = append(a.Certificates, c)
		return nil
	})
}

// RemoveCertificate removes a certificate from an application.
func (i *Issuer) RemoveCertificate(id string, c *x509.Certificate) error {
	return i.change("", id, func(_ *tenant, a *application) error {
		a.Certificates = slices.DeleteFunc(a.Certificates, c.Equal)
		return nil
	})
}

// AddTrust makes certificates prove an application by their subject's name and who issued them.
func (i *Issuer) AddTrust(id string, trust Trust) error {
	return i.change("", id, func(_ *tenant, a *application) error {
		a.Trusts = append(a.Trusts, trust)
		return nil
	})
}

// AddSecret gives an application one more secret.
func (i *Issuer) AddSecret(id string, s Secret) error {
	return i.change("", id, func(_ *tenant, a *application) error {
		a.Secrets = append(a.Secrets, s)
		return nil
	})
}

// RemoveSecrets takes all secrets of an application away.
func (i *Issuer) RemoveSecrets(id string) error {
	return i.change("", id, func(_ *tenant, a *application) error {
		a.Secrets = nil
		return nil
	})
}

// AddFederation makes assertions of another issuer prove an application.
func (i *Issuer) AddFederation(id string, f Federation) error {
	return i.change("", id, func(_ *tenant, a *application) error {
		a.Federations = append(a.Federations, f)
		return nil
	})
}

// change does something with an application and a tenant.
func (i *Issuer) change(name, id string, do func(*tenant, *application) error) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	t, a, err := i.dir.find(name, id)
	if err != nil {
		return err
	}
	return do(t, a)
}
