package signin

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-serversync/serversync/internal/hosted"
	"github.com/go-serversync/serversync/provider"
)

// What a SCRAM server may ask. Fewer iterations than RFC 7677, section 4 has make the
// password easy to guess from what somebody overhears; a million keep a processor busy
// for 0.2 s, for each sign-in.
const (
	minIterations = 4096
	maxIterations = 1_000_000
	maxMessage    = 8 << 10
	maxNonce      = 1 << 10
	maxSalt       = 1 << 10
)

// A serverFirst is the server's first message.
type serverFirst struct {
	nonce      string
	salt       []byte
	iterations int
}

// garbled says that a message is not what RFC 5802, section 7 has.
func garbled(what string) error {
	return &provider.Error{Kind: provider.ErrProtocol, Err: errors.New("the server's SCRAM message has " + what)}
}

func unsafeMessage(what string) error {
	return &provider.Error{Kind: provider.ErrUnsafe, Remedy: "have the server's operator store the password anew, or use another authentication over TLS", Err: errors.New(what)}
}

// readServerFirst reads the server's first message, whose nonce begins with ours.
func readServerFirst(message, nonce string) (m serverFirst, err error) {
	if len(message) > maxMessage {
		return m, garbled("no end")
	}
	parts := strings.Split(message, ",")
	if strings.HasPrefix(message, "m=") {
		return m, garbled("an extension that has to be understood")
	}
	if len(parts) < 3 {
		return m, garbled("parts missing")
	}
	var ok bool
	if m.nonce, ok = strings.CutPrefix(parts[0], "r="); !ok || !strings.HasPrefix(m.nonce, nonce) || len(m.nonce) == len(nonce) || len(m.nonce) > maxNonce || !hosted.Visible(m.nonce) {
		return m, garbled("another nonce than ours, or none of the server's own")
	}
	salt, ok := strings.CutPrefix(parts[1], "s=")
	if m.salt, err = base64.StdEncoding.Strict().DecodeString(salt); !ok || err != nil || len(m.salt) == 0 || len(m.salt) > maxSalt || strings.ContainsAny(salt, "\r\n") {
		return m, garbled("a salt that is none")
	}
	count, ok := strings.CutPrefix(parts[2], "i=")
	if m.iterations, err = strconv.Atoi(count); !ok || err != nil || count[0] < '1' || count[0] > '9' {
		return m, garbled("an iteration count that is none")
	}
	switch {
	case m.iterations < minIterations:
		return m, unsafeMessage(fmt.Sprintf("the server derives the password with %d iterations, and %d are the least", m.iterations, minIterations))
	case m.iterations > maxIterations:
		return m, unsafeMessage(fmt.Sprintf("the server derives the password with more than %d iterations", maxIterations))
	}
	return m, nil
}

// complaints are the errors of RFC 5802, section 7. Another word is the server's own,
// and could be anything.
var complaints = []string{
	"invalid-encoding", "extensions-not-supported", "invalid-proof", "channel-bindings-dont-match", "server-does-support-channel-binding",
	"channel-binding-not-supported", "unsupported-channel-binding-type", "unknown-user", "invalid-username-encoding", "no-resources", "other-error",
}

// readServerFinal reads the server's last message: its signature, or its complaint.
func readServerFinal(message string) (signature []byte, complaint string, err error) {
	if len(message) > maxMessage {
		return nil, "", garbled("no end")
	}
	part, _, _ := strings.Cut(message, ",")
	if word, ok := strings.CutPrefix(part, "e="); ok {
		if !slices.Contains(complaints, word) {
			word = "other-error"
		}
		return nil, word, nil
	}
	text, ok := strings.CutPrefix(part, "v=")
	if signature, err = base64.StdEncoding.Strict().DecodeString(text); !ok || err != nil {
		return nil, "", garbled("no signature")
	}
	return signature, "", nil
}
