package s2s_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/s2s"
	"github.com/go-serversync/serversync/s2s/s2stest"
	"github.com/go-serversync/serversync/secret"
)

// Peers 3.E, row 74: an application that trusts a subject name and issuer wants the chain. Whoever does not send it
// is told so, although Entra ID says it behind so many words that its own are cut before.
func TestChainOfSubjectNameAndIssuer(t *testing.T) {
	w := newWorld(t)
	leaf := w.source.Certificates[0]
	w.issuer.remove(leaf)
	require.NoError(t, w.issuer.AddTrust(client, s2stest.Trust{Name: leaf.Leaf().Subject.CommonName, Authority: leaf.Leaf()}))
	e := w.refused(provider.ErrAuth)
	require.Equal(t, "AADSTS7000213", e.Code)
	require.Contains(t, e.Error(), "its chain was not sent")
	require.Contains(t, e.Remedy, "SendChain")

	sends := &s2s.Source{Certificates: w.source.Certificates, SendChain: true, Admit: w.source.Admit, Transport: w.source.Transport, Policy: w.source.Policy, Clock: w.clock}
	defer sends.Close()
	_, err := sends.Token(t.Context(), account("ann"), secret.Text{})
	require.NoError(t, err)
}
