package s2s

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/go-serversync/serversync/internal/tokens"
	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// A Proof proves this host to Entra ID without a certificate of its own. [ManagedIdentity], [WorkloadIdentity],
// [Assertion] and [Credential] return one.
type Proof interface {
	// credential returns what asks for a token. x carries the requests that go to the authority.
	credential(s *Source, w *want, x *exchange) (azcore.TokenCredential, error)

	// foreign reports whether it is not the authority's URL that decides of which tenant a token is.
	foreign() bool
}

type managedIdentity struct{ client string }

// ManagedIdentity proves the host by the identity that Azure gives the machine or service it runs on:
// the user-assigned one of an application (client) id, or the system-assigned one for "". Its
// tokens are of the identity's own tenant alone. It asks the machine's own metadata endpoint, which no Policy
// and no Transport concerns. azidentity keeps what it gives for the whole process, until half of the life of a long
// one and 5 minutes before the end of a short one: until then a refresh, also one that a server's refusal
// calls for, has the same token again.
func ManagedIdentity(client string) Proof { return managedIdentity{client} }

func (m managedIdentity) credential(*Source, *want, *exchange) (azcore.TokenCredential, error) {
	var o azidentity.ManagedIdentityCredentialOptions
	if m.client != "" {
		o.ID = azidentity.ClientID(m.client)
	}
	return azidentity.NewManagedIdentityCredential(&o)
}

func (managedIdentity) foreign() bool { return true }

// ofMachine says what it means that the machine's metadata endpoint gives no token: it is not Entra ID, and
// is shown nothing that is secret but the header by which App Service knows its own.
func ofMachine(status int, h http.Header, body []byte, now time.Time) *provider.Error {
	var said struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	why := fmt.Sprintf("the machine's metadata endpoint answered %d", status)
	if json.Unmarshal(body, &said) == nil && said.Error != "" {
		why += ": " + tokens.Words(said.Error, said.Description, repeatsHeader)
	}
	e := fail(opToken, provider.ErrAuth, wire.HTTPCode(status), "see whether this machine has the identity that the source's Proof names, and assign it", errors.New(why))
	switch {
	case status == http.StatusTooManyRequests:
		e.Kind, e.Remedy, e.RetryAfter = provider.ErrThrottled, remedyWait, tokens.AssumeWait
	case status >= 500, status == http.StatusRequestTimeout, status == http.StatusGone: // which asks to be asked again
		e.Kind, e.Remedy = provider.ErrUnavailable, remedyWait
	}
	if wait, said := tokens.RetryAfter(h, now); said {
		e.RetryAfter = wait
	}
	return e
}

// repeatsHeader reports whether a text shows what azidentity has shown the machine's endpoint.
func repeatsHeader(text string) bool {
	for _, name := range []string{"IDENTITY_HEADER", "MSI_SECRET"} {
		if shown := os.Getenv(name); len(shown) >= leastHeader && secret.New(shown).In(text) {
			return true
		}
	}
	return false
}

// leastHeader is how long it is at least. A shorter one would be found everywhere.
const leastHeader = 8

type workloadIdentity struct{ file string }

// WorkloadIdentity proves the host by the token that Kubernetes puts into a file, which a federated
// credential of the application trusts. For "" the file is what AZURE_FEDERATED_TOKEN_FILE names.
func WorkloadIdentity(file string) Proof { return workloadIdentity{file} }

func (p workloadIdentity) credential(s *Source, w *want, x *exchange) (azcore.TokenCredential, error) {
	return azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{
		ClientOptions: s.options(x), DisableInstanceDiscovery: true, ClientID: w.client, TenantID: w.tenant, TokenFilePath: p.file,
	})
}

func (workloadIdentity) foreign() bool { return false }

type ownAssertion struct {
	assert func(context.Context) (string, error)
}

// Assertion proves the host by what assert returns: a signed assertion of whoever a federated credential of
// the application trusts. It is called for each request, and many goroutines may call it at once. Where it returns an
// *provider.Error, that is the error of the token.
func Assertion(assert func(context.Context) (string, error)) Proof { return ownAssertion{assert} }

func (p ownAssertion) credential(s *Source, w *want, x *exchange) (azcore.TokenCredential, error) {
	return s.asserting(w, x, func(ctx context.Context) (secret.Text, error) {
		text, err := p.assert(ctx)
		var known *provider.Error
		if err != nil && ctx.Err() == nil && !errors.As(err, &known) {
			err = fail(opToken, provider.ErrUnavailable, "", "see to the host's Assertion", fmt.Errorf("the host's Assertion failed: %s", wire.Quote(err.Error())))
		}
		return secret.New(text), err
	})
}

func (ownAssertion) foreign() bool { return false }

type ownCredential struct{ azcore.TokenCredential }

// Credential proves the host by whatever a credential of Azure's SDK does, such as one of azidentity. It is
// asked for the tenant of the profile and answers for it: a token of another tenant, and
// one that does not say of which it is, is refused. No Policy and no Transport concerns it. Its errors may quote
// what an issuer said, so they are not repeated.
func Credential(c azcore.TokenCredential) Proof { return ownCredential{c} }

func (p ownCredential) credential(*Source, *want, *exchange) (azcore.TokenCredential, error) {
	return p.TokenCredential, nil
}

func (ownCredential) foreign() bool { return true }
