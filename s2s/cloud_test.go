package s2s_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/s2s"
)

func TestConsentURL(t *testing.T) {
	require.Equal(t, "https://login.microsoftonline.com/"+contoso+"/adminconsent?client_id="+client, s2s.WorldWide().ConsentURL(contoso, client))
	require.Equal(t, "https://login.microsoftonline.us/"+contoso+"/adminconsent?client_id="+client, s2s.USGovernment().ConsentURL(contoso, client))
	require.Equal(t, "https://login.microsoftonline.com/a%2Fb/adminconsent?client_id=c%26d", s2s.WorldWide().ConsentURL("a/b", "c&d"), "whoever enters these leads nobody elsewhere")
}
