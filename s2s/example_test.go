package s2s_test

import (
	"context"
	"fmt"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/s2s"
	"github.com/go-serversync/serversync/s2s/certificate"
	"github.com/go-serversync/serversync/secret"
)

// A host gives its Source to the Syncer, and says which organization may use its application in which tenant.
func Example() {
	clock := &clock{now: epoch}
	own := goodCertificate(nil, 0) // of a PFX, in a host
	entra := newIssuer(nil, clock.Now, []*certificate.Certificate{own})

	admitted := map[string]string{"acme": contoso} // the host's own table
	source := &s2s.Source{
		Certificates: []*certificate.Certificate{own},
		Admit: func(_ context.Context, a provider.Account, tenant string) error {
			if admitted[a.Mailbox.Key.Organization] != tenant {
				return fmt.Errorf("%s has not proven that the tenant is its own", a.Mailbox.Key.Organization)
			}
			return nil
		},
		Transport: entra, Clock: clock, // a host leaves both out
	}
	defer source.Close()
	if err := source.Check(); err != nil {
		panic(err)
	}
	_ = serversync.Config{Tokens: map[profile.Credentials]provider.TokenSource{profile.ServerToServer: source}}

	// What drivers do with it:
	ctx, ann := context.Background(), account("ann")
	evidence, err := source.Certificate(ann)
	fmt.Println(evidence.Text, evidence.NotAfter.Format("2006-01-02"), err)
	token, err := source.Token(ctx, ann, secret.Text{})
	fmt.Println(token, err)
	evidence, err = source.Permission(ann, token)
	fmt.Println(evidence.Text, err)

	ann.Profile.TenantID = fabrikam
	_, err = source.Token(ctx, ann, secret.Text{})
	fmt.Println(err)
	// Output:
	// CN=crm.example 0 2028-11-01 <nil>
	// {REDACTED 2026-11-01 10:00:00 +0000 UTC} <nil>
	// tenant 11111111-aaaa-4bbb-8ccc-222222222222, application 55555555-aaaa-4bbb-8ccc-666666666666, for https://outlook.office365.com, roles full_access_as_app, good until 2026-11-01T10:00:01Z <nil>
	// s2s: token: refused for safety: tenant 33333333-aaaa-4bbb-8ccc-444444444444, application 55555555-aaaa-4bbb-8ccc-666666666666: the organization may not use this host's application in the tenant: acme has not proven that the tenant is its own
}
