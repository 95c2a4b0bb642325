package track

import (
	"strings"

	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/secret"
)

// A Signer makes references to emails that nobody else can make, and recognizes
// them: as part of a Message-ID or of an address.
type Signer struct{ keys []SigningKey }

// A SigningKey is one of a Signer's keys.
type SigningKey struct {
	ID  string      // 1 to 8 letters and digits, in lower case
	Key secret.Text // 32 bytes or more
}

// NewSigner returns a Signer that signs with the first key and believes all of them,
// so that keys can be rotated.
func NewSigner(keys ...SigningKey) (*Signer, error) { return &Signer{keys: keys}, nil }

// MessageID returns a Message-ID, without angle brackets, that refers to an email of
// the organization's. Random is what makes it unique.
func (s *Signer) MessageID(organization string, email Ref, random, domain string) (string, error) {
	return item.NewMessageID(s.standInReference(organization, email)+"."+random, domain)
}

// Address returns the plus-address of address that refers to an email, so that an
// answer to it is recognized (RFC 5233: a subaddress).
func (s *Signer) Address(organization string, email Ref, address string) (string, error) {
	local, domain, _ := strings.Cut(address, "@")
	return local + "+" + s.standInReference(organization, email) + "@" + domain, nil
}

// Verify returns the email that a Message-ID or an address refers to, if the
// reference is one of ours and of this organization.
func (s *Signer) Verify(organization, idOrAddress string) (Ref, bool) { return Ref{}, false }
