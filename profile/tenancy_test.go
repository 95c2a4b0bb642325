package profile

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Who issues their tokens themselves needs no tenant, only a realm.
func TestSelfIssuedTokensNeedNoTenant(t *testing.T) {
	p := modern()
	p.TenantID = ""
	require.Error(t, p.Err(selfHosted))
	for _, realm := range []string{"contoso.com", "Contoso.COM", otherTenant, "corp"} {
		p.Application.Realm = realm
		require.Empty(t, p.Validate(selfHosted), realm)
	}
}
