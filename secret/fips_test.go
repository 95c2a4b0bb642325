package secret_test

import (
	"crypto/fips140"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// X6: under Go's strictest FIPS 140-3 mode, where everything else fails, the keyring
// and its tests do the same.
func TestX6KeyringUnderFIPS(t *testing.T) {
	const only = "fips140=only"
	if os.Getenv("GODEBUG") == only {
		require.True(t, fips140.Enabled())
		return
	}
	child := exec.Command(os.Args[0], "-test.run=^(TestDB|TestX6|TestWrongKey|TestLengths|TestEqual|ExampleKeyring)", "-test.v")
	child.Env = append(os.Environ(), "GODEBUG="+only)
	out, err := child.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "--- PASS: TestDB05Rotation")
}
