package secret

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// everyPart is holdsPart as it is written down: each part that is long enough is looked for.
func everyPart(text, form string) bool {
	n := min(len(form), max(12, len(form)/2+1))
	for i := 0; i+n <= len(form); i++ {
		if strings.Contains(text, form[i:i+n]) {
			return true
		}
	}
	return false
}

// A part is found by its middle wherever it stands, also where the secret repeats itself.
func TestInSeesEachPart(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	word := func(n, letters int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = 'a' + byte(rng.IntN(letters))
		}
		return string(b)
	}
	var held int
	for range 20_000 {
		form := word(rng.IntN(60), 1+rng.IntN(4))
		from := rng.IntN(len(form) + 1)
		text := word(rng.IntN(20), 2) + form[from:from+rng.IntN(len(form)-from+1)] + word(rng.IntN(20), 2)
		want := everyPart(text, form)
		require.Equal(t, want, holdsPart(text, form), "%q in %q", form, text)
		if want {
			held++
		}
	}
	require.InDelta(t, 10_000, held, 8_000, "both happen")
}

// TOK-B: what answers a token with a megabyte has nobody search it for each part of the token.
func BenchmarkInMegabyte(b *testing.B) {
	token := make([]byte, 2000)
	for i := range token {
		token[i] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[rand.IntN(64)]
	}
	text := strings.Repeat(string(token[:900])+" ", 1<<20/901)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		New(string(token)).In(text)
	}
}

// A secret of megabytes costs nothing where little is said, and is seen all the same.
func TestInOfALongOne(t *testing.T) {
	long := New(strings.Repeat("0123456789abcdef", 1<<16))
	require.Less(t, testing.AllocsPerRun(1, func() { long.In("535 5.7.8 Error") }), 5.0)
	require.True(t, long.In(long.Reveal()[:len(long.Reveal())*6/10]))
}
