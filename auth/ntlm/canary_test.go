package ntlm_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/go-serversync/serversync/auth/ntlm"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// canary must show nowhere.
const canary = "canary-Zx9!q7-and-more"

// forms are what a secret looks like when it gets out, in lower case: it itself, what it
// is in base64 at each offset and in hexadecimal, and its digest, by which it can be
// guessed at leisure.
func forms(text string) (all []string) {
	sum := sha256.Sum256([]byte(text))
	all = append(all, text, fmt.Sprintf("%q", text), hex.EncodeToString([]byte(text)), fmt.Sprintf("%d", []byte(text)))
	var wide []byte
	for _, r := range text {
		wide = append(wide, byte(r), 0)
	}
	for _, b := range [][]byte{[]byte(text), wide} {
		for pad := range 3 {
			encoded := base64.StdEncoding.EncodeToString(append(make([]byte, pad), b...))
			all = append(all, encoded[4:len(encoded)-4])
		}
	}
	all = append(all, string(wide), string(sum[:]), fmt.Sprintf("%q", sum[:]), fmt.Sprintf("%#v", string(sum[:])), hex.EncodeToString(sum[:]), base64.StdEncoding.EncodeToString(sum[:]), fmt.Sprintf("%d", sum[:]))
	for i := range all {
		all[i] = strings.ToLower(strings.Trim(all[i], "[]\""))
	}
	return all
}

// none fails if a text shows the canary in any form.
func none(t *testing.T, where, text string) {
	t.Helper()
	for _, form := range forms(canary) {
		if strings.Contains(strings.ToLower(text), form) {
			t.Errorf("%s shows the password as %q", where, form)
		}
	}
}

// printed is v in every usual way to print it.
func printed(v any) string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%v %+v %#v %s %q %x %d\n", v, v, v, v, v, v, v)
	for _, h := range []slog.Handler{slog.NewTextHandler(&b, nil), slog.NewJSONHandler(&b, nil)} {
		slog.New(h).Info("m", "v", v, "list", []any{v})
	}
	doc, err := json.Marshal(v)
	fmt.Fprintf(&b, "%s %v", doc, err)
	return b.String()
}

// told is all that an error says.
func told(err error) string {
	text := printed(err)
	for ; err != nil; err = errors.Unwrap(err) {
		text += fmt.Sprintf("%v %+v %#v\n", err, err, err)
		if e := (*provider.Error)(nil); errors.As(err, &e) {
			text += e.Remedy + e.Code
		}
	}
	return text
}

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
			none(t, fmt.Sprintf("%T %s", v, when), printed(v))
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
	none(t, "the transport's error", told(err))
	_, err = tr.RoundTrip(post(t, "https://127.0.0.1:1/", ""))
	none(t, "the transport's error", told(err))
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
		none(t, "a challenge's error", told(err))
	}
}
