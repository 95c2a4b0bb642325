package s2stest

import (
	"crypto/rand"
	"math/big"
	"slices"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// A grant is what a token is made of.
type grant struct {
	tenant      *tenant
	application *application
	principal   *principal
	resource    *Resource
	audience    string // as it was asked for
	proof       string // appidacr: "1" for a secret, "2" for an assertion or a place
	life        time.Duration
}

// mint makes a token as Exchange Online gets it, which is of version 1.0 whichever endpoint gives it.
// It is good since five minutes ago, for clocks that are behind. i.mu is held.
func (i *Issuer) mint(g *grant) (string, error) {
	now := i.now()
	provider := "https://sts.windows.net/" + g.tenant.ID + "/"
	claims := jwt.MapClaims{
		"aud": g.audience, "iss": provider, "idp": provider, "tid": g.tenant.ID, "ver": "1.0",
		"iat": now.Add(-5 * time.Minute).Unix(), "nbf": now.Add(-5 * time.Minute).Unix(), "exp": now.Add(g.life).Unix(),
		"appid": g.application.ID, "appidacr": g.proof, "app_displayname": g.application.Name, "idtyp": "app",
		"oid": g.principal.id, "sub": g.principal.id,
		"uti": rand.Text(), "aio": rand.Text(), "rh": "1." + rand.Text(),
	}
	if roles := g.principal.roles[g.resource.ID]; len(roles) > 0 {
		claims["roles"] = slices.Clone(roles)
	}
	return i.sign(claims)
}

// sign signs claims with the current key. i.mu is held.
func (i *Issuer) sign(claims jwt.MapClaims) (string, error) {
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, claims)
	token.Header["kid"] = i.keys[0].ID
	if i.keys[0].x5t != "" {
		token.Header["x5t"] = i.keys[0].x5t
	}
	return token.SignedString(i.keys[0].private)
}

// lifetime returns how long the next token is good. i.mu is held.
func (i *Issuer) lifetime() time.Duration {
	if i.life != 0 {
		return i.life
	}
	n, err := rand.Int(rand.Reader, big.NewInt(30*60))
	if err != nil {
		return time.Hour
	}
	return time.Hour + time.Duration(n.Int64())*time.Second
}
