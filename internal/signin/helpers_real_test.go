package signin_test

import (
	"crypto/fips140"
	"testing"
)

// notUnderFIPS leaves out a test of what FIPS 140 forbids.
func notUnderFIPS(t testing.TB) {
	if fips140.Enabled() {
		t.Skip("in FIPS 140 mode the mechanism is never chosen")
	}
}
