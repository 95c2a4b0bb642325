package profile

import "strings"

// Tenancy says how the Entra ID tenant of a profile's mailboxes stands to the
// host's own.
type Tenancy string

// The tenancies.
const (
	NoTenant    Tenancy = ""      // neither profile nor policy names one
	OwnTenant   Tenancy = "own"   // the host's
	OtherTenant Tenancy = "other" // not the host's, or the host has none
)

// Tenant returns the tenant that tokens are asked of: the profile's, else the host's
// own.
func (p Profile) Tenant(policy Policy) string {
	if p.TenantID != "" {
		return p.TenantID
	}
	return policy.TenantID
}

// Tenancy says whose tenant p's mailboxes are in. Who has to approve a mailbox
// depends on it: for another tenant, an administrator of the primary one, the host's.
func (p Profile) Tenancy(policy Policy) Tenancy {
	switch {
	case p.Tenant(policy) == "":
		return NoTenant
	case strings.EqualFold(p.Tenant(policy), policy.TenantID):
		return OwnTenant
	}
	return OtherTenant
}

// isRealm reports whether s can be the realm of a trust: a GUID, or a domain, which is made of the same letters.
func isRealm(s string) bool {
	odd := func(r rune) bool {
		return !('0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || r == '-' || r == '.')
	}
	return len(s) <= 253 && !strings.ContainsFunc(s, odd) && strings.Trim(s, ".-") == s && !strings.Contains(s, "..")
}

// isGUID reports whether s is a GUID as Entra ID shows it, without braces.
func isGUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case i == 8, i == 13, i == 18, i == 23:
			if c != '-' {
				return false
			}
		case '0' <= c && c <= '9', 'a' <= c && c <= 'f', 'A' <= c && c <= 'F':
		default:
			return false
		}
	}
	return true
}
