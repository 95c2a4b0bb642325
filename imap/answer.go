package imap

import (
	"errors"
	"fmt"
	"strings"

	goimap "github.com/emersion/go-imap/v2"

	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/provider"
)

var errStalled = errors.New("the server answers but gets nowhere")

// A moment is where in a session an answer came: one refusal means different
// things there.
type moment int

const (
	signingIn moment = iota
	selecting
	signedIn
)

// refusal returns what a server's NO, BAD or BYE means. It is the one place that
// says so. The server's words are quoted in the error, for people.
func refusal(op string, st status, when moment) error {
	kind, remedy := meaning(st, when)
	words, code := wire.Quote(st.text), wire.Quote(string(st.code))
	if st.echo {
		words, code = "(words that repeat the password)", ""
	} else if code != "" {
		words = fmt.Sprintf("[%s] %s", code, words)
	}
	return &provider.Error{Op: op, Kind: kind, Code: code, Remedy: remedy, Err: fmt.Errorf("the server said %s %s", st.kind, words)}
}

// meaning goes by the response code (RFC 5530), then by the words of servers that
// give none, then by the moment.
func meaning(st status, when moment) (provider.Kind, string) {
	switch st.code {
	case goimap.ResponseCodeAuthenticationFailed, goimap.ResponseCodeAuthorizationFailed:
		return provider.ErrAuth, "check user name and password"
	case goimap.ResponseCodeExpired:
		return provider.ErrAuth, "the password has expired: set a new one"
	case goimap.ResponseCodeContactAdmin, "WEBALERT":
		return provider.ErrAuth, "the server wants its administrator asked, or a sign-in by browser"
	case goimap.ResponseCodePrivacyRequired:
		return provider.ErrUnsafe, "use TLS in the profile"
	case goimap.ResponseCodeLimit, "THROTTLED", "OVERLIMIT":
		return provider.ErrThrottled, ""
	case goimap.ResponseCodeUnavailable, goimap.ResponseCodeInUse, "IN-USE", goimap.ResponseCodeServerBug,
		goimap.ResponseCodeCorruption, "EXPUNGEISSUED", "SYS/TEMP":
		return provider.ErrUnavailable, ""
	case goimap.ResponseCodeOverQuota:
		return provider.ErrUnavailable, "the mailbox is full: make room in it"
	case goimap.ResponseCodeNonExistent, goimap.ResponseCodeTryCreate:
		return provider.ErrNotFound, ""
	case goimap.ResponseCodeTooBig:
		return provider.ErrTooLarge, ""
	case goimap.ResponseCodeNoPerm:
		switch when {
		case signingIn:
			return provider.ErrAuth, "the account may not use IMAP"
		case selecting:
			return provider.ErrNotFound, "the account may not read this folder"
		}
		return provider.ErrUnsupported, "the account lacks the right to do this"
	case goimap.ResponseCodeCannot, goimap.ResponseCodeBadCharset:
		return provider.ErrUnsupported, ""
	case goimap.ResponseCodeClientBug:
		return provider.ErrProtocol, ""
	}
	return meaningOfWords(st, when)
}

func meaningOfWords(st status, when moment) (provider.Kind, string) {
	text := strings.ToLower(st.text)
	says := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(text, w) {
				return true
			}
		}
		return false
	}
	switch {
	case says("too many", "simultaneous connection", "throttl", "rate limit", "bandwidth limit"):
		return provider.ErrThrottled, ""
	case says("try again", "temporar", "unavailable", "not connected", "internal error", "server error"):
		return provider.ErrUnavailable, ""
	case st.kind == goimap.StatusResponseTypeBye:
		return provider.ErrUnavailable, ""
	case when == signingIn && st.kind == goimap.StatusResponseTypeNo:
		return provider.ErrAuth, "check user name and password, and whether the account may use IMAP"
	case st.kind == goimap.StatusResponseTypeBad:
		return provider.ErrProtocol, ""
	case says("doesn't exist", "does not exist", "no such mailbox", "not found", "unknown mailbox", "nonexistent", "non-existent"):
		return provider.ErrNotFound, ""
	}
	return provider.ErrUnavailable, ""
}
