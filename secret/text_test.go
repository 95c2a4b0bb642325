package secret_test

import (
	"bytes"
	"database/sql/driver"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/secret"
)

const canary = "hunter2-canary-93b1"

// LOG-04: no verb, encoder or logger shows a secret, in whatever it is wrapped. The
// canary tests of the root package go through every type that holds one.
func TestLOG04NothingPrintsASecret(t *testing.T) {
	type hidden struct{ password secret.Text }
	text := secret.New(canary)
	var none *secret.Text
	pipe := make(chan secret.Text, 1)
	pipe <- text
	values := []any{text, &text, none, hidden{text}, &hidden{text}, []secret.Text{text}, [1]hidden{{text}}, map[string]secret.Text{"k": text},
		struct{ P *secret.Text }{&text}, struct{ a any }{text}, []any{&text}, pipe, text.Reveal, errors.Join(fmt.Errorf("%v", text))}
	var out bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&out, nil))
	plain := slog.New(slog.NewTextHandler(&out, nil))
	for _, v := range values {
		for verb := 'A'; verb <= 'z'; verb++ {
			for _, flag := range []string{"", "+", "#", " ", "-40", "040", ".3"} {
				fmt.Fprintf(&out, "%"+flag+string(verb), v)
			}
		}
		log.Info("x", "v", v)
		plain.Info("x", "v", v)
		doc, _ := json.Marshal(v)
		out.Write(doc)
		doc, _ = xml.Marshal(v)
		out.Write(doc)
		if v != none { // which gob panics at, whatever it points to
			gob.NewEncoder(&out).Encode(v)
		}
	}
	require.NotContains(t, out.String(), canary)
	require.NotContains(t, out.String(), fmt.Sprintf("%x", canary))
	require.NotContains(t, out.String(), fmt.Sprint([]byte(canary))[1:])
	require.Equal(t, canary, text.Reveal())
	require.Equal(t, "REDACTED", text.LogValue().String())
	require.Equal(t, "REDACTED REDACTED REDACTED", fmt.Sprintf("%v %q %x", text, &text, text))
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

// With an empty secret nothing is lost, so there is nothing to refuse.
func TestEmptySecretSurvivesADocument(t *testing.T) {
	type record struct{ Name, Password secret.Text }
	doc, err := json.Marshal(record{})
	require.NoError(t, err)
	back := record{Password: secret.New("old")}
	require.NoError(t, json.Unmarshal(doc, &back))
	require.True(t, back.Password.IsZero())
	require.Equal(t, "REDACTED", fmt.Sprint(secret.Text{}), "a print does not tell an empty one")
}

// A database gets no secret in clear, and no REDACTED in its place.
func TestDatabaseRefusesText(t *testing.T) {
	text := secret.New(canary)
	for _, v := range []any{text, &text} {
		_, err := driver.DefaultParameterConverter.ConvertValue(v)
		require.ErrorIs(t, err, secret.ErrUnsealed)
		require.NotContains(t, err.Error(), canary)
	}
}

// What has no text form fails, so that the loss is noticed.
func TestGobRefusesText(t *testing.T) {
	var out bytes.Buffer
	require.Error(t, gob.NewEncoder(&out).Encode(struct{ Name, Password any }{"ann", secret.New(canary)}))
	require.Error(t, gob.NewEncoder(&out).Encode(struct{ Password secret.Text }{secret.New(canary)}))
	require.NotContains(t, out.String(), canary)
}

func TestEqual(t *testing.T) {
	text := secret.New(canary)
	require.True(t, text.Equal(secret.New(canary)))
	require.True(t, secret.Text{}.Equal(secret.New("")))
	require.Equal(t, secret.Text{}, secret.New(""), "a comparison of whole records sees no difference either")
	for _, other := range []string{"", canary[1:], canary + " ", "hunter2-canary-93b2"} {
		require.False(t, text.Equal(secret.New(other)), other)
	}
}
