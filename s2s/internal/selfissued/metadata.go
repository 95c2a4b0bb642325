package selfissued

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/s2s/certificate"
)

// A metadata is an authentication metadata document, as Exchange publishes its own ("Validate an Exchange
// identity token" of the Office Add-ins documentation has one).
type metadata struct {
	ID        string     `json:"id"`
	Version   string     `json:"version"`
	Name      string     `json:"name"`
	Realm     string     `json:"realm"`
	Service   string     `json:"serviceName"`
	Issuer    string     `json:"issuer"`
	Audiences []string   `json:"allowedAudiences"`
	Keys      []key      `json:"keys"`
	Endpoints []endpoint `json:"endpoints"`
}

type key struct {
	Usage string `json:"usage"`
	Info  struct {
		X5T string `json:"x5t"`
	} `json:"keyinfo"`
	Value struct {
		Type  string `json:"type"`
		Value string `json:"value"`
	} `json:"keyvalue"`
}

type endpoint struct {
	Location string `json:"location"`
	Protocol string `json:"protocol"`
	Usage    string `json:"usage"`
}

// Metadata returns the document that an Exchange Server reads from location, an https URL, to trust the
// issuer (New-PartnerApplication -AuthMetadataUrl). It has the issuer's certificate and more, those that
// take over from it or are still in use. The same input gives the same document. The error is an
// *provider.Error.
func (i Issuer) Metadata(location string, more ...*certificate.Certificate) ([]byte, error) {
	party, err := i.party()
	if err != nil {
		return nil, err
	}
	at, err := url.Parse(location)
	if err != nil || at.Scheme != "https" || at.Host == "" || at.User != nil {
		return nil, fail(provider.ErrUnsupported, "publish the document at an https URL", errLocation)
	}
	doc := metadata{
		Version: "1.0", Name: strings.ToLower(i.ClientID), Realm: i.Realm, Service: strings.ToLower(i.ClientID),
		Issuer: party, Audiences: []string{party},
		Endpoints: []endpoint{{at.String(), "OAuth2", "metadata"}},
	}
	for _, c := range append([]*certificate.Certificate{i.Certificate}, more...) {
		if _, err := (Issuer{c, i.ClientID, i.Realm}).party(); err != nil {
			return nil, err
		}
		k := key{Usage: "signing"}
		if k.Info.X5T, err = thumbprint(c); err != nil {
			return nil, err
		}
		k.Value.Type, k.Value.Value = "x509Certificate", base64.StdEncoding.EncodeToString(c.DER())
		doc.Keys = append(doc.Keys, k)
	}
	text, err := json.Marshal(doc)
	if err != nil {
		return nil, fail(provider.ErrUnsupported, "", err)
	}
	// It is a name of what it says, so that it changes with that and with nothing else.
	of := sha256.Sum256(text)
	doc.ID = fmt.Sprintf("_%x-%x-%x-%x-%x", of[:4], of[4:6], of[6:8], of[8:10], of[10:16])
	if text, err = json.MarshalIndent(doc, "", "  "); err != nil {
		return nil, fail(provider.ErrUnsupported, "", err)
	}
	return append(text, '\n'), nil
}
