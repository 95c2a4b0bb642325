package secret_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/secret"
)

const canary = "hunter2-canary-93b1"

// LOG-04: no verb, encoder or logger shows a secret, in whatever it is wrapped.
func TestLOG04NothingPrintsASecret(t *testing.T) {
	type hidden struct{ password secret.Text }
	text := secret.New(canary)
	values := []any{text, &text, hidden{text}, &hidden{text}, []secret.Text{text}, map[string]secret.Text{"k": text}, struct{ P *secret.Text }{&text}, errors.Join(fmt.Errorf("%v", text))}
	var out bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&out, nil))
	plain := slog.New(slog.NewTextHandler(&out, nil))
	for _, v := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x", "%q", "%T"} {
			fmt.Fprintf(&out, verb, v)
		}
		log.Info("x", "v", v)
		plain.Info("x", "v", v)
		doc, _ := json.Marshal(v)
		out.Write(doc)
		gob.NewEncoder(&out).Encode(v)
	}
	require.NotContains(t, out.String(), canary)
	require.NotContains(t, out.String(), fmt.Sprintf("%x", canary))
	require.NotContains(t, out.String(), fmt.Sprint([]byte(canary)))
	require.Equal(t, canary, text.Reveal())
}

func TestRedactedIsNoSecret(t *testing.T) {
	var text secret.Text
	require.True(t, text.IsZero())
	doc, err := json.Marshal(secret.New(canary))
	require.NoError(t, err)
	require.ErrorIs(t, json.Unmarshal(doc, &text), secret.ErrRedacted)
	require.NoError(t, json.Unmarshal([]byte(`"new"`), &text))
	require.Equal(t, "new", text.Reveal())
}

func keyring(t *testing.T, current string, ids ...string) *secret.Keyring {
	keys := make(map[string][]byte)
	for _, id := range ids {
		keys[id] = bytes.Repeat([]byte(id), 32)[:32]
	}
	k, err := secret.NewKeyring(current, keys)
	require.NoError(t, err)
	return k
}

var place = secret.Binding{Organization: "acme", Mailbox: "ann", Field: "password"}

// DB-01: what was sealed for one place does not open in another.
func TestDB01SealedForOnePlace(t *testing.T) {
	k := keyring(t, "a", "a")
	sealed := k.Seal(secret.New(canary), place)
	require.NotContains(t, string(sealed), canary)
	text, err := k.Open(sealed, place)
	require.NoError(t, err)
	require.Equal(t, canary, text.Reveal())
	for _, other := range []secret.Binding{
		{Organization: "evil", Mailbox: "ann", Field: "password"},
		{Organization: "acme", Mailbox: "bob", Field: "password"},
		{Organization: "acme", Mailbox: "ann", Field: "token"},
		{Organization: "acmea", Mailbox: "nn", Field: "password"},
	} {
		_, err := k.Open(sealed, other)
		require.ErrorIs(t, err, secret.ErrSealed)
	}
}

// DB-02: each flipped bit and each cut is noticed, and gives no part of a secret.
func TestDB02Damage(t *testing.T) {
	k := keyring(t, "a", "a")
	sealed := k.Seal(secret.New(canary), place)
	for i := range sealed {
		for bit := range 8 {
			bad := bytes.Clone(sealed)
			bad[i] ^= 1 << bit
			text, err := k.Open(bad, place)
			require.Error(t, err)
			require.True(t, text.IsZero())
		}
		_, err := k.Open(sealed[:i], place)
		require.Error(t, err)
	}
}

// DB-05: keys rotate without a moment in which a secret cannot be opened.
func TestDB05Rotation(t *testing.T) {
	before := keyring(t, "a", "a")
	both := keyring(t, "b", "a", "b")
	after := keyring(t, "b", "b")
	sealed := before.Seal(secret.New(canary), place)
	require.True(t, both.Stale(sealed))
	text, err := both.Open(sealed, place)
	require.NoError(t, err)
	again := both.Seal(text, place)
	require.False(t, both.Stale(again))
	_, err = after.Open(again, place)
	require.NoError(t, err)
	_, err = after.Open(sealed, place)
	require.ErrorIs(t, err, secret.ErrUnknownKey)
}

func TestKeyringRefusesBadKeys(t *testing.T) {
	for name, keys := range map[string]map[string][]byte{
		"short":   {"a": make([]byte, 16)},
		"no id":   {"": make([]byte, 32), "a": make([]byte, 32)},
		"missing": {"b": make([]byte, 32)},
	} {
		_, err := secret.NewKeyring("a", keys)
		require.Error(t, err, name)
	}
}

// A password is sealed before it goes to the database.
func ExampleKeyring() {
	keys := map[string][]byte{"2026-11": bytes.Repeat([]byte{7}, 32)} // from a vault, in earnest
	keyring, err := secret.NewKeyring("2026-11", keys)
	if err != nil {
		fmt.Println(err)
		return
	}
	place := secret.Binding{Organization: "acme", Mailbox: "ann", Field: "password"}
	sealed := keyring.Seal(secret.New("correct horse"), place)
	password, err := keyring.Open(sealed, place)
	fmt.Println(password, len(password.Reveal()), err)
	// Output: REDACTED 13 <nil>
}
