package oauth

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/go-serversync/serversync/internal/tokens"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// An Issuer is an authorization server and what its tokens are for. It is data that
// the operator gives: take a ready-made one, such as [Google], and change what differs.
//
// URLs are https. Their paths may hold {tenant}, for which the profile's Entra ID tenant
// is put; it cannot stand in a host.
type Issuer struct {
	// Name stands in grants, so it stays as it is: tokens of a grant are refreshed by
	// the issuer of that name.
	Name string

	AuthURL   string // where owners consent in a browser (RFC 6749, section 3.1)
	TokenURL  string // where tokens are given (RFC 6749, section 3.2)
	DeviceURL string // where a device code is given (RFC 8628, section 3.1); "" if nowhere
	RevokeURL string // where a grant is given back (RFC 7009); "" if nowhere

	// Scopes are what is asked for, by the protocols that a profile speaks, and
	// Always what is asked for besides. Only Scopes are looked for in the answer.
	Scopes map[profile.Protocol][]string
	Always []string

	// Hosts are the mail servers that its tokens are for: each is a host name that
	// stands for itself and every name in it.
	Hosts []string

	// Params are added to AuthURL, such as access_type=offline.
	Params map[string]string

	// SecretIn is where the application's secret goes (RFC 6749, section 2.3.1).
	SecretIn SecretPlace

	// OwnerField is a field of the token answer that names the address of whoever
	// consented. "" where there is none, as with Google and Microsoft.
	OwnerField string
}

// A SecretPlace is where an application's id and secret stand in a request.
type SecretPlace string

// The places.
const (
	InForm   SecretPlace = ""       // client_id and client_secret in the form
	InHeader SecretPlace = "header" // HTTP's basic authentication
)

// tenantMark stands for the tenant in an issuer's URLs.
const tenantMark = "{tenant}"

// Check returns all that is wrong with i, nil if nothing is.
func (i Issuer) Check() error {
	var all []error
	say := func(format string, args ...any) {
		all = append(all, fmt.Errorf("issuer %q: "+format, append([]any{i.Name}, args...)...))
	}
	if i.Name == "" {
		say("it has no name")
	}
	for _, u := range []struct {
		field, url string
		needed     bool
	}{{"AuthURL", i.AuthURL, i.DeviceURL == ""}, {"TokenURL", i.TokenURL, true}, {"DeviceURL", i.DeviceURL, false}, {"RevokeURL", i.RevokeURL, false}} {
		if u.url == "" && !u.needed {
			continue
		}
		if err := checkURL(u.url); err != nil {
			say("%s %w", u.field, err)
		}
	}
	if len(i.Hosts) == 0 {
		say("it names no mail servers, so its tokens are for nothing")
	}
	for _, h := range i.Hosts {
		if h == "" || strings.ContainsAny(h, "*/@ ") || strings.HasPrefix(h, ".") {
			say("%q is no host name", h)
		}
	}
	if i.SecretIn != InForm && i.SecretIn != InHeader {
		say("%q is no place for a secret", i.SecretIn)
	}
	return errors.Join(all...)
}

var (
	errURL    = errors.New("is no https URL of a host, without user, query and fragment")
	errTenant = errors.New("has " + tenantMark + " outside its path")
)

func checkURL(location string) error {
	u, err := url.Parse(strings.ReplaceAll(location, tenantMark, "tenant"))
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || strings.ContainsAny(location, "?#@") {
		return errURL
	}
	if strings.Contains(location, tenantMark) && !strings.Contains(u.Path, "tenant") {
		return errTenant
	}
	// The mark in the host would let a profile choose whom the secret is shown to.
	if host, _, _ := strings.Cut(strings.TrimPrefix(location, "https://"), "/"); strings.Contains(host, tenantMark) {
		return errTenant
	}
	return nil
}

// isFor reports whether i's tokens may be shown to host (TOK-6).
func (i *Issuer) isFor(host string) bool { return tokens.For(i.Hosts, host) }

// scopes returns what is asked for in the name of a's profile, and which of it is needed.
func (i *Issuer) scopes(a provider.Account) (all, needed []string) {
	for _, side := range []profile.Side{profile.Incoming, profile.Outgoing} {
		of := a
		if of.Endpoint = a.Profile.Endpoint(side); of.Endpoint.URL == "" {
			of.Endpoint.URL = a.Endpoint.URL // which autodiscover has found
		}
		if of.Endpoint.Credentials != profile.OAuth || !i.isFor(tokens.Server(of)) {
			continue
		}
		for _, scope := range i.Scopes[a.Profile.Kind.Protocol(side)] {
			if !slices.Contains(needed, scope) {
				needed = append(needed, scope)
			}
		}
	}
	return append(slices.Clone(needed), i.Always...), needed
}

// at returns location for a tenant. A tenant is an id or a domain of Entra ID's, so
// that it stays one part of a path.
func at(location, tenant string) string {
	if !strings.Contains(location, tenantMark) {
		return location
	}
	plain := tenant != "" && len(tenant) <= 253 && strings.Trim(tenant, ".") == tenant && !strings.Contains(tenant, "..")
	for _, c := range []byte(tenant) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '.' {
			plain = false
		}
	}
	if !plain {
		tenant = "common"
	}
	return strings.ReplaceAll(location, tenantMark, tenant)
}
