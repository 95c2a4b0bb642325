package s2s

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/s2s/certificate"
	"github.com/go-serversync/serversync/s2s/internal/jwt"
	"github.com/go-serversync/serversync/secret"
)

// assertionHalf is how long an assertion is good before and behind the moment it is made (TOK-4): ten
// minutes together, which is as long as Entra ID takes one.
const assertionHalf = 5 * time.Minute

// assertion proves the application to the token endpoint audience (RFC 7523, section 3), at the issuer's time now.
func assertion(c *certificate.Certificate, chain bool, client, audience string, now time.Time) (secret.Text, error) {
	sum := c.SHA256()
	header := map[string]any{"typ": "JWT", "x5t#S256": base64.RawURLEncoding.EncodeToString(sum[:])}
	if chain {
		var all []string
		for _, x := range c.Chain() {
			all = append(all, base64.StdEncoding.EncodeToString(x.Raw)) // RFC 7515, section 4.1.6: not base64url
		}
		header["x5c"] = all
	}
	signed, err := jwt.Sign(jwt.PS256, header, map[string]any{
		"aud": audience, "iss": client, "sub": client, "jti": rand.Text(),
		"nbf": now.Add(-assertionHalf).Unix(), "exp": now.Add(assertionHalf).Unix(),
	}, c.Signer())
	if err != nil {
		return secret.Text{}, fail(opToken, provider.ErrUnavailable, "", "see to where the certificate's key is kept", fmt.Errorf("the certificate's key cannot be used: %s", wire.Quote(err.Error())))
	}
	return secret.New(signed), nil
}
