package track

import "github.com/go-serversync/serversync/mailbox"

// Rules are an organization's switches about tracking, ready for use by many
// goroutines at once.
type Rules struct {
	organization string
	settings     mailbox.Tracking // with defaults
	signer       *Signer          // nil for none
}

// NewRules makes the switches of an organization ready. A nil signer makes and
// believes no signed references. The error lists everything that is wrong with t; see
// [mailbox.Tracking.Validate].
func NewRules(organization string, t mailbox.Tracking, signer *Signer) (*Rules, error) {
	return &Rules{organization: organization, settings: t.WithDefaults(), signer: signer}, nil
}
