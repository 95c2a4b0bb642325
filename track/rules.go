package track

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/go-serversync/serversync/mailbox"
)

// Rules are an organization's switches about tracking, ready for use by many
// goroutines at once.
type Rules struct {
	organization string
	settings     mailbox.Tracking // with defaults
	signer       *Signer          // nil for none
	noise        *regexp.Regexp   // matches at the front only
	prefixes     []tokenPrefix    // the present one first
}

// NewRules makes the switches of an organization ready. A nil signer makes and
// believes no signed references. The error lists everything that is wrong with t; see
// [mailbox.Tracking.Validate].
func NewRules(organization string, t mailbox.Tracking, signer *Signer) (*Rules, error) {
	if err := t.Validate().Err(); err != nil {
		return nil, err
	}
	r := &Rules{organization: organization, settings: t.WithDefaults(), signer: signer}
	if r.settings.Content.Blocked = slices.Clone(r.settings.Content.Blocked); r.settings.Content.Blocked == nil {
		r.settings.Content.Blocked = mailbox.BlockedByDefault()
	}
	noise, err := regexp.Compile(`\A(?:` + r.settings.Smart.Noise + `)`)
	if err != nil {
		return nil, fmt.Errorf("track: the noise of smart matching: %w", err)
	}
	r.noise = noise
	for _, text := range append([]string{r.settings.Token.Prefix}, r.settings.Token.Former...) {
		p := newTokenPrefix(text)
		if !slices.Contains(r.prefixes, p) {
			r.prefixes = append(r.prefixes, p)
		}
	}
	return r, nil
}
