package s2s

import (
	"errors"

	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/s2s/internal/selfissued"
)

var errNoCertificates = errors.New("there is no certificate that could be published")

// Metadata returns the document that an Exchange Server reads from location, an https URL where the host
// publishes it, to take the tokens that this host issues itself (New-PartnerApplication -AuthMetadataUrl). client and realm are
// those of the profiles (profile.Application). It names all of the Certificates, so that one may take over
// from another, and holds no key. The same input gives the same document. The error is an *provider.Error.
func (s *Source) Metadata(client, realm, location string) ([]byte, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	if len(s.Certificates) == 0 {
		return nil, fail("metadata", provider.ErrUnsupported, "", "give the source a certificate", errNoCertificates)
	}
	return selfissued.Issuer{Certificate: s.Certificates[0], ClientID: client, Realm: realm}.Metadata(location, s.Certificates[1:]...)
}
