package ntlm_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/go-serversync/serversync/auth/ntlm"
	"github.com/go-serversync/serversync/internal/canarytest"
	"github.com/go-serversync/serversync/secret"
)

// canary must show nowhere.
const canary = "canary-Zx9!q7-and-more"

// P6: what holds the password does not print it, and no error repeats it, whatever the
// server says.
func TestP6CanaryIsNeverPrinted(t *testing.T) {
	p := peer("imap", "anna", canary)
	x, err := ntlm.Mechanism{}.Begin(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	tr := &ntlm.Transport{Username: "anna", Password: p.Password, Policy: selfHosted}
	show := func(when string) {
		for _, v := range []any{ntlm.Mechanism{}, x, p, tr, []any{x, tr}, map[string]any{"x": x}, struct{ inner any }{x}, struct{ inner any }{tr}} {
			canarytest.None(t, canary, fmt.Sprintf("%T %s", v, when), canarytest.Printed(v))
		}
	}
	show("at the beginning")
	if _, _, err := x.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := x.Next(challenge(names)); err != nil {
		t.Fatal(err)
	}
	show("at the end")
	_, err = tr.RoundTrip(post(t, "http://127.0.0.1:1/"+secret.New(canary).Reveal(), ""))
	canarytest.None(t, canary, "the transport's error", canarytest.Told(err))
	_, err = tr.RoundTrip(post(t, "https://127.0.0.1:1/", ""))
	canarytest.None(t, canary, "the transport's error", canarytest.Told(err))
	for _, said := range []string{canary, "NTLMSSP\x00\x02\x00\x00\x00" + canary + strings.Repeat("x", 60), "NTLMSSP\x00" + canary} {
		x, err := ntlm.Mechanism{}.Begin(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := x.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err = x.Next([]byte(said)); err == nil {
			t.Errorf("%q is no challenge", said)
		}
		canarytest.None(t, canary, "a challenge's error", canarytest.Told(err))
	}
}
