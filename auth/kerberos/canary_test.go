package kerberos_test

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

	"github.com/go-serversync/serversync/auth/kerberos"
	"github.com/go-serversync/serversync/internal/testserver"
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

// P6: what holds the password, or was made with it, does not print it, nor does any
// error; neither before the KDC was asked nor after.
func TestP6CanaryIsNeverPrinted(t *testing.T) {
	w := newWorld(t, testserver.KDCOptions{})
	if err := w.Kadmin(t.Context(), `cpw -pw "`+canary+`" anna`); err != nil {
		t.Fatal(err)
	}
	p := anna("imap")
	p.Password = secret.New(canary)
	c := &kerberos.Client{Config: w.Conf()}
	x, err := c.Begin(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := x.Start(); err != nil {
		t.Fatal(err)
	}
	tr := &kerberos.Transport{Client: c, Username: "anna", Password: p.Password, Policy: selfHosted}
	for _, v := range []any{c, x, p, tr, []any{c, x}, map[string]any{"c": c, "x": x}, struct{ inner any }{c}, struct{ inner any }{x}, struct{ inner any }{tr}} {
		none(t, fmt.Sprintf("%T", v), printed(v))
	}
	_, err = x.Next([]byte(canary))
	none(t, "a challenge's error", told(err))
	for name, b := range map[string]provider.Peer{
		"user": {Username: "nobody"}, "password": {Username: "crm"}, "host": {Username: "anna", Host: "other.example.test"},
		"realm": {Username: "anna@elsewhere"}, "KDC": {Username: "anna"},
	} {
		b.Service, b.Password, b.Policy = "imap", p.Password, selfHosted
		if b.Host == "" {
			b.Host = "localhost"
		}
		use := &kerberos.Client{Config: w.Conf()}
		if name == "KDC" {
			use = &kerberos.Client{ConfigText: "[libdefaults]\n default_realm = EXAMPLE.TEST\n[realms]\n EXAMPLE.TEST = {\n kdc = 127.0.0.1:1\n}\n"}
		}
		_, err := use.Begin(t.Context(), b)
		if err == nil {
			t.Errorf("%s: no error", name)
		}
		none(t, name, told(err))
		none(t, name, printed(use))
	}
}
