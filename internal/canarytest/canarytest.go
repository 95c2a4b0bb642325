// Package canarytest looks for a secret in what is printed: for tests of modules that the
// core's own canary tests do not reach.
package canarytest

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

	"github.com/go-serversync/serversync/provider"
)

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

// None fails if a text shows the secret in any form.
func None(t testing.TB, secret, where, text string) {
	t.Helper()
	for _, form := range forms(secret) {
		if strings.Contains(strings.ToLower(text), form) {
			t.Errorf("%s shows the secret as %q", where, form)
		}
	}
}

// Printed is v in every usual way to print it.
func Printed(v any) string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%v %+v %#v %s %q %x %d\n", v, v, v, v, v, v, v)
	for _, h := range []slog.Handler{slog.NewTextHandler(&b, nil), slog.NewJSONHandler(&b, nil)} {
		slog.New(h).Info("m", "v", v, "list", []any{v})
	}
	doc, err := json.Marshal(v)
	fmt.Fprintf(&b, "%s %v", doc, err)
	return b.String()
}

// Told is all that an error says.
func Told(err error) string {
	text := Printed(err)
	for ; err != nil; err = errors.Unwrap(err) {
		text += fmt.Sprintf("%v %+v %#v\n", err, err, err)
		if e := (*provider.Error)(nil); errors.As(err, &e) {
			text += e.Remedy + e.Code
		}
	}
	return text
}
