package signin

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

const (
	rfcNonce = "rOprNGfwEbeRWgbNEkqO"
	rfcFirst = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
	rfcFinal = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
)

func rfcClient() *scram {
	return &scram{name: scramBare, username: "user", password: "pencil", gs2: "n,,", nonce: rfcNonce}
}

// The example of RFC 7677, section 3.
func TestRFC7677(t *testing.T) {
	x := rfcClient()
	_, first, err := x.Start()
	require.NoError(t, err)
	require.Equal(t, "n,,n=user,r=rOprNGfwEbeRWgbNEkqO", string(first))
	proof, err := x.Next([]byte(rfcFirst))
	require.NoError(t, err)
	require.Equal(t, "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=", string(proof))
	require.Error(t, x.Verified(), "before the server has proven anything")
	last, err := x.Next([]byte(rfcFinal))
	require.NoError(t, err)
	require.NotNil(t, last)
	require.Empty(t, last)
	require.NoError(t, x.Verified())
	_, err = x.Next(nil)
	require.ErrorIs(t, err, errMore)
}

// What a server's messages may be, by RFC 5802, section 7 and our limits.
func TestSCRAMRefusesMessages(t *testing.T) {
	const theirs = rfcNonce + "x"
	for message, kind := range map[string]provider.Kind{
		"":                                 provider.ErrProtocol,
		"r=" + theirs:                      provider.ErrProtocol,
		"m=x," + rfcFirst:                  provider.ErrProtocol,
		"r=other,s=AAAA,i=4096":            provider.ErrProtocol,
		"r=" + rfcNonce + ",s=AAAA,i=4096": provider.ErrProtocol, // nothing of the server's own
		"r=" + strings.ToLower(theirs) + ",s=AAAA,i=4096":                   provider.ErrProtocol,
		"r=" + theirs + " ,s=AAAA,i=4096":                                   provider.ErrProtocol,
		"r=" + theirs + strings.Repeat("x", maxNonce) + ",s=AAAA,i=4096":    provider.ErrProtocol,
		"r=" + theirs + ",s=,i=4096":                                        provider.ErrProtocol,
		"r=" + theirs + ",s=A,i=4096":                                       provider.ErrProtocol,
		"r=" + theirs + ",s=AA\nAA,i=4096":                                  provider.ErrProtocol,
		"r=" + theirs + ",s=" + strings.Repeat("AAAA", 400) + ",i=4096":     provider.ErrProtocol,
		"r=" + theirs + ",x=AAAA,i=4096":                                    provider.ErrProtocol,
		"r=" + theirs + ",s=AAAA,i=":                                        provider.ErrProtocol,
		"r=" + theirs + ",s=AAAA,i=0x1000":                                  provider.ErrProtocol,
		"r=" + theirs + ",s=AAAA,i=+4096":                                   provider.ErrProtocol,
		"r=" + theirs + ",s=AAAA,i=-4096":                                   provider.ErrProtocol,
		"r=" + theirs + ",s=AAAA,i=4095":                                    provider.ErrUnsafe,
		"r=" + theirs + ",s=AAAA,i=1000001":                                 provider.ErrUnsafe,
		"r=" + theirs + ",s=AAAA,i=99999999999999999999":                    provider.ErrProtocol,
		"r=" + theirs + ",s=AAAA,i=4096," + strings.Repeat("x", maxMessage): provider.ErrProtocol,
	} {
		x := rfcClient()
		x.Start()
		_, err := x.Next([]byte(message))
		wantKind(t, kind, err)
	}
	for message, kind := range map[string]provider.Kind{
		"":              provider.ErrProtocol,
		"v=":            provider.ErrUnsafe,
		"v=AAAA":        provider.ErrUnsafe,
		"v=?":           provider.ErrProtocol,
		"x=" + rfcFinal: provider.ErrProtocol,
		rfcFinal + strings.Repeat(",x=y", maxMessage): provider.ErrProtocol,
	} {
		x := rfcClient()
		x.Start()
		_, err := x.Next([]byte(rfcFirst))
		require.NoError(t, err)
		_, err = x.Next([]byte(message))
		wantKind(t, kind, err)
		require.Error(t, x.Verified())
	}
	x := rfcClient()
	x.Start()
	_, err := x.Next([]byte(rfcFirst + ",x=an extension that may be passed over"))
	require.NoError(t, err)
}

// Names and passwords with what has a meaning in the messages.
func TestSCRAMEscapes(t *testing.T) {
	f := server(scramBare)
	f.sasl.Password = func(name string) (string, bool) { return canary + "é,=", name == "an=na,é" }
	a := account()
	a.Mailbox.Username, a.Mailbox.Password = "an=na,é", newText(canary+"e\u0301,=") // which NFKC writes in one
	_, err := f.signIn(t, a)
	require.NoError(t, err)
}

// RFC 5802, section 6: somebody who takes -PLUS off the list is found out.
func TestSCRAMDowngrade(t *testing.T) {
	s := &SignIn{op: "test: AUTH"}
	for complaint, want := range map[string]provider.Kind{
		"e=server-does-support-channel-binding": provider.ErrUnsafe,
		"e=channel-bindings-dont-match":         provider.ErrUnsafe,
		"e=invalid-proof":                       provider.ErrAuth,
		"e=" + canary:                           provider.ErrAuth,
	} {
		x := rfcClient()
		x.Start()
		x.Next([]byte(rfcFirst))
		_, err := x.Next([]byte(complaint))
		require.NoError(t, err, "the server comes to its refusal by itself")
		err = x.refused(errNo, s)
		wantKind(t, want, err)
		require.NotContains(t, err.Error(), canary)
		require.Error(t, x.Verified())
	}
}

// "Signed in" without the server's signature is no sign-in.
func TestSCRAMServerMustProveItself(t *testing.T) {
	forge := func(from, to string) func(string) string {
		return func(message string) string { return strings.Replace(message, from, to, 1) }
	}
	for name, change := range map[string]func(*fake){
		"it says nothing":                 func(f *fake) { f.sasl.Mute = true },
		"its signature is another":        func(f *fake) { f.sasl.Forge = forge("v=", "v=AAAA") },
		"it derives the password at once": func(f *fake) { f.sasl.Iterations = 1 },
		"it keeps us busy":                func(f *fake) { f.sasl.Iterations = maxIterations + 1 },
	} {
		f := server(scramBare, plainName)
		change(f)
		_, err := f.signIn(t, account())
		wantKind(t, provider.ErrUnsafe, err)
		require.Equal(t, []string{scramBare}, f.begun, "%s: no second try", name)
	}
}

// RFC 4013, section 3 and the tables that it names.
func TestSASLprep(t *testing.T) {
	for in, want := range map[string]string{
		"I\u00adX": "IX", "user": "user", "USER": "USER", "\u00aa": "a", "\u2168": "IX", "a\u00a0b": "a b", "a\u200bb": "a b", "\ufefface": "ace",
		"\u0627\u0628": "\u0627\u0628", "пароль": "пароль", "a b": "a b", "\u0627b\u0628": "",
		"\u0007": "", "\u0627\u0031": "", "\xff": "", "": "", "\u00ad": "", "a\ue000": "", "a\ufffe": "", "a\U0001ffff": "", "a\u2028": "", "a\u200e": "", "a\u0340": "\u00e0",
	} {
		got, err := prepare(in)
		require.Equal(t, want == "", err != nil, "%q", in)
		require.Equal(t, want, got, "%q", in)
	}
}

func FuzzSCRAM(f *testing.F) {
	f.Add(rfcFirst, rfcFinal)
	f.Add("r=rOprNGfwEbeRWgbNEkqOx,s=AAAA,i=4097,x=y", "e=other-error")
	f.Add("m=a,,", "v=,")
	f.Fuzz(func(t *testing.T, first, last string) {
		if m, err := readServerFirst(first, rfcNonce); err == nil && m.iterations > 10_000 {
			t.Skip("slow")
		}
		x := rfcClient()
		x.Start()
		proof, err := x.Next([]byte(first))
		if err != nil {
			require.NotEmpty(t, provider.KindOf(err))
			return
		}
		require.True(t, strings.HasPrefix(string(proof), "c=biws,r="+rfcNonce))
		require.False(t, strings.ContainsAny(string(proof), "\r\n\x00"))
		x.Next([]byte(last))
		if x.Verified() == nil {
			require.Contains(t, last, base64.StdEncoding.EncodeToString(x.signature))
		}
	})
}

// Only what SCRAM stands for is sent where the profile asks for it by name.
func TestSCRAMAloneHasNoWayDown(t *testing.T) {
	f := server(scramBare, plainName, loginName)
	f.command, f.refuse = true, map[string]error{scramBare: errNo}
	_, err := f.signIn(t, account(with(profile.SCRAM)))
	wantKind(t, provider.ErrAuth, err)
	require.Equal(t, []string{scramBare}, f.begun)
}
