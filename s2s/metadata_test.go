package s2s_test

import (
	"encoding/base64"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/s2s"
	"github.com/go-serversync/serversync/s2s/certificate"
)

// What an Exchange Server reads of a host has each of its certificates, the preferred first, and no key.
func TestMetadataHasEachCertificate(t *testing.T) {
	first, second := goodCertificate(t, 0), goodCertificate(t, 1)
	if _, ok := first.SHA1(); !ok {
		t.Skip("Exchange Server finds a certificate by its SHA-1, which this process may not compute")
	}
	source := &s2s.Source{Certificates: []*certificate.Certificate{first, second}}
	defer source.Close()
	text, err := source.Metadata(client, "contoso.example", "https://crm.contoso.example/metadata.json")
	require.NoError(t, err)
	var doc struct {
		Issuer string `json:"issuer"`
		Keys   []struct {
			Value struct {
				Value string `json:"value"`
			} `json:"keyvalue"`
		} `json:"keys"`
	}
	require.NoError(t, json.Unmarshal(text, &doc))
	require.Equal(t, client+"@contoso.example", doc.Issuer)
	require.Len(t, doc.Keys, 2)
	for i, c := range []*certificate.Certificate{first, second} {
		require.Equal(t, base64.StdEncoding.EncodeToString(c.DER()), doc.Keys[i].Value.Value)
	}
}

func TestMetadataThatCannotBe(t *testing.T) {
	none := new(s2s.Source)
	defer none.Close()
	_, err := none.Metadata(client, "contoso.example", "https://crm.contoso.example/metadata.json")
	require.NotEmpty(t, isError(t, err, provider.ErrUnsupported).Remedy)

	source := &s2s.Source{Certificates: []*certificate.Certificate{goodCertificate(t, 0)}}
	defer source.Close()
	for _, of := range [][3]string{
		{"serversync", "contoso.example", "https://crm.contoso.example/metadata.json"},
		{client, "a@b", "https://crm.contoso.example/metadata.json"},
		{client, "contoso.example", "http://crm.contoso.example/metadata.json"},
	} {
		_, err := source.Metadata(of[0], of[1], of[2])
		require.NotEmpty(t, isError(t, err, provider.ErrUnsupported).Remedy)
	}
}
