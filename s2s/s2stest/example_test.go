package s2stest_test

import (
	"context"
	"fmt"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/go-serversync/serversync/s2s/s2stest"
)

// A test is the administrator's side: here an application gets a token, finds what it is granted, and
// then that the tenant has withdrawn its consent.
func Example() {
	const app = "c0ffee00-1111-4222-8333-444455556666"
	issuer, err := s2stest.NewIssuer(s2stest.Options{Applications: []s2stest.Application{
		{ID: app, Name: "CRM", Multitenant: true, Secrets: []s2stest.Secret{{Value: "correct horse"}}},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer issuer.Close()
	if err := issuer.Consent(s2stest.Fabrikam, app); err != nil {
		fmt.Println(err)
	}
	if err := issuer.Grant(s2stest.Fabrikam, app, s2stest.ExchangeOnline, "full_access_as_app"); err != nil {
		fmt.Println(err)
	}

	get := func() (azcore.AccessToken, error) {
		credential, err := azidentity.NewClientSecretCredential(s2stest.Fabrikam, app, "correct horse", &azidentity.ClientSecretCredentialOptions{
			ClientOptions: azcore.ClientOptions{
				Cloud:     cloud.Configuration{ActiveDirectoryAuthorityHost: issuer.URL},
				Transport: issuer.Client(),
			},
			DisableInstanceDiscovery: true,
		})
		if err != nil {
			return azcore.AccessToken{}, err
		}
		return credential.GetToken(context.Background(), policy.TokenRequestOptions{Scopes: []string{"https://outlook.office365.com/.default"}})
	}
	token, err := get()
	if err != nil {
		fmt.Println(err)
		return
	}
	claims, err := issuer.Verify(token.Token)
	fmt.Println(claims["aud"], claims["roles"], err)

	if err := issuer.Withdraw(s2stest.Fabrikam, app); err != nil {
		fmt.Println(err)
	}
	_, err = get()
	fmt.Println(err != nil, issuer.Counts().Refused)

	// Output:
	// https://outlook.office365.com [full_access_as_app] <nil>
	// true map[AADSTS7000229:1]
}
