package oauth_test

import (
	"context"
	"fmt"
	"net/url"

	"github.com/go-serversync/serversync/oauth"
	"github.com/go-serversync/serversync/oauth/oauthtest"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
	"github.com/go-serversync/serversync/store/memory"
)

// An owner who signs in with Google, as a host begins it.
func ExampleSource_Begin() {
	keyring, _ := secret.NewKeyring("2026-11", map[string][]byte{"2026-11": []byte("an example's key, of 32 bytes ..")})
	source := &oauth.Source{Grants: memory.New(), Keyring: keyring, Issuers: []oauth.Issuer{oauth.Google(), oauth.Microsoft("")}}
	p := profile.Gmail("gmail", profile.Application{ClientID: "123.apps.googleusercontent.com", Secret: secret.New("from Google")})
	a := provider.Account{Profile: p, Endpoint: p.Endpoint(profile.Incoming)}
	a.Mailbox.Organization, a.Mailbox.Mailbox, a.Mailbox.Address = "acme", "ann", "ann@example.com"

	consent, err := source.Begin(context.Background(), a, "https://crm.example/consent/back")
	to, _ := url.Parse(consent.URL)
	q := to.Query()
	fmt.Println(err, to.Host, q.Get("scope"), q.Get("login_hint"), q.Get("access_type"), q.Get("code_challenge_method"))
	// Output: <nil> accounts.google.com https://mail.google.com/ ann@example.com offline S256
}

// A driver asks for a token each time that it signs in. Nobody has consented yet.
func ExampleSource_Token() {
	issuer := oauthtest.NewInMemory(oauthtest.Options{})
	keyring, _ := secret.NewKeyring("2026-11", map[string][]byte{"2026-11": []byte("an example's key, of 32 bytes ..")})
	source := &oauth.Source{Grants: memory.New(), Keyring: keyring, Issuers: []oauth.Issuer{issuer.Issuer()}, Transport: issuer}
	_, err := source.Token(context.Background(), account(issuer, "ann"), secret.Text{})
	fmt.Println(err)
	// Output: oauth: token: sign-in refused: nobody has consented to this mailbox being opened
}
