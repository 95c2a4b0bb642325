package track

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/secret"
)

const uuid = "1f0c3a52-9b7e-4d61-8a55-0c2d7e9f1b34"

func key(id, letter string) SigningKey { return SigningKey{id, secret.New(strings.Repeat(letter, 32))} }

func signerOf(t testing.TB, keys ...SigningKey) *Signer {
	s, err := NewSigner(keys...)
	require.NoError(t, err)
	return s
}

func TestNewSigner(t *testing.T) {
	for _, tt := range []struct {
		keys []SigningKey
		want string
	}{
		{nil, "needs a key"},
		{[]SigningKey{{"", key("k", "x").Key}}, "1 to 8 letters"},
		{[]SigningKey{{"K1", key("k", "x").Key}}, "1 to 8 letters"},
		{[]SigningKey{{"k-1", key("k", "x").Key}}, "1 to 8 letters"},
		{[]SigningKey{{"k23456789", key("k", "x").Key}}, "1 to 8 letters"},
		{[]SigningKey{{"k", secret.New(strings.Repeat("canary!", 4))}}, "fewer than 32 bytes"},
		{[]SigningKey{key("k", "x"), key("k", "y")}, "two signing keys"},
	} {
		_, err := NewSigner(tt.keys...)
		require.ErrorContains(t, err, tt.want)
		require.NotContains(t, err.Error(), "canary")
	}
	signerOf(t, key("k2345678", "x"), key("1", "y"))
	require.NotContains(t, fmt.Sprintf("%v %+v %#v", signerOf(t, key("k", "x")), *signerOf(t, key("k", "x")), signerOf(t, key("k", "x")).keys[0].SigningKey), "xxxx")
}

var signedRefs = []Ref{
	{"email", uuid}, {"email", strings.ToUpper(uuid)}, {"email", strings.Replace(uuid, "f", "F", 1)}, {"email", strings.ReplaceAll(uuid, "-", "")},
	{"email", "1"}, {"email", "007"}, {"email", "18446744073709551615"}, {"email", "18446744073709551616"}, {"email", "12-34"},
	{"email", "507f1f77bcf86cd799439011"}, {"email", "507F"}, {"email", "abc"}, {"email", "Ünïcode / with \x00 and @"},
	{"", "1"}, {"Email", "1"}, {"case", uuid}, {"case", "a"}, {"x", "-"},
}

// What was signed is recognized, in any case of letters, and by retired keys too.
func TestReferencesComeBack(t *testing.T) {
	old := signerOf(t, key("k1", "o"))
	s := signerOf(t, key("k2", "n"), key("k1", "o"))
	for _, ref := range signedRefs {
		for _, signer := range []*Signer{old, s} {
			id, err := signer.MessageID("contoso", ref, "2026.a-B_3", "mail.contoso.example")
			require.NoError(t, err)
			require.NotContains(t, id, "+")
			for _, as := range []string{id, strings.ToUpper(id), strings.ToLower(id)} {
				got, ok := s.Verify("contoso", as)
				require.True(t, ok, as)
				require.Equal(t, ref, got)
			}
			address, err := signer.Address("contoso", ref, "Help.Desk+vip@contoso.example")
			if len(ref.Type)+len(ref.ID) > 20 {
				continue
			}
			require.NoError(t, err)
			require.True(t, strings.HasPrefix(address, "Help.Desk+vip+k") && strings.HasSuffix(address, "@contoso.example"))
			got, ok := s.Verify("contoso", strings.ToUpper(address))
			require.True(t, ok, address)
			require.Equal(t, ref, got)
		}
	}
	id, err := s.MessageID("contoso", signedRefs[0], "a", "b")
	require.NoError(t, err)
	_, ok := old.Verify("contoso", id)
	require.False(t, ok, "the new key is not known there")
	_, ok = signerOf(t, key("k2", "o")).Verify("contoso", id)
	require.False(t, ok, "another key of that ID")
	var none *Signer
	_, ok = none.Verify("contoso", id)
	require.False(t, ok)
	require.False(t, none.check("contoso", "loop", "x", "k-x"))
}

// A local part has 64 octets at most: a name that leaves no room is an error that says
// so, and what most hosts use fits.
func TestAddressesFit(t *testing.T) {
	s := signerOf(t, key("k1", "x"))
	for _, tt := range []struct {
		ref   Ref
		local string
		want  int // of the local part, 0 for too long
	}{
		{Ref{"email", uuid}, "support", 64},
		{Ref{"email", uuid}, "helpdesk", 0},
		{Ref{"email", "1"}, "helpdesk-of-contoso", 52},
		{Ref{"email", "123456789012"}, "helpdesk-of-contoso", 60},
		{Ref{"email", "18446744073709551615"}, "support", 55},
		{Ref{"email", "507f1f77bcf86cd799439011"}, "helpdesk-of", 62},
		{Ref{"message", "123456789012"}, "support", 61},
		{Ref{"email", strings.Repeat("x", 100)}, "a", 0},
		{Ref{"email", "1"}, strings.Repeat("ü", 17), 34 + 33},
	} {
		got, err := s.Address("contoso", tt.ref, tt.local+"@contoso.example")
		if tt.want == 0 || tt.want > 64 {
			require.ErrorContains(t, err, "more than 64", tt.local)
			continue
		}
		require.NoError(t, err)
		require.Len(t, got, tt.want+len("@contoso.example"))
	}
	for _, address := range []string{"", "a", "@b", "a@", `"a b"@c`, "a@b@c", "a@b\r\nBcc: d", "<a@b>", "a b@c"} {
		_, err := s.Address("contoso", Ref{"email", "1"}, address)
		require.Error(t, err, address)
	}
	_, err := s.Address("contoso", Ref{"email", "1"}, "a@"+strings.Repeat("b", 220))
	require.ErrorContains(t, err, "more than 254")
	_, err = s.Address("contoso", Ref{Type: "email"}, "a@b")
	require.ErrorContains(t, err, "no email")
	_, err = s.Address("contoso", Ref{strings.Repeat("t", 256), "1"}, "a@b")
	require.ErrorContains(t, err, "255")

	for _, random := range []string{"", "a b", "a\r\n", "a@b", "a+b", "<"} {
		_, err = s.MessageID("contoso", Ref{"email", "1"}, random, "b")
		require.Error(t, err, random)
		_, err = s.MessageID("contoso", Ref{"email", "1"}, "a", random)
		require.Error(t, err, random)
	}
	_, err = s.MessageID("contoso", Ref{"email", strings.Repeat("-", 180)}, "a", "b")
	require.ErrorContains(t, err, "more than 320")
	_, err = s.MessageID("contoso", Ref{}, "a", "b")
	require.ErrorContains(t, err, "no email")
}

// TRK-02, peers.md 110: a reference with any one character changed, of another
// organization or of another use is none.
func TestForgedReferencesAreRejected(t *testing.T) {
	s := signerOf(t, key("k1", "x"), key("k2", "y"))
	for _, ref := range signedRefs {
		id, err := s.MessageID("contoso", ref, "r", "contoso.example")
		require.NoError(t, err)
		_, ok := s.Verify("contoso2", id)
		require.False(t, ok)
		_, ok = s.Verify("", id)
		require.False(t, ok)
		reference := id[2:strings.LastIndexByte(id, '@')]
		_, ok = s.Verify("contoso", "support+"+reference+"@contoso.example")
		require.False(t, ok, "that of a Message-ID is none in an address")
		_, ok = s.Verify("contoso", "other.random."+reference+"@elsewhere")
		require.True(t, ok, "what is around it may change")
		for i := range reference {
			for _, c := range "abcdefghijklmnopqrstuvwxyz0123456789-_=.+\n\u017F" {
				forged := reference[:i] + string(c) + reference[i+1:]
				if _, ok = s.Verify("contoso", "r."+forged+"@x"); ok && forged != reference {
					t.Fatalf("%q is believed, signed was %q", forged, reference)
				}
			}
			_, ok = s.Verify("contoso", "r."+reference[:i]+"@x")
			require.False(t, ok)
			_, ok = s.Verify("contoso", "r."+reference[:i]+reference[i:i+1]+reference[i:]+"@x")
			require.False(t, ok)
		}
	}
	for _, odd := range []string{"", "@", "a@b", "a.@b", "a.k1@b", "a.k1-@b", "a.k1-aa@b", "a.k1-" + strings.Repeat("a", 26) + "@b", "a.k1-" + strings.Repeat("a", 1000) + "@b", "k1-a", "a+k1-a@"} {
		_, ok := s.Verify("contoso", odd)
		require.False(t, ok, odd)
	}
}

// Organization, use and text cannot be shifted into one another, and a code that was
// signed for one use is none for another.
func TestSignedTextIsBound(t *testing.T) {
	s := signerOf(t, key("k1", "x"))
	mac := s.sign("contoso", "loop", "a 1")
	require.Regexp(t, `^k1-[a-z2-7]{26}$`, mac)
	require.True(t, s.check("contoso", "loop", "a 1", mac))
	require.True(t, s.check("contoso", "loop", "a 1", strings.ToUpper(mac)))
	for _, tt := range [][4]string{
		{"contoso2", "loop", "a 1", mac}, {"contoso", "loops", "a 1", mac}, {"contoso", "loop", "a 2", mac}, {"contoso", "loop", "a 1", mac + "a"},
		{"contosol", "oop", "a 1", mac}, {"contoso", "loopa", " 1", mac}, {"contoso", "loop", "a 1", ""}, {"contoso", "loop", "a 1", "k1-"},
		{"contoso", "loop", "a 1", mac[:len(mac)-1]}, {"contoso", "loop", "a 1", "k2" + mac[2:]}, {"contoso", "loop", "a 1", strings.Repeat(mac, 9)},
	} {
		require.False(t, s.check(tt[0], tt[1], tt[2], tt[3]), "%q", tt)
	}
	rotated := signerOf(t, key("k2", "y"), key("k1", "x"))
	require.True(t, rotated.check("contoso", "loop", "a 1", mac))
	require.False(t, signerOf(t, key("k1", "y")).check("contoso", "loop", "a 1", mac))
}

// What is signed today is recognized for ever: this is in mailboxes.
func TestReferencesAreStable(t *testing.T) {
	s := signerOf(t, key("k1", "x"))
	id, err := s.MessageID("contoso", Ref{"email", uuid}, "r", "contoso.example")
	require.NoError(t, err)
	require.Equal(t, "r.k1-aipqyosstn7e2ymkkugc27u7dm2o4r2l7nneksnhhkcfusdcpcc7c@contoso.example", id)
	address, err := s.Address("contoso", Ref{"case", "12"}, "support@contoso.example")
	require.NoError(t, err)
	require.Equal(t, "support+k1-cecggyltmugidrvgkkhq2z763od2edxi7cb6e@contoso.example", address)
	require.Equal(t, "k1-su2iuvydwivk3jdetlekzk2kue", s.sign("contoso", "loop", "a 1"))
}

// A Signer is for use by many at once.
func TestSignerForMany(t *testing.T) {
	s := signerOf(t, key("k1", "x"))
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for n := range 200 {
				ref := Ref{"email", fmt.Sprint(i, n)}
				id, err := s.MessageID("contoso", ref, "r", "x")
				got, ok := s.Verify("contoso", id)
				if err != nil || !ok || got != ref {
					t.Errorf("%v %v %v", err, ok, got)
				}
			}
		})
	}
	all.Wait()
}

func FuzzVerify(f *testing.F) {
	s := signerOf(f, key("k1", "x"), key("k2", "y"))
	for _, ref := range signedRefs {
		id, _ := s.MessageID("contoso", ref, "r", "contoso.example")
		f.Add(id, ref.Type, ref.ID)
	}
	f.Add("support+k1-aaaa@x", "email", "1")
	f.Fuzz(func(t *testing.T, text, kind, id string) {
		if ref, ok := s.Verify("fabrikam", text); ok {
			t.Fatalf("%q refers to %q", text, ref)
		}
		if ref, ok := s.Verify("contoso", text); ok {
			// Only what MessageID made is believed.
			again, err := s.MessageID("contoso", ref, "r", "x")
			reference, _ := referenceIn(text)
			made, _ := referenceIn(again)
			if err != nil || asciiLower(reference) != made {
				t.Fatalf("%q is believed, %q was made", reference, made)
			}
		}
		want := Ref{kind, id}
		made, err := s.MessageID("contoso", want, "r", "x")
		if err != nil {
			return
		}
		if got, ok := s.Verify("contoso", strings.ToUpper(made)); !ok || got != want {
			t.Fatalf("%q came back as %q", want, got)
		}
		unpackRef([]byte(text)) // whatever it is, it does no harm
	})
}

func BenchmarkVerify(b *testing.B) {
	s := signerOf(b, key("k1", "x"))
	id, _ := s.MessageID("contoso", Ref{"email", uuid}, "r", "contoso.example")
	for name, text := range map[string]string{"ours": id, "another's": "CAH+3x.y-7=abc@mail.example.com"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s.Verify("contoso", text)
			}
		})
	}
}
