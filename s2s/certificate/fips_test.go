package certificate

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"software.sslmate.com/src/go-pkcs12"

	"github.com/go-serversync/serversync/secret"
)

const (
	writeVariable = "CERTIFICATE_TEST_WRITE"
	readVariable  = "CERTIFICATE_TEST_READ"
)

// TestWriter is no test: it writes a file for those below, in a process of its own.
func TestWriter(t *testing.T) {
	how, name, asked := strings.Cut(os.Getenv(writeVariable), "=")
	if !asked {
		t.Skip("it writes files for other tests")
	}
	encoder := map[string]*pkcs12.Encoder{"2023": pkcs12.Modern2023, "2026": pkcs12.Modern2026, "DES": pkcs12.LegacyDES, "RC2": pkcs12.LegacyRC2}[how]
	file, err := encoder.Encode(rsaKeyOf(), maker{name: "leaf"}.of(rsaKeyOf()), nil, canary)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(name, file, 0o600))
}

// TestReader is no test either: it reads one.
func TestReader(t *testing.T) {
	code, name, asked := strings.Cut(os.Getenv(readVariable), "=")
	if !asked {
		t.Skip("it reads files for other tests")
	}
	require.True(t, onlyFIPS())
	file, err := os.ReadFile(name)
	require.NoError(t, err)
	c, err := Load(file, right)
	if code != "" {
		refused(t, code, err)
		return
	}
	require.NoError(t, err)
	require.Len(t, c.Thumbprints(), 1)
	require.Contains(t, c.String(), "SHA-256")
	_, err = c.PFX(right)
	refused(t, CodeUnsupported, err)
	again, err := c.PEM(right)
	require.NoError(t, err)
	_, err = Load(again, right)
	require.NoError(t, err)
	_, err = Load(again, secret.New("short"))
	refused(t, CodePassword, err)
}

// PFX-03, X6: under fips140=only a modern file is read, and an old one refused with what to do, without a panic.
func TestPFX03UnderFIPS(t *testing.T) {
	for how, code := range map[string]string{"2023": "", "2026": "", "DES": CodeUnsupported, "RC2": CodeUnsupported} {
		name := t.TempDir() + "/x.pfx"
		for _, step := range [][]string{{"TestWriter", writeVariable + "=" + how + "=" + name, "GODEBUG="}, {"TestReader", readVariable + "=" + code + "=" + name, "GODEBUG=fips140=only"}} {
			c := exec.Command(os.Args[0], "-test.run=^"+step[0]+"$", "-test.v")
			c.Env = append(os.Environ(), step[1:]...)
			out, err := c.CombinedOutput()
			require.NoError(t, err, "%s %s: %s", how, step[0], out)
			require.Contains(t, string(out), "--- PASS: "+step[0])
		}
	}
}
