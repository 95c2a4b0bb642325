package ntlm_test

import (
	"context"
	"fmt"
	"net/http"

	"github.com/go-serversync/serversync/auth/ntlm"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// A mechanism makes way where it cannot be used.
func ExampleMechanism() {
	_, err := ntlm.Mechanism{}.Begin(context.Background(), provider.Peer{
		Service: "imap", Host: "mail.example.com", Policy: profile.Policy{Deployment: profile.SelfHosted},
	})
	fmt.Println(err)
	// Output:
	// ntlm: begin: unsupported: the process itself has no identity in NTLM
}

// A Transport is for one user.
func ExampleTransport() {
	anna := &http.Client{Transport: &ntlm.Transport{
		Username: `EXAMPLE\anna`, Password: secret.New("of no use here"),
		Policy: profile.Policy{Deployment: profile.SelfHosted},
	}}
	_, err := anna.Get("http://mail.example.com/EWS/Exchange.asmx")
	fmt.Println(err)
	// Output:
	// Get "http://mail.example.com/EWS/Exchange.asmx": ntlm: request: refused for safety: the sign-in would cross the network unprotected
}
