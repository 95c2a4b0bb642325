package oauth

import (
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/go-serversync/serversync/internal/tokens"
	"github.com/go-serversync/serversync/secret"
)

// maxToken bounds a token.
const maxToken = 16 << 10

// An answer is what an issuer's token or device endpoint said (RFC 6749, section 5;
// RFC 8628, section 3.2).
type answer struct {
	access, refresh secret.Text
	life            time.Duration // of the access token, bounded
	scope           []string      // nil if it did not say
	owner           string        // the issuer's OwnerField

	deviceCode               secret.Text
	userCode, verify, direct string
	interval                 time.Duration

	code, description string // of an error
}

var (
	errToken   = errors.New("a token has characters that no header may hold")
	errNoToken = errors.New("the answer holds no access token")
)

// decode reads an answer. The error is one of those above, or of package tokens's.
func decode(body []byte, ownerField string) (answer, error) {
	var a answer
	if err := tokens.Shallow(body); err != nil {
		return a, err
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(body, &fields); err != nil || fields == nil {
		return a, tokens.ErrNoJSON
	}
	text := func(name string) string {
		var s string
		if json.Unmarshal(fields[name], &s) != nil {
			return ""
		}
		return s
	}
	a.code, a.description = text("error"), text("error_description")
	a.access, a.refresh, a.deviceCode = secret.New(text("access_token")), secret.New(text("refresh_token")), secret.New(text("device_code"))
	for _, t := range []secret.Text{a.access, a.refresh, a.deviceCode} {
		if len(t.Reveal()) > maxToken {
			return answer{}, tokens.ErrLarge
		}
		if strings.ContainsFunc(t.Reveal(), func(r rune) bool { return r < ' ' || r > '~' }) { // RFC 6749, appendix A
			return answer{}, errToken
		}
	}
	if scope, said := fields["scope"]; said && string(scope) != "null" {
		a.scope = strings.Fields(text("scope"))
	}
	a.life = tokens.Life(fields["expires_in"])
	a.interval = min(max(tokens.Seconds(fields["interval"], 5*time.Second), time.Second), 5*time.Minute) // RFC 8628: 5 where nothing is said
	a.userCode, a.verify, a.direct = text("user_code"), text("verification_uri"), text("verification_uri_complete")
	if a.verify == "" {
		a.verify = text("verification_url") // as it was in drafts
	}
	if ownerField != "" {
		a.owner = text(ownerField)
	}
	return a, nil
}
