package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/go-serversync/serversync/oauth/oauthtest"
	"github.com/go-serversync/serversync/provider"
)

// signIn does what a mail server does when it is shown a token: it asks the issuer whose
// it is (RFC 7662), and lets the mailbox's owner in and nobody else.
func signIn(ctx context.Context, issuer *oauthtest.Issuer, a provider.Account, token provider.Token) error {
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: issuer.CertPool()}, DisableKeepAlives: true}}
	res, err := client.PostForm(issuer.URL+"/introspect", url.Values{"token": {token.Value.Reveal()}})
	if err != nil {
		return err
	}
	defer res.Body.Close()
	var said struct {
		Active   bool
		Username string
	}
	if err := json.NewDecoder(res.Body).Decode(&said); err != nil {
		return err
	}
	if !said.Active {
		return errors.New("the server refuses the token")
	}
	if said.Username != a.Mailbox.Address {
		return fmt.Errorf("the token is %s's", said.Username)
	}
	return nil
}
