package smtp

import (
	"strings"

	"github.com/go-serversync/serversync/provider"
)

// A phase is where in the dialogue a reply came.
type phase int

const (
	greetingPhase phase = iota
	helloPhase
	startTLSPhase
	authPhase
	checkPhase
	mailPhase
	recipientPhase
	dataPhase
	finalPhase // after the terminator
)

// A verdict is what a reply means that is not the one hoped for.
type verdict struct {
	status provider.Status // of the recipients it is about, from mailPhase on
	kind   provider.Kind
	remedy string
}

// judge says what r means. accepted says that a recipient was accepted before in
// this transaction. It is the one place where codes are read; docs/smtp.md has its
// table.
func judge(p phase, r reply, accepted bool) verdict {
	kind, remedy := kindOf(p, r, accepted)
	return verdict{statusOf(p, r, kind, accepted), kind, remedy}
}

// statusOf takes a server at its word: what it refuses with a proper code after
// the terminator was not taken, and may be sent again if the code says so. What is
// no refusal there leaves us not knowing.
func statusOf(p phase, r reply, kind provider.Kind, accepted bool) provider.Status {
	switch {
	case r.class() != 4 && r.class() != 5:
		if p == finalPhase {
			return provider.StatusUncertain
		}
		return provider.StatusRetry
	case r.class() == 4, kind == provider.ErrThrottled, kind == provider.ErrAuth, kind == provider.ErrProtocol, tooMany(p, r, accepted):
		return provider.StatusRetry
	}
	return provider.StatusRejected
}

func kindOf(p phase, r reply, accepted bool) (provider.Kind, string) {
	switch {
	case r.class() != 4 && r.class() != 5:
		return provider.ErrProtocol, "this is no mail server that we can work with; check host and port"
	case throttled(r):
		return provider.ErrThrottled, "the server limits how much may be sent; send less, or ask its operator for more"
	case r.code == 421:
		return provider.ErrUnavailable, ""
	}
	switch p {
	case greetingPhase, helloPhase, checkPhase:
		return provider.ErrUnavailable, "if this lasts, ask the server's operator whether it takes mail from this address"
	case startTLSPhase:
		if r.class() == 4 {
			return provider.ErrUnavailable, ""
		}
		return provider.ErrUnsafe, "use TLS from the first byte, on port 465"
	case authPhase:
		if r.enhanced() == "5.5.6" { // RFC 4954, section 6: nothing was refused but a line
			return provider.ErrUnsupported, "the server takes no token or ticket of that size; have its operator allow longer lines (Postfix: smtpd_sasl_response_limit)"
		}
		if r.class() == 4 && r.code != 432 { // 432: a password transition is needed (RFC 4954, section 4.7)
			return provider.ErrUnavailable, ""
		}
		return provider.ErrAuth, "check user name and password; the provider may want an app password, or SMTP sign-in may be off for this mailbox"
	}
	return mailKind(p, r, accepted)
}

// mailKind reads the refusal of a mail or a recipient. Most are about that alone
// (ErrBadItem) and say nothing against the next one.
func mailKind(p phase, r reply, accepted bool) (provider.Kind, string) {
	switch r.code {
	case 530, 534, 535, 538:
		return provider.ErrAuth, "the server wants a sign-in, or another one; check the profile's credentials"
	case 500, 502, 503:
		return provider.ErrProtocol, ""
	}
	if tooMany(p, r, accepted) {
		return provider.ErrBadItem, "" // the rest goes with the next transaction
	}
	switch enhanced := r.enhanced(); {
	case strings.HasSuffix(enhanced, ".3.4"), r.code == 552 && enhanced == "" && p != recipientPhase:
		return provider.ErrTooLarge, "the message is larger than the server takes"
	case r.class() == 4 && (strings.HasPrefix(enhanced, "4.3.") || strings.HasPrefix(enhanced, "4.4.")),
		r.code == 452 && enhanced == "" && p != recipientPhase:
		return provider.ErrUnavailable, "" // the mail system or its network, not this mail
	}
	return provider.ErrBadItem, ""
}

// tooMany reports whether a recipient was refused only because there were enough
// already. RFC 5321, section 4.5.3.1.10 has 452 for it, and 552 from old servers,
// who also say 552 for a full mailbox.
func tooMany(p phase, r reply, accepted bool) bool {
	if p != recipientPhase || r.code != 452 && r.code != 552 {
		return false
	}
	enhanced := r.enhanced()
	return strings.HasSuffix(enhanced, ".5.3") || enhanced == "" && (accepted || r.code == 452)
}

// quotas are codes with which servers say, often as if for good, that a quota is
// used up which fills again.
var quotas = map[string]string{
	"4.4.5":   "congestion (RFC 3463, section 3.5); Gmail's: server busy",
	"4.7.28":  "mail flood detected (IANA's registry of enhanced status codes)",
	"5.4.5":   "Gmail's: daily sending quota exceeded",
	"5.7.232": "Exchange Online's: trial tenant's daily limit of external recipients",
	"5.7.233": "Exchange Online's: tenant's daily limit of external recipients",
}

func throttled(r reply) bool {
	if quotas[r.enhanced()] != "" {
		return true
	}
	text := strings.ToLower(r.text())
	if r.class() != 4 || strings.Contains(text, "too many recipients") {
		return false
	}
	for _, words := range []string{"too many", "rate limit", "throttl", "concurrent connection", "too quickly"} {
		if strings.Contains(text, words) {
			return true
		}
	}
	return false
}
