package websignin

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// The last token that was had is the one to sign in with, also where it was had before.
func TestRememberIsInOrder(t *testing.T) {
	c := new(Client)
	for _, value := range []string{"a", "b", "a", "c", "d", "e", "c"} {
		c.remember(provider.Token{Value: secret.New(value)})
	}
	var kept string
	for _, token := range c.tokens {
		kept += token.Value.Reveal()
	}
	require.Equal(t, "adec", kept)
}
