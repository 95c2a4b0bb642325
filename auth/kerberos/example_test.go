package kerberos_test

import (
	"context"
	"fmt"
	"net/http"

	"github.com/go-serversync/serversync/auth/kerberos"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// A host lists the mechanisms that it has, the strongest first. NTLM, in a package of its
// own, would stand behind.
func Example() {
	mechanisms := []provider.Mechanism{
		&kerberos.Client{Keytab: "/etc/crm.keytab", Principal: "crm@EXAMPLE.COM"},
	}
	for _, m := range mechanisms {
		fmt.Println(m.Name())
	}
	// Output:
	// GSSAPI

}

// What cannot be used says so before anything is sent, with what to do about it.
func ExampleClient_Begin() {
	c := &kerberos.Client{ConfigText: "[libdefaults]\ndefault_realm = EXAMPLE.COM\n", CCache: "KCM:1000"}
	_, err := c.Begin(context.Background(), provider.Peer{
		Service: "imap", Host: "mail.example.com", Policy: profile.Policy{Deployment: profile.SelfHosted},
	})
	fmt.Println(err)
	// Output:
	// kerberos: credential cache: unsupported: the credential cache is no file
}

// One Client may serve mail and web services.
func ExampleTransport() {
	client := &kerberos.Client{Keytab: "/etc/crm.keytab"}
	web := &http.Client{
		Transport: &kerberos.Transport{Client: client, Policy: profile.Policy{Deployment: profile.SelfHosted}},
		// A redirect to another server would be refused by the Transport anyway.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	_, err := web.Get("http://mail.example.com/")
	fmt.Println(err)
	// Output:
	// Get "http://mail.example.com/": kerberos: request: refused for safety: the sign-in would cross the network unprotected
}
