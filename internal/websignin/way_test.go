package websignin

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOffers(t *testing.T) {
	for offer, want := range map[string]string{
		`Basic realm="x"`: "basic", "Negotiate, NTLM": "negotiate ntlm", `Bearer client_id="a", trusted_issuers="b@*", Basic realm="Bearer x"`: "bearer basic", "": "", `Digest realm="Basic"`: "digest", "NTLM TlRMTVNTUAAC": "ntlm",
	} {
		offered := offeredIn(http.Header{"Www-Authenticate": {offer}})
		require.Equal(t, want, strings.ToLower(strings.Join(offered, " ")), offer)
	}
}
