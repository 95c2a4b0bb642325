package s2stest

import (
	"context"
	"crypto/fips140"
	"crypto/rsa"
	"encoding/json"
	"math/big"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fips reports whether what FIPS 140 has not approved fails.
func fips() bool {
	return fips140.Enabled() && strings.Contains(os.Getenv("GODEBUG"), "fips140=only")
}

// published returns the keys that the issuer publishes, as who verifies tokens finds them.
func published(t *testing.T, i *Issuer) map[string]*rsa.PublicKey {
	get := func(url string, into any) {
		res, err := i.Client().Get(url)
		require.NoError(t, err)
		defer res.Body.Close()
		require.Equal(t, http.StatusOK, res.StatusCode)
		require.NoError(t, json.NewDecoder(res.Body).Decode(into))
	}
	var metadata struct {
		Issuer string
		Keys   string `json:"jwks_uri"`
	}
	get(i.URL+"/"+ContosoDomain+"/v2.0/.well-known/openid-configuration", &metadata)
	assert.Equal(t, i.URL+"/"+Contoso+"/v2.0", metadata.Issuer)
	var set struct {
		Keys []struct{ Kid, Kty, N, E string }
	}
	get(metadata.Keys, &set)
	keys := make(map[string]*rsa.PublicKey)
	for _, k := range set.Keys {
		require.Equal(t, "RSA", k.Kty)
		keys[k.Kid] = &rsa.PublicKey{N: new(big.Int).SetBytes(must(base64url.DecodeString(k.N))), E: int(new(big.Int).SetBytes(must(base64url.DecodeString(k.E))).Int64())}
	}
	return keys
}

// A token is verified by the current key and by the one before, as the key set has them, and by none
// that is older.
func TestRotateKeys(t *testing.T) {
	i, c := withApp(t, Options{})
	verify := func(token string) error {
		keys := published(t, i)
		_, err := jwt.Parse(token, func(t *jwt.Token) (any, error) {
			if key := keys[t.Header["kid"].(string)]; key != nil {
				return key, nil
			}
			return nil, jwt.ErrInvalidKey
		}, jwt.WithValidMethods([]string{"RS256"}))
		_, own := i.Verify(token)
		assert.Equal(t, err == nil, own == nil, "%v, %v", err, own)
		return own
	}
	cred := withCertificate(t, i, Contoso, c, false)
	first, err := cred.GetToken(context.Background(), scope(exoScope))
	require.NoError(t, err)
	require.NoError(t, verify(first.Token))
	require.Len(t, i.Keys(), 1)
	require.NoError(t, i.RotateKeys())
	require.Len(t, i.Keys(), 2)
	require.NoError(t, verify(first.Token))
	second := ask(t, i, tokenPath, right(i, c).form(t))
	require.NoError(t, verify(second.Token))
	require.NoError(t, i.RotateKeys())
	require.Len(t, i.Keys(), 2)
	require.Error(t, verify(first.Token))
	require.NoError(t, verify(second.Token))
	third := ask(t, i, tokenPath, right(i, c).form(t))
	assert.NotEqual(t, second.Token, third.Token)

	parts := strings.Split(third.Token, ".")
	for _, text := range []string{"", "x", parts[0] + "." + parts[1] + ".", parts[0] + "." + strings.Split(second.Token, ".")[1] + "." + parts[2], "eyJhbGciOiJub25lIn0." + parts[1] + "."} {
		_, err := i.Verify(text)
		require.Error(t, err)
		assert.NotContains(t, err.Error(), parts[1])
	}
}

// A token differs each time, and its life too unless the test sets it.
func TestLife(t *testing.T) {
	i, _ := withApp(t, Options{})
	lives, tokens := make(map[any]bool), make(map[string]bool)
	for range 20 {
		a := ask(t, i, tokenPath, bySecret("correct horse"))
		seconds, ok := a.In.(float64)
		require.True(t, ok)
		assert.True(t, seconds >= 3599 && seconds < 5400, "%v", seconds)
		lives[a.In], tokens[a.Token] = true, true
	}
	assert.Greater(t, len(lives), 5)
	assert.Len(t, tokens, 20)
	i.SetLife(2 * time.Minute)
	a := ask(t, i, tokenPath, bySecret("correct horse"))
	assert.EqualValues(t, 119, a.In)
	claims, err := i.Verify(a.Token)
	require.NoError(t, err)
	assert.InDelta(t, time.Now().Add(2*time.Minute).Unix(), claims["exp"], 30)
	assert.InDelta(t, 420, claims["exp"].(float64)-claims["nbf"].(float64), 1)
}
