package secret_test

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/secret"
)

func keyring(t testing.TB, current string, ids ...string) *secret.Keyring {
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
	places := []secret.Binding{
		place,
		{},
		{Organization: "evil", Mailbox: "ann", Field: "password"},
		{Organization: "acme", Mailbox: "bob", Field: "password"},
		{Organization: "acme", Mailbox: "ann", Field: "token"},
		{Organization: "acmea", Mailbox: "nn", Field: "password"},
		{Organization: "acme", Profile: "ann", Field: "password"},
		{Organization: "acme", Mailbox: "ann", Profile: "ann", Field: "password"},
		{Organization: "acme", Field: "password"},
		{Organization: "acme", Mailbox: "ann"},
		{Organization: "acme\x03ann", Field: "password"},
	}
	for i, from := range places {
		sealed := k.Seal(secret.New(canary), from)
		require.NotContains(t, string(sealed), canary)
		for j, to := range places {
			text, err := k.Open(sealed, to)
			if i == j {
				require.NoError(t, err)
				require.Equal(t, canary, text.Reveal())
				continue
			}
			require.ErrorIs(t, err, secret.ErrSealed, "%+v opens in %+v", from, to)
			require.True(t, text.IsZero())
		}
	}
}

// DB-02: each flipped bit, each cut and each addition is noticed, and gives no part
// of a secret. A key's name is part of what is authenticated: all keys are here.
func TestDB02Damage(t *testing.T) {
	k := keyring(t, "a", "a", "b", "c", "e", "i", "q")
	sealed := k.Seal(secret.New(canary), place)
	refused := func(bad []byte) {
		t.Helper()
		text, err := k.Open(bad, place)
		require.True(t, errors.Is(err, secret.ErrSealed) || errors.Is(err, secret.ErrUnknownKey), "%v", err)
		require.True(t, text.IsZero())
		_, err = k.Reseal(bad, place)
		require.Error(t, err)
	}
	for i := range sealed {
		for bit := range 8 {
			bad := bytes.Clone(sealed)
			bad[i] ^= 1 << bit
			refused(bad)
		}
		refused(sealed[:i])
		refused(append(bytes.Clone(sealed[:i]), sealed[i+1:]...))
	}
	refused(append(bytes.Clone(sealed), 0))
	for bad, want := range map[string]error{
		"": secret.ErrSealed, "\x02": secret.ErrSealed, "\x02\x00": secret.ErrSealed, "\x02\x00a": secret.ErrSealed, "\x02\x02z": secret.ErrSealed,
		"\x01\x01z": secret.ErrSealed, "\x02\x01z": secret.ErrUnknownKey, "\x02\x01a": secret.ErrSealed,
	} {
		refused([]byte(bad))
		_, err := k.Open([]byte(bad), place)
		require.ErrorIs(t, err, want, "%q", bad)
		require.True(t, k.Stale([]byte(bad)) || bad == "\x02\x01a")
	}
}

// DB-05: keys rotate without a moment in which a secret cannot be opened.
func TestDB05Rotation(t *testing.T) {
	before := keyring(t, "a", "a")
	spread := keyring(t, "a", "a", "b") // every process learns the new key first
	both := keyring(t, "b", "a", "b")
	after := keyring(t, "b", "b")
	sealed := before.Seal(secret.New(canary), place)
	require.False(t, spread.Stale(sealed))
	require.True(t, both.Stale(sealed))
	again, err := both.Reseal(sealed, place)
	require.NoError(t, err)
	require.False(t, both.Stale(again))
	for _, k := range []*secret.Keyring{spread, both, after} {
		text, err := k.Open(again, place)
		require.NoError(t, err)
		require.Equal(t, canary, text.Reveal())
	}
	_, err = after.Open(sealed, place)
	require.ErrorIs(t, err, secret.ErrUnknownKey)
	require.ErrorContains(t, err, `"a"`, "it tells which key it takes")
	_, err = after.Reseal(sealed, place)
	require.ErrorIs(t, err, secret.ErrUnknownKey)

	same, err := both.Reseal(again, place)
	require.NoError(t, err)
	require.Equal(t, again, same, "what is not stale stays as it is")
	_, err = both.Reseal(again, secret.Binding{Organization: "evil"})
	require.ErrorIs(t, err, secret.ErrSealed, "but it is opened")
}

// A key under a name that another key had opens nothing of the other's.
func TestWrongKey(t *testing.T) {
	other, err := secret.NewKeyring("a", map[string][]byte{"a": bytes.Repeat([]byte{9}, 32)})
	require.NoError(t, err)
	_, err = other.Open(keyring(t, "a", "a").Seal(secret.New(canary), place), place)
	require.ErrorIs(t, err, secret.ErrSealed)
	require.NotContains(t, err.Error(), canary)
}

func TestLengths(t *testing.T) {
	id := strings.Repeat("k", 255)
	k, err := secret.NewKeyring(id, map[string][]byte{id: bytes.Repeat([]byte{9}, 32)})
	require.NoError(t, err)
	for _, s := range []string{"", "x", "\x00", strings.Repeat("x", 1<<20)} {
		text, err := k.Open(k.Seal(secret.New(s), place), place)
		require.NoError(t, err)
		require.True(t, text.Equal(secret.New(s)))
	}
	require.NotEqual(t, k.Seal(secret.New("x"), place), k.Seal(secret.New("x"), place), "a nonce is used once")
}

func TestKeyringRefusesBadKeys(t *testing.T) {
	key, other := bytes.Repeat([]byte{9}, 32), bytes.Repeat([]byte{8}, 32)
	for want, keys := range map[string]map[string][]byte{
		`key "a" has 16 bytes, want 32`:             {"a": key[:16]},
		`key id "" has not 1 to 255 bytes`:          {"": key, "a": other},
		`kk" has not 1 to 255 bytes`:                {strings.Repeat("k", 256): key, "a": other},
		`key "a" is not among the keys`:             {"b": key},
		`key "a" is nothing but zeros`:              {"a": make([]byte, 32)},
		`"a" and "b" are one key`:                   {"a": key, "b": key},
		`the current key "a" is not among the keys`: nil,
	} {
		_, err := secret.NewKeyring("a", keys)
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), fmt.Sprint(key)[1:20])
	}
}

// The host may clear its key once the keyring has it.
func TestKeysAreCopied(t *testing.T) {
	key := bytes.Repeat([]byte{9}, 32)
	keys := map[string][]byte{"a": key}
	k, err := secret.NewKeyring("a", keys)
	require.NoError(t, err)
	sealed := k.Seal(secret.New(canary), place)
	clear(key)
	clear(keys)
	_, err = k.Open(sealed, place)
	require.NoError(t, err)
}

// No walk by reflection gets from a keyring to a cipher.
func TestKeyringShowsNoKey(t *testing.T) {
	for _, f := range reflect.VisibleFields(reflect.TypeFor[secret.Keyring]()) {
		require.Contains(t, []reflect.Kind{reflect.String, reflect.Func}, f.Type.Kind(), f.Name)
	}
	k := keyring(t, "a", "a")
	var told strings.Builder
	assert.Equal(collect{&told}, k, keyring(t, "b", "b"))
	fmt.Fprintf(&told, "%v %+v %#v", k, k, *k)
	for _, form := range []string{"aaaaaaaa", "61616161", "97, 97", "97 97", "0x61, 0x61", "1633771873"} { // the last is four of them as one number
		require.NotContains(t, told.String(), form)
	}
}

type collect struct{ *strings.Builder }

func (c collect) Errorf(format string, args ...any) { fmt.Fprintf(c, format, args...) }

func TestKeyringInManyGoroutines(t *testing.T) {
	old := keyring(t, "a", "a").Seal(secret.New(canary), place)
	k := keyring(t, "b", "a", "b")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				sealed, err := k.Reseal(old, place)
				assert.NoError(t, err)
				text, err := k.Open(sealed, place)
				assert.NoError(t, err)
				assert.Equal(t, canary, text.Reveal())
			}
		})
	}
	wg.Wait()
}

// Open takes any bytes: nothing opens but what was sealed, and only where it belongs.
func FuzzOpen(f *testing.F) {
	k := keyring(f, "b", "a", "b")
	good := k.Seal(secret.New(canary), place)
	old := keyring(f, "a", "a").Seal(secret.Text{}, place)
	for _, seed := range [][]byte{nil, good, old, good[:7], {2}, {2, 255}, {2, 0}, {1, 1, 'a'}} {
		f.Add(seed, "acme", "ann", "", "password")
	}
	f.Add(good, "acme", "", "ann", "password")
	f.Fuzz(func(t *testing.T, sealed []byte, organization, mailbox, profile, field string) {
		b := secret.Binding{Organization: organization, Mailbox: mailbox, Profile: profile, Field: field}
		k.Stale(sealed)
		text, err := k.Open(sealed, b)
		_, again := k.Reseal(sealed, b)
		require.Equal(t, err, again)
		switch {
		case err == nil:
			require.Equal(t, place, b)
			require.True(t, text.Reveal() == canary || text.IsZero()) // of this process or, when fuzzing, another
		default:
			require.True(t, errors.Is(err, secret.ErrSealed) || errors.Is(err, secret.ErrUnknownKey))
			require.True(t, text.IsZero())
		}
		if b != place {
			_, err = k.Open(good, b)
			require.ErrorIs(t, err, secret.ErrSealed)
		}
	})
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
