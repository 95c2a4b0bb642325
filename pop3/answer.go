package pop3

import (
	"fmt"
	"strings"

	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/provider"
)

// A moment is where in a session an answer came: one refusal means different things
// there.
type moment int

const (
	greeting moment = iota
	signingIn
	signedIn
	reading // of one message
	quitting
	unasked
)

// refusal returns what a server's -ERR means. It is the one place that says so. The
// server's words are quoted in the error, for people.
func (s *session) refusal(a answer, when moment) *provider.Error {
	kind, remedy := meaning(a, when)
	e := &provider.Error{Kind: kind, Code: wire.Quote(a.code), Remedy: remedy}
	words := wire.Quote(a.text)
	if a.code != "" {
		words = fmt.Sprintf("[%s] %s", e.Code, words)
	}
	if s.in.Repeats(a.code + " " + a.text) {
		words, e.Code = "(words that repeat what we signed in with)", ""
	}
	if kind == provider.ErrThrottled {
		e.RetryAfter = s.caps.pause()
	}
	e.Err = fmt.Errorf("the server said -ERR %s", words)
	return e
}

// meaning goes by the response code (RFC 2449, section 8.1; RFC 3206; RFC 6856), then
// by the words of servers that give none, then by the moment.
func meaning(a answer, when moment) (provider.Kind, string) {
	switch {
	case a.code == "IN-USE":
		return provider.ErrUnavailable, "another program holds the mailbox; POP3 lets one in at a time"
	case a.code == "LOGIN-DELAY":
		return provider.ErrThrottled, ""
	case a.code == "SYS/TEMP":
		return provider.ErrUnavailable, ""
	case a.code == "SYS/PERM":
		return provider.ErrUnsupported, "the server says that it cannot serve this mailbox; its operator has to look"
	case a.code == "AUTH":
		return provider.ErrAuth, "check user name and password, and whether the account may use POP3"
	case a.code == "UTF8" && when == reading:
		return provider.ErrBadItem, "the server gives this message only to programs that speak UTF8"
	}
	return meaningOfWords(a, when)
}

func meaningOfWords(a answer, when moment) (provider.Kind, string) {
	text := strings.ToLower(a.text)
	says := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(text, w) {
				return true
			}
		}
		return false
	}
	switch {
	case says("too many", "throttl", "rate limit", "login delay", "too often", "too frequent"):
		return provider.ErrThrottled, ""
	case says("try again", "temporar", "unavailable", "in use", "locked", "busy", "internal error", "server error"):
		return provider.ErrUnavailable, ""
	case when == signingIn:
		return provider.ErrAuth, "check user name and password, and whether the account may use POP3"
	case when == reading, when == quitting:
		return provider.ErrBadItem, ""
	}
	return provider.ErrUnavailable, ""
}
