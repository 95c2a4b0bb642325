package main

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"

	"github.com/go-serversync/serversync/s2s/certificate"
	"github.com/go-serversync/serversync/s2s/s2stest"
)

// What the administrators of the scene do, in place of the commands.

// register registers a certificate with the application, from what was exported of it.
func (s *scene) register(c *certificate.Certificate) error {
	block, _ := pem.Decode(c.CertificatePEM())
	if block == nil {
		return errors.New("the file has no certificate")
	}
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return err
	}
	return s.AddCertificate(client, leaf)
}

// permit is RBAC for Applications: the application gets a role for the mailboxes of a scope.
func (s *scene) permit(mailboxes ...string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.exchange.Principals = map[string]s2stest.ExchangePrincipal{client: {Roles: map[string][]string{"Application EWS.AccessAsApp": mailboxes}}}
	return nil
}

// permitAll is the wider way: Entra ID puts the permission into each token from now on.
func (s *scene) permitAll(tenant string) error {
	return s.Grant(tenant, client, s2stest.ExchangeOnline, "full_access_as_app")
}

// trust is New-PartnerApplication, which reads the certificates from the document that the host publishes.
func (s *scene) trust(document []byte) error {
	var doc struct {
		Keys []struct {
			Value struct {
				Value []byte `json:"value"`
			} `json:"keyvalue"`
		} `json:"keys"`
	}
	if err := json.Unmarshal(document, &doc); err != nil {
		return err
	}
	partner := s2stest.ExchangePartner{Roles: []string{"UserApplication"}}
	for _, key := range doc.Keys {
		c, err := x509.ParseCertificate(key.Value.Value)
		if err != nil {
			return err
		}
		partner.Certificates = append(partner.Certificates, c)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.exchange.Partners = map[string]s2stest.ExchangePartner{client: partner}
	return nil
}

// What is done in the paths.

func registered(s *scene, by *setup) error { return s.register(by.certificates[0]) }
func permitted(s *scene, by *setup) error  { return s.permit(by.mailbox.Address) }
func consented(s *scene, by *setup) error  { return s.permitAll(by.tenant) }

func trusted(s *scene, by *setup) error {
	document, err := by.document()
	if err != nil {
		return err
	}
	return s.trust(document)
}

func admitted(_ *scene, by *setup) error {
	by.admit = admission{by.mailbox.Organization: {by.tenant}}
	return nil
}

func agreed(s *scene, by *setup) error {
	return errors.Join(s.Consent(by.tenant, by.client), permitted(s, by))
}

func addressed(s *scene, by *setup) error {
	return errors.Join(s.AddServer(by.tenant, by.server()), consented(s, by))
}
