package tokens

import (
	"bytes"
	"encoding/json"
	"errors"
	"hash/fnv"
	"strconv"
	"strings"
	"time"
)

// The bounds of a token's life. One beyond them is taken for the bound: what an issuer says of it decides
// how often it is asked, and must not make us ask in a loop nor never again.
const (
	LeastLife  = 2 * time.Minute
	MostLife   = 24 * time.Hour
	AssumeLife = time.Hour // where nobody said
)

// LeastLeft is what a token has left when it is handed out (TOK-2).
const LeastLeft = time.Minute

// Life reads a token's expires_in, within bounds.
func Life(raw json.RawMessage) time.Duration {
	return min(max(Seconds(raw, AssumeLife), LeastLife), MostLife)
}

// Seconds reads a number of seconds, also one in quotation marks, of at most MostLife.
func Seconds(raw json.RawMessage, unsaid time.Duration) time.Duration {
	s := strings.Trim(string(bytes.TrimSpace(raw)), `"`)
	if s == "" || s == "null" {
		return unsaid
	}
	n, err := strconv.ParseFloat(s, 64)
	switch {
	case n != n || err != nil && !errors.Is(err, strconv.ErrRange):
		return unsaid
	case n > MostLife.Seconds():
		return MostLife
	case n < 0:
		return 0
	}
	return time.Duration(n * float64(time.Second))
}

// Share returns a number from 0 up to 1 that is always the same for the same words.
func Share(words ...string) float64 {
	h := fnv.New64a()
	for i, w := range words {
		if i > 0 {
			h.Write([]byte{0})
		}
		h.Write([]byte(w))
	}
	x := h.Sum64()
	x ^= x >> 33 // FNV's high bits hardly move for names that differ in their last letter
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	return float64(x>>11) / (1 << 53)
}
